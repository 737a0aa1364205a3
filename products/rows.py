"""Whole rows by SQL of our own, for what every webhook and every call to TrepStar reads.

Django takes longer to put such a query together than the database to answer it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model
from django.db.transaction import TransactionManagementError

M = TypeVar("M", bound=Model)


@cache
def columns(model: type[Model], table: str) -> str:
    """Return all columns of a model for a SELECT, from what is called ``table`` there."""
    quote = connection.ops.quote_name
    names = (quote(str(field.column)) for field in model._meta.concrete_fields)
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
    width = len(_names(model))
    rows = [made_of(model, values[:width]) for values in found]
    for row, values in zip(rows, found, strict=True):
        setattr(row, name, made_of(link.related_model, values[width:]))
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


def made_of(model: type[M], values: Sequence[Any]) -> M:
    """Return the object that the database's values of ``columns`` are."""
    found = list(values)
    for place, expression, converters in _converters(model):
        for convert in converters:
            found[place] = convert(found[place], expression, connection)
    return model.from_db(connection.alias, _names(model), found)


@cache
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


@cache
def _converters(model: type[Model]) -> list[tuple[int, Any, list[Any]]]:
    """Return what Django converts of a row: the place, its expression, and by what."""
    found = []
    for place, field in enumerate(model._meta.concrete_fields):
        expression = field.get_col(model._meta.db_table)
        converters = [
            *connection.ops.get_db_converters(expression),
            *expression.get_db_converters(connection),
        ]
        if converters:
            found.append((place, expression, converters))
    return found
