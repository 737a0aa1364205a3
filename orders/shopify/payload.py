"""A delivered body read into what the desk needs. Pure; knows no database.

Bodies are the REST order and fulfillment resources, whose every field may be absent, null or
blank; customer data that Shopify redacts arrives as missing keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orders.recipient import Recipient, recipient
from orders.shopify.strict_json import Unusable

CREATING_TOPICS = (
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "orders/paid",
    "orders/create",
    "fulfillments/create",
)
FULFILLED_TOPICS = ("orders/fulfilled", "orders/partially_fulfilled", "fulfillments/create")

MAX_LINES = 500
MAX_ID = 2**63 - 1
MAX_QUANTITY = 10_000

TEST_ORDER_IDS = (820982911946154508, 820982911946154500)
TEST_FULFILLMENT_NAME = "#9999."
INACTIVE_FULFILLMENT = ("cancelled", "error", "failure")
OWN_SERVICES = ("", "manual", "trepstar")

NO_ADDRESS = "The shop sent no shipping address."
REDACTED = (
    "Shopify left the address out, because the app behind the webhook may not see customer data."
)


@dataclass(frozen=True)
class Line:
    """A line item. ``quantity`` is what the order itself asks for, less what was refunded."""

    line_id: int
    sku: str
    variant_id: int | None
    title: str
    quantity: int
    left_out: str = ""


@dataclass(frozen=True)
class Fulfillment:
    """A fulfillment of the shop; ``lines`` are (line id, shipped quantity)."""

    fulfillment_id: int
    active: bool
    lines: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ShopifyOrder:
    """An order body, or a fulfillment body seen as an order with that one fulfillment."""

    order_id: int
    name: str
    updated_at: datetime | None
    cancelled_at: datetime | None
    is_test: bool
    is_test_notification: bool
    makes_nothing: str
    email: str
    recipient: Recipient
    address_problem: str
    shipping: tuple[str, ...]
    lines: tuple[Line, ...]
    fulfillments: tuple[Fulfillment, ...]


def read_order(body: Mapping[str, Any], *, test_header: bool = False) -> ShopifyOrder:
    """Read an order resource. Raises ``Unusable`` where an id, a line or a quantity is no such."""
    if "order_id" in body:
        # A fulfillment or a refund under an order's topic: its id is no order's id.
        raise Unusable("The body is not an order.")
    order_id = _id(body.get("id"), "order")
    # The header is not signed: it speaks only where the body is silent.
    is_test = body["test"] is True if isinstance(body.get("test"), bool) else test_header
    cancelled_at = _cancelled_at(body)
    found, problem = _recipient(body.get("shipping_address"), _object(body.get("customer")))
    refunded = _refunded(body)
    return ShopifyOrder(
        order_id=order_id,
        name=_text(body.get("name"))[:64],
        updated_at=_time(body.get("updated_at")),
        cancelled_at=cancelled_at,
        is_test=is_test,
        is_test_notification=order_id in TEST_ORDER_IDS
        or (is_test and bool(cancelled_at) and body.get("confirmed") is False),
        makes_nothing=_makes_nothing(body),
        email=_email(body),
        recipient=found,
        address_problem=problem,
        shipping=_shipping(body),
        lines=_lines(body, refunded),
        fulfillments=tuple(_fulfillment(f) for f in _items(body, "fulfillments")),
    )


def read_fulfillment(body: Mapping[str, Any], *, test_header: bool = False) -> ShopifyOrder:
    """Read a fulfillment resource as an order that knows this one fulfillment."""
    order_id = _id(body.get("order_id"), "order")
    name = _text(body.get("name"))
    found, problem = _recipient(body.get("destination"), {})
    return ShopifyOrder(
        order_id=order_id,
        name=name.rpartition(".")[0][:64] or name[:64],
        updated_at=_time(body.get("updated_at")),
        cancelled_at=None,
        is_test=test_header,
        is_test_notification=order_id in TEST_ORDER_IDS or name.startswith(TEST_FULFILLMENT_NAME),
        makes_nothing="",
        email=_email(body),
        recipient=found,
        address_problem=problem,
        shipping=(),
        lines=tuple(_line(item, {}) for item in _items(body, "line_items")),
        fulfillments=(_fulfillment(body),),
    )


def _makes_nothing(body: Mapping[str, Any]) -> str:
    if _cancelled_at(body):
        return "The shop cancelled this order."
    if body.get("confirmed") is False:
        return "The shop has not confirmed this order."
    financial = _text(body.get("financial_status"))
    if financial in ("voided", "refunded"):
        return f"The shop's payment for this order is {financial}."
    return ""


def _lines(body: Mapping[str, Any], refunded: Mapping[int, int]) -> tuple[Line, ...]:
    """Return the order's lines, and those that only its fulfillments name."""
    lines = [_line(item, refunded) for item in _items(body, "line_items")]
    named = {line.line_id for line in lines}
    for fulfillment in _items(body, "fulfillments"):
        for item in _items(fulfillment, "line_items"):
            line = _line(item, refunded)
            if line.line_id not in named:
                named.add(line.line_id)
                lines.append(line)
    return tuple(lines)


