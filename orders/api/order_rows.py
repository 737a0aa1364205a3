"""Orders as clients read them: one statement for any number of them, and plain dictionaries.

What ``OrderShape`` declares is built here by hand, since a serializer that goes from field to field
takes several times as long as the database does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.db.models import Aggregate, OuterRef, QuerySet, Subquery, TextField
from django.db.models.functions import JSONArray
from django.utils import timezone

from orders import preflight, status
from orders.api.order_shapes import LineShape, OrderShape
from orders.gateway import box_of
from orders.models import Order, OrderLine
from orders.models.order import tracking_url
from products.models import Product

FIELDS = OrderShape.Meta.fields
_ELSEWHERE = {"publisher": "publisher__publisher_id", "reship_of": "reship_of__invoice"}
_BUILT = ("findings", "lines", "pieces", "tracking_url")
_COLUMNS = [name for name in FIELDS if name not in (*_ELSEWHERE, *_BUILT)]
_MOMENTS = ("hold_until", "next_attempt_at", "created_at", "updated_at", "accepted_at", "shipped_at")
_LINE = LineShape.Meta.fields
_QUANTITY = _LINE.index("quantity")


class _JsonRows(Aggregate):
    """All rows of a group as one JSON array, in any order."""

    function = "JSONB_AGG"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSON_GROUP_ARRAY", **context)


# The id comes first, by which the lines are put in order; the last four are for ``preflight``.
_LINES = Subquery(
    OrderLine.objects.filter(order=OuterRef("pk"))
    .order_by()
    .values("order")
    .annotate(
        rows=_JsonRows(
            JSONArray(
                *("id", "product_id", "product__project_id", "product__title", "quantity", "sku"),
                *("product__price", "product__special_text", "product__active"),
                "product__publisher_id",
            )
        )
    )
    .values("rows")
)


def read(orders: QuerySet[Order]) -> QuerySet[Order, dict[str, Any]]:
    """Return the rows of ``orders`` with their lines, in one statement; for ``shown``."""
    more = ("pk", "publisher_id", "publisher__charset")
    return orders.values(*more, *_COLUMNS, *_ELSEWHERE.values(), order_lines=_LINES)


def shown(row: dict[str, Any], wanted: Sequence[str] | None = None) -> dict[str, Any]:
    """Return a row of ``read`` as clients see it; only the ``wanted`` fields if these are given."""
    lines = sorted(json.loads(row["order_lines"] or "[]"))
    values = row | {
        "publisher": row["publisher__publisher_id"],
        "reship_of": row["reship_of__invoice"],
        "findings": _findings(row, lines) if row["status"] in status.EDITABLE else [],
    }
    return _told(values, [line[1:6] for line in lines], wanted)


def shown_new(orders: Iterable[Order]) -> list[dict[str, Any]]:
    """Return orders that were just made as clients see them; nothing is read."""
    return [_new(order) for order in orders]


def _new(order: Order) -> dict[str, Any]:
    lines = order.made_with
    values = {name: getattr(order, name) for name in _COLUMNS} | {
        "publisher": order.publisher.publisher_id,
        "reship_of": order.reship_of.invoice if order.reship_of else None,
        "findings": _told_findings(order, lines) if order.status in status.EDITABLE else [],
    }
    told = [
        (one.product_id, one.product.project_id, one.product.title, one.quantity, one.sku)
        for one in lines
    ]
    return _told(values, told, None)


def _told(
    values: dict[str, Any], lines: Sequence[Sequence[Any]], wanted: Sequence[str] | None
) -> dict[str, Any]:
    """Return ``values`` as JSON can hold them; they are changed. A line is its ``_LINE``."""
    zone = timezone.get_current_timezone()
    for name in _MOMENTS:
        values[name] = values[name] and _moment(values[name], zone)
    values["ship_date"] = values["ship_date"] and values["ship_date"].isoformat()
    values["price"] = None if values["price"] is None else f"{values['price']:.2f}"
    values["tracking_url"] = tracking_url(values["tracking_id"])
    values["pieces"] = sum(line[_QUANTITY] for line in lines)
    values["lines"] = [dict(zip(_LINE, line, strict=True)) for line in lines]
    return {name: values[name] for name in wanted or FIELDS}


def _moment(at: datetime, zone: Any) -> str:
    text = at.astimezone(zone).isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _findings(row: dict[str, Any], lines: list[list[Any]]) -> list[dict[str, str]]:
    """Return why TrepStar would refuse an order that was read as a row.

    It looks at what a row has of an order; a whole ``Order`` takes longer to make than to check.
    """
    publisher = SimpleNamespace(charset=row["publisher__charset"])
    order: Any = SimpleNamespace(publisher=publisher, **row)
    return _told_findings(order, [_line(line) for line in lines])


def _line(line: Sequence[Any]) -> Any:
    _, product_id, project_id, title, quantity, _, price, text, active, publisher_id = line
    product = Product(
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
