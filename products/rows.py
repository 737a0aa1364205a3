"""Whole rows by SQL of our own, for what every webhook reads.

Django takes longer to put such a query together than the database to answer it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)


@cache
def columns(model: type[Model], table: str) -> str:
    """Return all columns of a model for a SELECT, from what is called ``table`` there."""
    quote = connection.ops.quote_name
    names = (quote(str(field.column)) for field in model._meta.concrete_fields)
    return ", ".join(f"{table}.{name}" for name in names)


def with_publisher(model: type[M], where: str, *params: Any) -> list[M]:
    """Return the rows, called ``this``, that meet a condition, each with its ``publisher``.

    ``where`` is SQL behind the word; it may end with a LIMIT.
    """
    link: Any = model._meta.get_field("publisher")
    publisher: type[Model] = link.related_model
    quote = connection.ops.quote_name
    sql = f"""
        SELECT {columns(model, "this")}, {columns(publisher, "publisher")}
        FROM {quote(model._meta.db_table)} this
        JOIN {quote(publisher._meta.db_table)} publisher ON publisher.id = this.publisher_id
        WHERE {where}
    """  # noqa: S608 - names of tables and columns
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = cursor.fetchall()
    width = len(_names(model))
    rows = [made_of(model, values[:width]) for values in found]
    for row, values in zip(rows, found, strict=True):
        setattr(row, link.name, made_of(publisher, values[width:]))
    return rows


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
