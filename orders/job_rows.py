"""Where the rows of a job come from, and what is done with them: with each, or many at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet

from orders.lifecycle import NotNow
from orders.models import Job, JobRow

log = logging.getLogger(__name__)

Act = Callable[[Job, JobRow], str]
"""Does one row inside a transaction; returns a sentence or "". Raises ``NotNow`` to refuse it.

It may set ``row.order`` to the order that it made.
"""
ActOnMany = Callable[[Job, Sequence[JobRow]], list[str | NotNow]]
"""Does many rows inside a transaction; returns what ``Act`` would return or raise for each.

Whatever it raises undoes them all, and then each is done by itself.
"""

RowIn = tuple[str, int | None, dict[str, Any]]
"""A row's label, the id of its order or None, and its data, which holds no NUL."""


@dataclass(frozen=True)
class Reader:
    """Where a worker reads the rows of a kind of jobs that were started without them.

    ``read`` yields the next rows and, with them, the job's params by which it goes on behind them.
    It raises ``NotNow`` where nothing may be done with any row. ``given_up`` is called in the
    transaction in which a job ends before all its rows were read, and none of them was done.
    """

    read: Callable[[Job], Iterator[tuple[Sequence[RowIn], dict[str, Any]]]]
    given_up: Callable[[Job], None]


ACTS: dict[str, Act] = {}
ACTS_ON_MANY: dict[str, ActOnMany] = {}
READERS: dict[str, Reader] = {}


def act(kind: str) -> Callable[[Act], Act]:
    """Register what is done with each row of the jobs of a kind (``Job.Kind``)."""

    def register(one: Act) -> Act:
        ACTS[kind] = one
        return one

    return register


def act_on_many(kind: str) -> Callable[[ActOnMany], ActOnMany]:
    """Register how many rows of the jobs of a kind are done at once."""

    def register(one: ActOnMany) -> ActOnMany:
        ACTS_ON_MANY[kind] = one
        return one

    return register


def clean(text: str) -> str:
    """Return a text without NUL, which PostgreSQL does not store."""
    return text.replace("\x00", "")


def do_many(job: Job, row_ids: Sequence[int]) -> bool:
    """Do rows at once; False, with nothing done, where they must be done one by one."""
    if job.kind not in ACTS_ON_MANY:
        return False
    try:
        with transaction.atomic():
            rows = list(_locked_rows(row_ids).order_by("number"))
            if rows:
                _write_many(rows, ACTS_ON_MANY[job.kind](job, rows))
    except (OperationalError, InterfaceError):
        raise  # the database is at fault, and the rows stay waiting
    except Exception:
        log.exception("Rows of job %s failed together and are done one by one.", job.pk)
        return False
    return True


def _locked_rows(row_ids: Sequence[int]) -> QuerySet[JobRow]:
    """Return those rows that wait, of a job that was not stopped, and that nobody is at."""
    rows = JobRow.objects.select_for_update(of=("self",), skip_locked=True, no_key=True)
    return rows.filter(pk__in=row_ids, state=JobRow.State.WAITING, job__state=Job.State.RUNNING)


def _write_many(rows: Sequence[JobRow], told: Sequence[str | NotNow]) -> None:
    """Write what became of many rows, in one statement."""
    states = [
        (JobRow.State.REFUSED if isinstance(one, NotNow) else JobRow.State.DONE).value
        for one in told
    ]
    texts = [clean(str(one)) for one in told]
    columns = [[row.pk for row in rows], states, texts, [row.order_id for row in rows]]
    if connection.vendor == "postgresql":
        params: list[Any] = columns
        values = "unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[])"
    else:
        params = [value for row in zip(*columns, strict=True) for value in row]
        values = f"(VALUES {', '.join(['(%s, %s, %s, %s)'] * len(rows))})"
    names = "(column1, column2, column3, column4)" if connection.vendor == "postgresql" else ""
    data = JobRow._meta.get_field("data").db_type(connection)
    sql = (
        f"UPDATE {JobRow._meta.db_table} SET state = v.column2, text = v.column3, "  # noqa: S608
        "order_id = v.column4, "
        f"data = CASE v.column2 WHEN %s THEN CAST(%s AS {data}) ELSE data END "
        f"FROM {values} AS v{names} WHERE id = v.column1"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [JobRow.State.DONE.value, "{}", *params])


def do(job: Job, row_id: int) -> None:
    """Do one row, unless it was done, another is at it, or the job was stopped."""
    with transaction.atomic():
        row = _locked_rows([row_id]).first()
        if row is None:
            return
        found: dict[str, Any] = {"state": JobRow.State.REFUSED}
        row.job = job
        try:
            with transaction.atomic():
                found["text"] = clean(ACTS[job.kind](job, row))
            # What a row was to be made of is not needed any more.
            found |= {"state": JobRow.State.DONE, "order_id": row.order_id, "data": {}}
        except NotNow as problem:
            found["text"] = clean(str(problem))
        except (OperationalError, InterfaceError):
            raise  # the database is at fault and not the row, which stays waiting
        except Exception as error:
            log.exception("Row %s of job %s failed.", row_id, job.pk)
            found["text"] = f"The desk failed on it ({type(error).__name__}). Tell whoever runs it."
        JobRow.objects.filter(pk=row_id).update(**found)
