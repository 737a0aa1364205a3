"""Many rows of one table, each with values of its own, written by one ``UPDATE``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def update_each(
    rows: Sequence[Model], names: Collection[str], *, versions: Sequence[int] | None = None
) -> int:
    """Write the named fields of saved ``rows`` of one model as they now are; return how many.

    With ``versions``, one for each row, only rows whose column ``version`` still is that.

    It is one ``UPDATE … FROM (VALUES …)``, and nothing without rows or names. Django's own
    ``bulk_update`` builds a ``CASE`` with a branch for every row and field instead, which takes
    many times as long to build as to run. A value that does not fit its column is refused.
    """
    if not rows or not names:
        return 0
    columns = [_field(rows[0], name) for name in ("pk", *sorted(names))]
    values = [
        [one.get_db_prep_save(getattr(row, one.attname), connection) for one in columns]
        for row in rows
    ]
    statement = _statement(rows[0]._meta.db_table, columns, len(rows), versions is not None)
    if versions is not None:
        values = [[*row, version] for row, version in zip(values, versions, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(statement, list(chain.from_iterable(values)))
        return int(cursor.rowcount)


def _field(row: Model, name: str) -> Field[Any, Any]:
    found = row._meta.pk if name == "pk" else row._meta.get_field(name)
    assert isinstance(found, Field)
    return found


def _statement(
    table: str, columns: Sequence[Field[Any, Any]], count: int, with_version: bool
) -> str:
    """Return the statement for ``count`` rows; the first of ``columns`` is the key.

    ``with_version``, what the version must be is given after them.
    """
    quote = connection.ops.quote_name
    key, *fields = columns
    new = ", ".join(
        f"{quote(str(one.column))} = given.column{n}" for n, one in enumerate(fields, 2)
    )
    first = ", ".join([*map(place_of, columns), *["%s"] * with_version])
    row = ", ".join(["%s"] * (len(columns) + with_version))
    given = f"({first}){f', ({row})' * (count - 1)}"
    where = f"{quote(table)}.{quote(str(key.column))} = given.column1"
    if with_version:
        where += f" AND {quote(table)}.version = given.column{len(columns) + 1}"
    # Nothing but names of the model's own table and columns is written into it.
    return f"UPDATE {quote(table)} SET {new} FROM (VALUES {given}) AS given WHERE {where}"  # noqa: S608


def place_of(field: Field[Any, Any]) -> str:
    """Return the placeholder of a column with its type, which no value beside it needs to repeat.

    Without the length, since a cast to it would cut silently what assigning refuses.
    """
    if connection.vendor != "postgresql":
        return "%s"
    return f"%s::{str(field.rel_db_type(connection)).partition('(')[0]}"
