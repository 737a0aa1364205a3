"""Shopify's three privacy topics are obeyed: after an erasure no table names the customer."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from orders import lifecycle, privacy, tasks
from orders.lifecycle import WORKER
from orders.models import Attempt, Call, Delivery, Order, OrderEvent, ShopOrder
from tests.base import ADDRESS, deliver, fulfillment, line, northlight, order_body, product, store

pytestmark = pytest.mark.django_db

CANARIES = ("Zelda Quux", "zelda.quux", "99 Canary Road", "Quuxville", "Quuxford")
CANARY_ADDRESS = {
    **ADDRESS,
    "first_name": "Zelda",
    "last_name": "Quux",
    "name": "Zelda Quux",
    "address1": "99 Canary Road",
    "address2": None,
    "city": "Quuxville",
}


def body(**values):
    person = {"first_name": "Zelda", "last_name": "Quux", "email": "zelda.quux@example.com"}
    whole = {
        "id": 77,
        "email": "zelda.quux@example.com",
        "customer": person,
        "shipping_address": CANARY_ADDRESS,
        "billing_address": CANARY_ADDRESS,
    }
    return order_body(**{**whole, **values})


def redact(**values):
    asked = {
        "shop_id": 1,
        "shop_domain": "northlight.myshopify.com",
        "customer": {"id": 5, "email": "zelda.quux@example.com", "phone": None},
        "orders_to_redact": [77],
        **values,
    }
    return deliver(asked, topic="customers/redact").json()


def sightings():
    """Return every table and column, read by raw SQL, in which the customer is still named."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    raw = (
                        bytes(value)
                        if isinstance(value, (bytes, memoryview))
                        else str(value).encode()
                    )
                    if any(canary.encode() in raw for canary in CANARIES):
                        found.add(f"{table}.{name}")
    return found


@pytest.fixture
def shop():
    publisher = northlight()
    product(publisher, skus=["VTD234-100"])
    return store(publisher)


def ship(order):
    for step in ("submitting", "accepted", "shipped"):
        lifecycle.move(order, step, "order.test", actor=WORKER)


def test_the_scan_covers_every_table_and_sees_the_customer(shop):
    deliver(body())
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
    assert {model._meta.db_table for model in apps.get_models()} <= tables
    assert sightings() == {
        "orders_delivery.body",
        "orders_shoporder.address",
        "orders_order.name",
        "orders_order.address",
        "orders_order.city",
        "orders_order.email",
    }


def test_after_an_erasure_a_shipped_order_names_nobody(shop):
    deliver(body())
    order = Order.objects.select_related("publisher").get()
    ship(order)
    lifecycle.record(
        order,
        "order.flagged",
        actor=WORKER,
        data={"note": "Zelda Quux wrote."},
        fields={
            "payload": {"name": "Zelda Quux"},
            "flag": "Zelda Quux wrote.",
            "gateway_customer": "Zelda Quux",
            "gateway_error_text": "99 Canary Road",
            "special_text": "For Zelda Quux",
        },
    )
    now = timezone.now()
    Attempt.objects.create(
        order=order,
        number=1,
        token="7c9e6679-7425-40de-944b-e07fc1f90ae7",
        credential_version=1,
        payload_hash="x",
        text="Zelda Quux",
        excerpt="99 Canary Road",
        started_at=now,
    )
    Call.objects.create(
        publisher=order.publisher,
        purpose="sweep",
        invoices=1,
        excerpt="Zelda Quux",
        reserved_at=now,
    )
    assert redact() == {
        "outcome": "recorded",
        "orders": [],
        "reason": "The customer data of 1 orders is erased.",
    }
    assert sightings() == set()
    order.refresh_from_db()
    assert (order.status, order.name, order.email, order.country) == (
        "shipped",
        "erased",
        "erased",
        "",
    )
    assert (order.invoice, order.pieces()) == ("NORTH-1001-S77-1", 1)
    assert list(OrderEvent.objects.filter(kind="order.placed").values_list("data", flat=True)) == [
        {"pieces": 1, "source": "shopify"}
    ]


def test_an_order_under_way_keeps_its_address_until_it_is_closed(shop):
    deliver(body())
    redact()
    order = Order.objects.select_related("publisher").get()
    assert (order.redact, order.name, order.city) == (True, "Zelda Quux", "Quuxville")
    assert Delivery.objects.earliest("id").body is not None
    assert ShopOrder.objects.get().address is None
    ship(order)
    tasks.prune()
    assert sightings() == set()


@pytest.mark.parametrize("status", ["cancelled", "tested"])
def test_a_closed_order_is_erased_at_once(shop, status):
    deliver(body())
    order = Order.objects.select_related("publisher").get()
    steps = {"cancelled": ["cancelled"], "tested": ["submitting", "accepted", "tested"]}
    for step in steps[status]:
        lifecycle.move(order, step, "order.test", actor=WORKER)
    redact()
    assert sightings() == set()


def test_what_never_became_an_order_is_erased_as_well(shop):
    deliver(body(line_items=[line("NEW")], fulfillments=[]))
    redact()
    assert sightings() == set()


def test_the_sentence_about_a_new_address_is_erased_as_well(shop):
    deliver(order_body(id=77))
    ship(Order.objects.select_related("publisher").get())
    deliver(body(updated_at="2026-11-21T10:00:00Z"), topic="orders/updated")
    assert "orders_delivery.reason" in sightings()
    redact()
    assert sightings() == set()


