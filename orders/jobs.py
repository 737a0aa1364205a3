"""Work on many rows: written down in a request, done bit by bit by a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F

from orders import clock
from orders.lifecycle import Actor, Kind, NotNow
from orders.models import Job, JobRow
from products.models import Publisher

Act = Callable[[Job, JobRow], str]
"""Does one row inside a transaction; returns a sentence or "". Raises ``NotNow`` to refuse it.

It may set ``row.order`` to the order that it made.
"""
RowIn = tuple[str, int | None, dict[str, Any]]

ACTS: dict[str, Act] = {}


def act(kind: str) -> Callable[[Act], Act]:
    """Register what is done with each row of the jobs of a kind (``Job.Kind``)."""

    def register(one: Act) -> Act:
        ACTS[kind] = one
        return one

    return register


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
    rows: Iterable[RowIn],
) -> Job:
    """Write a job down with its rows. Raises ``NotNow`` where there is no row."""
    with transaction.atomic():
        job = Job.objects.create(
            kind=kind,
            title=title[:200],
            publisher=publisher,
            created_by=user,
            params=dict(params or {}),
        )
        made = (
            JobRow(job=job, number=number, label=label[:200], order_id=order_id, data=data)
            for number, (label, order_id, data) in enumerate(rows, start=1)
        )
        while some := list(islice(made, 1000)):
            job.total += len(JobRow.objects.bulk_create(some))
        if not job.total:
            raise NotNow("There is nothing to do: nothing is chosen.")
        job.save(update_fields=["total"])
    return job


def go_on(stop_at: float) -> None:
    """Do rows of the jobs that wait until ``stop_at``, a moment of ``time.monotonic()``."""
    for job in Job.objects.filter(state__in=("waiting", "running"), kind__in=list(ACTS)):
        Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, started_at=clock.now())
        waiting = job.rows.filter(state=JobRow.State.WAITING).order_by("number")
        for row_id in waiting.values_list("pk", flat=True):
            if time.monotonic() >= stop_at:
                return
            _do(job, row_id)
        Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, finished_at=clock.now())


def _do(job: Job, row_id: int) -> None:
    with transaction.atomic():
        row = (
            JobRow.objects.select_for_update(of=("self",), skip_locked=True, no_key=True)
            .filter(pk=row_id, state=JobRow.State.WAITING)
            .first()
        )
        if row is None:
            return
        try:
            with transaction.atomic():
                row.text, row.state = ACTS[job.kind](job, row), JobRow.State.DONE
        except NotNow as problem:
            row.text, row.state = str(problem), JobRow.State.REFUSED
        row.save(update_fields=["text", "state", "order"])
        counted = "done" if row.state == JobRow.State.DONE else "refused"
        Job.objects.filter(pk=job.pk).update(**{counted: F(counted) + 1})
