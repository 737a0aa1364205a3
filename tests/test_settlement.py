"""Writing down what a call came to: late workers, ended leases, stop requests, refused logins."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection

from orders import clock, desk, settlement, submission
from orders.lifecycle import WORKER, Fenced, lock
from orders.models import Attempt, Order
from orders.trepstar import wire
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    DUPLICATE,
    LOGIN_REFUSED,
    NO_CONNECTION,
    SILENCE,
    YES,
    Told,
    asked,
    fresh,
    kinds,
    last_event,
    not_found,
    nothing_changes,
    section,
    submit_next,
)

pytestmark = pytest.mark.django_db
NAME_BLANK = wire.write_failure("000013")
FOREIGN = wire.write_failure("000505", product="1", company="2", parent="3")


@pytest.fixture
def order(north: Publisher, film: Product) -> Order:
    return base.place(north, (film, 1))


def send(order: Order, answer: Any, *, during: Any = None) -> Order:
    """Send the order; ``during`` runs while the call is under way."""

    def answered(fields: dict[str, str]) -> Any:
        if during:
            during()
        return answer

    submit_next(Told(answered))
    return fresh(order)


class TestLateWorker:
    @pytest.mark.parametrize("answer", [YES, NAME_BLANK, NO_CONNECTION, SILENCE, DUPLICATE])
    def test_a_result_after_the_lease_is_only_an_observation(
        self, order: Order, desk_clock: Clock, answer: Any
    ) -> None:
        def lose_the_lease() -> None:
            desk_clock.forward(91)
            settlement.settle_lost(order.pk)

        found = send(order, answer, during=lose_the_lease)
        assert (found.status, found.question, found.unclear_rounds) == ("unclear", "outcome", 1)
        assert (found.accepted_at, found.gateway_error_number, found.not_sent) == (None, "", 0)
        assert kinds(order)[-2:] == ["order.unclear", "order.late_result"]
        attempt = Attempt.objects.get()
        assert attempt.late is True
        assert last_event(order).data == {"attempt": 1, "outcome": attempt.outcome}
        assert submission.claim(1) == []

    def test_a_token_that_is_gone_locks_nothing(self, order: Order) -> None:
        submission.claim(1)
        with nothing_changes(), pytest.raises(Fenced, match="has ended"):
            lock(order.pk, token=uuid.uuid4())

    def test_a_claim_whose_lease_ended_sends_nothing(self, order: Order, desk_clock: Clock) -> None:
        (claim,) = submission.claim(1)
        desk_clock.forward(91)
        gateway = Told(YES)
        with nothing_changes():
            submission.submit(claim, gateway)
        settlement.settle_lost(order.pk)
        with nothing_changes():
            submission.submit(claim, gateway)
        assert gateway.calls == []


class TestEndOfLease:
    def test_without_an_attempt_it_is_ready_again(self, order: Order, desk_clock: Clock) -> None:
        submission.claim(1)
        desk_clock.forward(91)
        settlement.settle_lost(order.pk)
        found = fresh(order)
        assert (found.status, found.lease_token, found.lease_until) == ("ready", None, None)
        assert (found.attempts, found.not_sent, found.unclear_rounds) == (0, 0, 0)
        assert last_event(order).kind == "order.lease_ended"
        assert len(submission.claim(1)) == 1

    def test_a_claim_that_is_given_back_is_ready_at_once(self, order: Order) -> None:
        (claim,) = submission.claim(1)
        settlement.let_go(claim.order_id, claim.token)
        found = fresh(order)
        assert (found.status, found.lease_token, found.attempts) == ("ready", None, 0)
        assert last_event(order).kind == "order.lease_ended"
        assert len(submission.claim(1)) == 1

    def test_a_claim_that_is_given_back_is_held_as_staff_asked(self, order: Order) -> None:
        (claim,) = submission.claim(1)
        desk.hold(order.pk, actor=WORKER)
        settlement.let_go(claim.order_id, claim.token)
        assert (fresh(order).status, fresh(order).hold_reason) == ("held", "staff")

    def test_one_that_was_tried_or_is_anothers_is_not_given_back(self, order: Order) -> None:
        (claim,) = submission.claim(1)
        with nothing_changes():
            settlement.let_go(claim.order_id, uuid.uuid4())
        submission._prepare(claim)
        with nothing_changes():
            settlement.let_go(claim.order_id, claim.token)

    def test_with_an_attempt_it_is_unclear(self, order: Order, desk_clock: Clock) -> None:
        (claim,) = submission.claim(1)
        submission._prepare(claim)
        desk_clock.forward(91)
        settlement.settle_lost(order.pk)
        found, attempt = fresh(order), Attempt.objects.get()
        assert (found.status, found.question, found.unclear_rounds) == ("unclear", "outcome", 1)
        assert (found.lease_token, found.lease_until) == (None, None)
        assert (attempt.outcome, attempt.text) == ("unclear", settlement.LOST_WORKER)
        assert attempt.finished_at is not None
        with nothing_changes():
            settlement.settle_lost(order.pk)

    def test_a_lease_that_still_runs_is_left_alone(self, order: Order, desk_clock: Clock) -> None:
        submission.claim(1)
        desk_clock.forward(80)
        with nothing_changes():
            settlement.settle_lost(order.pk)

    def test_the_attempt_begins_a_new_lease(self, order: Order, desk_clock: Clock) -> None:
        (claim,) = submission.claim(1)
        desk_clock.forward(60)
        submission._prepare(claim)
        assert fresh(order).lease_until > clock.now() + timedelta(seconds=85)

    @pytest.mark.parametrize(("stop", "ends"), [("hold", "held"), ("cancel", "cancelled")])
    def test_a_stop_request_comes_true_where_nothing_was_sent(
        self, order: Order, desk_clock: Clock, stop: str, ends: str
    ) -> None:
        submission.claim(1)
        getattr(desk, stop)(order.pk, actor=WORKER, note="Wait")
        desk_clock.forward(91)
        settlement.settle_lost(order.pk)
        assert (fresh(order).status, fresh(order).stop_request) == (ends, "")
        assert submission.claim(1) == []


STOPPED = {"hold": ("held", "staff"), "cancel": ("cancelled", "")}


@pytest.mark.parametrize("stop", ["hold", "cancel"])
class TestStopRequest:
    """Hold and cancel while a call is under way (``stop`` is asked for during the call)."""

    def outcome(self, order: Order, stop: str, answer: Any) -> Order:
        def ask_to_stop() -> None:
            getattr(desk, stop)(order.pk, actor=WORKER, note="Wait")
            assert (fresh(order).status, fresh(order).stop_request) == ("submitting", stop)

        return send(order, answer, during=ask_to_stop)

    def test_before_the_attempt_nothing_is_sent(self, order: Order, stop: str) -> None:
        (claim,) = submission.claim(1)
        getattr(desk, stop)(order.pk, actor=WORKER, note="Wait")
        gateway = Told(YES)
        submission.submit(claim, gateway)
        found = fresh(order)
        assert (found.status, found.hold_reason) == STOPPED[stop]
        assert (gateway.calls, Attempt.objects.count(), found.stop_request) == ([], 0, "")

    def test_accepted_stays_accepted_and_says_it_was_too_late(
        self, order: Order, stop: str
    ) -> None:
        found = self.outcome(order, stop, YES)
        word = {"hold": "held", "cancel": "cancelled"}[stop]
        assert (found.status, found.stop_request) == ("accepted", "")
        assert found.flag == (
            f"This order was to be {word}, but TrepStar had it already. "
            "Delete it there while it is on HOLD."
        )

    @pytest.mark.parametrize("answer", [NO_CONNECTION, LOGIN_REFUSED])
    def test_not_sent_is_stopped_and_never_ready(
        self, order: Order, stop: str, answer: Any
    ) -> None:
        found = self.outcome(order, stop, answer)
        assert (found.status, found.hold_reason) == STOPPED[stop]
        assert (found.stop_request, found.next_attempt_at) == ("", None)

    def test_refused_is_refused_or_cancelled(self, order: Order, stop: str) -> None:
        found = self.outcome(order, stop, NAME_BLANK)
        assert found.status == {"hold": "refused", "cancel": "cancelled"}[stop]

    def test_unclear_waits_for_the_answer_and_then_stops(
        self, order: Order, desk_clock: Clock, stop: str
    ) -> None:
        found = self.outcome(order, stop, SILENCE)
        assert (found.status, found.stop_request) == ("unclear", stop)
        desk_clock.forward(301)
        assert asked(order, not_found(order)).status == "unclear"
        desk_clock.forward(301)
        found = asked(order, not_found(order))
        assert (found.status, found.hold_reason) == STOPPED[stop]
        assert (found.stop_request, found.question, found.next_attempt_at) == ("", "", None)

    def test_unclear_and_found_is_too_late(
        self, order: Order, desk_clock: Clock, stop: str
    ) -> None:
        self.outcome(order, stop, SILENCE)
        desk_clock.forward(301)
        found = asked(order, section(order, "HOLD"))
        assert (found.status, found.stop_request) == ("awaiting_payment", "")
        assert "but TrepStar had it already." in found.flag

    def test_a_doubted_refusal_that_proves_true_is_refused_or_cancelled(
        self, order: Order, desk_clock: Clock, stop: str
    ) -> None:
        self.outcome(order, stop, FOREIGN)
        desk_clock.forward(301)
        found = asked(order, not_found(order))
        assert found.status == {"hold": "refused", "cancel": "cancelled"}[stop]


class TestDatabaseAway:
    def test_the_result_is_written_as_soon_as_the_database_is_back(self, order: Order) -> None:
        real, failures = settlement.settle, [1, 2, 3]

        def settle(*args: Any) -> None:
            if failures:
                failures.pop()
                raise OperationalError("away")
            real(*args)

        with (
            patch.object(submission, "settle", settle),
            patch.object(submission.time, "sleep"),
            patch.object(connection, "close") as close,
        ):
            submit_next(Told(YES))
        assert (fresh(order).status, close.call_count) == ("accepted", 3)

    def test_after_ten_seconds_it_is_left_to_the_end_of_the_lease(
        self, order: Order, desk_clock: Clock
    ) -> None:
        assert submission.SETTLE_SECONDS == 10
        with (
            patch.object(submission, "settle", side_effect=OperationalError("away")),
            patch.object(submission, "SETTLE_SECONDS", 0.05),
            patch.object(submission.time, "sleep"),
            patch.object(connection, "close"),
        ):
            submit_next(Told(YES))
        assert (fresh(order).status, Attempt.objects.get().outcome) == ("submitting", "open")
        desk_clock.forward(91)
        settlement.settle_lost(order.pk)
        assert fresh(order).status == "unclear"


class TestOwnFailure:
    """The desk itself fails before anything is sent."""

    def fail(self, order: Order, *, first: Any = None) -> Order:
        def prepare(claim: submission.Claim) -> None:
            if first:
                first()
            raise ZeroDivisionError("a mistake of ours")

        with patch.object(submission, "_prepare", prepare):
            submit_next(Told(YES))
        return fresh(order)

    def test_the_order_is_given_back_and_held_after_three(
        self, order: Order, desk_clock: Clock
    ) -> None:
        for _ in range(2):
            assert self.fail(order).status == "ready"
            desk_clock.forward(3601)
        found = self.fail(order)
        assert (found.status, found.hold_reason) == ("held", "internal")
        assert (found.lease_token, Attempt.objects.count()) == (None, 0)

    def test_calls_that_could_not_be_sent_before_are_no_failures_of_ours(
        self, order: Order
    ) -> None:
        Order.objects.filter(pk=order.pk).update(not_sent=5)
        assert self.fail(order).status == "ready"

    @pytest.mark.parametrize("before", [0, 2])
    def test_a_cancel_asked_for_meanwhile_comes_true(self, order: Order, before: int) -> None:
        Order.objects.filter(pk=order.pk).update(not_sent=before)
        found = self.fail(order, first=lambda: desk.cancel(order.pk, actor=WORKER))
        assert found.status == "cancelled"
