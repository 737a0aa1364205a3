"""How a query says what it wants so that the database reads the index that was made for it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Func, Q


def one_of(field: str, values: Iterable[str]) -> Q:
    """Return the condition that ``field`` holds one of ``values``, as partial indexes state it.

    SQLite takes a partial index where its condition stands in the query term by term, and does
    not look into the list of an ``IN``.
    """
    return reduce(or_, (Q((field, value)) for value in sorted(values)))


class Unindexed(Func):
    """A column by which SQLite shall not look for rows, since it would take the wrong index.

    It cannot tell a publisher or a status of half of all orders from one of few. A unary ``+``
    changes nothing else. PostgreSQL weighs its indexes well enough, and is told nothing.
    """

    arity = 1
    template = "%(expressions)s"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="+%(expressions)s", **context)
