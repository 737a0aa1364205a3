"""What a shop changes afterwards: a cancel, an address; what staff did is never overwritten."""

import pytest

from orders import desk, lifecycle
from orders.lifecycle import SHOP, WORKER
from orders.models import Delivery, Order, ShopOrder
from orders.shop_news import TOO_LATE
from tests.base import ADDRESS, counts, deliver, northlight, order_body, product, store

pytestmark = pytest.mark.django_db

BODY = order_body(id=77)
AT = "2026-11-20T1{}:00:00-05:00".format
CANCEL = {**BODY, "cancelled_at": AT(3), "updated_at": AT(3)}


@pytest.fixture
def order():
    publisher = northlight()
    product(publisher, skus=["VTD234-100"])
    store(publisher)
    deliver(BODY)
    return Order.objects.select_related("publisher").get()


def put(order, status):
    """Move an order there by the ways that the map allows."""
    ways = {
        "held": ["held"],
        "refused": ["submitting", "refused"],
        "submitting": ["submitting"],
        "unclear": ["submitting", "unclear"],
        "accepted": ["submitting", "accepted"],
        "awaiting_payment": ["submitting", "accepted", "awaiting_payment"],
        "processing": ["submitting", "accepted", "processing"],
        "shipped": ["submitting", "accepted", "shipped"],
        "problem": ["submitting", "accepted", "problem"],
        "tested": ["submitting", "accepted", "tested"],
        "cancelled": ["cancelled"],
        "ready": [],
    }
    for step in ways[status]:
        fields = {"hold_reason": "staff", "hold_note": "Wait."} if step == "held" else {}
        lifecycle.move(order, step, "order.test", actor=WORKER, fields=fields)
    return order


def told(body, topic="orders/updated"):
    answer = deliver(body, topic=topic).json()
    assert (answer["outcome"], answer["orders"]) == ("recorded", [])
    return answer["reason"]


def moved(at=1, **address):
    return {**BODY, "shipping_address": {**ADDRESS, **address}, "updated_at": AT(at)}


@pytest.mark.parametrize("status", ["held", "ready", "refused"])
@pytest.mark.parametrize("topic", ["orders/cancelled", "orders/updated"])
def test_a_cancel_takes_back_what_was_not_sent(order, status, topic):
    put(order, status)
    assert told(CANCEL, topic) == "Order NORTH-1001-S77-1 was cancelled."
    order.refresh_from_db()
    assert (order.status, order.next_attempt_at, order.hold_reason) == ("cancelled", None, "")
    last = order.events.latest("id")
    assert (last.kind, last.from_status, last.to_status) == ("order.cancelled", status, "cancelled")
    assert last.actor_kind == "shop"


@pytest.mark.parametrize("status", ["submitting", "unclear"])
def test_a_cancel_while_it_is_in_doubt_is_a_wish(order, status):
    put(order, status)
    assert told(CANCEL) == "Order NORTH-1001-S77-1 is cancelled if TrepStar does not have it."
    order.refresh_from_db()
    assert (order.status, order.stop_request) == (status, "cancel")


@pytest.mark.parametrize(
    "status", ["accepted", "awaiting_payment", "processing", "shipped", "problem"]
)
def test_a_cancel_that_comes_too_late_is_flagged(order, status):
    put(order, status)
    assert told(CANCEL) == "Order NORTH-1001-S77-1 had been sent already."
    order.refresh_from_db()
    assert (order.status, order.flag) == (status, TOO_LATE)


@pytest.mark.parametrize("status", ["tested", "cancelled"])
def test_a_cancel_of_what_is_over_changes_nothing(order, status):
    put(order, status)
    before = counts()
    assert told(CANCEL) == "The shop cancelled this order before anything was made of it."
    assert counts() == {**before, "Delivery": before["Delivery"] + 1}


def test_a_cancel_told_twice_is_told_once_in_the_timeline(order):
    put(order, "accepted")
    told(CANCEL, "orders/cancelled")
    told(CANCEL, "orders/updated")
    assert order.events.filter(kind="order.flagged").count() == 1


def test_a_cancel_that_comes_before_its_order_is_remembered():
    store(northlight())
    told({**CANCEL, "id": 78}, "orders/cancelled")
    assert ShopOrder.objects.get().cancelled_at is not None
    assert deliver({**BODY, "id": 78}).json() == {
        "outcome": "ignored",
        "orders": [],
        "reason": "The shop cancelled this order.",
    }
    assert Order.objects.count() == 0


