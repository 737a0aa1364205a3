"""Many rows of one table, each with values of its own, written by one ``UPDATE``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from json import dumps
from operator import itemgetter
from typing import Any

import orjson
from django.db import connection, models
from django.db.models import Field, Model

# What a driver does not take as it is, apart from JSON.
_ADAPTED = {
    "postgresql": (models.DecimalField,),
    "sqlite": (models.DecimalField, models.DateField, models.UUIDField),
}
_PLAIN_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def update_each(
    rows: Sequence[Model], names: Collection[str], *, versions: Sequence[int] | None = None
) -> int:
    """Write the named fields of saved ``rows`` of one model as they now are; return how many.

    With ``versions``, one for each row, only rows whose column ``version`` still is that.

    It is one ``UPDATE … FROM``, and nothing without rows or names. Django's own ``bulk_update``
    builds a ``CASE`` with a branch for every row and field instead, which takes many times as long
    to build as to run. A value that does not fit its column is refused.
    """
    if not rows or not names:
        return 0
    fields = [_field(rows[0], name) for name in ("pk", *sorted(names))]
    values = prepared(rows, fields)
    if versions is not None:
        fields = [*fields, _field(rows[0], "version")]
        values = ([*row, version] for row, version in zip(values, versions, strict=True))
    statement = _statement(fields, len(rows), versions is not None)
    with connection.cursor() as cursor:
        cursor.execute(statement, placed(values))
        return int(cursor.rowcount)


def prepared(rows: Sequence[Model], fields: Sequence[Field[Any, Any]]) -> Iterator[list[Any]]:
    """Yield each object's values, in the order of two or more fields, as the driver takes them."""
    types = _ADAPTED[connection.vendor]
    adapted = [(n, field) for n, field in enumerate(fields) if isinstance(field, types)]
    json = [n for n, field in enumerate(fields) if isinstance(field, models.JSONField)]
    # All of them at once: asked for one by one they take longer than the database does.
    values_of = itemgetter(*(field.attname for field in fields))
    for row in rows:
        values = list(values_of(row.__dict__))
        for n, field in adapted:
            if values[n] is not None:
                values[n] = field.get_db_prep_save(values[n], connection)
        for n in json:
            if values[n] is not None:
                values[n] = _json(values[n])
        yield values


def _json(value: Any) -> str:
    """Return a value as JSON: nearly all are soon written, the others as Django writes them."""
    try:
        return orjson.dumps(value, option=_PLAIN_JSON).decode()
    except TypeError:
        return dumps(value)


def placed(rows: Iterator[list[Any]]) -> list[Any]:
    """Return the values of rows as ``source`` has places for them."""
    if connection.vendor != "postgresql":
        return list(chain.from_iterable(rows))
    return [[*map(_exact, column)] for column in zip(*rows, strict=True)]


def _exact(value: Any) -> Any:
    """Return a text of another class, such as a choice, as a plain one: an array holds one type."""
    return str.__str__(value) if isinstance(value, str) and type(value) is not str else value


def source(fields: Sequence[Field[Any, Any]], count: int) -> str:
    """Return ``count`` rows of values as SQL to select from: ``given``, with ``column1`` and on.

    PostgreSQL is given each column as an array, which is soon built and read; the rows keep their
    order in ``place`` there.
    """
    names = ", ".join(f"column{n}" for n in range(1, len(fields) + 1))
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"{_type_of(field)}[]" for field in fields)
        return f"unnest({arrays}) WITH ORDINALITY AS given({names}, place)"
    row = f"({', '.join(['%s'] * len(fields))})"
    return f"(VALUES {', '.join([row] * count)}) AS given"


def _type_of(field: Field[Any, Any]) -> str:
    """Return the placeholder of a column with its type.

    Without the length, since a cast to it would cut silently what assigning refuses.
    """
    return f"%s::{str(field.rel_db_type(connection)).partition('(')[0]}"


def _field(row: Model, name: str) -> Field[Any, Any]:
    found = row._meta.pk if name == "pk" else row._meta.get_field(name)
    assert isinstance(found, Field)
    return found


def _statement(fields: Sequence[Field[Any, Any]], count: int, with_version: bool) -> str:
    """Return the statement for ``count`` rows; the first field is the key.

    ``with_version``, the last one is the version that a row must have.
    """
    quote = connection.ops.quote_name
    table = quote(fields[0].model._meta.db_table)
    told = [(quote(str(field.column)), f"given.column{n}") for n, field in enumerate(fields, 1)]
    held = [told[0], told[-1]] if with_version else told[:1]
    written = told[1:-1] if with_version else told[1:]
    new = ", ".join(f"{column} = {value}" for column, value in written)
    where = " AND ".join(f"{table}.{column} = {value}" for column, value in held)
    # Nothing but names of the model's own table and columns is written into it.
    return f"UPDATE {table} SET {new} FROM {source(fields, count)} WHERE {where}"  # noqa: S608
