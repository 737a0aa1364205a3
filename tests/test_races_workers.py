"""Workers against each other: each race is forced, and each control shows it unguarded."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import transaction
from django.db.models import QuerySet

from orders import clock, lifecycle, settlement, submission, tasks, tracking
from orders.models import Attempt, Call, Order
from products.models import Product, Publisher
from products.secret import Secret
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    LOGIN_REFUSED,
    YES,
    Elsewhere,
    Told,
    answer,
    fresh,
    kinds,
    no_guards,
    run_after,
    run_before,
    section,
    sent,
    submit_next,
)
from tests.test_races import no_row_locks

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def claim_by_two(most: int = 1) -> list[list[submission.Claim]]:
    """Let a second worker claim while the first is about to lease; return both claims."""
    others: list[Elsewhere] = []

    def second() -> None:
        others.append(Elsewhere(lambda: submission.claim(most)))

    with run_before(submission, "_lease", second):
        mine = submission.claim(most)
    return [mine, others[0].end()]


class TestTwoWorkers:
    def test_one_order_is_claimed_by_one_of_them(self, order: Order) -> None:
        mine, theirs = claim_by_two()
        assert ([one.order_id for one in mine], theirs) == ([order.pk], [])
        assert kinds(order).count("order.claimed") == 1

    def test_the_second_gets_another_publishers_order(self, order: Order) -> None:
        south = base.southwind()
        other = base.place(south, (base.product(south, "44100"), 1))
        mine, theirs = claim_by_two()
        assert [mine[0].order_id, theirs[0].order_id] == [order.pk, other.pk]

    def test_together_they_keep_to_the_slots_of_a_publisher(
        self, north: Publisher, film: Product
    ) -> None:
        for _ in range(5):
            base.place(north, (film, 1))
        mine, theirs = claim_by_two(5)
        assert len(mine) + len(theirs) == 2

    def test_a_slot_freed_while_another_claims_is_not_filled_twice(
        self, north: Publisher, film: Product
    ) -> None:
        for _ in range(5):
            base.place(north, (film, 1))
        with run_after(submission, "_next_publisher", lambda: None):
            assert len(submission.claim(1)) == 1
        others = [Elsewhere(lambda: submission.claim(2)) for _ in range(3)]
        assert sum(len(one.end()) for one in others) == 1
        assert Order.objects.filter(status="submitting").count() == 2

    def test_both_slots_of_a_publisher_are_used_at_once(
        self, north: Publisher, film: Product
    ) -> None:
        orders = [base.place(north, (film, 1)) for _ in range(2)]
        together = threading.Barrier(2, timeout=1.5)

        def answer_both(fields: dict[str, str]) -> bytes:
            together.wait()
            return YES

        # The others come while the first has the publisher's row.
        with (
            patch.object(tasks, "configured_gateway", lambda: Told(answer_both)),
            run_before(submission, "_lease", lambda: time.sleep(0.05)),
        ):
            tasks.submit_due()
        assert [fresh(one).status for one in orders] == ["accepted"] * 2

    def both_lease(self, order: Order) -> list[submission.Claim]:
        """Let a second worker lease what both have read before the first has leased it."""
        theirs: list[Elsewhere] = []

        def lease() -> list[submission.Claim]:
            with transaction.atomic():
                return submission._lease([fresh(order)], clock.now())

        with run_before(submission, "_lease", lambda: theirs.append(Elsewhere(lease))):
            mine = submission.claim(1)
        return [*mine, *theirs[0].end()]

    def test_a_lease_of_what_another_leased_meanwhile_is_refused(self, order: Order) -> None:
        with pytest.raises(lifecycle.Changed):
            self.both_lease(order)
        assert kinds(order).count("order.claimed") == 1

    def test_control_without_guards_both_lease_and_send_it(self, order: Order) -> None:
        with no_guards(), no_row_locks():
            calls = [submission._prepare(one) for one in self.both_lease(order)]
        assert [call is not None for call in calls] == [True, True]
        assert Attempt.objects.filter(order=order).count() == 2


class TestSettleAgainstEndOfLease:
    def attempt(self, order: Order, clock_: Clock) -> Attempt:
        (claim,) = submission.claim(1)
        prepared = submission._prepare(claim)
        assert prepared is not None
        clock_.forward(91)
        return prepared[0]

    def test_a_lease_that_ends_just_before_makes_the_result_an_observation(
        self, order: Order, desk_clock: Clock
    ) -> None:
        attempt = self.attempt(order, desk_clock)

        def end() -> None:
            Elsewhere(lambda: settlement.settle_lost(order.pk)).end()

        with run_before(settlement, "_apply", end):
            settlement.settle(attempt, None, "")
        assert fresh(order).status == "unclear"
        assert kinds(order)[-2:] == ["order.unclear", "order.late_result"]

    def test_control_without_guards_the_late_worker_overwrites(
        self, order: Order, desk_clock: Clock
    ) -> None:
        attempt = self.attempt(order, desk_clock)

        def end() -> None:
            Elsewhere(lambda: settlement.settle_lost(order.pk)).end()

        with no_guards(), run_before(settlement, "_apply", end):
            settlement.settle(attempt, None, "")
        assert kinds(order)[-2:] == ["order.unclear", "order.accepted"]

    def both(self, order: Order, attempt: Attempt) -> Elsewhere:
        others: list[Elsewhere] = []

        def settle() -> None:
            act = Elsewhere(lambda: settlement.settle(attempt, None, ""))
            others.append(act)

        with run_before(settlement, "_doubt", settle):
            settlement.settle_lost(order.pk)
        others[0].end()
        return others[0]

    def test_a_result_that_comes_while_the_lease_is_ended_waits_and_is_late(
        self, order: Order, desk_clock: Clock
    ) -> None:
        self.both(order, self.attempt(order, desk_clock))
        assert (fresh(order).status, Attempt.objects.get().late) == ("unclear", True)
        assert kinds(order)[-2:] == ["order.unclear", "order.late_result"]

    def test_control_without_guards_the_result_that_waited_counts(
        self, order: Order, desk_clock: Clock
    ) -> None:
        attempt = self.attempt(order, desk_clock)
        with no_guards():
            self.both(order, attempt)
        assert kinds(order)[-2:] == ["order.unclear", "order.accepted"]

    def test_a_result_just_before_the_end_of_the_lease_counts(
        self, order: Order, desk_clock: Clock
    ) -> None:
        attempt = self.attempt(order, desk_clock)

        def settle() -> None:
            Elsewhere(lambda: settlement.settle(attempt, None, "")).end()

        with run_before(clock, "now", settle):
            settlement.settle_lost(order.pk)
        assert (fresh(order).status, Attempt.objects.get().late) == ("accepted", False)


class TestLostTogether:
    """A killed worker leaves several orders; a frozen one has one of them locked."""

    @pytest.fixture
    def lost(self, north: Publisher, film: Product, desk_clock: Clock) -> list[Order]:
        orders = [base.place(north, (film, 1)) for _ in range(2)]
        assert len(submission.claim(2)) == 2
        desk_clock.forward(91)
        return orders

    def test_one_that_somebody_has_locked_holds_up_no_other(self, lost: list[Order]) -> None:
        ids = [one.pk for one in lost]
        with transaction.atomic():
            lifecycle.lock(ids[0])
            Elsewhere(lambda: settlement.settle_lost(*ids)).end()
            assert [fresh(one).status for one in lost] == ["submitting", "ready"]
        settlement.settle_lost(*ids)
        assert [fresh(one).status for one in lost] == ["ready", "ready"]
        assert [kinds(one).count("order.lease_ended") for one in lost] == [1, 1]

    def test_control_a_sweep_that_waits_for_the_lock_settles_neither(
        self, lost: list[Order]
    ) -> None:
        skipping = QuerySet.select_for_update

        def waiting(rows: Any, **how: Any) -> Any:
            return skipping(rows, **{**how, "skip_locked": False})

        ids = [one.pk for one in lost]
        with patch.object(QuerySet, "select_for_update", waiting):
            with transaction.atomic():
                lifecycle.lock(ids[0])
                other = Elsewhere(lambda: settlement.settle_lost(*ids))
                assert other.waits
                assert [fresh(one).status for one in lost] == ["submitting", "submitting"]
            other.end()


class TestTwoSyncers:
    @pytest.fixture
    def order(self, north: Publisher, film: Product, desk_clock: Clock) -> Order:
        order = sent(north, (film, 1))
        desk_clock.forward(901)
        return order

    def both(self, order: Order) -> tuple[int, Any, int]:
        gateway = Told(answer(section(order)))
        others: list[Elsewhere] = []

        def second() -> None:
            others.append(Elsewhere(lambda: tracking.sync(order.publisher_id, gateway)))

        with run_before(tracking, "ask", second):
            mine = tracking.sync(order.publisher_id, gateway)
        return mine, others[0].end(), len(gateway.calls)

    def test_one_of_them_asks(self, order: Order) -> None:
        assert self.both(order) == (1, 0, 1)
        assert Call.objects.count() == 1

    def test_control_without_the_turn_both_ask(self, order: Order) -> None:
        with (
            patch.object(tracking, "_lease", lambda publisher_id, **how: clock.now()),
            patch.object(tracking, "_asked_lately", lambda publisher: False),
        ):
            assert self.both(order) == (1, 1, 2)

    def test_a_worker_that_lost_its_turn_does_not_give_away_anothers(self, order: Order) -> None:
        theirs = clock.now() + timedelta(seconds=60)

        def take_over() -> None:
            Publisher.objects.update(sync_until=theirs)

        with (
            patch.object(tracking, "sync_once", lambda *args, **how: 0),
            run_before(tracking, "sync_once", take_over),
        ):
            tracking.sync(order.publisher_id, Told(YES))
        assert Publisher.objects.get().sync_until == theirs


class TestLoginChangedDuringACall:
    def change(self) -> None:
        def act() -> None:
            row = Publisher.objects.get()
            row.set_login(row.login_email, Secret("new-password"))
            row.save()

        Elsewhere(act).end()

    def refuse(self) -> None:
        def refused(fields: dict[str, str]) -> bytes:
            self.change()
            return LOGIN_REFUSED

        submit_next(Told(refused))

    def test_the_refusal_of_the_old_one_does_not_stop_the_new_one(self, order: Order) -> None:
        self.refuse()
        assert Publisher.objects.get().login_refused_at is None
        submit_next(Told(YES))
        assert fresh(order).status == "accepted"

    def test_control_without_the_version_the_new_one_is_stopped(self, order: Order) -> None:
        def refuse_login(publisher_id: int, credential_version: int) -> None:
            Publisher.objects.filter(pk=publisher_id).update(login_refused_at=clock.now())

        with patch.object(settlement, "refuse_login", refuse_login):
            self.refuse()
        assert Publisher.objects.get().login_refused_at is not None
        assert submission.claim(1) == []
