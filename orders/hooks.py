"""What clients are told of orders: a message for each webhook, written with the order's event.

A publisher's row knows which webhook wants which events (``hook_routes``, kept by
``orders.hook_desk``), so that a publisher without webhooks costs no statement, and one with
webhooks costs a single insert.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models.functions import Now

from orders.models import HookMessage, Order, OrderEvent

NAMES = {
    "order.placed": "order.created",
    "order.lines_added": "order.changed",
    "order.edited": "order.changed",
    "order.address_changed": "order.changed",
    "order.held": "order.held",
    "order.released": "order.released",
    "order.cancelled": "order.cancelled",
    "order.accepted": "order.accepted",
    "order.awaiting_payment": "order.awaiting_payment",
    "order.processing": "order.processing",
    "order.refused": "order.refused",
    "order.problem": "order.problem",
    "order.shipped": "order.shipped",
    "order.tested": "order.tested",
    "order.tracking_added": "order.tracking",
    "order.tracking_changed": "order.tracking",
    "order.reshipped": "order.reshipped",
}
"""By the timeline's own kinds; what is not here is the desk's own business and told nobody."""

FOUND = "order.found"
"""A doubtful order was found at TrepStar: told by the status that it was found in."""


def name_of(event: OrderEvent) -> str:
    """Return by which name an event is told, or blank where it is told nobody."""
    return f"order.{event.to_status}" if event.kind == FOUND else NAMES.get(event.kind, "")


def write(happened: Iterable[tuple[Order, OrderEvent]]) -> None:
    """Write the messages of saved events, in the transaction of these events.

    The orders are as they are after the events. One insert, or nothing.
    """
    messages = [one for order, event in happened for one in _messages(order, event)]
    if messages:
        HookMessage.objects.bulk_create(messages)


def body_of(name: str, order: Order, event: OrderEvent) -> str:
    """Return what a webhook is sent: no secret, and nothing of the customer."""
    return json.dumps(
        {"type": name, "timestamp": event.created_at.isoformat(), "data": _data(order)}
    )


def _messages(order: Order, event: OrderEvent) -> Iterator[HookMessage]:
    name = name_of(event)
    # Most events are told nobody, and then the publisher is not even looked at.
    wanted = order.publisher.hook_routes.get(name) if name else None
    if not wanted:
        return
    body = body_of(name, order, event)
    for subscription_id in wanted:
        yield HookMessage(
            subscription_id=subscription_id,
            event_id=event.pk,
            kind=name,
            invoice=order.invoice,
            body=body,
            next_attempt_at=Now(),
        )


def _data(order: Order) -> dict[str, Any]:
    return {
        "invoice": order.invoice,
        "publisher": order.publisher.publisher_id,
        "source": order.source,
        "reference": order.reference,
        "caller_invoice": order.caller_invoice,
        "mode": order.mode,
        "status": order.status,
        "hold_reason": order.hold_reason,
        "gateway_status": order.gateway_status,
        "gateway_error_number": order.gateway_error_number,
        "shipping_method": order.shipping_method,
        "ship_date": order.ship_date and order.ship_date.isoformat(),
        "tracking_id": order.tracking_id,
        "tracking_url": order.tracking_url,
        "version": order.version,
    }
