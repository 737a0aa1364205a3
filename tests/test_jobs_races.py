"""Two workers at one job, and a worker that is killed: every row is done once. With controls."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, connections
from django.db.models import QuerySet

from orders import desk, job_rows, jobs
from orders.models import Job, JobRow, Order, OrderEvent
from products.models import Product, Publisher
from tests import admin_cast as cast
from tests import base
from tests.conftest import Clock
from tests.test_kill_points import killed

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ROWS = 40


@pytest.fixture
def job(north: Publisher, film: Product) -> Job:
    """A job that holds every order; an order that is held again has a second event of it."""
    for _ in range(ROWS):
        base.place(north, (film, 1))
    user = cast.colleague("ana", north)
    return jobs.start("hold", user=user, title="Hold all", rows=Order.objects.all())


def times_held() -> Counter[int]:
    """How many orders were held how often."""
    held = OrderEvent.objects.filter(kind="order.held").values_list("order", flat=True)
    return Counter(Counter(held).values())


def figures(job: Job) -> tuple[str, int, int, int]:
    job.refresh_from_db()
    return job.state, job.total, job.done, job.refused


@contextmanager
def slowly(seconds: float = 0.01) -> Iterator[None]:
    """Let every row take its time, so that workers meet."""
    act = jobs.ACTS["hold"]

    def held(job: Job, row: JobRow) -> str:
        time.sleep(seconds)
        return act(job, row)

    with patch.dict(jobs.ACTS, {"hold": held}):
        yield


@contextmanager
def no_leases() -> Iterator[None]:
    """Let every worker take every job, whoever else is at it."""

    def lease() -> Job | None:
        return Job.objects.filter(state__in=Job.OPEN).first() and _taken()

    def _taken() -> Job:
        found = Job.objects.get()
        Job.objects.update(state="running", lease_until=None)
        found.state, found.lease_until = "running", None
        return found

    with patch.object(jobs, "_lease", lease):
        yield


@contextmanager
def no_row_guard() -> Iterator[None]:
    """Do a row whether or not another does it: no lock, no look at its state."""

    def do(job: Job, row_id: int) -> None:
        row = JobRow.objects.get(pk=row_id)
        row.state, row.text = "done", jobs.ACTS[job.kind](job, row)
        row.save()

    with patch.object(job_rows, "do", do):
        yield


def together(*acts: Callable[[], Any]) -> None:
    """Run each in a thread of its own, begun at the same moment."""
    barrier = threading.Barrier(len(acts))
    problems: list[BaseException] = []

    def run(act: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            act()
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []


def worker() -> None:
    jobs.go_on(time.monotonic() + 30)


def until_done() -> None:
    deadline = time.monotonic() + 30
    while Job.objects.filter(state__in=Job.OPEN).exists():
        assert time.monotonic() < deadline
        worker()
        time.sleep(0.05)


class TestTwoWorkers:
    def test_the_lease_keeps_them_apart(self, job: Job) -> None:
        with slowly():
            together(worker, worker)
        until_done()
        assert times_held() == {1: ROWS}
        assert figures(job) == ("done", ROWS, ROWS, 0)

    def test_without_leases_the_lock_on_the_row_does(self, job: Job) -> None:
        with slowly(), no_leases():
            together(worker, worker)
        assert times_held() == {1: ROWS}

    def test_control_without_guards_rows_are_done_twice(self, job: Job) -> None:
        with slowly(), no_leases(), no_row_guard():
            together(worker, worker)
        assert times_held()[2] > 0

    def test_a_stop_while_they_work_ends_it_and_the_count_is_right(self, job: Job) -> None:
        def stop() -> None:
            time.sleep(0.1)
            jobs.stop(job, None)

        with slowly():
            together(worker, worker, stop)
        state, total, done, refused = figures(job)
        assert (state, total, refused) == ("stopped", ROWS, 0)
        assert 0 < done < ROWS
        assert times_held() == {1: done}


class TestAWorkerThatIsKilled:
    def kill(self, after: int, *, inside: bool) -> None:
        """Kill a worker once it has done so many rows: within the next one, or between two."""
        act, do, done = jobs.ACTS["hold"], job_rows.do, [0]

        def held(job: Job, row: JobRow) -> str:
            told = act(job, row)
            if inside and done[0] == after:
                os.kill(os.getpid(), signal.SIGKILL)
            return told

        def counted(job: Job, row_id: int) -> None:
            if not inside and done[0] == after:
                os.kill(os.getpid(), signal.SIGKILL)
            do(job, row_id)
            done[0] += 1

        with patch.dict(jobs.ACTS, {"hold": held}), patch.object(job_rows, "do", counted):
            assert killed(worker)

    @pytest.mark.parametrize("inside", [True, False])
    @pytest.mark.parametrize("after", [0, 1, 7])
    def test_the_next_worker_goes_on_where_it_was(
        self, job: Job, desk_clock: Clock, after: int, inside: bool
    ) -> None:
        self.kill(after, inside=inside)
        assert times_held() == ({1: after} if after else {})
        assert job.rows.filter(state="done").count() == after
        worker()  # its lease still holds
        assert times_held()[1] == after
        desk_clock.forward(jobs.LEASE.total_seconds() + 1)
        worker()
        assert times_held() == {1: ROWS}
        assert figures(job) == ("done", ROWS, ROWS, 0)

    def test_control_with_the_mark_in_a_transaction_of_its_own_a_row_is_done_twice(
        self, job: Job, desk_clock: Clock
    ) -> None:
        def do(job: Job, row_id: int) -> None:
            row = JobRow.objects.get(pk=row_id)
            jobs.ACTS[job.kind](job, row)
            if row.number == 3 and os.environ.get("KILL_AT") == "row":
                os.kill(os.getpid(), signal.SIGKILL)
            row.state = "done"
            row.save()

        with patch.object(job_rows, "do", do):
            assert killed(worker, KILL_AT="row")
        desk_clock.forward(jobs.LEASE.total_seconds() + 1)
        worker()
        assert times_held() == {1: ROWS - 1, 2: 1}


def test_a_row_whose_order_a_person_has_locked_waits_for_it(job: Job) -> None:
    """The person's transaction ends first; the job's row finds what it left."""
    order = Order.objects.earliest("pk")
    ready = threading.Event()

    def person() -> None:
        with desk.transaction.atomic():
            desk.cancel(order.pk, actor=desk.lifecycle.WORKER)
            ready.set()
            time.sleep(0.3)

    def work() -> None:
        ready.wait(10)
        worker()

    together(person, work)
    until_done()
    first = job.rows.get(number=1)
    assert (first.state, Order.objects.get(pk=order.pk).status) == ("refused", "cancelled")
    assert figures(job) == ("done", ROWS, ROWS - 1, 1)


def test_two_people_who_begin_at_once_get_a_job_each_and_each_order_is_held_by_both(
    north: Publisher, film: Product
) -> None:
    orders: QuerySet[Order] = Order.objects.all()
    for _ in range(3):
        base.place(north, (film, 1))
    user = cast.colleague("ana", north)
    connections.close_all()
    together(*[lambda: jobs.start("hold", user=user, title="All", rows=orders)] * 2)
    assert sorted(Job.objects.values_list("total", flat=True)) == [3, 3]
