"""Jobs: written down in a request, done bit by bit, each row once, whoever works on them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from orders import jobs, tasks
from orders.lifecycle import NotNow
from orders.models import Job, JobRow, Order
from products.models import Product, Publisher
from tests import admin_cast as cast
from tests import base
from tests.conftest import Clock

pytestmark = pytest.mark.django_db

KIND = Job.Kind.IMPORT


@pytest.fixture
def user(north: Publisher) -> Any:
    return cast.colleague("ana", north)


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The labels of the rows that were done; "no" is refused, and "bug" fails."""
    found: list[str] = []

    def act(job: Job, row: JobRow) -> str:
        if row.label == "no":
            raise NotNow("No means no.")
        if row.label == "bug":
            raise KeyError(row.label)
        found.append(row.label)
        return f"{row.label} is {row.data.get('word', 'done')}."

    with patch.dict(jobs.ACTS, {KIND: act}):
        yield found


def begun(user: Any, *labels: str, **values: Any) -> Job:
    rows = [(label, None, {"word": f"word of {label}"}) for label in labels]
    return jobs.start(KIND, user=user, title="A file", rows=rows, **values)


def for_long() -> float:
    return time.monotonic() + 60


def rows(job: Job) -> list[tuple[int, str, str, str]]:
    return list(job.rows.values_list("number", "label", "state", "text"))


def figures(job: Job) -> tuple[str, int, int, int]:
    job.refresh_from_db()
    return job.state, job.total, job.done, job.refused


# Starting


def test_a_job_is_written_down_with_its_rows_and_wakes_a_worker(user: Any, said: list[str]) -> None:
    job = begun(user, "a", "b", params={"note": "x"})
    assert figures(job) == ("waiting", 2, 0, 0)
    assert rows(job) == [(1, "a", "waiting", ""), (2, "b", "waiting", "")]
    assert job.rows.first().data == {"word": "word of a"}
    assert (job.created_by, job.params, job.lease_until) == (user, {"note": "x"}, None)
    assert [task.func() for task in OrmQ.objects.all()] == ["orders.tasks.work_jobs"]
    assert said == []


def test_the_orders_of_a_queryset_become_rows_oldest_first(
    user: Any, north: Publisher, film: Product
) -> None:
    made = [base.place(north, (film, 1)) for _ in range(3)]
    chosen = Order.objects.filter(publisher=north).order_by("-pk")
    job = jobs.start(KIND, user=user, title="All", publisher=north, rows=chosen)
    found = job.rows.values_list("number", "label", "order_id", "data", "state", "text")
    assert list(found) == [(n, o.invoice, o.pk, {}, "waiting", "") for n, o in enumerate(made, 1)]
    assert job.total == 3


def test_a_job_is_started_by_as_many_statements_for_5000_orders_as_for_5(
    user: Any, north: Publisher
) -> None:
    counted = []
    for number in (5, 4995):
        Order.objects.bulk_create(
            Order(publisher=north, source="admin", invoice=f"N-{number}-{n}", mode="prod",
                  status="ready", mail_method="standard")
            for n in range(number)
        )  # fmt: skip
        with CaptureQueriesContext(connection) as seen:
            job = jobs.start(KIND, user=user, title="All", rows=Order.objects.all())
        counted.append(len(seen))
    assert job.total == job.rows.count() == 5000
    assert counted[0] == counted[1]
    assert counted[0] <= 8


def test_orders_that_come_later_are_not_of_the_job(
    user: Any, north: Publisher, film: Product
) -> None:
    first = base.place(north, (film, 1))
    job = jobs.start(KIND, user=user, title="All", rows=Order.objects.filter(status="ready"))
    base.place(north, (film, 1))
    Order.objects.filter(pk=first.pk).update(status="shipped")
    assert list(job.rows.values_list("order", flat=True)) == [first.pk]


@pytest.mark.parametrize("none", [[], Order.objects.none(), Order.objects.filter(invoice="X")])
def test_a_job_of_nothing_is_refused_and_nothing_changed(user: Any, none: Any) -> None:
    with pytest.raises(NotNow, match="There is nothing to do"):
        jobs.start(KIND, user=user, title="None", rows=none)
    assert (Job.objects.count(), OrmQ.objects.count()) == (0, 0)


