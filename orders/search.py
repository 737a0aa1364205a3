"""Finding orders by what staff have at hand, by beginnings that indexes serve among a million rows.

Every condition here has its index in ``orders.models`` and is written the way that lets the
database use it: LIKE over upper-case text on PostgreSQL, a range of it on SQLite.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Upper
from django.db.models.lookups import (
    Exact,
    GreaterThanOrEqual,
    IExact,
    IStartsWith,
    LessThan,
    StartsWith,
)

from orders.models import Order, OrderLine
from orders.models.prefix import LastWord

LONGEST = 254
SHOPIFY_ID = re.compile(r"(?:^|/)([0-9]{8,18})/?(?:[?#].*)?$")
_LAST = "\U0010ffff"
_ASCII_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def exact(orders: QuerySet[Order], text: str) -> Order | None:
    """Return the only one of the orders with this invoice or tracking id, whatever its case."""
    asked = _clean(text)
    if not asked:
        return None
    conditions = [Q(invoice=asked.upper()), _is(F("tracking_id"), asked)]
    found = list(_with_any(orders, [_ids(one) for one in conditions]).order_by("pk")[:2])
    return found[0] if len(found) == 1 else None


def search(orders: QuerySet[Order], text: str) -> QuerySet[Order]:
    """Return those of the orders that ``text`` means; a blank one means all.

    It is the beginning of an invoice, a Shopify number (with or without its #), a tracking id, an
    e-mail address, a first or last name, or a SKU; or a Shopify order id, or its page's address.
    """
    asked = _clean(text)
    if not asked:
        return orders
    by_sku = OrderLine.objects.filter(_begins(F("sku"), asked)).order_by().values("order_id")
    return _with_any(orders, [*(_ids(one) for one in _conditions(asked)), by_sku])


def _clean(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())[:LONGEST]


def _ids(condition: Q) -> QuerySet[Any]:
    return Order.objects.filter(condition).order_by().values("pk")


def _with_any(orders: QuerySet[Order], ids: list[QuerySet[Any]]) -> QuerySet[Order]:
    """Return the orders of any of the queries for ids, each of which has an index of its own.

    One condition with OR, across tables at that, would read every order there is.
    """
    return orders.filter(pk__in=ids[0].union(*ids[1:]))


def _conditions(asked: str) -> Iterator[Q]:
    yield _begins_upper("invoice", asked.upper())
    for column in ("reference", "tracking_id", "email", "name"):
        yield _begins(F(column), asked)
    if not asked.startswith("#"):
        yield _begins(F("reference"), f"#{asked}")
    first, _, rest = asked.partition(" ")
    if rest:
        yield _begins(F("name"), first) & _begins(LastWord("name"), rest.rpartition(" ")[2])
    else:
        yield _begins(LastWord("name"), asked)
    shopify_id = SHOPIFY_ID.search(asked)
    if shopify_id:
        yield Q(shop_order__shop_order_id=int(shopify_id[1]))


def _begins(text: Any, asked: str) -> Q:
    if connection.vendor == "postgresql":
        return Q(IStartsWith(text, asked))
    upper = asked.translate(_ASCII_UPPER)  # as SQLite's UPPER does it
    beginning = Q(GreaterThanOrEqual(Upper(text), upper))
    return beginning & Q(LessThan(Upper(text), upper + _LAST))


def _begins_upper(column: str, upper: str) -> Q:
    """As ``_begins``, for a column that only ever holds upper case."""
    if connection.vendor == "postgresql":
        return Q(StartsWith(F(column), upper))
    beginning = Q(GreaterThanOrEqual(F(column), upper))
    return beginning & Q(LessThan(F(column), upper + _LAST))


def _is(text: Any, asked: str) -> Q:
    if connection.vendor == "postgresql":
        return Q(IExact(text, asked))
    return Q(Exact(Upper(text), asked.translate(_ASCII_UPPER)))