def _line(item: Mapping[str, Any], refunded: Mapping[int, int]) -> Line:
    line_id = _id(item.get("id"), "line")
    ordered = _quantity(item.get("quantity"))
    current = item.get("current_quantity")
    left = max(0, ordered - refunded.get(line_id, 0))
    quantity = left if current is None else _quantity(current)
    variant = item.get("variant_id")
    return Line(
        line_id=line_id,
        sku=_text(item.get("sku")).strip()[:255],
        variant_id=_id(variant, "variant") if variant else None,
        title=(_text(item.get("title")) or _text(item.get("name")))[:255],
        quantity=quantity,
        left_out=_left_out(item),
    )


def _left_out(item: Mapping[str, Any]) -> str:
    if item.get("gift_card") is True:
        return "It is a gift card."
    if item.get("requires_shipping") is False:
        return "It needs no shipping."
    service = _text(item.get("fulfillment_service"))
    if service.strip().lower() not in OWN_SERVICES:
        return f"The fulfilment service {service} sends it."
    return ""


def _fulfillment(item: Mapping[str, Any]) -> Fulfillment:
    lines: dict[int, int] = {}
    for line in _items(item, "line_items"):
        line_id = _id(line.get("id"), "line")
        lines[line_id] = lines.get(line_id, 0) + _quantity(line.get("quantity"))
    return Fulfillment(
        fulfillment_id=_id(item.get("id"), "fulfillment"),
        active=_text(item.get("status")).lower() not in INACTIVE_FULFILLMENT,
        lines=tuple(lines.items()),
    )


def _refunded(body: Mapping[str, Any]) -> dict[int, int]:
    units: dict[int, int] = {}
    for refund in _items(body, "refunds"):
        for line in _items(refund, "refund_line_items"):
            line_id = _id(line.get("line_item_id"), "line")
            units[line_id] = units.get(line_id, 0) + _quantity(line.get("quantity"))
    return units


def _recipient(address: Any, customer: Mapping[str, Any]) -> tuple[Recipient, str]:
    if address is None:
        return Recipient(), NO_ADDRESS
    part = _object(address)
    found, cut = recipient(
        name=_name(part) or _name(customer),
        company=_text(part.get("company")),
        street=_text(part.get("address1")),
        street2=_text(part.get("address2")),
        city=_text(part.get("city")),
        state=_text(part.get("province_code")) or _text(part.get("province")),
        zip_code=_text(part.get("zip")),
        country=_text(part.get("country_code")) or _text(part.get("country")),
    )
    if "address1" not in part:
        return found, REDACTED
    if cut:
        return found, f"These parts of the address are too long: {', '.join(cut)}."
    return found, ""


def _name(part: Mapping[str, Any]) -> str:
    both = f"{_text(part.get('first_name'))} {_text(part.get('last_name'))}".strip()
    return _text(part.get("name")).strip() or both


def _email(body: Mapping[str, Any]) -> str:
    customer = _object(body.get("customer"))
    found = (
        _text(p) for p in (body.get("email"), body.get("contact_email"), customer.get("email"))
    )
    return next((email.strip() for email in found if email.strip()), "")[:254]


def _shipping(body: Mapping[str, Any]) -> tuple[str, ...]:
    names: list[str] = []
    for line in _items(body, "shipping_lines"):
        if line.get("is_removed") is not True:
            names += [t for t in (_text(line.get("title")), _text(line.get("code"))) if t]
    return tuple(names)


def _items(body: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    items = body.get(key)
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Unusable(f"The body's {key} is not a list of objects.")
    if len(items) > MAX_LINES:
        raise Unusable(f"The body's {key} has more than {MAX_LINES} entries.")
    return items


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    if value is None or isinstance(value, (dict, list, bool)):
        return ""
    return str(value)


def _id(value: Any, what: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_ID:
        raise Unusable(f"The body's {what} id is missing or is no id.")
    return value


def _quantity(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_QUANTITY:
        raise Unusable(f"The body holds a quantity that is no number from 0 to {MAX_QUANTITY}.")
    return value


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _cancelled_at(body: Mapping[str, Any]) -> datetime | None:
    """Return when the order was cancelled; a time that cannot be read is still a cancel."""
    value = body.get("cancelled_at")
    return (_time(value) or datetime.now(UTC)) if value else None


def read_time(value: str) -> datetime | None:
    """Return an ISO 8601 time in UTC, or None; fractions of any length are taken."""
    return _time(value)
