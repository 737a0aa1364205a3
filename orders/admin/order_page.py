"""What the page of one order tells, gathered in a number of queries that is always the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.utils import timezone

from orders import desk, status
from orders.countries import COUNTRIES
from orders.gateway import box_of, payload_hash
from orders.models import Attempt, Call, Order, OrderLine
from orders.sentences import actor, sentence
from orders.trepstar.wire import submit_fields
from orders.weight import grams_of

# The same in every order, so they tell nothing.
_NOT_SHOWN = ("ordermethod", "source")


@dataclass(frozen=True)
class Exchange:
    """One attempt and, where they are still known, the fields that it sent. Never the login."""

    attempt: Attempt
    fields: dict[str, str] | None


@dataclass(frozen=True)
class Piece:
    """One line of the box with its prices."""

    line: OrderLine

    @property
    def each(self) -> Decimal:
        return self.line.product.price

    @property
    def together(self) -> Decimal:
        return self.each * self.line.quantity


def facts(order: Order) -> dict[str, Any]:
    """Return everything that the page shows beside the order's form."""
    prefetch_related_objects([order], "lines__product")
    lines = list(order.lines.all())
    sent = order.payload or submit_fields(box_of(order, lines))
    events = order.events.select_related("actor_user")
    editable = order.status in status.EDITABLE
    return {
        "title": order.invoice,
        "timeline": [(event, sentence(event), actor(event)) for event in events],
        "exchanges": _exchanges(order),
        "calls": _calls(order),
        "frozen": bool(order.payload),
        "sent": sent,
        "label": _label(order, sent),
        "pieces": [Piece(line) for line in lines],
        "pieces_sum": sum(line.quantity for line in lines),
        "grams": grams_of(order, lines),
        "products_sum": sum((Piece(line).together for line in lines), Decimal(0)),
        "sends_at": order.next_attempt_at if order.status == status.READY else None,
        "findings": desk.findings_of(order) if editable else [],
        "letter_mail": order.is_letter_mail(),
        "overdue": is_overdue(order),
        "reships": list(order.reships.all()),
    }


def is_overdue(order: Order) -> bool:
    """Say whether TrepStar's last word is older than it should be by now.

    An order is asked for again one interval after its last answer, or later where news are rare;
    one interval after that, the answer is old.
    """
    if order.status not in status.ASKED or order.next_ask_at is None:
        return False
    return order.next_ask_at < timezone.now() - timedelta(seconds=settings.SYNC_SECONDS)


def _label(order: Order, sent: dict[str, str]) -> list[str]:
    """Return the address line by line, in exactly the texts that TrepStar gets."""
    place = " ".join(sent[key] for key in ("city", "st", "zip") if sent.get(key))
    country = sent.get("country", "")
    named = COUNTRIES.get(order.country, "")
    last = f"{country} ({named})" if country and named else country
    lines = [sent.get("name", ""), sent.get("co", ""), sent.get("addr", ""), place, last]
    return [line for line in lines if line]


def _exchanges(order: Order) -> list[Exchange]:
    """Return the attempts; the fields of those that sent the payload which is still kept."""
    payload = order.payload
    kept = payload_hash(payload) if payload else ""
    shown = {k: v for k, v in (payload or {}).items() if k not in _NOT_SHOWN}
    return [
        Exchange(attempt, shown if attempt.payload_hash == kept else None)
        for attempt in Attempt.objects.filter(order=order)
    ]


def _calls(order: Order) -> list[Call]:
    """Return the status calls of its publisher that were under way when it was last told of."""
    if order.asked_at is None:
        return []
    under_way = Call.objects.filter(
        publisher=order.publisher_id,
        reserved_at__lte=order.asked_at,
        reserved_at__gt=order.asked_at - timedelta(minutes=10),
        finished_at__gte=order.asked_at - timedelta(seconds=1),
    )
    return list(under_way.order_by("-id")[:3])
