"""Inserts that tell more than ``save`` does, and many new rows at once.

Many go by COPY on PostgreSQL, and by one prepared statement on SQLite, in a fraction of the time
that their objects' own INSERT takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models.base import ModelState
from django.db.models.constants import OnConflict

M = TypeVar("M", bound=models.Model)

# What a driver does not take as it is.
_ADAPTED = (models.JSONField, models.DateField, models.DecimalField, models.UUIDField)


def insert(row: models.Model, *told: str) -> None:
    """Insert an unsaved row; set its primary key, and the fields ``told`` as they were written.

    For fields that were given as expressions, such as ``clock.later``.
    """
    _insert(row, told, None)


def insert_once(row: models.Model) -> bool:
    """Insert an unsaved row unless a unique constraint has its like; return whether it was new.

    A row that is new gets its primary key. Somebody else's uncommitted like is waited for. Where
    ``save`` would need a savepoint around it and ``bulk_create(ignore_conflicts=True)`` would not
    tell, this is one statement.
    """
    return _insert(row, (), OnConflict.IGNORE)


def _insert(row: models.Model, told: tuple[str, ...], on_conflict: OnConflict | None) -> bool:
    meta, manager = type(row)._meta, type(row)._base_manager
    returning: list[Any] = [meta.pk, *(meta.get_field(name) for name in told)]
    # What save() itself calls.
    answer = manager._insert(  # type: ignore[attr-defined]
        [row],
        fields=[field for field in meta.concrete_fields if not field.primary_key],
        using=manager.db,
        returning_fields=returning,
        on_conflict=on_conflict,
    )
    values = answer[0] if answer else None
    if values is None:
        return False
    for field, value in zip(returning, values, strict=True):
        setattr(row, field.attname, value)
    row._state.adding, row._state.db = False, manager.db
    return True


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

    Without signals, as ``bulk_create``. Raises ``IntegrityError`` as any insert does.
    """
    if not rows:
        return 0
    connection = connections[DEFAULT_DB_ALIAS]
    meta = rows[0]._meta
    fields = meta.local_concrete_fields
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    target = f"{quote(meta.db_table)} ({columns})"
    with transaction.atomic(), connection.cursor() as cursor:
        _number(cursor, rows, connection.vendor)
        if connection.vendor == "postgresql":
            with (
                connection.wrap_database_errors,
                cursor.copy(f"COPY {target} FROM STDIN") as copy,
            ):
                for values in _values(rows, fields):
                    copy.write_row(values)
        else:
            marks = ", ".join(["%s"] * len(fields))
            sql = f"INSERT INTO {target} VALUES ({marks})"  # noqa: S608 - names of columns
            cursor.executemany(sql, list(_values(rows, fields)))
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias
    return len(rows)


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
    """Yield each object's values, in the order of the fields, as the driver takes them."""
    connection = connections[DEFAULT_DB_ALIAS]
    moments = [f for f in fields if getattr(f, "auto_now", 0) or getattr(f, "auto_now_add", 0)]
    adapted = [(n, field) for n, field in enumerate(fields) if isinstance(field, _ADAPTED)]
    # All of them at once: asked for one by one they take longer than the database does.
    values_of = itemgetter(*(field.attname for field in fields))
    for row in rows:
        for field in moments:
            field.pre_save(row, add=True)
        values = list(values_of(row.__dict__))
        for n, field in adapted:
            if values[n] is not None:
                values[n] = field.get_db_prep_save(values[n], connection)
        yield values
