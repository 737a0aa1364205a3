"""The desk beside a model of it: any life of some shop orders, and they never disagree."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orders import (
    breaker,
    budget,
    desk,
    lifecycle,
    news,
    settlement,
    submission,
    tracking,
)
from orders.gateway import payload_hash
from orders.lifecycle import WORKER, NotNow
from orders.models import Call, Order, OrderEvent
from tests import base
from tests.desk_life import Life
from tests.desk_model import AT_TREPSTAR, IN_DOUBT, REPLIES, WORDS
from tests.gateway_cast import (
    Told,
    answer,
    not_found,
    section,
)

pytestmark = pytest.mark.django_db

# As many as are asked for are other lives in each run; else they are the same ones.
CHOSEN = int(os.environ.get("LIVES", "0"))
LIVES = CHOSEN or 160
STEPS = 40


NUMBERS = range(1001, 1009)


SEEN: Counter[str] = Counter()
REPLY = st.sampled_from([*REPLIES, "yes", "yes"])
HOW = st.sampled_from(["answered", "answered", "late", "never", "stopped"])


class Lives(RuleBasedStateMachine):
    """Rules of the desk and the outside; ``boxes`` is the model, by the shop's order number."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()

    def teardown(self) -> None:
        SEEN.update(OrderEvent.objects.values_list("kind", flat=True))
        self.life.patch.stop()
        transaction.savepoint_rollback(self.life.savepoint)

    @initialize()
    def four_orders(self) -> None:
        for number in NUMBERS[:4]:
            self.life.deliver_one(number)

    @rule(number=st.sampled_from(NUMBERS))
    def deliver(self, number: int) -> None:
        self.life.deliver_one(number)

    @rule(number=st.sampled_from([*NUMBERS[:2], *[0] * 10]))
    def the_shop_cancels(self, number: int) -> None:
        if not number:
            return  # a cancel ends a life, so it comes seldom
        self.life.cancel_by_shop(number)

    @rule(most=st.sampled_from([1, 2]))
    def claim(self, most: int) -> None:
        self.life.claim_up_to(most)

    @precondition(lambda self: any(not one.reply for one in self.life.workers))
    @rule(data=st.data(), reply=REPLY)
    def call(self, data: Any, reply: str) -> None:
        waiting = [one for one in self.life.workers if not one.reply]
        self.life.call_by(data.draw(st.sampled_from(waiting)), reply)

    @rule(sent=st.lists(st.tuples(REPLY, HOW), min_size=1, max_size=3))
    def send(self, sent: list[tuple[str, str]]) -> None:
        """What mostly happens: all is mended, then claimed, called, and answered or not."""
        self.life.settle_all()
        for reply, how in sent:
            self.life.send(reply, how)

    @rule(waits=st.lists(st.sampled_from([301, 301, 601]), min_size=1, max_size=3))
    def ask_in_time(self, waits: list[int]) -> None:
        """What mostly happens to an unclear order: it is asked for until it is clear."""
        for seconds in waits:
            self.life.clock.at += seconds
            for number in self.asked_for():
                if self.life.boxes[number].status == "unclear":
                    self.ask_for(number, "PROCESSING", spoilt=0)

    @precondition(lambda self: any(one.reply for one in self.life.workers))
    @rule(data=st.data())
    def come_back(self, data: Any) -> None:
        called = [one for one in self.life.workers if one.reply]
        self.life.come_back_with(data.draw(st.sampled_from(called)))

    @precondition(lambda self: self.life.workers)
    @rule(data=st.data())
    def crash(self, data: Any) -> None:
        self.life.workers.remove(data.draw(st.sampled_from(self.life.workers)))

    @rule(seconds=st.sampled_from([1, 30, 91, 301, 301, 601, 3601]))
    def time_passes(self, seconds: int) -> None:
        self.life.clock.at += seconds

    @rule()
    def sweep(self) -> None:
        self.life.sweep()

    @precondition(lambda self: self.life.refused)
    @rule()
    def mend_login(self) -> None:
        self.life.mend_login()

    @precondition(lambda self: self.asked_for())
    @rule(
        data=st.data(),
        word=st.sampled_from([*WORDS]),
        spoilt=st.sampled_from([0, 0, 0, 1]),
        later=st.sampled_from([0, 301, 601]),
    )
    def ask(self, data: Any, word: str, spoilt: int, later: int) -> None:
        self.life.clock.at += later
        self.ask_for(data.draw(st.sampled_from(self.asked_for())), word, spoilt=spoilt)

    def ask_for(self, number: int, word: str, *, spoilt: int) -> None:
        """TrepStar tells the truth about what it took, or its answer misses the section."""
        box, order = self.life.boxes[number], self.life.order(number)
        said = section(order, word.replace("TEST", "ERROR"), status_error_number=WORDS[word][1])
        told = said if box.taken else not_found(order)
        told = section(order, invoice="ANOTHER-1") if spoilt else told
        call = budget.reserve(order.publisher, Call.Purpose.SWEEP, 1)
        assert call is not None
        interval = budget.interval_of(order.publisher)
        tracking.ask(order.publisher, [order], call, Told(answer(told)), interval)
        if spoilt:
            box.asked = self.life.at()
        elif box.taken:
            box.hear(word)
        elif box.status == "unclear":
            box.hear_nothing(self.life.at())

    def asked_for(self) -> list[int]:
        open_ = AT_TREPSTAR - {"tested"} | {"unclear"}
        return [number for number, box in self.life.boxes.items() if box.status in open_]

    @precondition(lambda self: self.life.boxes)
    @rule(data=st.data(), how=st.sampled_from(["", "", "hold", "hold", "cancel"]))
    def staff_stop(self, data: Any, how: str) -> None:
        if not how:
            return
        number = data.draw(st.sampled_from(sorted(self.life.boxes)))
        box = self.life.boxes[number]
        fits = box.status not in AT_TREPSTAR | {"cancelled"}
        allowed = fits and not (how == "hold" and box.stop == "cancel")
        act = getattr(desk, how)
        if self.life.is_obeyed(
            lambda: act(self.life.order(number).pk, actor=WORKER), allowed=allowed
        ):
            self.life.stop(number, box, how)

    @precondition(lambda self: self.life.boxes)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        mended = [n for n, box in self.life.boxes.items() if box.status in ("held", "refused")]
        number = data.draw(st.sampled_from(mended or sorted(self.life.boxes)))
        box = self.life.boxes[number]
        allowed = box.status in ("held", "refused")
        order = self.life.order(number)
        if self.life.is_obeyed(lambda: desk.release(order.pk, actor=WORKER), allowed=allowed):
            box.ready(self.life.at())
            box.rounds, box.not_sent = min(box.rounds, 1), 0
            box.frozen = box.frozen if box.rounds else ""

    @precondition(lambda self: self.life.boxes)
    @rule(data=st.data())
    def edit(self, data: Any) -> None:
        number = data.draw(st.sampled_from(sorted(self.life.boxes)))
        box, order = self.life.boxes[number], self.life.order(number)
        changes = {"company": f"Company {next(base._ids)}"}
        allowed = box.status in ("held", "refused")
        if self.life.is_obeyed(
            lambda: desk.edit(order.pk, changes, actor=WORKER, version=order.version),
            allowed=allowed,
        ):
            box.frozen = ""

    # What holds after every step

    @invariant()
    def the_desk_is_where_the_model_is(self) -> None:
        rows = Order.objects.values_list(
            "shop_order__shop_order_id", "status", "stop_request", "lease_token"
        )
        found = {number: tuple(values) for number, *values in rows}
        expected = {n: (b.status, b.stop, b.token) for n, b in self.life.boxes.items()}
        assert found == expected

    @invariant()
    def trepstar_took_each_order_once_at_most(self) -> None:
        assert all(box.taken <= 1 for box in self.life.boxes.values())

    @invariant()
    def the_events_lead_to_the_present_status(self) -> None:
        ends: dict[int, tuple[str, int]] = {}
        rows = OrderEvent.objects.order_by("pk")
        for order_id, before, after in rows.values_list("order_id", "from_status", "to_status"):
            at, count = ends.get(order_id, ("", 0))
            assert before == at
            ends[order_id] = (after, count + 1)
        orders = Order.objects.values_list("pk", "status", "version")
        assert ends == {pk: (status, version) for pk, status, version in orders}

    @invariant()
    def what_is_frozen_is_what_was_sent(self) -> None:
        for number, box in self.life.boxes.items():
            if box.frozen and box.status in IN_DOUBT | AT_TREPSTAR and box.attempted:
                assert payload_hash(self.life.order(number).payload) == box.frozen


