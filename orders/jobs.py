"""Work on many rows: written down in a request, done bit by bit by a worker.

A row is done in one transaction that also writes that it was done, under a lock on the row, so that
neither a worker that is killed nor two workers at once do it twice or not at all. The lease on the
job only keeps two workers from getting in each other's way. Where a kind of job can do many rows in
few statements, a transaction does many, and each by itself if the many fail.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet
from django_q.tasks import async_task

from orders import clock, job_rows
from orders.inserting import another, insert_many
from orders.job_rows import ACTS, ACTS_ON_MANY, READERS, RowIn, clean
from orders.lifecycle import Actor, Kind, NotNow
from orders.models import Job, JobRow, Order
from products.models import Publisher

MAX_ORDERS = 50_000
CHUNK = 100
CHUNK_OF_MANY = 1_000
LEASE = timedelta(seconds=30)
PROLONG_SECONDS = 1.0
LOOK_AGAIN = timedelta(seconds=1)
TITLE_LENGTH = LABEL_LENGTH = 200


def actor_of(job: Job) -> Actor:
    """Return who does what a job does: the person that started it."""
    return Actor(Kind.PERSON, job.created_by_id)


def start(
    kind: str,
    *,
    user: Any,
    title: str,
    publisher: Publisher | None = None,
    params: Mapping[str, Any] | None = None,
    rows: QuerySet[Order] | Iterable[RowIn] | None,
) -> Job:
    """Write a job down with its rows, and wake a worker when the transaction commits.

    The orders of a queryset are fixed now, oldest first, in one statement however many they are.
    None leaves the rows to the kind's ``Reader``: until a worker has read them all, none is done
    and the job's total is 0.
    Raises ``NotNow``, and writes nothing, for no row at all or more than ``MAX_ORDERS`` orders.
    """
    with transaction.atomic():
        job = Job.objects.create(
            kind=kind,
            title=clean(title)[:TITLE_LENGTH],
            publisher=publisher,
            created_by=user,
            params=dict(params or {}),
        )
        if isinstance(rows, QuerySet):
            job.total = _write_orders(job, rows)
        else:
            job.total = sum(insert_many(some) for some in _batches(job, rows or ()))
        if not job.total and rows is not None:
            raise NotNow(wrong_number(0))
        job.save(update_fields=["total"])
        async_task("orders.tasks.work_jobs")
    return job


def _write_orders(job: Job, orders: QuerySet[Order]) -> int:
    """Make a row of every order by one INSERT … SELECT; return how many there are."""
    chosen = orders.order_by().values_list("pk", "invoice")
    try:
        sql, params = chosen.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return 0
    json = JobRow._meta.get_field("data").db_type(connection)
    insert = (
        f"INSERT INTO {JobRow._meta.db_table} "  # noqa: S608 - compiled by Django, with params
        "(job_id, number, label, order_id, data, state, text) "
        f"WITH chosen (id, invoice) AS ({sql}) "
        "SELECT %s, ROW_NUMBER() OVER (ORDER BY chosen.id), chosen.invoice, chosen.id, "
        f"CAST(%s AS {json}), %s, %s FROM chosen"
    )
    with connection.cursor() as cursor:
        cursor.execute(insert, [*params, job.pk, "{}", JobRow.State.WAITING.value, ""])
        written: int = cursor.rowcount
    if written > MAX_ORDERS:
        raise NotNow(wrong_number(written))
    return written


def wrong_number(chosen: int) -> str:
    """Say why there is no job for so many orders: none, or more than ``MAX_ORDERS``."""
    if not chosen:
        return "There is nothing to do: nothing is chosen."
    return (
        f"{chosen:,} orders are chosen; at most {MAX_ORDERS:,} can be worked on at once. "
        "Choose fewer by a filter, such as a range of dates."
    )


def _batches(job: Job, rows: Iterable[RowIn], start: int = 1) -> Iterator[list[JobRow]]:
    template = JobRow(job=job)
    made = (
        another(template, number=n, label=clean(label)[:LABEL_LENGTH], order_id=order_id, data=data)
        for n, (label, order_id, data) in enumerate(rows, start)
    )
    while some := list(islice(made, 1000)):
        yield some


def waiting(now: datetime) -> QuerySet[Job]:
    """Return the jobs that a worker may go on with now."""
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    return Job.objects.filter(free, state__in=Job.OPEN, kind__in=list(ACTS))


def go_on(stop_at: float) -> None:
    """Do rows of the jobs that wait, the least recently served first, until ``stop_at``.

    ``stop_at`` is a moment of ``time.monotonic()``; the row that is under way then is ended.
    """
    while time.monotonic() < stop_at:
        job = _lease()
        if job is None:
            return
        _work(job, stop_at)


def do_now(job: Job, stop_at: float) -> None:
    """Do a job as a worker does, until ``stop_at``, unless a worker is at it; read it anew."""
    mine = _lease(job)
    if mine is not None:
        _work(mine, stop_at)
    job.refresh_from_db()


def stop(job: Job, user: Any) -> None:
    """End a job before its time: rows not done by now stay waiting. Raises ``NotNow`` if it ended.

    A row that a worker is at this moment doing is still done.
    """
    with transaction.atomic():
        present = _lock(job)
        if present.state not in Job.OPEN:
            raise NotNow(f"“{present}” is {present.state} already, so it cannot be stopped.")
        present.stopped_by = user
        _stop(present)


def _stop(present: Job) -> None:
    """End a locked job before its time; one whose rows were not all read loses them."""
    present.state = Job.State.STOPPED
    present.finished_at, present.lease_until = clock.now(), None
    if not present.total:
        present.rows.all().delete()
        READERS[present.kind].given_up(present)
    _count(present)
    present.save()


def forget_rows(ended_before: datetime) -> None:
    """Delete the rows of jobs that ended before; what was done to an order is in its timeline."""
    old = Job.objects.filter(finished_at__lt=ended_before)
    rows = JobRow.objects.filter(job__in=old).order_by()
    while ids := list(rows.values_list("pk", flat=True)[:1000]):
        JobRow.objects.filter(pk__in=ids).delete()


def _lock(job: Job) -> Job:
    return Job.objects.select_for_update(of=("self",), no_key=True).get(pk=job.pk)


def _lease(only: Job | None = None) -> Job | None:
    with transaction.atomic():
        now = clock.now()
        free = waiting(now).filter(pk=only.pk) if only else waiting(now)
        job = (
            free.select_for_update(of=("self",), skip_locked=True, no_key=True)
            .order_by(F("lease_until").asc(nulls_first=True), "pk")
            .first()
        )
        if job is not None:
            job.state, job.started_at = Job.State.RUNNING, job.started_at or now
            job.lease_until = now + LEASE
            job.save(update_fields=["state", "started_at", "lease_until"])
        return job


def _work(job: Job, stop_at: float) -> None:
    """Do the rows of a leased job in the order of their numbers, as long as it is ours."""
    if not job.total and not _read(job, stop_at):
        return
    last, prolong_at = 0, time.monotonic() + PROLONG_SECONDS
    size = CHUNK_OF_MANY if job.kind in ACTS_ON_MANY else CHUNK
    while time.monotonic() < stop_at:
        rows = job.rows.filter(state=JobRow.State.WAITING, number__gt=last).order_by("number")
        chunk = list(rows.values_list("pk", "number")[:size])
        if not chunk:
            break
        if job_rows.do_many(job, [row_id for row_id, _ in chunk]):
            last, chunk = chunk[-1][1], []
        for row_id, last in chunk:  # noqa: B007 - where the next chunk begins
            job_rows.do(job, row_id)
            if time.monotonic() >= min(stop_at, prolong_at):
                break
        if time.monotonic() >= stop_at:
            break
        if time.monotonic() >= prolong_at:
            prolong_at = time.monotonic() + PROLONG_SECONDS
            if not _settle(job, LEASE):
                return
    # Rows that still wait when all were tried are locked by another worker: not again at once.
    _settle(job, timedelta() if time.monotonic() >= stop_at else LOOK_AGAIN)


def _read(job: Job, stop_at: float) -> bool:
    """Write the rows of a leased job that has none yet; say whether all are there.

    Goes on behind those that are written. At least one batch is read, however late it is, so that
    it comes to its end.
    """
    number = 1 + job.rows.count()
    try:
        for rows, params in READERS[job.kind].read(job):
            with transaction.atomic():
                present = _lock(job)
                if not _is_ours(present, job):
                    return False
                number += sum(insert_many(some) for some in _batches(job, rows, number))
                job.params, job.lease_until = params, clock.now() + LEASE
                job.save(update_fields=["params", "lease_until"])
            if time.monotonic() >= stop_at:
                _settle(job, timedelta())
                return False
    except NotNow as problem:
        _give_up(job, str(problem))
        return False
    with transaction.atomic():
        present = _lock(job)
        job.total = number - 1
        if _is_ours(present, job):
            job.save(update_fields=["total"])
    return _is_ours(present, job)


def _give_up(job: Job, why: str) -> None:
    """End a leased job of which nothing may be done; ``params`` keep the reason."""
    with transaction.atomic():
        present = _lock(job)
        if _is_ours(present, job):
            present.params["told"] = why
            _stop(present)


def _is_ours(present: Job, job: Job) -> bool:
    """Say of a locked job whether it is still leased as when it was last read."""
    return present.state == Job.State.RUNNING and present.lease_until == job.lease_until


def _settle(job: Job, lease: timedelta) -> bool:
    """Write how far a job is, and lease it for so long from now; say whether to go on.

    It is done once no row waits.
    """
    with transaction.atomic():
        present, now = _lock(job), clock.now()
        left = _count(present)
        ours = _is_ours(present, job)
        if ours and present.total and not left:
            present.state, present.finished_at = Job.State.DONE, now
            present.lease_until = None
        elif ours:
            present.lease_until = now + lease
        present.save(update_fields=["state", "done", "refused", "finished_at", "lease_until"])
    job.lease_until = present.lease_until
    return ours and left > 0


def _count(job: Job) -> int:
    """Set how many rows of a locked job are done and refused; return how many wait."""
    counted = job.rows.order_by().values_list("state").annotate(Count("pk"))
    found = dict(counted)
    job.done = found.get(JobRow.State.DONE, 0)
    job.refused = found.get(JobRow.State.REFUSED, 0)
    return found.get(JobRow.State.WAITING, 0)
