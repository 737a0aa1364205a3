"""Random lives of an order: only along the map, one event a move, and the events tell it all."""

from __future__ import annotations

import itertools
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders import clock, desk, lifecycle, settlement, status, submission
from orders.lifecycle import WORKER, NotNow
from orders.models import Attempt, Order
from orders.trepstar import wire
from products.models import Publisher
from tests import base
from tests.gateway_cast import (
    DUPLICATE,
    NO_CONNECTION,
    SILENCE,
    YES,
    Told,
    asked,
    fresh,
    not_found,
    section,
)

pytestmark = pytest.mark.django_db

# The map once more, word for word, so that a slip in the code's own table shows.
MAP = {
    "held": "ready cancelled",
    "ready": "held submitting cancelled",
    "submitting": "accepted refused unclear ready held cancelled",
    "unclear": "accepted awaiting_payment processing shipped problem tested ready held refused "
    "cancelled",
    "refused": "ready held cancelled",
    "accepted": "awaiting_payment processing shipped problem tested cancelled",
    "awaiting_payment": "processing shipped problem tested cancelled",
    "processing": "awaiting_payment shipped problem tested cancelled",
    "shipped": "problem",
    "problem": "awaiting_payment processing shipped tested cancelled",
    "tested": "",
    "cancelled": "",
}
NEWS = [("HOLD", "0"), ("PROCESSING", "0"), ("SHIPPED", "0"), ("ERROR", "10"), ("ERROR", "20")]
ANSWERS = [YES, SILENCE, DUPLICATE, NO_CONNECTION, wire.write_failure("000013"), b"[FAILURE] ?"]
LIVES = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


class Life:
    """One order and all that may happen to it; ``ahead`` moves the desk's clock."""

    def __init__(self) -> None:
        north = Publisher.objects.filter(publisher_id="66870").first() or base.northlight()
        film = north.products.first() or base.product(north)
        self.order = base.place(north, (film, 1))
        Order.objects.exclude(pk=self.order.pk).update(next_attempt_at=None)
        self.walked: list[tuple[str, str]] = []

    def submit(self, answer: Any, *, stop: str = "") -> None:
        for claim in submission.claim(1):
            if stop:
                getattr(desk, stop)(self.order.pk, actor=WORKER)
            submission.submit(claim, Told(answer))

    def lose_worker(self, attempted: bool) -> None:
        for claim in submission.claim(1):
            if attempted:
                submission._prepare(claim)
        self.later(91)
        settlement.settle_lost(self.order.pk)

    def hear(self, said: Any) -> None:
        order = fresh(self.order)
        if order.status in status.ASKED | {status.UNCLEAR}:
            answer = section(order, said[0], status_error_number=said[1]) if said else None
            asked(order, answer or not_found(order))

    def staff(self, what: str) -> None:
        getattr(desk, what)(self.order.pk, actor=WORKER)

    def later(self, seconds: float) -> None:
        self.clock.forward(seconds)


STEPS = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from(ANSWERS)),
    st.tuples(st.just("lose_worker"), st.booleans()),
    st.tuples(st.just("hear"), st.sampled_from([None, None, *NEWS])),
    st.tuples(st.just("staff"), st.sampled_from(["hold", "release", "release", "cancel"])),
    st.tuples(st.just("later"), st.sampled_from([10, 301, 3601])),
)


@LIVES
@given(st.lists(STEPS, min_size=3, max_size=14))
def test_a_life_goes_along_the_map_and_its_events_tell_it(
    desk_clock: Any, steps: list[tuple[str, Any]]
) -> None:
    life = Life()
    life.clock = desk_clock
    for name, value in steps:
        before = fresh(life.order)
        try:
            getattr(life, name)(value)
        except NotNow:
            assert fresh(life.order).version == before.version
    events = list(life.order.events.order_by("id"))
    assert (events[0].from_status, events[0].kind) == ("", "order.placed")
    for event, after in itertools.pairwise(events):
        assert after.from_status == event.to_status
        assert after.to_status == after.from_status or (
            after.to_status in MAP[after.from_status].split()
        )
    order = fresh(life.order)
    assert events[-1].to_status == order.status
    assert order.version == len(events)
    assert order.attempts == Attempt.objects.filter(order=order).count()
    check(order)


def check(order: Order) -> None:
    """Check what must hold of an order in any status."""
    assert (order.lease_token is not None) == (order.status == status.SUBMITTING)
    assert bool(order.hold_reason) == (order.status == status.HELD)
    assert bool(order.question) == (order.status == status.UNCLEAR)
    assert order.status in status.IN_DOUBT or not order.stop_request
    if order.status == status.READY:
        assert order.next_attempt_at is not None
    if order.status == status.UNCLEAR:
        assert order.next_ask_at is not None
    if order.status in (status.CANCELLED, status.HELD, status.REFUSED, status.TESTED):
        assert (order.next_attempt_at, order.next_ask_at) == (None, None)


@LIVES
@given(st.lists(st.sampled_from(sorted(MAP)), min_size=1, max_size=12))
def test_any_walk_of_moves_stays_on_the_map(desk_clock: Any, targets: list[str]) -> None:
    order = fresh(Life().order)
    for target in targets:
        before, count = order.status, order.events.count()
        fields = {"hold_reason": "staff"} if target == "held" else {}
        allowed = target in MAP[before].split()
        try:
            lifecycle.move(order, target, "order.tried", actor=WORKER, fields=fields)
        except NotNow:
            assert not allowed
        else:
            assert allowed
        assert fresh(order).status == (target if allowed else before)
        assert order.events.count() == count + allowed


def test_the_map_is_the_codes_own() -> None:
    assert {before: frozenset(to.split()) for before, to in MAP.items()} == status.TRANSITIONS


def test_control_a_status_written_past_the_lifecycle_is_noticed(desk_clock: Any) -> None:
    life = Life()
    with patch.object(clock, "now", clock.now):
        Order.objects.filter(pk=life.order.pk).update(status="shipped")
    order = fresh(life.order)
    assert order.events.last().to_status != order.status
