"""A delivered body is read into what the desk needs; every field may be absent, null or blank."""

from datetime import UTC, datetime

import pytest

from orders.recipient import Recipient
from orders.shopify.payload import (
    MAX_LINES,
    NO_ADDRESS,
    Fulfillment,
    Line,
    read_fulfillment,
    read_order,
    read_time,
)
from orders.shopify.strict_json import Unusable
from tests.base import ADDRESS, ANA, fulfillment, line, order_body

ABSENT = object()


def changed(body, **values):
    return {k: v for k, v in {**body, **values}.items() if v is not ABSENT}


def test_reads_a_whole_order():
    disc = line(id=11, variant_id=12, sku=" VTD234-100 ", quantity=3)
    body = order_body(disc, id=820982911946154509, fulfillments=[fulfillment((disc, 2), id=13)])
    order = read_order(body)
    assert order.order_id == 820982911946154509
    assert order.name == "#1001"
    assert order.updated_at == datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert order.cancelled_at is None
    assert (order.is_test, order.is_test_notification, order.makes_nothing) == (False, False, "")
    assert order.email == "ana@example.com"
    assert (order.recipient, order.address_problem) == (ANA, "")
    assert order.shipping == ("Standard", "standard")
    assert order.lines == (Line(11, "VTD234-100", 12, "Disc  VTD234-100 ", 3),)
    assert order.fulfillments == (Fulfillment(13, True, ((11, 2),)),)


def test_an_id_alone_is_an_order_that_asks_for_nothing():
    order = read_order({"id": 1})
    assert order.lines == order.fulfillments == order.shipping == ()
    assert (order.name, order.email, order.recipient) == ("", "", Recipient())
    assert order.address_problem == NO_ADDRESS


@pytest.mark.parametrize("key", [k for k in order_body() if k != "id"])
@pytest.mark.parametrize("value", [ABSENT, None])
def test_any_field_may_be_absent_or_null(key, value):
    assert read_order(changed(order_body(), **{key: value})).order_id


LINE_KEYS = [k for k in line() if k not in ("id", "quantity")]


@pytest.mark.parametrize("key", LINE_KEYS)
@pytest.mark.parametrize("value", [ABSENT, None])
def test_any_field_of_a_line_may_be_absent_or_null(key, value):
    disc = changed(line(), **{key: value})
    assert read_order(order_body(disc)).lines[0].quantity == 1


@pytest.mark.parametrize(
    "value", [ABSENT, None, 0, -1, "", "x", "1.5", 1.5, True, 2**63, "9" * 20, [], {}]
)
def test_an_id_that_is_no_id_is_unusable(value):
    for body, what in (
        (changed(order_body(), id=value), "order"),
        (order_body(changed(line(), id=value), fulfillments=[]), "line"),
        (order_body(fulfillments=[changed(fulfillment(), id=value)]), "fulfillment"),
    ):
        with pytest.raises(Unusable) as refusal:
            read_order(body)
        assert str(refusal.value) == f"The body's {what} id is missing or is no id."


@pytest.mark.parametrize("value", [2**63 - 1, str(2**63 - 1), "0000000000000000001"])
def test_an_id_may_be_as_large_as_a_database_holds_and_a_text(value):
    assert read_order(order_body(id=value)).order_id == int(value)


@pytest.mark.parametrize("value", [ABSENT, None, -1, 10_001, "1", 1.0, True, [1], 10**29])
def test_a_quantity_that_is_no_number_is_unusable(value):
    disc = changed(line(current_quantity=None), quantity=value)
    for body in (
        {"id": 1, "line_items": [disc]},
        {"id": 1, "fulfillments": [{"id": 2, "line_items": [disc]}]},
    ):
        with pytest.raises(Unusable) as refusal:
            read_order(body)
        assert str(refusal.value) == "The body holds a quantity that is no number from 0 to 10000."


@pytest.mark.parametrize("key", ["line_items", "fulfillments", "refunds", "shipping_lines"])
@pytest.mark.parametrize("value", [{}, "x", 1, [1], [None], ["x"], [[]]])
def test_a_list_that_is_no_list_of_objects_is_unusable(key, value):
    with pytest.raises(Unusable) as refusal:
        read_order({"id": 1, key: value})
    assert str(refusal.value) == f"The body's {key} is not a list of objects."


def test_five_hundred_lines_are_read_and_one_more_is_not():
    lines = [line() for _ in range(MAX_LINES)]
    assert len(read_order(order_body(*lines, fulfillments=[])).lines) == 500
    with pytest.raises(Unusable) as refusal:
        read_order(order_body(*lines, line(), fulfillments=[]))
    assert str(refusal.value) == "The body's line_items has more than 500 entries."