@pytest.mark.parametrize(
    ("topic", "other"),
    [
        ("orders/create", body()),
        ("fulfillments/create", {**fulfillment(order_id=77), "destination": CANARY_ADDRESS}),
        ("fulfillments/update", {**fulfillment(order_id=77), "email": "zelda.quux@example.com"}),
        ("refunds/create", {"id": 3, "order_id": 77, "note": "Zelda Quux wants it back"}),
        (
            "customers/data_request",
            {
                "shop_domain": "northlight.myshopify.com",
                "orders_requested": [77],
                "customer": {"email": "zelda.quux@example.com"},
            },
        ),
    ],
)
def test_bodies_that_made_nothing_are_erased_as_well(shop, topic, other):
    deliver(other, topic=topic)
    deliver(body())
    ship(Order.objects.select_related("publisher").get())
    redact()
    assert sightings() == set()


def test_the_request_to_forget_names_nobody_itself(shop):
    redact(orders_to_redact=[])
    assert sightings() == set()
    assert Delivery.objects.get().body is None


def test_another_customers_order_is_left_alone(shop):
    deliver(order_body(id=78))
    deliver(body())
    redact()
    assert Order.objects.get(shop_order__shop_order_id=78).redact is False
    assert ShopOrder.objects.get(shop_order_id=78).address is not None


def test_another_shops_order_is_left_alone(shop):
    other = store(shop.publisher, domain="second.myshopify.com")
    deliver(body(), domain=other.domain)
    assert redact()["reason"] == "The customer data of 0 orders is erased."
    assert Order.objects.get().redact is False


def test_a_shop_that_leaves_takes_its_customers_with_it(shop):
    deliver(body())
    ship(Order.objects.select_related("publisher").get())
    answer = deliver({"shop_id": 1, "shop_domain": "northlight.myshopify.com"}, topic="shop/redact")
    assert answer.json()["reason"] == "The customer data of 1 orders of this shop is erased."
    assert sightings() == set()


def test_an_order_body_with_a_forged_topic_erases_no_shop(shop):
    captured = body()
    deliver(captured)
    deliver(captured, topic="shop/redact")
    assert Order.objects.get().redact is False
    assert ShopOrder.objects.get().address is not None


def test_a_request_for_data_names_the_orders_and_changes_nothing(shop):
    deliver(body())
    asked = {
        "shop_domain": "northlight.myshopify.com",
        "customer": {"id": 5},
        "orders_requested": [77, 78],
    }
    assert deliver(asked, topic="customers/data_request").json() == {
        "outcome": "recorded",
        "orders": [],
        "reason": "The shop asks what is kept about a customer; it concerns the orders: #1001.",
    }
    assert Order.objects.get().redact is False


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request", "shop/redact"])
def test_a_privacy_topic_with_a_wrong_signature_is_turned_away(shop, topic):
    deliver(body())
    answer = deliver({"orders_to_redact": [77]}, topic=topic, secret="wrong")
    assert answer.status_code == 401
    assert Order.objects.get().redact is False
    assert Delivery.objects.count() == 1


def aged(order, days):
    """Let the order have changed for the last time so many days ago."""
    Order.objects.filter(pk=order.pk).update(updated_at=timezone.now() - timedelta(days=days))


def test_a_closed_order_forgets_its_customer_after_half_a_year(shop):
    deliver(body())
    order = Order.objects.get()
    ship(order)
    aged(order, 179)
    tasks.prune()
    assert Order.objects.get().name == "Zelda Quux"
    aged(order, 181)
    tasks.prune()
    assert sightings() == set()
    kept = Order.objects.get()
    assert (kept.invoice, kept.status, kept.lines.count()) == (order.invoice, "shipped", 1)


def test_an_order_under_way_is_never_too_old(shop):
    deliver(body())
    aged(Order.objects.get(), 900)
    before = Order.objects.values().get()
    assert privacy.forget_old(timezone.now()) == 0
    assert Order.objects.values().get() == before


def test_a_shop_order_keeps_its_address_while_a_box_of_it_is_under_way(shop):
    first, second = line("VTD234-100"), line("VTD234-100")
    whole = {"line_items": [first, second]}
    deliver(body(**whole, fulfillments=[fulfillment((first, 1))]))
    old = Order.objects.get()
    ship(old)
    aged(old, 400)
    deliver(body(**whole, fulfillments=[fulfillment((first, 1)), fulfillment((second, 1))]))
    assert Order.objects.count() == 2
    assert privacy.forget_old(timezone.now()) == 1
    assert Order.objects.get(pk=old.pk).name == "erased"
    assert ShopOrder.objects.get().address["name"] == "Zelda Quux"
    assert Order.objects.exclude(pk=old.pk).get().name == "Zelda Quux"


def test_the_night_forgets_in_steps(shop, monkeypatch):
    monkeypatch.setattr(privacy, "STEP", 2)
    for number in range(5):
        deliver(body(id=100 + number))
    for order in Order.objects.all():
        ship(order)
        aged(order, 200)
    assert privacy.forget_old(timezone.now()) == 5
    assert set(Order.objects.values_list("name", flat=True)) == {"erased"}
    assert privacy.forget_old(timezone.now()) == 0
