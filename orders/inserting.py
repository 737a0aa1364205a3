"""Inserts that tell more than ``save`` does, and many new rows at once.

A few hundred go by one statement, thousands by COPY on PostgreSQL and one by one through a prepared
statement on SQLite, in a fraction of the time that their objects' own INSERT takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models.base import ModelState
from django.db.models.sql import InsertQuery

from orders.updating import placed, prepared, source

FEW = 300
"""So many rows go by one statement, sooner than by COPY, which needs their ids beforehand."""

M = TypeVar("M", bound=models.Model)

_collected: ContextVar[list[models.Model] | None] = ContextVar("collected", default=None)


@contextmanager
def collected() -> Iterator[list[models.Model]]:
    """Collect what is inserted here meanwhile, in its order and without keys; insert none of it."""
    rows: list[models.Model] = []
    token = _collected.set(rows)
    try:
        yield rows
    finally:
        _collected.reset(token)


def collects(*rows: models.Model) -> bool:
    """Take rows that would be inserted, where they are collected; say whether they are."""
    taken = _collected.get()
    if taken is None:
        return False
    taken.extend(rows)
    return True


def insert(row: models.Model, *told: str) -> None:
    """Insert an unsaved row; set its primary key, and the fields ``told`` as they were written.

    For fields that were given as expressions, such as ``clock.later``.
    """
    if not collects(row):
        _insert(row, told, "")


def insert_once(row: models.Model) -> bool:
    """Insert an unsaved row unless a unique constraint has its like; return whether it was new.

    A row that is new gets its primary key. Somebody else's uncommitted like is waited for. Where
    ``save`` would need a savepoint around it and ``bulk_create(ignore_conflicts=True)`` would not
    tell, this is one statement.
    """
    return collects(row) or _insert(row, (), " ON CONFLICT DO NOTHING")


def _insert(row: models.Model, told: tuple[str, ...], on_conflict: str) -> bool:
    """Insert a row by a statement of our own; Django's takes longer to build than to run."""
    connection = connections[DEFAULT_DB_ALIAS]
    model = type(row)
    fields = fields_of(model)
    (values,) = _values([row], fields)
    places = ["%s"] * len(values)
    params: list[Any] = []
    for n, value in enumerate(values):
        if isinstance(value, models.Value):
            setattr(row, fields[n].attname, value.value)
            value = fields[n].get_db_prep_save(value.value, connection)
        if hasattr(value, "resolve_expression"):
            places[n], own = _compiled(value, model)
            params.extend(own)
        else:
            params.append(value)
    # Only what the database itself worked out has to be told.
    asked = [name for name in told if hasattr(getattr(row, name), "resolve_expression")]
    returned: list[Any] = [model._meta.pk, *(model._meta.get_field(name) for name in asked)]
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in returned)
    sql = f"{_into(model)} VALUES ({', '.join(places)}){on_conflict} RETURNING {names}"
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = cursor.fetchone()
    if found is None:
        return False
    for field, value in zip(returned, found, strict=True):
        setattr(row, field.attname, value)
    row._state.adding, row._state.db = False, connection.alias
    return True


