"""Deliveries that come at the same moment, each guard beside a control that takes it away."""

import threading
from contextlib import nullcontext

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from orders.making import Making
from orders.models import Delivery, Order, ShopOrder
from orders.reading import Reading
from tests.base import (
    connected,
    deliver,
    fulfillment,
    line,
    order_body,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def north():
    return connected()


def orders():
    rows = Order.objects.order_by("id")
    return [(o.invoice, o.status, o.hold_reason, o.pieces()) for o in rows]


def at_once(*works):
    """Run these functions in threads that start together; return what they returned."""
    barrier, found = threading.Barrier(len(works)), [None] * len(works)

    def run(index, work):
        try:
            barrier.wait(timeout=20)
            found[index] = work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return found


def posting(body, topic="orders/fulfilled", webhook_id=None):
    def work():
        answer = deliver(body, topic=topic, webhook_id=webhook_id)
        return answer.status_code, answer.json()["outcome"]

    return work


race = pytest.mark.django_db(transaction=True)


@pytest.mark.postgres
@race
def test_eight_threads_with_one_delivery_make_one_order(north):
    work = posting(order_body(id=77), webhook_id="hook-1")
    found = at_once(*[work] * 8)
    assert sorted(found) == [(200, "created")] + [(200, "repeat")] * 7
    assert orders() == [("NORTH-1001-S77-1", "ready", "", 1)]
    assert Delivery.objects.get().repeats == 7


@pytest.mark.postgres
@race
def test_eight_threads_with_one_body_and_eight_webhook_ids_make_one_order(north):
    body = order_body(id=77)
    found = at_once(*[posting(body) for _ in range(8)])
    assert sorted(found) == [(200, "created")] + [(200, "linked")] * 7
    assert orders() == [("NORTH-1001-S77-1", "ready", "", 1)]
    assert Delivery.objects.count() == 8


def partial_and_full():
    disc = line(quantity=3)
    first, second = fulfillment((disc, 2)), fulfillment((disc, 1))
    body = order_body(disc, id=77)
    return {**body, "fulfillments": [first]}, {**body, "fulfillments": [first, second]}


@pytest.mark.postgres
@race
@pytest.mark.parametrize("_", range(3))
def test_partial_and_full_at_the_same_moment_make_every_unit_once(north, _):
    north.stores.update(create_on=["orders/partially_fulfilled", "orders/fulfilled"])
    partial, full = partial_and_full()
    at_once(posting(partial, "orders/partially_fulfilled"), posting(full))
    assert sum(pieces for _, _, _, pieces in orders()) == 3


@pytest.fixture
def unlocked(monkeypatch):
    """Take the lock away, and make both threads count before either writes."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, *a, **k: self.all())
    meeting, known = threading.Barrier(2), Making._known

    def meet(self):
        found = known(self)
        meeting.wait(timeout=20)
        return found

    monkeypatch.setattr(Making, "_known", meet)
    # The shop order's own row would serialise the two, were it written before the count.
    monkeypatch.setattr(Reading, "_learn", lambda self, shop_order, body: None)
    monkeypatch.setattr("orders.intake._next_box", lambda shop_order: threading.get_ident() % 10**6)


@pytest.mark.postgres
@race
def test_control_without_the_lock_units_are_made_twice(north, unlocked):
    north.stores.update(create_on=["orders/partially_fulfilled", "orders/fulfilled"])
    partial, full = partial_and_full()
    store_row = north.stores.get()
    ShopOrder.objects.create(store=store_row, shop_order_id=77)
    at_once(posting(partial, "orders/partially_fulfilled"), posting(full))
    assert sum(pieces for _, _, _, pieces in orders()) == 5


@pytest.mark.postgres
@race
def test_control_without_the_lock_one_body_makes_two_orders(north, unlocked):
    ShopOrder.objects.create(store=north.stores.get(), shop_order_id=77)
    body = order_body(id=77)
    at_once(posting(body), posting(body))
    assert len(orders()) == 2


@pytest.mark.postgres
@race
def test_control_without_the_constraint_a_delivery_is_stored_several_times(north):
    constraint = next(c for c in Delivery._meta.constraints if c.name == "delivery_once")
    with connection.schema_editor() as editor:
        editor.remove_constraint(Delivery, constraint)
    try:
        found = at_once(*[posting(order_body(id=77), webhook_id="hook-1")] * 8)
        assert Delivery.objects.filter(webhook_id="hook-1").count() == 8
        assert (200, "repeat") not in found
    finally:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            Delivery.objects.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(Delivery, constraint)
