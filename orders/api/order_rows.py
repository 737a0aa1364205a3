"""Orders as clients read them: one statement for any number of them, and plain dictionaries.

What ``OrderShape`` declares is built here by hand, since a serializer that goes from field to field
takes several times as long as the database does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

import orjson
from django.conf import settings
from django.db import connection
from django.db.models import TextField
from django.db.models.expressions import RawSQL
from django.utils import timezone

from orders import preflight, status
from orders.api.order_shapes import LineShape, OrderShape
from orders.gateway import box_of
from orders.inserting import another
from orders.models import Order, OrderLine
from orders.models.order import tracking_url
from orders.models.order_rows import OrderQuerySet
from products.models import Product

FIELDS = OrderShape.Meta.fields
_ELSEWHERE = {"publisher": "publisher__publisher_id", "reship_of": "reship_of__invoice"}
_BUILT = ("findings", "lines", "pieces", "tracking_url")
_COLUMNS = [name for name in FIELDS if name not in (*_ELSEWHERE, *_BUILT)]
_MOMENTS = (
    "hold_until",
    "next_attempt_at",
    "created_at",
    "updated_at",
    "accepted_at",
    "shipped_at",
)
_BLANK = dict.fromkeys(FIELDS)
"""What every answer begins as, so that its fields stand in their order."""
_LINE = LineShape.Meta.fields
_QUANTITY = _LINE.index("quantity")
_PRODUCT = Product()


# The id comes first, by which the lines are put in order; the last four are for ``preflight``.
_LINES = """(
    SELECT {all}({one}(
        line.id, line.product_id, product.project_id, product.title, line.quantity, line.sku,
        product.price, product.special_text, product.active, product.publisher_id
    )) FROM orders_orderline line {product} WHERE line.order_id = orders_order.id
)"""
# OFFSET keeps PostgreSQL from joining, for which it would read all products for every order.
_LATERAL = """CROSS JOIN LATERAL (
    SELECT * FROM products_product WHERE products_product.id = line.product_id OFFSET 0
) product"""
_JOIN = "JOIN products_product product ON product.id = line.product_id"
_WORDS = {
    "postgresql": _LINES.format(all="json_agg", one="json_build_array", product=_LATERAL)
    + "::text",
    "sqlite": _LINES.format(all="json_group_array", one="json_array", product=_JOIN),
}


@cache
def rows() -> OrderQuerySet:
    """Return all orders with their lines, in one statement, as named tuples; for ``shown``.

    Django takes as long to put so many columns into a query as to build what is asked of it, so
    that is done once: narrow it down with ``for_user`` and filters.
    """
    lines = RawSQL(_WORDS[connection.vendor], (), TextField())  # noqa: S611 - a constant
    more = ("pk", "publisher_id", "publisher__charset")
    names = (*_COLUMNS, *more, *_ELSEWHERE.values(), "order_lines")
    return Order.objects.annotate(order_lines=lines).values_list(*names, named=True)  # type: ignore[return-value]


def shown(row: Any, wanted: Sequence[str] | None = None) -> dict[str, Any]:
    """Return one of ``rows`` as clients see it; only the ``wanted`` fields if these are given."""
    lines = sorted(orjson.loads(row.order_lines)) if row.order_lines else []
    told = _BLANK.copy()
    told.update(zip(_COLUMNS, row))  # noqa: B905 - the columns come first, and are not all
    told["findings"] = _findings(row._asdict(), lines) if row.status in status.EDITABLE else []
    told["publisher"] = row.publisher__publisher_id
    told["reship_of"] = row.reship_of__invoice
    return _told(told, [line[1:6] for line in lines], wanted)


def shown_new(orders: Iterable[Order]) -> list[dict[str, Any]]:
    """Return orders that were just made as clients see them; nothing is read."""
    return [_new(order) for order in orders]


def _new(order: Order) -> dict[str, Any]:
    lines = order.made_with
    values = {name: getattr(order, name) for name in _COLUMNS}
    values |= {
        "publisher": order.publisher.publisher_id,
        "reship_of": order.reship_of.invoice if order.reship_of else None,
        "findings": _told_findings(order, lines) if order.status in status.EDITABLE else [],
    }
    shipped = [
        (one.product_id, one.product.project_id, one.product.title, one.quantity, one.sku)
        for one in lines
    ]
    return _told(_BLANK | values, shipped, None)


def _told(
    told: dict[str, Any], lines: Sequence[Sequence[Any]], wanted: Sequence[str] | None
) -> dict[str, Any]:
    """Return what is ``told`` as JSON can hold it, completed. A line is its ``_LINE``."""
    if settings.TIME_ZONE != "UTC":
        zone = timezone.get_current_timezone()
        told |= {name: told[name] and told[name].astimezone(zone) for name in _MOMENTS}
    told["ship_date"] = told["ship_date"] and told["ship_date"].isoformat()
    told["price"] = None if told["price"] is None else f"{told['price']:.2f}"
    told["tracking_url"] = tracking_url(told["tracking_id"])
    told["pieces"] = sum(line[_QUANTITY] for line in lines)
    told["lines"] = [dict(zip(_LINE, line, strict=True)) for line in lines]
    return {name: told[name] for name in wanted} if wanted else told


def _findings(row: dict[str, Any], lines: list[list[Any]]) -> list[dict[str, str]]:
    """Return why TrepStar would refuse an order that was read as a row.

    It looks at what a row has of an order; a whole ``Order`` takes longer to make than to check.
    """
    publisher = SimpleNamespace(charset=row["publisher__charset"])
    order: Any = SimpleNamespace(publisher=publisher, **row)
    return _told_findings(order, [_line(line) for line in lines])


def _line(line: Sequence[Any]) -> Any:
    _, product_id, project_id, title, quantity, _, price, text, active, publisher_id = line
    product = another(
        _PRODUCT,
        publisher_id=publisher_id,
        project_id=project_id,
        title=title,
        price=Decimal(str(price)),
        special_text=text,
        active=bool(active),
    )
    return SimpleNamespace(product_id=product_id, product=product, quantity=quantity)


def _told_findings(order: Order, lines: Sequence[OrderLine]) -> list[dict[str, str]]:
    found = preflight.check(order, lines, box_of(order, lines))
    return [{"field": one.field, "code": one.code, "message": one.text} for one in found]