@cache
def fields_of(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    """Return the fields that are written, all but the key, which the database gives."""
    return tuple(field for field in model._meta.local_concrete_fields if not field.primary_key)


@cache
def moments_of(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    """Return the fields that are set to the time of writing."""
    fields = fields_of(model)
    return tuple(f for f in fields if getattr(f, "auto_now", 0) or getattr(f, "auto_now_add", 0))


@cache
def _into(model: type[models.Model]) -> str:
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields_of(model))
    return f"INSERT INTO {quote(model._meta.db_table)} ({columns})"


def _compiled(expression: Any, model: type[models.Model]) -> tuple[str, Sequence[Any]]:
    query = InsertQuery(model)
    resolved = expression.resolve_expression(query, allow_joins=False, for_save=True)
    compiler = query.get_compiler(using=DEFAULT_DB_ALIAS)
    sql, params = compiler.compile(resolved)
    return sql, params


def another(template: M, **values: Any) -> M:
    """Return an unsaved object with the values and relations of ``template``, but for ``values``.

    ``values`` are plain fields, no relations. Making an object with all its fields takes far
    longer. ``template`` must be unsaved, and a list or dict of it is shared.
    """
    made = type(template).__new__(type(template))
    made.__dict__.update(template.__dict__, **values)
    made._state = ModelState()
    made._state.fields_cache = dict(template._state.fields_cache)
    return made


def insert_many(rows: Sequence[models.Model]) -> int:
    """Insert new objects of one model, in their order; give them their ids, and say how many.

    Without signals, as ``bulk_create``. Raises ``IntegrityError`` as any insert does. Values must
    be plain: no expression of the database's.
    """
    if not rows or collects(*rows):
        return len(rows)
    if len(rows) <= FEW:
        _insert_few(rows)
    elif connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        _insert_by_copy(rows)
    else:
        _insert_by_executemany(rows)
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return len(rows)


def _insert_few(rows: Sequence[models.Model]) -> None:
    """Insert by one statement, which is soon built."""
    model = type(rows[0])
    fields = fields_of(model)
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_few(model, len(rows)), placed(_values(rows, fields), fields))
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number


@cache
def _few(model: type[models.Model], count: int) -> str:
    fields = fields_of(model)
    names = ", ".join(f"column{n}" for n in range(1, len(fields) + 1))
    # Ids rise as the rows stand; SQLite reads values in their order.
    order = " ORDER BY place" if connections[DEFAULT_DB_ALIAS].vendor == "postgresql" else ""
    # Names of columns and types alone are written into it.
    return (
        f"{_into(model)} SELECT {names} FROM {source(fields, count)}{order} "  # noqa: S608
        f"RETURNING {model._meta.pk.column}"
    )


def _insert_by_copy(rows: Sequence[models.Model]) -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    fields = type(rows[0])._meta.local_concrete_fields
    with transaction.atomic(), connection.cursor() as cursor:
        _number(cursor, rows, connection.vendor)
        with (
            connection.wrap_database_errors,
            cursor.copy(f"COPY {_target(rows[0])} FROM STDIN") as copy,
        ):
            for values in _values(rows, fields):
                copy.write_row(values)


def _insert_by_executemany(rows: Sequence[models.Model]) -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    fields = type(rows[0])._meta.local_concrete_fields
    marks = ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {_target(rows[0])} VALUES ({marks})"  # noqa: S608 - names of columns
    with transaction.atomic(), connection.cursor() as cursor:
        _number(cursor, rows, connection.vendor)
        cursor.executemany(sql, list(_values(rows, fields)))


def _target(row: models.Model) -> str:
    """Return the table with all its columns, the key among them."""
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in row._meta.local_concrete_fields)
    return f"{quote(row._meta.db_table)} ({columns})"


def _number(cursor: Any, rows: Sequence[models.Model], vendor: str) -> None:
    """Give the objects ids that nobody else gets."""
    table, column = rows[0]._meta.db_table, rows[0]._meta.pk.column
    if vendor == "postgresql":
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [table, column, len(rows)],
        )
        numbers = [number for (number,) in cursor.fetchall()]
    else:
        # The transaction is the only one that writes.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = (cursor.fetchone() or [0])[0]
        numbers = list(range(last + 1, last + len(rows) + 1))
    for row, number in zip(rows, numbers, strict=True):
        row.pk = number


def _values(
    rows: Sequence[models.Model], fields: Sequence[models.Field[Any, Any]]
) -> Iterator[list[Any]]:
    """Yield each new object's values, in the order of the fields, as the driver takes them."""
    relations: list[Any] = [field for field in fields if field.is_relation]
    moments = {one.attname: one.pre_save(rows[0], add=True) for one in moments_of(type(rows[0]))}
    for row in rows:
        row.__dict__.update(moments)
        for field in relations:
            # What it points to may have been inserted since the row was made.
            if row.__dict__[field.attname] is None and field.is_cached(row):
                related = field.get_cached_value(row)
                setattr(row, field.attname, related and related.pk)
    return prepared(rows, fields)
