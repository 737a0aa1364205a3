"""Bodies in the shapes that Shopify really sends: each is answered, recorded, never an error."""

import json
from pathlib import Path

import pytest

from orders.models import Delivery, Order
from orders.reading import PRIVACY_TOPICS, RECORDED_TOPICS, UPDATE_TOPICS
from orders.shopify.payload import CREATING_TOPICS
from tests.base import deliver, northlight, product, store

pytestmark = pytest.mark.django_db

OURS = Path(__file__).parent / "samples" / "shopify"
CAPTURED = Path(__file__).parents[2] / "shared" / "samples" / "shopify"
TOPICS = (*CREATING_TOPICS, *UPDATE_TOPICS, *RECORDED_TOPICS, *PRIVACY_TOPICS)
TEST_WORKS = "This is Shopify's test notification; it works."


@pytest.fixture
def shop():
    publisher = northlight()
    product(publisher, skus=["VTD234-100"])
    product(publisher, "66751", skus=["VTD333-200"])
    return store(publisher, create_on=list(CREATING_TOPICS))


HELD = "Order {} is held: {}"
REDACTED = (
    "Shopify left the address out, because the app behind the webhook may not see customer data."
)
FULFILLED = "NORTH-1042-S6100000000042-1"
EXPECTED = [
    ("order-fulfilled", "orders/fulfilled", "created", [FULFILLED], None),
    (
        "order-partially-fulfilled",
        "orders/partially_fulfilled",
        "created",
        ["NORTH-1043-S6100000000043-1"],
        None,
    ),
    ("order-paid", "orders/paid", "created", ["NORTH-1044-S6100000000044-1"], None),
    (
        "order-cancelled",
        "orders/cancelled",
        "recorded",
        [],
        "The shop cancelled this order before anything was made of it.",
    ),
    ("order-cancelled", "orders/fulfilled", "ignored", [], "The shop cancelled this order."),
    (
        "order-redacted",
        "orders/fulfilled",
        "created",
        ["NORTH-1046-S6100000000046-1"],
        HELD.format("NORTH-1046-S6100000000046-1", REDACTED),
    ),
    (
        "order-draft-without-address",
        "orders/fulfilled",
        "created",
        ["NORTH-1047-S6100000000047-1"],
        HELD.format("NORTH-1047-S6100000000047-1", "The shop sent no shipping address."),
    ),
    ("order-2013", "orders/fulfilled", "created", ["NORTH-87-S450700001-1"], None),
    (
        "order-digital-and-custom",
        "orders/paid",
        "ignored",
        [],
        "Nothing in it is ours to make. It needs no shipping. It is a gift card.",
    ),
    ("test-notification", "orders/fulfilled", "ignored", [], TEST_WORKS),
    ("test-notification", "orders/updated", "ignored", [], TEST_WORKS),
    (
        "fulfillment-create",
        "fulfillments/create",
        "created",
        ["NORTH-1049-S6100000000049-1"],
        None,
    ),
    ("fulfillment-test", "fulfillments/create", "ignored", [], TEST_WORKS),
    ("fulfillment-create", "fulfillments/update", "recorded", [], None),
    ("orders-edited", "orders/edited", "recorded", [], None),
    ("orders-delete", "orders/delete", "recorded", [], None),
    ("refund-create", "refunds/create", "recorded", [], None),
    ("app-uninstalled", "app/uninstalled", "recorded", [], None),
    (
        "customers-data-request",
        "customers/data_request",
        "recorded",
        [],
        "The shop asks what is kept about a customer; it concerns the orders: "
        "none that is known here.",
    ),
    (
        "customers-redact",
        "customers/redact",
        "recorded",
        [],
        "The customer data of 0 orders is erased.",
    ),
    (
        "shop-redact",
        "shop/redact",
        "recorded",
        [],
        "The customer data of 0 orders of this shop is erased.",
    ),
]


@pytest.mark.parametrize(
    ("name", "topic", "outcome", "orders", "reason"),
    EXPECTED,
    ids=[f"{name} as {topic}" for name, topic, *_ in EXPECTED],
)
def test_each_of_our_samples_has_its_outcome(shop, name, topic, outcome, orders, reason):
    raw = (OURS / f"{name}.json").read_bytes()
    assert deliver(raw, topic=topic).json() == {
        "outcome": outcome,
        "orders": orders,
        "reason": reason,
    }
    assert list(Order.objects.values_list("invoice", flat=True)) == orders


def test_every_sample_of_ours_is_expected():
    assert {name for name, *_ in EXPECTED} == {path.stem for path in OURS.glob("*.json")}


def test_the_fulfilled_sample_is_what_goes_to_trepstar(shop):
    deliver((OURS / "order-fulfilled.json").read_bytes())
    order = Order.objects.get()
    assert (order.name, order.address, order.city, order.state, order.zip, order.country) == (
        "Marit Solberg",
        "Skippergata 4",
        "Portland",
        "ME",
        "04101",
        "US",
    )
    assert (order.email, order.reference) == ("marit@example.com", "#1042")
    assert [(one.product.project_id, one.quantity) for one in order.lines.all()] == [
        ("66750", 2),
        ("66751", 1),
    ]


captured = sorted(CAPTURED.glob("*.json"))


@pytest.mark.skipif(not captured, reason="the captured bodies are not beside this folder")
@pytest.mark.parametrize("path", captured, ids=lambda path: path.stem)
@pytest.mark.parametrize("topic", TOPICS)
def test_each_captured_body_is_answered_and_recorded(shop, caplog, path, topic):
    body = json.loads(path.read_bytes())
    skus = {item.get("sku") for item in body.get("line_items") or []}
    for number, sku in enumerate(sorted(filter(None, skus))):
        product(shop.publisher, str(900 + number), skus=[sku])
    answer = deliver(path.read_bytes(), topic=topic)
    assert answer.status_code == 200
    kept = Delivery.objects.get()
    assert answer.json() == {
        "outcome": kept.outcome,
        "orders": kept.invoices,
        "reason": kept.reason or None,
    }
    assert kept.failures == 0
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    if "line_items" not in body and topic in CREATING_TOPICS:
        assert kept.outcome != "created"
    if "test-notification" in path.stem or "docs" in path.stem:
        assert Order.objects.count() == 0
