"""The database's clock, by which leases, due times and budgets are measured.

A worker's own clock may be wrong; it is never compared with a time that another machine wrote.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

from django.db import connection
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, Func, Model, Value
from django.db.models.expressions import Combinable
from django.utils import timezone

from products.rows import columns, made_of

M = TypeVar("M", bound=Model)


class _ClockTimestamp(Func):
    """PostgreSQL's own time of this moment, within a transaction as well."""

    template = "clock_timestamp()"
    output_field = DateTimeField()


def now() -> datetime:
    """Return the database's time, aware, in UTC. SQLite shares the clock of its one machine."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def row_and_now(model: type[M], pk: int) -> tuple[M | None, datetime]:
    """Return the row with a primary key, or None, and what ``now`` returns, in one statement.

    It takes a second one where there is no row.
    """
    postgresql = connection.vendor == "postgresql"
    told = "clock_timestamp(), " if postgresql else ""
    told += columns(model, "this")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {told} FROM {model._meta.db_table} this WHERE id = %s", [pk])  # noqa: S608
        row = cursor.fetchone()
    if row is None:
        return None, now()
    return (made_of(model, row[1:]), row[0]) if postgresql else (made_of(model, row), now())


def later(seconds: float) -> Combinable:
    """Return the time in so many seconds as an expression: the database tells it as it writes.

    It saves the statement that ``now`` takes. What it was is known once the row is read again.
    """
    after = timedelta(seconds=seconds)
    if connection.vendor != "postgresql":
        return Value(timezone.now() + after, DateTimeField())
    moment = _ClockTimestamp() + Value(after, DurationField())
    return ExpressionWrapper(moment, DateTimeField())
