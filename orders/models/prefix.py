"""Indexes for what people type: the beginning of a text, whatever its case."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Func
from django.db.models.functions import Upper


class PrefixIndex(models.Index):
    """An index over the upper-case form of one column or expression, read by ``orders.search``.

    On PostgreSQL it compares byte by byte, as LIKE needs it under every locale.
    """

    def __init__(self, expression: Any = None, *expressions: Any, **options: Any) -> None:
        # A migration gives back what ``deconstruct`` took: the finished expression.
        finished = expression if isinstance(expression, Upper) else Upper(expression)
        super().__init__(finished, *expressions, **options)

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **options: Any) -> Any:
        statement = super().create_sql(model, schema_editor, using=using, **options)
        if schema_editor.connection.vendor == "postgresql":
            parts: dict[str, Any] = statement.parts
            parts["columns"] = f"{parts['columns']} text_pattern_ops"
        return statement


class LastWord(Func):
    """What stands behind the last space of a column: the last name, most of the time.

    The column's own letters are cut off its end, so that what is left ends with the last space;
    and that is cut off its beginning. It has no parameters, which no index could be matched with.
    """

    arity = 1
    template = (
        "REPLACE(%(expressions)s, RTRIM(%(expressions)s, REPLACE(%(expressions)s, ' ', '')), '')"
    )
    output_field = models.CharField()
