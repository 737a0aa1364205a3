"""Finding orders by what staff have at hand, by beginnings that indexes serve among a million rows.

Every condition here has its index in ``orders.models`` and is written the way that lets the
database use it: LIKE over upper-case text on PostgreSQL, a range of it on SQLite. What stands
inside of a text is not searched for: no index of either database finds that in bounded time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import (
    BooleanField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce, Upper
from django.db.models.lookups import (
    Exact,
    GreaterThanOrEqual,
    IExact,
    IStartsWith,
    LessThan,
    StartsWith,
)

from orders.models import Order, OrderLine, ShopOrder
from orders.models.order_indexes import PARTLY_BLANK
from orders.models.order_rows import OrderQuerySet
from orders.models.prefix import LastWord

LONGEST = 254
FEW = 1_000
"""So many hits of one condition are taken from its index; of more, the newest orders are read."""
MANY_COUNTED = 50
_SHARED = 50
"""More orders never have one tracking id."""
SHOPIFY_ID = re.compile(r"(?:^|/)([0-9]{8,18})/?(?:[?#].*)?$")
_LAST = "\U0010ffff"
_ASCII_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def exact(orders: QuerySet[Order], text: str) -> Order | None:
    """Return the only one of the orders with this invoice or tracking id, whatever its case."""
    asked = _clean(text)
    if not asked:
        return None
    # ALL: what need not be compared with what came before stops at a limit.
    ids = _ids(Q(invoice=asked.upper())).union(_ids(_is("tracking_id", asked)), all=True)
    found = list(orders.filter(pk__in={pk for (pk,) in ids[:_SHARED]}).order_by("pk")[:2])
    return found[0] if len(found) == 1 else None


def search(orders: QuerySet[Order], text: str) -> QuerySet[Order]:
    """Return those of the orders that ``text`` means; a blank one means all.

    It is the beginning of an invoice, a Shopify number (with or without its #), a tracking id, an
    e-mail address, a first or last name, or a SKU; or a Shopify order id, or its page's address.

    What few orders have is looked up in its indexes at once. What many have is found soon among
    the newest orders, but not sorted soon: then each order is asked, in the caller's order, and
    for nothing that no order has.
    """
    asked = _clean(text)
    if not asked:
        return orders
    with connection.cursor() as cursor:
        cursor.execute(*hits(asked))
        found = cursor.fetchall()
    conditions = [one.fits for one in _conditions(asked)]
    had = Counter(number for _, number in found)
    if max(had.values(), default=0) <= FEW:
        return orders.filter(pk__in={pk for pk, _ in found})
    wanted = [one for number, one in enumerate(conditions) if number in had]
    if len(conditions) in had:
        # No EXISTS, which PostgreSQL may answer by reading all lines beforehand.
        lines = OrderLine.objects.filter(_begins("sku", asked).fits, order=OuterRef("pk"))
        line = Subquery(lines.order_by().values("pk")[:1])
        orders, wanted = orders.alias(hit_line=line), [*wanted, Q(hit_line__isnull=False)]
    # COALESCE, since no index is read for what is in it, and half of all orders are thought to fit.
    fits = ExpressionWrapper(reduce(or_, wanted), BooleanField())
    many = orders.filter(Coalesce(fits, False))
    if isinstance(many, OrderQuerySet):
        many.counted_to = MANY_COUNTED
    return many


def hits(asked: str) -> tuple[str, tuple[Any, ...]]:
    """Return SQL and its values, for the ids of the orders that a text means, and by which number.

    Each condition, of which the last is the SKU, is a query of its own, with an index of its own:
    one condition with OR, across tables at that, would read every order there is. Each ends once
    it has found more than ``FEW``. An id may come twice.
    """
    sku = _begins("sku", asked)
    lines = OrderLine.objects.filter(sku.fits).values_list("order_id")
    each = [(one.order, _ids(one.fits)) for one in _conditions(asked)]
    found = [
        rows.annotate(number=Value(number)).order_by(*order)[: FEW + 1].query.sql_with_params()
        for number, (order, rows) in enumerate([*each, (sku.order, lines)])
    ]
    # Not by Django's union(): SQLite takes a limit within a UNION only where it is FROM there.
    sql = " UNION ALL ".join(f"SELECT * FROM ({one}) AS hits" for one, _ in found)  # noqa: S608
    return sql, tuple(value for _, values in found for value in values)


def _clean(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())[:LONGEST]


def _ids(condition: Q) -> QuerySet[Any]:
    return Order.objects.filter(condition).order_by().values_list("pk")


class Condition(NamedTuple):
    """What an order may fit, and the order of the index that says so.

    PostgreSQL would otherwise gather all hits there are, or read the table, before the first.
    """

    fits: Q
    order: Sequence[OrderBy]


def _conditions(asked: str) -> Iterator[Condition]:
    yield _begins_upper("invoice", asked.upper())
    for column in ("reference", "tracking_id", "email", "name"):
        yield _begins(column, asked)
    if not asked.startswith("#"):
        yield _begins("reference", f"#{asked}")
    first, _, rest = asked.partition(" ")
    last = _begins(LastWord("name"), rest.rpartition(" ")[2] if rest else asked)
    if rest:
        last = last._replace(fits=last.fits & _begins("name", first).fits)
    yield last
    shopify_id = SHOPIFY_ID.search(asked)
    if shopify_id:
        shop_orders = ShopOrder.objects.filter(shop_order_id=int(shopify_id[1]))
        yield Condition(Q(shop_order__in=shop_orders.order_by().values("pk")), [])


class _AsIndexed(OrderBy):
    """The order of an index made for the beginnings of texts: byte by byte."""

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        # Django looks for ASC or DESC in what orders rows, which USING takes the place of.
        return self.as_sql(compiler, connection, template="%(expression)s USING ~<~ /* ASC */")


def _begins(text: Any, asked: str) -> Condition:
    column, filled = _known(text)
    order = [_AsIndexed(Upper(column))]
    if connection.vendor == "postgresql":
        return Condition(filled & Q(IStartsWith(column, asked)), order)
    upper = asked.translate(_ASCII_UPPER)  # as SQLite's UPPER does it
    return Condition(filled & _between(Upper(column), upper), order)


def _begins_upper(column: str, upper: str) -> Condition:
    """As ``_begins``, for a column that only ever holds upper case."""
    text = F(column)
    says = StartsWith if connection.vendor == "postgresql" else _between
    return Condition(Q(says(text, upper)), [_AsIndexed(text)])


def _between(text: Any, beginning: str) -> Q:
    return Q(GreaterThanOrEqual(text, beginning)) & Q(LessThan(text, beginning + _LAST))


def _is(text: Any, asked: str) -> Q:
    column, filled = _known(text)
    if connection.vendor == "postgresql":
        return filled & Q(IExact(column, asked))
    return filled & Q(Exact(Upper(column), asked.translate(_ASCII_UPPER)))


def _known(text: Any) -> tuple[Any, Q]:
    """Return what to compare, and the condition of its index, which leaves out blank texts."""
    if not isinstance(text, str):
        return text, Q()
    return F(text), ~Q(**{text: ""}) if text in PARTLY_BLANK else Q()
