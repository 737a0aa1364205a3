"""Which stores have gone silent: shops that used to send deliveries and, unlike them, do not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Count, Max, Min, OuterRef, Q, Subquery
from django.db.models.functions import TruncDate

from orders.models import Delivery, Store
from products.models import Publisher

LEAST = timedelta(days=1)
TIMES = 4
HABIT = timedelta(days=30)
CLOSED = timedelta(days=90)


class Heard(NamedTuple):
    """A store, and when its last delivery came; None if none ever did."""

    store: Store
    last_delivery_at: datetime | None


class Silent(NamedTuple):
    """A store that is silent for longer than it used to be, and its usual gap."""

    store: Store
    last_delivery_at: datetime
    usual_gap: timedelta


def heard(publishers: Iterable[Publisher]) -> list[Heard]:
    """Return the publishers' stores with the moment of their last delivery, in one query."""
    latest = Delivery.objects.filter(store=OuterRef("pk")).order_by("-received_at")
    stores: Any = Store.objects.filter(publisher__in=publishers).annotate(
        last_at=Subquery(latest.values("received_at")[:1])
    )
    return [Heard(store, store.last_at) for store in stores.defer("webhook_secrets")]


def silent_stores(publishers: Iterable[Publisher], now: datetime) -> list[Silent]:
    """Return the stores of ``publishers`` that are silent for longer than they used to be.

    The habit of a store is read from the 30 days up to its last delivery: its usual gap is the
    mean time between two deliveries. It is silent when at ``now`` its last delivery is longer ago
    than each of these:

    - one day,
    - four times its usual gap,
    - the second longest gap of those 30 days, so that a shop that rests every weekend is not
      called silent every Sunday, and one outage does not hide the next.

    A store that sent only once in those 30 days has no habit yet, and one that has sent nothing
    for 90 days is taken for closed: neither is returned.
    """
    return silent_among(heard(publishers), now)


def silent_among(stores: Iterable[Heard], now: datetime) -> list[Silent]:
    """Return the silent ones of ``stores``; one query more, and none where all sent today."""
    doubtful = {
        one.store.pk: (one.store, one.last_delivery_at)
        for one in stores
        if one.last_delivery_at and LEAST < now - one.last_delivery_at <= CLOSED
    }
    found = []
    for pk, days in _days({pk: at for pk, (_, at) in doubtful.items()}).items():
        store, last = doubtful[pk]
        pieces = sum(day["pieces"] for day in days)
        if pieces < 2:
            continue
        usual = (last - days[0]["first"]) / (pieces - 1)
        # Gaps within a day are shorter than the one day that is allowed anyway.
        gaps = sorted(after["first"] - before["last"] for before, after in pairwise(days))
        repeated = gaps[-2] if len(gaps) > 1 else LEAST
        if now - last > max(LEAST, TIMES * usual, repeated):
            found.append(Silent(store, last, usual))
    return found


def _days(last: dict[int, datetime]) -> dict[int, list[Any]]:
    """Return each store's days of sending up to its last delivery, oldest first."""
    if not last:
        return {}
    wanted = reduce(
        or_,
        (Q(store=pk, received_at__gt=at - HABIT, received_at__lte=at) for pk, at in last.items()),
    )
    rows = (
        Delivery.objects.filter(wanted)
        .order_by()
        .annotate(day=TruncDate("received_at", tzinfo=UTC))
        .values("store", "day")
        .annotate(first=Min("received_at"), last=Max("received_at"), pieces=Count("*"))
        .order_by("store", "day")
    )
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row["store"], []).append(row)
    return found
