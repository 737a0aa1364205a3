"""The ledger of status calls: reserved before each call, settled after it.

TrepStar charges from the 1,001st status call in 24 hours on (gateway document,
"getOrderStatusByInvoice"), so a publisher's limit is kept over any rolling 24 hours, and divided
among three purposes so that none can starve the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from orders import clock, status
from orders.models import Call
from orders.trepstar.status_xml import MAX_INVOICES
from products.models import Publisher

DAY = timedelta(hours=24)
SHARES = {Call.Purpose.SWEEP: 700, Call.Purpose.RESOLVE: 200, Call.Purpose.STAFF: 50}
ALL_SHARES = sum(SHARES.values())


def limit(publisher: Publisher, purpose: str) -> int:
    """Return the calls of one purpose that a publisher may make in 24 hours, at least 1."""
    share = publisher.status_call_limit * SHARES[Call.Purpose(purpose)] // ALL_SHARES
    return max(1, share)


def interval_of(publisher: Publisher) -> timedelta:
    """Return the wait between two questions for one order, so that the calls last all day.

    ``max(SYNC_SECONDS, 24 h x ceil(open / 100) / calls for sweeps)``.
    """
    open_orders = publisher.orders.filter(
        next_ask_at__isnull=False, status__in=status.ASKED
    ).count()
    spread = DAY * math.ceil(open_orders / MAX_INVOICES) / limit(publisher, Call.Purpose.SWEEP)
    return max(timedelta(seconds=settings.SYNC_SECONDS), spread)


def reserve(publisher: Publisher, purpose: str, invoices: int) -> Call | None:
    """Enter a call in the ledger before it is made, or return None if the limit is reached."""
    with transaction.atomic():
        Publisher.objects.select_for_update(no_key=True).get(pk=publisher.pk)
        now = clock.now()
        used = _used(publisher, since=now - DAY)
        if used.get(purpose, 0) >= limit(publisher, purpose):
            return None
        if sum(used.values()) >= publisher.status_call_limit:
            return None
        return Call.objects.create(
            publisher=publisher, purpose=purpose, invoices=invoices, reserved_at=now
        )


def settle(call: Call, outcome: str, **fields: object) -> None:
    """Write down what a reserved call came to.

    A call that was proved not sent costs nothing; one that was never settled still counts.
    """
    values = {"outcome": outcome, "finished_at": clock.now(), **fields}
    Call.objects.filter(pk=call.pk).update(**values)


def used(publisher: Publisher) -> int:
    """Return the calls of the last 24 hours."""
    return sum(_used(publisher, since=clock.now() - DAY).values())


def used_by(publishers: Iterable[Publisher], now: datetime) -> dict[int, int]:
    """Return the calls of the 24 hours before ``now`` by publisher id; those without any are left
    out."""
    rows = Call.objects.filter(publisher__in=publishers, reserved_at__gt=now - DAY)
    rows = rows.exclude(outcome=Call.Outcome.NOT_SENT)
    return dict(rows.order_by().values_list("publisher").annotate(Count("pk")))


def _used(publisher: Publisher, *, since: object) -> dict[str, int]:
    rows = Call.objects.filter(publisher=publisher, reserved_at__gt=since)
    rows = rows.exclude(outcome=Call.Outcome.NOT_SENT)
    return dict(rows.order_by().values_list("purpose").annotate(Count("pk")))
