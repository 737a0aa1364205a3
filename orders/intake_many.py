"""Many requests become orders in few statements, each as ``orders.intake`` makes it of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from orders import clock, intake, lifecycle, status
from orders.inserting import another
from orders.intake import Request, Units
from orders.lifecycle import Actor
from orders.models import Order, OrderLine

Box = tuple[Order, list[OrderLine], dict[str, Any]]


def place_many(requests: Sequence[Request], *, actor: Actor) -> list[list[Order]]:
    """Do what ``intake.place`` does with each of many requests of one publisher.

    Returns the orders of each request. None may be a reship, or a shop's, whose boxes are counted
    one by one.
    Raises ``IntegrityError`` where one of the invoices is taken; then nothing is made.
    """
    if not requests:
        return []
    if len({request.publisher.pk for request in requests}) > 1:
        raise ValueError("The requests are of more than one publisher.")
    if any(request.shop_order or request.reship_of for request in requests):
        raise ValueError("The boxes of a shop's order, and reships, are placed one by one.")
    template = intake.order_of(requests[0])
    with transaction.atomic():
        made: list[list[Box]] = []
        # A plain time: COPY takes no expressions.
        ready_at = clock.now() + timedelta(seconds=settings.COOL_OFF_SECONDS)
        for request, base in zip(requests, _invoices(requests), strict=True):
            parts = intake.split(request.units)
            first = another(template, **intake.fields_of(request), next_attempt_at=ready_at)
            orders = [first, *(another(first) for _ in parts[1:])]
            for order, invoice in zip(orders, intake.part_invoices(base, len(parts)), strict=True):
                order.invoice = invoice
            made.append([_box(*one, request) for one in zip(orders, parts, strict=True)])
        lifecycle.create_many([box for boxes in made for box in boxes], actor=actor)
    return [[order for order, _, _ in boxes] for boxes in made]


def _box(order: Order, units: Sequence[Units], request: Request) -> Box:
    lines = intake.lines_of(units)
    data = intake.decide(order, lines, request)
    if order.status != status.READY:
        order.next_attempt_at = None
    return order, lines, data


def _invoices(requests: Sequence[Request]) -> Iterator[str]:
    """Yield the invoice of each request; those without one get theirs by one statement."""
    without = sum(not request.invoice for request in requests)
    serials = iter(intake.next_serials(requests[0].publisher, without) if without else ())
    for request in requests:
        mark = intake.mode_mark(request.mode or request.publisher.mode)
        prefix = request.publisher.invoice_prefix
        yield request.invoice or f"{mark}{prefix}-M{next(serials)}"
