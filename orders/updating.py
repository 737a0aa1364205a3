"""Many rows of one table, each with values of its own, written by one ``UPDATE``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def update_each(rows: Sequence[Model], names: Collection[str]) -> int:
    """Write the named fields of saved ``rows`` of one model as they now are; return how many.

    It is one ``UPDATE … FROM (VALUES …)``, and nothing without rows or names. Django's own
    ``bulk_update`` builds a ``CASE`` with a branch for every row and field instead, which takes
    many times as long to build as to run. A value that does not fit its column is refused.
    """
    if not rows or not names:
        return 0
    columns = [_field(rows[0], name) for name in ("pk", *sorted(names))]
    values = [
        one.get_db_prep_save(getattr(row, one.attname), connection)
        for row in rows
        for one in columns
    ]
    with connection.cursor() as cursor:
        cursor.execute(_statement(rows[0]._meta.db_table, columns, len(rows)), values)
        return int(cursor.rowcount)


def _field(row: Model, name: str) -> Field[Any, Any]:
    found = row._meta.pk if name == "pk" else row._meta.get_field(name)
    assert isinstance(found, Field)
    return found


def _statement(table: str, columns: Sequence[Field[Any, Any]], count: int) -> str:
    """Return the statement for ``count`` rows; the first of ``columns`` is the key."""
    quote = connection.ops.quote_name
    key, *fields = columns
    new = ", ".join(
        f"{quote(str(one.column))} = given.column{n}" for n, one in enumerate(fields, 2)
    )
    first = ", ".join(map(_place, columns))
    row = ", ".join(["%s"] * len(columns))
    given = f"({first}){f', ({row})' * (count - 1)}"
    where = f"{quote(table)}.{quote(str(key.column))} = given.column1"
    # Nothing but names of the model's own table and columns is written into it.
    return f"UPDATE {quote(table)} SET {new} FROM (VALUES {given}) AS given WHERE {where}"  # noqa: S608


def _place(field: Field[Any, Any]) -> str:
    """Return the placeholder of a column in the first row, which gives the column its type.

    Without the length, since a cast to it would cut silently what assigning refuses.
    """
    if connection.vendor != "postgresql":
        return "%s"
    return f"%s::{str(field.rel_db_type(connection)).partition('(')[0]}"
