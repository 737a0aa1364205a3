"""What a delivery comes to: each outcome by name, repeats, tests, and errors of ours."""

import pytest

from orders import intake
from orders.models import Delivery, Order
from orders.tasks import sweep
from products.models import Publisher
from tests.base import (
    ADDRESS,
    connected,
    counts,
    deliver,
    fulfillment,
    line,
    order_body,
    topics,
)

pytestmark = pytest.mark.django_db

KNOWN = "Every known unit of it was ordered before."
TEST_WORKS = "This is Shopify's test notification; it works."


@pytest.fixture
def north():
    return connected(p66751="VTD333-200")


def lines_of(delivery):
    return list(
        delivery.lines.order_by("id").values_list("sku", "quantity", "units", "outcome", "reason")
    )


def answered(answer):
    assert answer.status_code == 200
    return answer.json()


def test_the_same_delivery_again_is_a_repeat_with_the_first_answers_orders(north):
    body = order_body(id=77)
    deliver(body, webhook_id="hook-1")
    before = counts()
    for _ in range(2):
        assert answered(deliver(body, webhook_id="hook-1")) == {
            "outcome": "repeat",
            "orders": ["NORTH-1001-S77-1"],
            "reason": "This delivery came before.",
        }
    assert counts() == before
    assert Delivery.objects.get().repeats == 2


def test_without_a_webhook_id_the_body_is_its_name(north):
    body = order_body()
    for expected in ("created", "repeat"):
        got = deliver(body, headers={"X-Shopify-Webhook-Id": ""})
        assert answered(got)["outcome"] == expected
    kept = Delivery.objects.get()
    assert kept.webhook_id == kept.body_hash


def test_the_same_webhook_id_with_another_body_is_a_new_delivery(north):
    for number in (77, 78):
        assert answered(deliver(order_body(id=number), webhook_id="hook-1")) == {
            "outcome": "created",
            "orders": [f"NORTH-1001-S{number}-1"],
            "reason": None,
        }
    assert Delivery.objects.count() == 2


def test_the_same_body_under_another_webhook_id_is_linked(north):
    body = order_body(id=77)
    deliver(body)
    before = counts()
    assert answered(deliver(body)) == {
        "outcome": "linked",
        "orders": ["NORTH-1001-S77-1"],
        "reason": KNOWN,
    }
    assert counts() == {**before, "Delivery": 2, "DeliveryLine": 2}
    assert lines_of(Delivery.objects.latest("id")) == [("VTD234-100", 1, 0, "linked", "")]


def test_a_captured_body_with_forged_headers_makes_no_second_order(north):
    topics("orders/fulfilled", "orders/paid", "fulfillments/create")
    body = order_body(id=77)
    deliver(body)
    for topic in ("orders/paid", "orders/cancelled", "orders/updated", "orders/fulfilled", "x"):
        deliver(body, topic=topic, headers={"X-Shopify-Event-Id": "other"})
    assert [(o.status, o.pieces()) for o in Order.objects.all()] == [("ready", 1)]


@pytest.mark.parametrize("topic", ["orders/fulfilled", "orders/paid"])
def test_a_captured_fulfillment_with_an_orders_topic_makes_no_second_order(north, topic):
    topics("orders/fulfilled", "orders/paid", "fulfillments/create")
    body = fulfillment((line(), 1), order_id=77, destination=ADDRESS)
    deliver(body, topic="fulfillments/create")
    before = counts()
    assert answered(deliver(body, topic=topic))["orders"] == []
    assert counts() == {**before, "Delivery": 2}


def test_a_topic_that_was_not_chosen_is_ignored(north):
    for topic in ("orders/create", "orders/paid", "themes/publish", ""):
        assert answered(deliver(order_body(), topic=topic)) == {
            "outcome": "ignored",
            "orders": [],
            "reason": f"This store makes no orders on {topic or 'a blank topic'}.",
        }
    made = counts()
    assert (made["Delivery"], made["DeliveryLine"], made["Order"]) == (4, 0, 0)