def live(examples: int, steps: int, **values: Any) -> None:
    """Run so many lives; the breaker, which has tests of its own, stays out of it."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **values,
    )
    never = 10**9
    with (
        patch.object(breaker, "FAILURES_IN_A_ROW", never),
        patch.object(breaker, "WINDOW_LEAST", never),
    ):
        run_state_machine_as_test(Lives, settings=chosen)


EVENTS = (
    "placed claimed attempted accepted not_sent login_refused refused unclear duplicate "
    "refusal_doubted lease_ended late_result stop_requested held cancelled released edited found "
    "not_found send_again"
)


def test_no_life_leads_the_desk_away_from_its_model() -> None:
    SEEN.clear()
    live(LIVES, STEPS, derandomize=not CHOSEN)
    unseen = {f"order.{kind}" for kind in EVENTS.split()} - set(SEEN)
    assert CHOSEN or not unseen, f"too few lives to have seen it all: {SEEN}"


def asked_once(order: Order, now: datetime) -> Any:
    """Believe the first "not found", at once."""
    return news._not_found_twice(order, now)


def unfenced(order_id: int, *, token: Any = None, version: int | None = None) -> Order:
    return Order.objects.select_related("publisher").get(pk=order_id)


MUTANTS = {
    "one not found is enough": (news, "_not_found_unclear", asked_once),
    "a late worker is believed": (lifecycle, "lock", unfenced),
    "a refused login stops nothing": (settlement, "refuse_login", lambda *args: None),
    "a stop request is passed over": (submission, "stop_instead", lambda order: None),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_control_a_desk_that_breaks_a_rule_is_found_out(mutant: str) -> None:
    # Without shrinking: that a life leads away is enough.
    with patch.object(*MUTANTS[mutant]), pytest.raises((AssertionError, NotNow)):
        live(200, STEPS, phases=[Phase.generate], derandomize=True)
