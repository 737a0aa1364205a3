"""Whole rows by SQL of our own, for what every webhook and every call to TrepStar reads.

Django takes longer to put such a query together than the database to answer it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from functools import cache
from typing import Any, TypeVar

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import DateTimeField, JSONField, Model
from django.db.models.base import ModelState
from django.db.transaction import TransactionManagementError

M = TypeVar("M", bound=Model)


@cache
def columns(model: type[Model], table: str, left_out: frozenset[str] = frozenset()) -> str:
    """Return the columns of a model for a SELECT, from what is called ``table`` there.

    All of them, but for the attributes ``left_out``.
    """
    quote = connection.ops.quote_name
    names = (quote(str(field.column)) for field in _fields(model, left_out))
    return ", ".join(f"{table}.{name}" for name in names)


def with_one(name: str, model: type[M], where: str, *params: Any) -> list[M]:
    """Return the rows that meet a condition, each with the one row that its link ``name`` leads to.

    ``where`` is SQL behind the word, in which the rows are called ``this`` and what they are
    linked to by ``name``; it may end with an order, a LIMIT or ``lock_clause``.
    """
    link: Any = model._meta.get_field(name)
    with connection.cursor() as cursor:
        cursor.execute(f"{_joined(model, name)} WHERE {where}", params)
        found = cursor.fetchall()
    width = len(model._meta.concrete_fields)
    rows = list(_made(model, (values[:width] for values in found)))
    others = _made(link.related_model, (values[width:] for values in found))
    for row, other in zip(rows, others, strict=True):
        link.set_cached_value(row, other)
    return rows


@cache
def _joined(model: type[Model], name: str) -> str:
    link: Any = model._meta.get_field(name)
    other: type[Model] = link.related_model
    quote = connection.ops.quote_name
    return f"""
        SELECT {columns(model, "this")}, {columns(other, name)}
        FROM {quote(model._meta.db_table)} this
        JOIN {quote(other._meta.db_table)} {name} ON {name}.id = this.{quote(link.column)}
    """  # noqa: S608 - names of tables and columns


def lock_clause() -> str:
    """Return what locks the rows called ``this`` in the open transaction against other writers.

    It is blank on SQLite, which has one writer at a time. Raises ``TransactionManagementError``
    outside of a transaction, as ``select_for_update`` does.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("Rows are locked within a transaction only.")
    return "FOR NO KEY UPDATE OF this" if connection.features.has_select_for_update_of else ""


def without(model: type[M], left_out: frozenset[str], where: str, *params: Any) -> list[M]:
    """Return the rows that meet a condition, as ``with_one`` has it, without some columns.

    ``left_out`` are attributes. Whoever asks a row for one of them has it read then, by itself.
    """
    told, table = columns(model, "this", left_out), connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {told} FROM {table} this WHERE {where}", params)  # noqa: S608
        found = cursor.fetchall()
    return list(_made(model, found, left_out))


def made_of(model: type[M], values: Sequence[Any]) -> M:
    """Return the object that the database's values of ``columns`` are."""
    return next(_made(model, [values]))


def _made(
    model: type[M], rows: Iterable[Sequence[Any]], left_out: frozenset[str] = frozenset()
) -> Iterator[M]:
    """Yield objects, put together without signals and ``__init__``: that takes far longer."""
    here = connections[DEFAULT_DB_ALIAS]
    names, converters = _names(model, left_out), _converters(model, left_out)
    for row in rows:
        values = list(row)
        for place, expression, converts in converters:
            for convert in converts:
                values[place] = convert(values[place], expression, here)
        made = model.__new__(model)
        made._state = ModelState()
        made._state.adding, made._state.db = False, here.alias
        made.__dict__.update(zip(names, values, strict=True))
        yield made


@cache
def _names(model: type[Model], left_out: frozenset[str]) -> list[str]:
    return [field.attname for field in _fields(model, left_out)]


def _fields(model: type[Model], left_out: frozenset[str]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if field.attname not in left_out]


@cache
def _converters(model: type[Model], left_out: frozenset[str]) -> list[tuple[int, Any, list[Any]]]:
    """Return what Django converts of a row: the place, its expression, and by what."""
    found = []
    for place, field in enumerate(_fields(model, left_out)):
        expression = field.get_col(model._meta.db_table)
        converters = _soon(field) or [
            *connection.ops.get_db_converters(expression),
            *expression.get_db_converters(connection),
        ]
        if converters:
            found.append((place, expression, converters))
    return found


def _soon(field: Any) -> list[Any]:
    """Return what does the same as Django's converters where those take long, else nothing."""
    if connection.vendor == "sqlite" and isinstance(field, DateTimeField):
        return [lambda time, *_: time and time.replace(tzinfo=UTC)]
    # Numbers of more than 64 bits apart, of which these tables have none.
    return [lambda text, *_: text and orjson.loads(text)] if type(field) is JSONField else []