def test_too_many_orders_are_refused_and_nothing_changed(
    user: Any, north: Publisher, film: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_ORDERS", 2)
    for _ in range(3):
        base.place(north, (film, 1))
    OrmQ.objects.all().delete()
    with pytest.raises(NotNow, match="3 orders are chosen; at most 2 can be"):
        jobs.start(KIND, user=user, title="All", rows=Order.objects.all())
    assert (Job.objects.count(), JobRow.objects.count(), OrmQ.objects.count()) == (0, 0, 0)


def test_labels_and_titles_that_are_too_long_or_hold_a_nul_are_cut(user: Any) -> None:
    rows = [("a\x00" + "b" * 300, None, {})]
    job = jobs.start(KIND, user=user, title="t\x00" + "t" * 300, rows=rows)
    assert job.rows.get().label == "a" + "b" * 199
    assert job.title == "t" * 200


# Working


def test_rows_are_done_in_order_and_say_what_became_of_them(user: Any, said: list[str]) -> None:
    job = begun(user, "a", "no", "b")
    jobs.go_on(for_long())
    assert said == ["a", "b"]
    assert rows(job) == [
        (1, "a", "done", "a is word of a."),
        (2, "no", "refused", "No means no."),
        (3, "b", "done", "b is word of b."),
    ]
    assert figures(job) == ("done", 3, 2, 1)
    assert job.started_at <= job.finished_at
    assert job.lease_until is None


def test_a_row_on_which_the_desk_fails_is_refused_and_does_not_stop_the_rest(
    user: Any, said: list[str]
) -> None:
    logging.disable(logging.CRITICAL)
    job = begun(user, "bug", "a")
    jobs.go_on(for_long())
    logging.disable(logging.NOTSET)
    assert rows(job)[0][2:] == (
        "refused",
        "The desk failed on it (KeyError). Tell whoever runs it.",
    )
    assert figures(job) == ("done", 2, 1, 1)


def test_what_a_refused_row_wrote_before_is_undone(user: Any, film: Product) -> None:
    def act(job: Job, row: JobRow) -> str:
        row.order = base.place(film.publisher, (film, 1))
        if row.label == "no":
            raise NotNow("Not after all.")
        return ""

    with patch.dict(jobs.ACTS, {KIND: act}):
        job = begun(user, "no", "yes")
        jobs.go_on(for_long())
    assert [row.order for row in job.rows.all()] == [None, Order.objects.get()]


def test_a_database_that_is_away_leaves_the_row_waiting_for_the_next_worker(
    user: Any, said: list[str], desk_clock: Clock
) -> None:
    job = begun(user, "a", "b")
    act, away = jobs.ACTS[KIND], iter([True])

    def falters(job: Job, row: JobRow) -> str:
        if row.label == "b" and next(away, False):
            raise OperationalError("The database is away.")
        return act(job, row)

    with patch.dict(jobs.ACTS, {KIND: falters}):
        with pytest.raises(OperationalError):
            jobs.go_on(for_long())
        assert [state for _, _, state, _ in rows(job)] == ["done", "waiting"]
        jobs.go_on(for_long())  # its lease still holds
        assert said == ["a"]
        desk_clock.forward(31)
        jobs.go_on(for_long())
    assert said == ["a", "b"]
    assert figures(job) == ("done", 2, 2, 0)


def do_rows(number: int) -> None:
    """Let a worker's time be up after so many rows."""
    ticks = SimpleNamespace(monotonic=lambda: ticks.done)
    ticks.done = 0
    act = jobs.ACTS[KIND]

    def counted(job: Job, row: JobRow) -> str:
        ticks.done += 1
        return act(job, row)

    with patch.dict(jobs.ACTS, {KIND: counted}), patch.object(jobs, "time", ticks):
        jobs.go_on(number)


def test_a_worker_whose_time_is_up_leaves_the_rest_to_the_next(user: Any, said: list[str]) -> None:
    job = begun(user, *"abcdef")
    do_rows(2)
    assert said == ["a", "b"]
    assert figures(job) == ("running", 6, 2, 0)
    jobs.go_on(for_long())
    assert said == list("abcdef")
    assert figures(job) == ("done", 6, 6, 0)


def test_jobs_take_turns_so_that_a_short_one_does_not_wait_for_a_long_one(
    user: Any, said: list[str]
) -> None:
    begun(user, *"abcdefgh")
    begun(user, *"xy")
    for _ in range(4):
        do_rows(1)
    assert said == ["a", "x", "b", "y"]


def test_a_job_of_a_kind_that_nobody_can_do_stays_waiting(user: Any) -> None:
    with patch.dict(jobs.ACTS, clear=True):
        job = begun(user, "a")
        jobs.go_on(for_long())
    assert figures(job) == ("waiting", 1, 0, 0)


def test_a_row_is_left_alone_by_a_worker_whose_job_was_taken_over(
    user: Any, said: list[str], desk_clock: Clock
) -> None:
    job = begun(user, "a", "b")
    mine = jobs._lease()
    assert mine is not None
    desk_clock.forward(31)
    jobs.go_on(for_long())
    assert said == ["a", "b"]
    jobs._work(mine, for_long())
    assert not jobs._settle(mine, jobs.LEASE)
    assert said == ["a", "b"]
    assert figures(job) == ("done", 2, 2, 0)


# Stopping


def test_a_stopped_job_leaves_what_is_not_done_waiting(user: Any, said: list[str]) -> None:
    job = begun(user, "a", "b", "c")
    act = jobs.ACTS[KIND]

    def stopped(one: Job, row: JobRow) -> str:
        told = act(one, row)
        if row.label == "a":
            jobs.stop(job, user)
        return told

    with patch.dict(jobs.ACTS, {KIND: stopped}):
        jobs.go_on(for_long())
    assert said == ["a"]
    assert [state for _, _, state, _ in rows(job)] == ["done", "waiting", "waiting"]
    assert figures(job) == ("stopped", 3, 1, 0)
    assert (job.stopped_by, job.lease_until) == (user, None)
    jobs.go_on(for_long())
    assert said == ["a"]


def test_a_job_that_ended_cannot_be_stopped_and_nothing_changed(user: Any, said: list[str]) -> None:
    job = begun(user, "a")
    jobs.go_on(for_long())
    before = list(Job.objects.values())
    with pytest.raises(NotNow, match="“A file” is done already, so it cannot be stopped."):
        jobs.stop(job, user)
    assert list(Job.objects.values()) == before


# Tasks


def test_the_task_comes_again_while_rows_are_left(
    user: Any, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(user, "a", "b")
    OrmQ.objects.all().delete()
    monkeypatch.setattr(tasks, "CLAIMING_SECONDS", 0)
    monkeypatch.setattr(jobs, "go_on", lambda stop_at: None)
    tasks.work_jobs()
    assert [task.func() for task in OrmQ.objects.all()] == ["orders.tasks.work_jobs"]
    monkeypatch.undo()
    OrmQ.objects.all().delete()
    tasks.work_jobs()
    assert OrmQ.objects.count() == 0
    assert said == ["a", "b"]


def test_the_sweep_wakes_a_worker_for_a_job_that_nobody_works_on(
    user: Any, said: list[str]
) -> None:
    begun(user, "a")
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert [task.func() for task in OrmQ.objects.all()] == ["orders.tasks.work_jobs"]
    tasks.work_jobs()
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert OrmQ.objects.count() == 0


# Who may see it


def test_jobs_and_rows_are_seen_by_those_who_may_see_their_publishers(
    user: Any, north: Publisher, film: Product
) -> None:
    stranger = cast.colleague("bo", base.southwind())
    mine = begun(user, "a", publisher=north)
    across = begun(user, "a")
    base.place(north, (film, 1))
    listed = jobs.start(KIND, user=user, title="All", rows=Order.objects.all())
    assert set(Job.objects.for_user(user)) == {mine, across, listed}
    assert set(Job.objects.for_user(stranger)) == set()
    assert listed.rows.for_user(user).count() == 1
    assert listed.rows.for_user(stranger).count() == 0
    north.staff.remove(user)
    assert set(Job.objects.for_user(user)) == {across, listed}
    assert listed.rows.for_user(user).count() == 0
