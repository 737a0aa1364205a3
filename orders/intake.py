"""One normalised request becomes orders: split into boxes, numbered, checked, held or ready."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.expressions import Combinable

from orders import clock, lifecycle, preflight, status
from orders.gateway import box_of
from orders.inserting import another
from orders.lifecycle import Actor
from orders.models import Order, OrderLine, ShopOrder
from orders.preflight import Finding
from orders.recipient import FIELDS, Recipient
from orders.trepstar.wire import MAX_INVOICE_LENGTH, MAX_PIECES
from products.models import Mode, Product, Publisher

_LINE = OrderLine()
MAX_NAME = 12
_NEXT_SERIALS = """
UPDATE products_publisher SET last_serial = last_serial + %s WHERE id = %s RETURNING last_serial
"""
# Room for the parts of a split and for reships, so that no invoice outgrows the limit later.
SUFFIX_ROOM = len("-P99-R99")


@dataclass(frozen=True)
class Units:
    """So many pieces of one product, and the shop's line that asked for them."""

    product: Product
    quantity: int
    sku: str = ""
    line_id: int | None = None


@dataclass(frozen=True)
class Request:
    """What is to be made, for whom, from whichever source.

    ``mode``, ``mail_method``, ``notify_customer`` and ``price_on_customs`` are the publisher's
    where they are None. ``hold_reason`` holds the order for a reason of the caller's, with
    ``hold_note`` as a whole sentence. ``invoice`` is made here where it is blank.
    """

    publisher: Publisher
    source: str
    recipient: Recipient
    units: tuple[Units, ...]
    email: str = ""
    reference: str = ""
    shop_order: ShopOrder | None = None
    mode: str | None = None
    mail_method: str | None = None
    notify_customer: bool | None = None
    price_on_customs: bool | None = None
    special_text: str = ""
    price: Decimal | None = None
    hold_reason: str = ""
    hold_note: str = ""
    invoice: str = ""
    caller_invoice: str = ""
    reship_of: Order | None = None


def place(request: Request, *, actor: Actor) -> list[Order]:
    """Make the orders of a request, one for each box of at most 250 pieces, and return them.

    An order is held where the caller gave a reason, where TrepStar would refuse it, or where the
    publisher holds new orders; else it is ready after the cooling-off time.
    """
    with transaction.atomic(savepoint=False):
        boxes = split(request.units)
        base = request.invoice or _new_invoice(request)
        return [
            _place_box(request, invoice, units, actor)
            for invoice, units in zip(part_invoices(base, len(boxes)), boxes, strict=True)
        ]


def split(units: Sequence[Units]) -> list[list[Units]]:
    """Return the units as boxes of at most 250 pieces, filled greedily in their order."""
    boxes: list[list[Units]] = [[]]
    room = MAX_PIECES
    for unit in units:
        left = unit.quantity
        while left > room:
            if room:
                boxes[-1].append(replace(unit, quantity=room))
            left -= room
            boxes.append([])
            room = MAX_PIECES
        if left:
            boxes[-1].append(unit if left == unit.quantity else replace(unit, quantity=left))
            room -= left
    return boxes


def part_invoices(base: str, parts: int) -> list[str]:
    """Return the invoices of so many boxes of one request."""
    return [base] if parts == 1 else [f"{base}-P{n}" for n in range(1, parts + 1)]


def _new_invoice(request: Request) -> str:
    mode = request.mode or request.publisher.mode
    if request.shop_order:
        box = _next_box(request.shop_order)
        return shop_invoice(
            request.publisher.invoice_prefix,
            request.reference,
            request.shop_order.shop_order_id,
            box,
            mode=mode,
        )
    (serial,) = next_serials(request.publisher, 1)
    return f"{mode_mark(mode)}{request.publisher.invoice_prefix}-M{serial}"


def mode_mark(mode: str) -> str:
    """Return what begins an invoice in this mode."""
    return "T-" if mode == Mode.TEST else ""


def shop_invoice(prefix: str, name: str, shop_order_id: int, box: int, *, mode: str) -> str:
    """Return ``[T-]PREFIX-<NAME>-S<order id>-<n>`` with room left for the parts of a split.

    ``NAME`` is the shop's own order name reduced to A-Z and 0-9, shortened where it has no room.
    """
    before, after = f"{mode_mark(mode)}{prefix}-", f"S{shop_order_id}-{box}"
    room = MAX_INVOICE_LENGTH - SUFFIX_ROOM - len(before) - len(after) - 1
    short = re.sub(r"[^A-Z0-9]", "", name.upper())[: max(0, min(MAX_NAME, room))]
    return f"{before}{short}-{after}" if short else f"{before}{after}"


def invoice_again(first: str, number: int) -> str:
    """Return the invoice of a box that is made again: the first one's with ``-R<number>``.

    One that somebody else chose may leave no room for that; it is shortened, and left blank, which
    means a new one, where what is left was used before.
    """
    suffix = f"-R{number}"
    again = first[: MAX_INVOICE_LENGTH - len("-P99") - len(suffix)] + suffix
    return "" if Order.objects.filter(invoice=again).exists() else again


def _next_box(shop_order: ShopOrder) -> int:
    """Count the boxes of a shop's order, whose row the caller has locked or not yet written."""
    shop_order.boxes += 1
    if shop_order.pk:
        shop_order.save(update_fields=["boxes"])
    return shop_order.boxes