FAKE = {"test": True, "confirmed": False, "cancelled_at": "2026-11-20T10:00:00Z"}


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("orders/fulfilled", order_body(id=820982911946154508)),
        ("orders/fulfilled", order_body(id=820982911946154500)),
        ("orders/fulfilled", order_body(**FAKE)),
        ("orders/updated", order_body(**FAKE)),
        ("orders/cancelled", order_body(id=820982911946154508)),
        ("fulfillments/create", fulfillment((line(), 1), order_id=820982911946154508)),
        ("fulfillments/create", fulfillment((line(), 1), order_id=5, name="#9999.1")),
    ],
)
def test_a_test_notification_is_seen_and_makes_nothing(north, topic, body):
    topics("orders/fulfilled", "fulfillments/create")
    assert answered(deliver(body, topic=topic)) == {
        "outcome": "ignored",
        "orders": [],
        "reason": TEST_WORKS,
    }
    assert counts() == {**dict.fromkeys(counts(), 0), "Delivery": 1}


def test_a_body_that_only_says_test_makes_a_test_order(north):
    assert answered(deliver(order_body(id=77, test=True)))["orders"] == ["T-NORTH-1001-S77-1"]
    assert Order.objects.get().mode == "test"


def test_an_unsigned_test_header_cannot_turn_a_real_order_into_a_test(north):
    headers = {"X-Shopify-Test": "true"}
    answer = answered(deliver(order_body(id=77), headers=headers))
    assert answer["orders"] == ["NORTH-1001-S77-1"]
    assert Order.objects.get().mode == "prod"


def test_a_publisher_in_test_mode_makes_test_orders(north):
    Publisher.objects.update(mode="test")
    assert answered(deliver(order_body(id=77)))["orders"] == ["T-NORTH-1001-S77-1"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"cancelled_at": "2026-11-20T10:00:00Z"}, "The shop cancelled this order."),
        ({"confirmed": False}, "The shop has not confirmed this order."),
        ({"financial_status": "voided"}, "The shop's payment for this order is voided."),
        ({"financial_status": "refunded"}, "The shop's payment for this order is refunded."),
        ({"line_items": [], "fulfillments": []}, "Nothing in it is ours to make."),
    ],
)
def test_what_makes_nothing_is_ignored_with_the_reason(north, values, reason):
    assert answered(deliver(order_body(**values))) == {
        "outcome": "ignored",
        "orders": [],
        "reason": reason,
    }
    assert Order.objects.count() == 0


def boom(*args, **kwargs):
    raise RuntimeError("a bug of ours")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("where", ["place", "lines_of", "_place_box"])
def test_an_error_of_ours_quarantines_the_delivery_and_the_sweep_tries_again(
    north, monkeypatch, where
):
    with monkeypatch.context() as broken:
        broken.setattr(intake, where, boom)
        assert answered(deliver(order_body(id=77))) == {
            "outcome": "quarantined",
            "orders": [],
            "reason": "The desk failed on this delivery and will try it again by itself.",
        }
        assert Delivery.objects.get().failures == 1
        assert Order.objects.count() == 0
    sweep()
    kept = Delivery.objects.get()
    assert (kept.outcome, kept.invoices, kept.failures) == ("created", ["NORTH-1001-S77-1"], 0)
    assert Order.objects.get().status == "ready"


@pytest.mark.django_db(transaction=True)
def test_after_the_third_failure_the_sweep_gives_up(north, monkeypatch):
    monkeypatch.setattr(intake, "place", boom)
    deliver(order_body())
    tries = []
    for _ in range(4):
        sweep()
        tries.append(Delivery.objects.get().failures)
    assert tries == [2, 3, 3, 3]
    assert Delivery.objects.get().reason == (
        "The desk failed on this delivery several times. "
        "Replay it once the cause is mended, or make the order by hand."
    )
    assert Order.objects.count() == 0
