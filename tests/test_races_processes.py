"""Several workers and processes at one row: each race is forced, each beside its control."""

from __future__ import annotations

import multiprocessing
import os
import threading
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connections, transaction
from django_q.models import Schedule

from orders import (
    budget,
    clock,
    intake,
    lifecycle,
    settlement,
    submission,
    tasks,
)
from orders.lifecycle import WORKER, Changed, NotNow
from orders.models import Call, Order
from products.models import Publisher
from tests.conftest import Clock
from tests.gateway_cast import (
    Told,
    during,
    fresh,
    kinds,
    no_guards,
)
from tests.test_deliveries_races import at_once
from tests.test_races import no_row_locks
from tests.test_races_staff import unguarded

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


class TestLedgerOfThreeProcesses:
    def hammer(self, north: Publisher) -> int:
        Publisher.objects.update(status_calls_per_day=19)  # of which 14 are for the sweep
        connections.close_all()
        children = []
        for _ in range(3):
            children.append(os.fork())
            if not children[-1]:
                with suppress(BaseException):
                    publisher = Publisher.objects.get()
                    for _ in range(12):
                        budget.reserve(publisher, Call.Purpose.SWEEP, 1)
                os._exit(0)
        for child in children:
            os.waitpid(child, 0)
        return Call.objects.count()

    def test_they_never_go_over_the_limit(self, north: Publisher) -> None:
        assert self.hammer(north) == 14

    def test_control_without_the_lock_they_do(self, north: Publisher) -> None:
        counted, real = multiprocessing.get_context("fork").Barrier(3, timeout=10), budget._used

        def count_together(*args: Any, **values: Any) -> Any:
            found = real(*args, **values)
            counted.wait()
            return found

        with no_row_locks(), patch.object(budget, "_used", count_together):
            assert self.hammer(north) == 15


class TestLateWorker:
    def race(self, order: Order, desk_clock: Clock) -> list[str]:
        """A worker's result comes while a second worker has the order."""
        (claim,) = submission.claim(1)
        attempt = submission._prepare(claim)[0]  # type: ignore[index]
        desk_clock.forward(91)
        settlement.settle_lost(order.pk)
        Order.objects.update(status="ready", next_attempt_at=clock.now(), question="")
        (second,) = submission.claim(1)
        settlement.settle(attempt, None, "")
        submission.submit(second, Told((500, b"")))
        return kinds(order)

    def test_its_result_is_only_noted_while_a_second_has_the_order(
        self, order: Order, desk_clock: Clock
    ) -> None:
        assert self.race(order, desk_clock)[-3:] == [
            "order.late_result",
            "order.attempted",
            "order.unclear",
        ]

    def test_control_without_the_token_it_is_written_under_the_second(
        self, order: Order, desk_clock: Clock
    ) -> None:
        with no_guards(), suppress(NotNow):
            self.race(order, desk_clock)
        assert "order.accepted" in kinds(order)

    def both_settle(self, order: Order, desk_clock: Clock) -> int:
        submission._prepare(submission.claim(1)[0])
        desk_clock.forward(91)

        def settle() -> None:
            settlement.settle_lost(order.pk)

        during(settlement, "_doubt", settle, settle).end()
        return kinds(order).count("order.unclear")

    def test_of_two_sweepers_one_settles_a_lost_order(
        self, order: Order, desk_clock: Clock
    ) -> None:
        assert self.both_settle(order, desk_clock) == 1

    def test_control_without_guards_both_do(self, order: Order, desk_clock: Clock) -> None:
        with unguarded():
            assert self.both_settle(order, desk_clock) == 2


class TestTwoWorkersMoveOneOrder:
    def race(self, order: Order) -> None:
        mine, theirs = fresh(order), fresh(order)
        held = {"hold_reason": "staff"}
        lifecycle.move(mine, "held", "order.held", actor=WORKER, fields=held)
        lifecycle.move(theirs, "cancelled", "order.cancelled", actor=WORKER)

    def test_the_second_is_told_that_the_order_was_changed(self, order: Order) -> None:
        with pytest.raises(Changed):
            self.race(order)
        assert fresh(order).status == "held"

    def test_control_without_the_version_the_second_overwrites(self, order: Order) -> None:
        with no_guards():
            self.race(order)
        assert kinds(order)[-2:] == ["order.held", "order.cancelled"]


class TestSerialNumbers:
    def take(self, north: Publisher) -> list[int]:
        def take_one() -> int:
            with transaction.atomic():
                return intake.next_serials(north, 1)[0]

        return at_once(*[take_one] * 8)

    def test_eight_at_once_get_eight_numbers(self, north: Publisher) -> None:
        assert sorted(self.take(north)) == list(range(1, 9))

    def test_control_read_first_and_written_later_all_get_the_same(self, north: Publisher) -> None:
        meeting = threading.Barrier(8, timeout=10)

        def in_two_steps(publisher: Publisher, count: int) -> range:
            last = Publisher.objects.get(pk=publisher.pk).last_serial
            meeting.wait()
            Publisher.objects.filter(pk=publisher.pk).update(last_serial=last + count)
            return range(last + 1, last + count + 1)

        with patch.object(intake, "next_serials", in_two_steps):
            assert self.take(north) == [1] * 8


class TestSchedules:
    def test_two_processes_that_register_them_at_once_leave_one_of_each(self) -> None:
        during(Schedule, "save", tasks.register_schedules, tasks.register_schedules).end()
        names = sorted(Schedule.objects.values_list("name", flat=True))
        assert names == sorted(tasks.SCHEDULES)
        assert tasks.register_schedules() == list(tasks.SCHEDULES)