@pytest.mark.parametrize("status", ["held", "ready", "refused"])
def test_a_new_address_is_taken_where_nothing_was_sent(order, status):
    put(order, status)
    news = moved(address1="99 New Road", address2=None)
    assert told(news) == "The address of order NORTH-1001-S77-1 was changed."
    order.refresh_from_db()
    assert (order.status, order.address, order.city) == (status, "99 New Road", "Portland")
    last = order.events.latest("id")
    assert (last.kind, last.data) == ("order.address_changed", {"fields": ["address"]})
    assert ShopOrder.objects.get().address["address"] == "99 New Road"


def test_an_update_without_a_new_address_changes_nothing(order):
    before = counts()
    assert told({**BODY, "updated_at": AT(1), "note": "x"}) is None
    assert counts() == {**before, "Delivery": 2}


def test_an_older_address_is_not_taken(order):
    told(moved(at=2, address1="99 New Road"))
    assert told(moved(at=1, address1="1 Old Road")) is None
    order.refresh_from_db()
    assert order.address == "99 New Road, Apt 3"
    assert ShopOrder.objects.get().address["address"] == "99 New Road, Apt 3"


def test_a_field_that_staff_edited_is_flagged_and_not_overwritten(order):
    put(order, "held")
    desk.edit(order.pk, changes={"city": "Bangor"}, actor=SHOP, version=order.version)
    assert told(moved(city="Augusta")) == (
        "The shop changed the address where staff had changed it as well: city “Augusta”."
    )
    order.refresh_from_db()
    assert order.city == "Bangor"
    assert order.flag.startswith("The shop changed the address where staff")


def test_a_field_that_staff_edited_does_not_stop_the_others(order):
    put(order, "held")
    desk.edit(order.pk, changes={"city": "Bangor"}, actor=SHOP, version=order.version)
    assert told(moved(address1="99 New Road")) == (
        "The address of order NORTH-1001-S77-1 was changed."
    )
    order.refresh_from_db()
    assert (order.city, order.address) == ("Bangor", "99 New Road, Apt 3")


@pytest.mark.parametrize(
    "status",
    ["submitting", "unclear", "accepted", "awaiting_payment", "processing", "shipped", "problem"],
)
def test_a_new_address_after_sending_is_flagged(order, status):
    put(order, status)
    note = "The shop changed the address after the order was sent: city “Augusta”."
    assert told(moved(city="Augusta")) == note
    order.refresh_from_db()
    assert (order.status, order.city, order.flag) == (status, "Portland", note)


@pytest.mark.parametrize("status", ["tested", "cancelled"])
def test_a_new_address_of_what_is_over_changes_nothing(order, status):
    put(order, status)
    assert told(moved(city="Augusta")) is None
    order.refresh_from_db()
    assert (order.city, order.flag) == ("Portland", "")


def test_an_address_that_comes_releases_the_hold_for_it():
    publisher = northlight()
    product(publisher, skus=["VTD234-100"])
    store(publisher)
    deliver({**BODY, "shipping_address": None})
    assert Order.objects.get().hold_reason == "address"
    told({**BODY, "updated_at": AT(1)})
    order = Order.objects.get()
    assert (order.status, order.hold_reason, order.address) == (
        "ready",
        "",
        "12 Harbour Street, Apt 3",
    )
    assert order.next_attempt_at is not None


def test_an_address_that_is_still_not_whole_keeps_the_hold():
    publisher = northlight()
    product(publisher, skus=["VTD234-100"])
    store(publisher)
    deliver({**BODY, "shipping_address": None})
    told(moved(zip=None))
    order = Order.objects.get()
    assert (order.status, order.hold_reason) == ("held", "address")
    assert order.hold_note == "An address in the USA needs a ZIP code. Enter it."


def test_no_other_hold_is_released(order):
    put(order, "held")
    told(moved(city="Augusta"))
    order.refresh_from_db()
    assert (order.status, order.hold_reason, order.city) == ("held", "staff", "Augusta")


def test_a_redacted_update_changes_nothing(order):
    before = counts()
    assert told({**BODY, "updated_at": AT(1), "shipping_address": {"country_code": "DE"}}) is None
    assert counts() == {**before, "Delivery": 2}
    order.refresh_from_db()
    assert order.country == "US"


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("orders/edited", {"order_edit": {"id": 1, "order_id": 77}}),
        ("orders/delete", {"id": 77}),
        ("fulfillments/update", {"id": 1, "order_id": 77, "status": "success"}),
        ("refunds/create", {"id": 1, "order_id": 77}),
        ("app/uninstalled", {"id": 1, "domain": "northlight.myshopify.com"}),
    ],
)
def test_other_topics_are_recorded_and_change_nothing(order, topic, body):
    before = counts()
    assert told(body, topic) is None
    assert counts() == {**before, "Delivery": 2}
    assert Delivery.objects.latest("id").topic == topic
