"""A delivery read again: after a SKU was mapped, after a cancel, and with nothing new."""

import pytest

from orders import deliveries, desk
from orders.lifecycle import SHOP, NotNow
from orders.models import Delivery, DeliveryLine, Order
from products.models import Publisher, SkuAlias
from tests.base import (
    connected,
    counts,
    deliver,
    line,
    order_body,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def north():
    return connected()


def map_sku(north, sku="NEW"):
    SkuAlias.objects.create(publisher=north, sku=sku, product=north.products.first())


def replay(**values):
    return deliveries.replay(Delivery.objects.earliest("id").pk, actor=SHOP, **values)


def orders():
    rows = Order.objects.order_by("id")
    return [(o.invoice, o.status, o.hold_reason, o.pieces()) for o in rows]


def test_a_replay_with_nothing_new_changes_nothing(north):
    deliver(order_body(id=77))
    before = counts()
    for _ in range(2):
        done = replay()
        assert (done.outcome, done.invoices) == ("created", ["NORTH-1001-S77-1"])
    assert counts() == before


def test_an_unmatched_delivery_makes_its_order_once_the_sku_is_mapped(north):
    deliver(order_body(line("NEW", 2), id=77))
    assert orders() == []
    map_sku(north)
    for _ in range(2):
        done = replay()
        assert (done.outcome, done.reason, done.invoices) == ("created", "", ["NORTH-1001-S77-1"])
    assert orders() == [("NORTH-1001-S77-1", "ready", "", 2)]
    assert DeliveryLine.objects.get().units == 2


def test_mapping_adds_lines_to_the_held_order_and_it_goes_on(north):
    deliver(order_body(line(quantity=2), line("NEW"), line("NEWER"), id=77))
    map_sku(north)
    replay()
    assert orders() == [("NORTH-1001-S77-1", "held", "unknown_sku", 3)]
    assert Order.objects.get().hold_note == "These SKUs are not known here: NEWER."
    map_sku(north, "NEWER")
    replay()
    assert orders() == [("NORTH-1001-S77-1", "ready", "", 4)]
    added = Order.objects.get().events.filter(kind="order.lines_added").order_by("id")
    assert [event.data for event in added] == [{"added": ["1 x Film 66750"]}] * 2


def test_a_sku_that_is_not_ours_lets_the_held_order_go(north):
    deliver(order_body(line(quantity=2), line("MUG"), id=77))
    SkuAlias.objects.create(publisher=north, sku="MUG")
    replay()
    assert orders() == [("NORTH-1001-S77-1", "ready", "", 2)]


def test_a_line_without_any_sku_is_marked_not_ours_on_the_delivery(north):
    deliver(order_body(line(quantity=2), line("", variant_id=None), id=77))
    DeliveryLine.objects.filter(key="").update(outcome="not_ours", reason="Marked by staff.")
    replay()
    assert orders() == [("NORTH-1001-S77-1", "ready", "", 2)]
    replay()
    assert orders() == [("NORTH-1001-S77-1", "ready", "", 2)]
    assert sorted(DeliveryLine.objects.values_list("outcome", flat=True)) == ["not_ours", "ordered"]


def test_once_the_order_was_sent_the_missing_units_make_a_second_one(north):
    Publisher.objects.update(partial_orders="send")
    deliver(order_body(line(quantity=2), line("NEW"), id=77))
    map_sku(north)
    assert replay().invoices == ["NORTH-1001-S77-1", "NORTH-1001-S77-2"]
    assert orders() == [
        ("NORTH-1001-S77-1", "ready", "", 2),
        ("NORTH-1001-S77-2", "ready", "", 1),
    ]


def test_a_held_order_that_would_outgrow_its_box_goes_on_beside_the_new_one(north):
    deliver(order_body(line(quantity=200), line("NEW", 100), id=77))
    map_sku(north)
    replay()
    assert orders() == [
        ("NORTH-1001-S77-1", "ready", "", 200),
        ("NORTH-1001-S77-2", "ready", "", 100),
    ]


def test_an_address_that_was_cut_still_holds_the_order_once_the_sku_is_known(north):
    body = order_body(line(), line("NEW"), id=77)
    body["shipping_address"]["city"] = "x" * 201
    deliver(body)
    assert orders() == [("NORTH-1001-S77-1", "held", "unknown_sku", 1)]
    map_sku(north)
    replay()
    assert orders() == [("NORTH-1001-S77-1", "held", "address", 2)]


def test_units_stay_taken_after_a_staff_cancel(north):
    body = order_body(line(quantity=2), id=77)
    deliver(body)
    desk.cancel(Order.objects.get().pk, actor=SHOP)
    assert deliver(body).json()["outcome"] == "linked"
    replay()
    assert orders() == [("NORTH-1001-S77-1", "cancelled", "", 2)]


def test_make_again_makes_the_units_of_the_cancelled_order_once(north):
    deliver(order_body(line(quantity=2), id=77))
    desk.cancel(Order.objects.get().pk, actor=SHOP)
    done = replay(make_again=True)
    assert (done.outcome, done.invoices) == ("created", ["NORTH-1001-S77-1", "NORTH-1001-S77-2"])
    expected = [("NORTH-1001-S77-1", "cancelled", "", 2), ("NORTH-1001-S77-2", "ready", "", 2)]
    assert orders() == expected
    for again in (True, False):
        replay(make_again=again)
        assert orders() == expected


def test_make_again_twice_after_staff_changed_the_quantity_makes_it_once(north):
    deliver(order_body(line(quantity=2), id=77))
    order = Order.objects.get()
    order.lines.update(quantity=5)
    desk.cancel(order.pk, actor=SHOP)
    replay(make_again=True)
    replay(make_again=True)
    assert orders() == [
        ("NORTH-1001-S77-1", "cancelled", "", 5),
        ("NORTH-1001-S77-2", "ready", "", 2),
    ]


def test_make_again_does_not_revive_what_the_shop_cancelled(north):
    body = order_body(id=77)
    deliver(body)
    deliver({**body, "cancelled_at": "2026-11-20T12:00:00Z"}, topic="orders/cancelled")
    done = replay(make_again=True)
    assert (done.outcome, done.reason) == ("ignored", "The shop cancelled this order.")
    assert orders() == [("NORTH-1001-S77-1", "cancelled", "", 1)]


def test_an_erased_body_cannot_be_replayed_and_nothing_changes(north):
    deliver(order_body())
    Delivery.objects.update(body=None)
    before = counts()
    with pytest.raises(NotNow) as refusal:
        replay()
    assert str(refusal.value) == ("The body of this delivery was erased, so it cannot be replayed.")
    assert counts() == before
