"""Topics come in any order: the same units, the same address and the same cancel in the end."""

from itertools import permutations

import pytest

from orders.models import Order, ShopOrder
from tests.base import (
    ADDRESS,
    connected,
    deliver,
    fulfillment,
    line,
    order_body,
    topics,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def north():
    return connected(p66751="VTD333-200")


def answered(answer):
    assert answer.status_code == 200
    return answer.json()


def events_of_one_order():
    """One order as Shopify tells it: partly fulfilled, fulfilled, then its address changed."""
    disc = line(quantity=3)
    first, second = fulfillment((disc, 2)), fulfillment((disc, 1))
    base = order_body(disc, id=77)
    new = {**ADDRESS, "address1": "99 New Road", "address2": ""}
    at = "2026-11-20T1{}:00:00-05:00".format
    partial = {**base, "fulfillments": [first], "updated_at": at(0)}
    full = {**base, "fulfillments": [first, second], "updated_at": at(1)}
    updated = {**full, "shipping_address": new, "updated_at": at(2)}
    cancelled = {**updated, "cancelled_at": at(3), "updated_at": at(3)}
    return [
        ("orders/partially_fulfilled", partial),
        ("orders/fulfilled", full),
        ("orders/updated", updated),
        ("orders/cancelled", cancelled),
    ]


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
def test_in_any_order_each_unit_is_made_once_for_the_newest_address(north, arrival):
    topics("orders/partially_fulfilled", "orders/fulfilled")
    told = events_of_one_order()
    for index in (*arrival, *arrival):
        topic, body = told[index]
        assert answered(deliver(body, topic=topic))["outcome"] != "quarantined"
    made = Order.objects.all()
    assert sum(order.pieces() for order in made) == 3
    assert {(order.status, order.address) for order in made} == {("ready", "99 New Road")}
    assert ShopOrder.objects.get().address["address"] == "99 New Road"


@pytest.mark.parametrize("arrival", list(permutations(range(4))))
def test_in_any_order_a_cancelled_order_is_not_made(north, arrival):
    topics("orders/partially_fulfilled", "orders/fulfilled")
    told = events_of_one_order()
    for index in arrival:
        topic, body = told[index]
        deliver(body, topic=topic)
    assert set(Order.objects.values_list("status", flat=True)) <= {"cancelled"}
    shop_order = ShopOrder.objects.get()
    assert shop_order.cancelled_at.isoformat() == "2026-11-20T18:00:00+00:00"
    assert shop_order.address["address"] == "99 New Road"
    assert shop_order.shop_updated_at.isoformat() == "2026-11-20T18:00:00+00:00"


def test_an_older_fulfillment_does_not_bring_the_old_address_back(north):
    topics("fulfillments/create")
    told = events_of_one_order()
    old = {
        **told[0][1]["fulfillments"][0],
        "order_id": 77,
        "name": "#1001.1",
        "destination": ADDRESS,
        "updated_at": told[0][1]["updated_at"],
    }
    deliver(told[2][1], topic="orders/updated")
    deliver(old, topic="fulfillments/create")
    assert Order.objects.get().address == "99 New Road"
    assert ShopOrder.objects.get().address["address"] == "99 New Road"


@pytest.mark.parametrize("news", ["fulfillments/update", "orders/updated"])
def test_a_fulfillment_that_was_cancelled_and_made_anew_is_made_once(north, news):
    topics("fulfillments/create")
    disc = line(quantity=2)
    values = {"order_id": 77, "destination": ADDRESS}
    first = fulfillment((disc, 2), **values)
    second = fulfillment((disc, 2), **values, name="#1001.2")
    deliver(first, topic="fulfillments/create")
    undone = {**first, "status": "cancelled"}
    body = undone if news == "fulfillments/update" else order_body(
        disc, id=77, fulfillments=[undone]
    )  # fmt: skip
    deliver(body, topic=news)
    deliver(second, topic="fulfillments/create")
    assert sum(order.pieces() for order in Order.objects.all()) == 2


def test_a_paid_order_that_is_partly_fulfilled_is_made_as_a_whole(north):
    topics("orders/paid")
    disc, other = line(quantity=3), line("VTD333-200")
    body = order_body(disc, other, fulfillments=[fulfillment((disc, 1))])
    deliver(body, topic="orders/paid")
    assert sum(order.pieces() for order in Order.objects.all()) == 4
