"""Many rows of one table, each with values of its own, written by one ``UPDATE``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from json import dumps
from operator import itemgetter
from typing import Any

import orjson
from django.db import DEFAULT_DB_ALIAS, DataError, connection, connections, models
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
        cursor.execute(statement, placed(values, fields))
        return int(cursor.rowcount)


def prepared(rows: Sequence[Model], fields: Sequence[Field[Any, Any]]) -> Iterator[list[Any]]:
    """Yield each object's values, in the order of two or more fields, as the driver takes them."""
    here = connections[DEFAULT_DB_ALIAS]
    types = _ADAPTED[here.vendor]
    # Of a batch, many have the same time: what a value becomes is worked out once.
    adapted: list[tuple[int, Any, dict[Any, Any]]] = [
        (n, field, {None: None}) for n, field in enumerate(fields) if isinstance(field, types)
    ]
    json = [n for n, field in enumerate(fields) if isinstance(field, models.JSONField)]
    # All of them at once: asked for one by one they take longer than the database does.
    values_of = itemgetter(*(field.attname for field in fields))
    for row in rows:
        values = list(values_of(row.__dict__))
        for n, field, known in adapted:
            value = values[n]
            if value not in known:
                known[value] = field.get_db_prep_save(value, here)
            values[n] = known[value]
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


def placed(rows: Iterator[list[Any]], fields: Sequence[Field[Any, Any]]) -> list[Any]:
    """Return the values of rows as ``source`` has places for them.

    Raises ``DataError`` for what no column could hold, as PostgreSQL does.
    """
    if connection.vendor != "postgresql":
        return list(chain.from_iterable(rows))
    keys = [str(n) for n in range(1, len(fields) + 1)]
    json = [n for n, field in enumerate(fields) if isinstance(field, models.JSONField)]
    told = []
    for row in rows:
        for n in json:
            if row[n] is not None:
                row[n] = orjson.Fragment(row[n])
        told.append(dict(zip(keys, row, strict=True)))
    try:
        return [orjson.dumps(told, default=_number).decode()]
    except TypeError as error:
        raise DataError(f"Values cannot be written as JSON: {error}.") from error


def _number(value: Any) -> str:
    """Return the one kind of value as text that JSON would not keep exact."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no value of a column")


def source(fields: Sequence[Field[Any, Any]], count: int) -> str:
    """Return ``count`` rows of values as SQL to select from: ``given``, with ``column1`` and on.

    PostgreSQL is given them as one JSON text, which is sooner written than its arrays; the rows
    keep their order in ``place`` there.
    """
    names = ", ".join(f"column{n}" for n in range(1, len(fields) + 1))
    if connection.vendor == "postgresql":
        told = ", ".join(f'"{n}" {_type_of(field)}' for n, field in enumerate(fields, 1))
        rows = f"ROWS FROM (json_to_recordset(%s) AS ({told})) WITH ORDINALITY"
        return f"{rows} AS given({names}, place)"
    row = f"({', '.join(['%s'] * len(fields))})"
    return f"(VALUES {', '.join([row] * count)}) AS given"


def _type_of(field: Field[Any, Any]) -> str:
    """Return a column's type without its length: a cast would cut what assigning refuses."""
    return str(field.rel_db_type(connection)).partition("(")[0]


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
