"""Each unit is made exactly once, whatever order Shopify's bodies come in and however often."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.recipient import Recipient
from orders.shopify.payload import FULFILLED_TOPICS, Fulfillment, Line, ShopifyOrder
from orders.units import Known, wanted

DAY = datetime(2026, 11, 20, tzinfo=UTC)


def disc(line_id=1, quantity=3, **values):
    return Line(line_id, f"SKU{line_id}", None, "Disc", quantity, **values)


def body(*lines, at=0, fulfillments=()):
    when = None if at is None else DAY + timedelta(minutes=at)
    unknown = Recipient()
    done_so_far = tuple(fulfillments)
    return ShopifyOrder(
        1, "#1001", when, None, False, False, "", "", unknown, "", (), lines, done_so_far
    )


def done(number, *lines, active=True):
    return Fulfillment(number, active, lines)


@dataclass
class Desk:
    """Remembers what deliveries had made, as the database does."""

    known: list[Known] = field(default_factory=list)

    def take(self, order, topic="orders/fulfilled"):
        found = wanted(order, topic, self.known)
        self.known += [
            Known(w.line.line_id, w.fulfillment_id, w.active, w.quantity, w.units, order.updated_at)
            for w in found
        ]
        return [(w.line.line_id, w.fulfillment_id, w.units) for w in found]

    def made(self):
        units = {}
        for entry in self.known:
            units[entry.line_id] = units.get(entry.line_id, 0) + entry.units
        return units


def test_without_fulfillments_the_order_says_how_many():
    assert Desk().take(body(disc(1, 3), disc(2, 0))) == [(1, None, 3), (2, None, 0)]


def test_with_fulfillments_they_say_how_many():
    assert Desk().take(body(disc(1, 5), fulfillments=[done(7, (1, 2))])) == [(1, 7, 2)]


def test_a_full_body_repeats_the_partial_one_and_only_the_rest_is_made():
    desk = Desk()
    partial = body(disc(1, 5), fulfillments=[done(7, (1, 2))])
    full = body(disc(1, 5), at=1, fulfillments=[done(7, (1, 2)), done(8, (1, 1)), done(9, (1, 2))])
    assert desk.take(partial, "orders/partially_fulfilled") == [(1, 7, 2)]
    assert sum(units for _, _, units in desk.take(full)) == 3
    assert desk.take(full) == [(1, 7, 0), (1, 8, 0), (1, 9, 0)]


def test_a_partial_body_after_the_full_one_makes_nothing():
    desk = Desk()
    desk.take(body(disc(1, 3), at=1, fulfillments=[done(7, (1, 2)), done(8, (1, 1))]))
    late = body(disc(1, 3), fulfillments=[done(7, (1, 2))])
    assert desk.take(late, "orders/partially_fulfilled") == [(1, 7, 0)]


def test_what_was_paid_is_not_made_again_when_it_is_fulfilled():
    desk = Desk()
    assert desk.take(body(disc(1, 3)), "orders/paid") == [(1, None, 3)]
    assert desk.take(body(disc(1, 3), at=1, fulfillments=[done(7, (1, 3))])) == [(1, 7, 0)]


def test_a_paid_body_after_the_fulfilled_one_makes_nothing():
    desk = Desk()
    desk.take(body(disc(1, 3), at=1, fulfillments=[done(7, (1, 3))]))
    assert desk.take(body(disc(1, 3)), "orders/paid") == [(1, None, 0)]


@pytest.mark.parametrize("topic", ["orders/paid", "orders/create"])
def test_a_paid_order_that_is_partly_fulfilled_already_is_made_as_a_whole(topic):
    desk = Desk()
    desk.take(body(disc(1, 3), disc(2, 1), fulfillments=[done(7, (1, 1))]), topic)
    assert desk.made() == {1: 3, 2: 1}


def test_a_fulfillment_cancelled_and_made_anew_is_made_once():
    desk = Desk()
    desk.take(body(disc(1, 2), fulfillments=[done(7, (1, 2))]))
    again = [done(7, (1, 2), active=False), done(8, (1, 2))]
    assert desk.take(body(disc(1, 2), at=1, fulfillments=again)) == [(1, 7, 0), (1, 8, 0)]
    assert desk.take(body(disc(1, 2), fulfillments=[done(7, (1, 2))])) == [(1, 7, 0)]


def test_an_old_body_does_not_revive_a_fulfillment_that_was_cancelled():
    desk = Desk()
    again = [done(7, (1, 2), active=False), done(8, (1, 2))]
    assert desk.take(body(disc(1, 2), at=1, fulfillments=again)) == [(1, 7, 0), (1, 8, 2)]
    assert desk.take(body(disc(1, 2), fulfillments=[done(7, (1, 2))])) == [(1, 7, 0)]


def test_a_fulfilled_body_whose_fulfillments_all_failed_asks_for_nothing():
    order = body(disc(1, 2), fulfillments=[done(7, (1, 2), active=False)])
    assert Desk().take(order) == [(1, 7, 0)]
    assert Desk().take(order, "orders/paid") == [(1, 7, 0), (1, None, 2)]


def test_a_line_that_no_fulfillment_names_waits_for_one():
    order = body(disc(1, 2), disc(2, 1), fulfillments=[done(7, (1, 2))])
    assert Desk().take(order) == [(1, 7, 2), (2, None, 0)]


def test_what_is_left_out_is_never_made():
    order = body(disc(1, 2, left_out="It is a gift card."), fulfillments=[done(7, (1, 2))])
    assert Desk().take(order) == [(1, 7, 0)]


def test_more_units_than_before_are_made_and_fewer_are_not_taken_back():
    desk = Desk()
    desk.take(body(disc(1, 2)), "orders/paid")
    assert desk.take(body(disc(1, 5), at=1), "orders/paid") == [(1, None, 3)]
    assert desk.take(body(disc(1, 1), at=2), "orders/paid") == [(1, None, 0)]


def test_units_of_cancelled_orders_are_asked_for_again_only_where_told():
    known = [Known(1, 7, True, 2, 2, DAY)]
    order = body(disc(1, 2), fulfillments=[done(7, (1, 2))])
    assert wanted(order, "orders/fulfilled", known)[0].units == 0
    again = [*known, Known(1, None, False, 0, -2, None)]
    assert wanted(order, "orders/fulfilled", again)[0].units == 2


# Every history of one order: what was fulfilled when, told in any order and any number of times.
LINES = {1: 4, 2: 3, 3: 1}
STEPS = st.lists(st.tuples(st.sampled_from(list(LINES)), st.integers(1, 4)), min_size=1, max_size=6)


def history(steps):
    """Return the fulfillments that these steps make, and always in the end the rest."""
    left, made = dict(LINES), []
    for line_id, quantity in [*steps, *((n, 9) for n in LINES)]:
        units = min(quantity, left[line_id])
        if units:
            left[line_id] -= units
            made.append(done(100 + len(made), (line_id, units)))
    return made


def told(made):
    """Return every body that Shopify sends while these fulfillments are made: (topic, body)."""
    lines = [disc(n, q) for n, q in LINES.items()]
    yield "orders/create", body(*lines)
    yield "orders/paid", body(*lines)
    for number in range(1, len(made) + 1):
        full = number == len(made)
        topic = "orders/fulfilled" if full else "orders/partially_fulfilled"
        yield topic, body(*lines, at=number, fulfillments=made[:number])
        line_id, units = made[number - 1].lines[0]
        one = disc(line_id, units)
        yield "fulfillments/create", body(one, at=None, fulfillments=[made[number - 1]])


@settings(max_examples=400, deadline=None)
@given(STEPS, st.data())
def test_every_unit_is_made_exactly_once_in_any_order_and_with_repeats(steps, data):
    bodies = list(told(history(steps)))
    arrived = data.draw(st.permutations(bodies + data.draw(st.lists(st.sampled_from(bodies)))))
    desk = Desk()
    for topic, order in arrived:
        desk.take(order, topic)
        assert all(desk.made()[n] <= LINES[n] for n in desk.made())
    assert desk.made() == LINES


@settings(max_examples=200, deadline=None)
@given(STEPS, st.data())
def test_fulfillments_alone_make_exactly_what_they_name_so_far(steps, data):
    made = history(steps)
    bodies = [
        (t, b) for t, b in told(made) if t in FULFILLED_TOPICS and b.fulfillments != tuple(made)
    ]
    arrived = data.draw(st.lists(st.sampled_from(bodies), max_size=8)) if bodies else []
    desk, named = Desk(), {}
    for topic, order in arrived:
        desk.take(order, topic)
        named |= {f.fulfillment_id: f.lines[0] for f in order.fulfillments}
    expected = {}
    for line_id, units in named.values():
        expected[line_id] = expected.get(line_id, 0) + units
    assert {n: units for n, units in desk.made().items() if units} == expected