@pytest.mark.parametrize(
    ("ordered", "current", "refunds", "left"),
    [
        (3, 2, [], 2),
        (3, 0, [], 0),
        (3, 2, [1], 2),
        (3, None, [1], 2),
        (3, None, [1, 1], 1),
        (3, None, [5], 0),
        (3, None, [], 3),
    ],
)
def test_the_amount_is_the_current_quantity_or_else_less_what_was_refunded(
    ordered, current, refunds, left
):
    disc = line(quantity=ordered, current_quantity=current)
    back = [{"refund_line_items": [{"line_item_id": disc["id"], "quantity": n}]} for n in refunds]
    assert read_order(order_body(disc, refunds=back)).lines[0].quantity == left


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"gift_card": True}, "It is a gift card."),
        ({"requires_shipping": False}, "It needs no shipping."),
        ({"fulfillment_service": "shipwire"}, "The fulfilment service shipwire sends it."),
        ({"fulfillment_service": "Manual"}, ""),
        ({"fulfillment_service": "TrepStar"}, ""),
        ({"fulfillment_service": None}, ""),
        ({"requires_shipping": None, "gift_card": None}, ""),
    ],
)
def test_what_is_left_out_says_why(values, why):
    assert read_order(order_body(line(**values))).lines[0].left_out == why


def test_a_line_that_only_a_fulfillment_names_is_read_too():
    here, there = line(), line(sku="OTHER")
    body = order_body(here, fulfillments=[fulfillment((here, 1), (there, 2))])
    assert [(one.sku, one.quantity) for one in read_order(body).lines] == [
        ("VTD234-100", 1),
        ("OTHER", 1),
    ]


@pytest.mark.parametrize(
    ("status", "active"),
    [
        ("success", True),
        ("pending", True),
        ("open", True),
        (None, True),
        ("cancelled", False),
        ("Error", False),
        ("failure", False),
    ],
)
def test_a_fulfillment_that_failed_or_was_cancelled_is_not_active(status, active):
    body = order_body(fulfillments=[fulfillment(status=status)])
    assert read_order(body).fulfillments[0].active is active


def test_a_line_twice_in_one_fulfillment_counts_together():
    disc = line()
    body = order_body(disc, fulfillments=[fulfillment((disc, 1), (disc, 2))])
    assert read_order(body).fulfillments[0].lines == ((disc["id"], 3),)


def test_removed_shipping_lines_are_skipped():
    shipping = [
        {"title": "Old", "code": "old", "is_removed": True},
        {"title": "Express", "code": None},
    ]
    assert read_order(order_body(shipping_lines=shipping)).shipping == ("Express",)


def test_reads_a_fulfillment_as_an_order_with_that_one_fulfillment():
    disc = line(id=11, variant_id=12)
    body = fulfillment((disc, 2), id=13, order_id=14, name="#A.7.2", email="ana@example.com")
    order = read_fulfillment({**body, "destination": ADDRESS})
    assert (order.order_id, order.name, order.email) == (14, "#A.7", "ana@example.com")
    assert (order.recipient, order.address_problem) == (ANA, "")
    assert order.fulfillments == (Fulfillment(13, True, ((11, 2),)),)
    assert [one.line_id for one in order.lines] == [11]


def test_a_fulfillment_knows_when_it_was_updated():
    body = fulfillment(order_id=14, updated_at="2026-11-20T10:00:00-05:00")
    assert read_fulfillment(body).updated_at == datetime(2026, 11, 20, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "notification"),
    [
        ({"order_id": 820982911946154508}, True),
        ({"order_id": 820982911946154500}, True),
        ({"order_id": 5, "name": "#9999.1"}, True),
        ({"order_id": 5, "name": "#9999"}, False),
        ({"order_id": 5, "name": "#99991.1"}, False),
    ],
)
def test_a_fulfillment_of_the_test_notification_is_known(values, notification):
    assert read_fulfillment(fulfillment(**values)).is_test_notification is notification


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-08-07T22:58:13.384877484Z", datetime(2024, 8, 7, 22, 58, 13, 384877, UTC)),
        ("2026-11-20T10:00:00-05:00", datetime(2026, 11, 20, 15, tzinfo=UTC)),
        ("2026-11-20T10:00:00", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("9999-12-31T23:59:59-05:00", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("soon", None),
        ("", None),
    ],
)
def test_times_are_read_into_utc_or_not_at_all(text, time):
    assert read_time(text) == time