def next_serials(publisher: Publisher, count: int) -> range:
    """Return so many serial numbers of the publisher's, each once: its row is locked by it."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_SERIALS, [count, publisher.pk])
        (last,) = cursor.fetchone()
    return range(last - count + 1, last + 1)


def preview(request: Request) -> list[tuple[Order, list[OrderLine], list[Finding]]]:
    """Return what ``place`` would make of a request: each box, its lines, and what is wrong.

    The boxes have no invoice yet; nothing is written and nothing is locked.
    """
    boxes = [(order_of(request), lines_of(units)) for units in split(request.units)]
    return [
        (order, lines, preflight.check(order, lines, replace(box_of(order, lines), invoice="-")))
        for order, lines in boxes
    ]


def _place_box(request: Request, invoice: str, units: Sequence[Units], actor: Actor) -> Order:
    order, lines = order_of(request), lines_of(units)
    order.invoice = invoice
    data = decide(order, lines, request)
    if order.status == status.READY:
        order.next_attempt_at = first_attempt_at()
    return lifecycle.create(order, lines, actor=actor, data=data)


def decide(order: Order, lines: Sequence[OrderLine], request: Request) -> dict[str, Any]:
    """Make a new order held or ready; return the data of its first event."""
    order.hold_reason, order.hold_note = waits_for(order, lines, request)
    order.status = status.HELD if order.hold_reason else status.READY
    data = {"pieces": sum(line.quantity for line in lines), "source": request.source}
    if order.hold_reason:
        data |= {"reason": order.hold_reason, "note": order.hold_note}
    return data


def order_of(request: Request) -> Order:
    """Return the unsaved order of a request, without lines and without a status."""
    return Order(
        publisher=request.publisher,
        shop_order=request.shop_order,
        reship_of=request.reship_of,
        **fields_of(request),
    )


def fields_of(request: Request) -> dict[str, Any]:
    """Return the plain fields of a request's order, relations apart."""
    publisher = request.publisher
    return {
        "source": request.source,
        "reference": request.reference,
        "invoice": request.invoice,
        "caller_invoice": request.caller_invoice,
        "mode": request.mode or publisher.mode,
        "mail_method": request.mail_method or publisher.mail_method,
        "email": request.email,
        "special_text": request.special_text,
        "price": request.price,
        "price_on_customs": _default(request.price_on_customs, publisher.price_on_customs),
        "notify_customer": _default(request.notify_customer, publisher.notify_customer),
        **vars(request.recipient),
    }


def first_attempt_at() -> Combinable:
    """Return when an order that becomes ready by itself may first be sent, to be written."""
    return clock.later(settings.COOL_OFF_SECONDS)


def _default(value: bool | None, otherwise: bool) -> bool:
    return otherwise if value is None else value


def lines_of(units: Sequence[Units]) -> list[OrderLine]:
    """Return unsaved order lines for units."""
    made = [another(_LINE, quantity=u.quantity, sku=u.sku, source_line_id=u.line_id) for u in units]
    for line, unit in zip(made, units, strict=True):
        line.product = unit.product
    return made


def waits_for(order: Order, lines: Sequence[OrderLine], request: Request | None) -> tuple[str, str]:
    """Return the hold reason of a new order and its note, or two blanks if it may go out."""
    if request and request.hold_reason:
        return request.hold_reason, request.hold_note
    findings = preflight.check(order, lines, box_of(order, lines))
    if findings:
        return findings[0].hold_reason, " ".join(finding.text for finding in findings)
    if not order.publisher.auto_submit:
        return "policy", status.HOLD_REASONS["policy"]
    return "", ""


def unknown_note(unknown: Sequence[str]) -> str:
    """Return the hold note for SKUs that are not known, as a whole sentence."""
    return f"These SKUs are not known here: {', '.join(unknown)}."


def add_units(
    order: Order,
    units: Sequence[Units],
    *,
    unknown: Sequence[str],
    actor: Actor,
    address_problem: str = "",
) -> bool:
    """Add units to a locked order that is held for unknown SKUs; say whether it took them.

    One that would outgrow its box takes none. With nothing unknown any more it goes on as new.
    """
    if not units and unknown:
        return False
    lines = list(order.lines.select_related("product"))
    pieces = sum(line.quantity for line in lines) + sum(unit.quantity for unit in units)
    if pieces > MAX_PIECES:
        return False
    added = lines_of(units)
    for line in added:
        line.order = order
    OrderLine.objects.bulk_create(added)
    data = {"added": [f"{line.quantity} x {line.product.title}" for line in added]}
    reason, note = order.hold_reason, unknown_note(unknown)
    if not unknown:
        reason, note = waits_for(order, [*lines, *added], None)
        if not reason and address_problem and not set(order.edited_fields) & set(FIELDS):
            reason, note = "address", address_problem
    if reason:
        fields = {"hold_reason": reason, "hold_note": note}
        lifecycle.record(order, "order.lines_added", actor=actor, data=data, fields=fields)
    else:
        ready = {"next_attempt_at": first_attempt_at()}
        lifecycle.move(
            order, status.READY, "order.lines_added", actor=actor, data=data, fields=ready
        )
    return True
