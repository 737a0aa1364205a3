"""What a box weighs, where the shop says so: read from its newest body while that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orders.models import Delivery, Order, OrderLine
from orders.shopify.payload import Unusable
from orders.shopify.strict_json import read_json


def grams_of(order: Order, lines: Sequence[OrderLine]) -> int | None:
    """Return the weight of the box in grams, or None where the shop does not give every line's."""
    if order.shop_order_id is None or not lines:
        return None
    bodies = Delivery.objects.filter(shop_order=order.shop_order_id, body__isnull=False)
    body = bodies.order_by("-id").values_list("body", flat=True).first()
    known = _grams_by_line(bytes(body)) if body is not None else {}
    if not all(line.source_line_id in known for line in lines):
        return None
    return sum(known[line.source_line_id] * line.quantity for line in lines) or None


def _grams_by_line(body: bytes) -> dict[Any, int]:
    try:
        items = read_json(body).get("line_items")
    except Unusable:
        return {}
    return {
        item["id"]: item["grams"]
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
        and type(item.get("id")) is int
        and type(item.get("grams")) is int
        and item["grams"] >= 0
    }
