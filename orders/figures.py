"""The numbers of the dashboard, one query function each, and whose rows they count.

Each query reads an index that holds only what is open or recent, however many orders there have
been.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Min, Q, Window
from django.db.models.functions import TruncDate
from django.utils import timezone

from orders import links, status
from orders.models import Delivery, DeliveryLine, Order
from orders.models.shopify import Outcome
from products.models import Publisher

DAYS = 30
LONG_UNCLEAR = timedelta(hours=1)
TOP_SKUS = 5


class NoSuchPublisher(LookupError):
    """The publisher asked for is not there, or is none of the user's."""


@dataclass(frozen=True)
class Scope:
    """Whose rows are counted, and when "now" and "today" are."""

    mine: list[Publisher]
    chosen: Publisher | None
    now: datetime

    @property
    def publishers(self) -> list[Publisher]:
        return [self.chosen] if self.chosen else self.mine

    @property
    def today(self) -> date:
        """The day by the desk's ``TIME_ZONE``."""
        return timezone.localtime(self.now).date()

    def span(self, day: date) -> tuple[datetime, datetime]:
        """Return the first moment of ``day`` and that of the next day, by ``TIME_ZONE``."""
        zone = timezone.get_current_timezone()
        ends = (datetime.combine(one, time.min, zone) for one in (day, day + timedelta(days=1)))
        first, after = ends
        return first, after

    def orders(self, **filters: object) -> str:
        """Return the link to the orders in this scope with these filters."""
        if self.chosen:
            filters["publisher__id__exact"] = self.chosen.pk
        return links.rows("orders_order", **filters)

    def deliveries(self, **filters: object) -> str:
        """Return the link to the deliveries in this scope with these filters."""
        if self.chosen:
            filters["publisher"] = self.chosen.pk
        return links.rows("orders_delivery", **filters)

    def of_day(self, field: str, day: date) -> dict[str, datetime]:
        first, after = self.span(day)
        return {f"{field}__gte": first, f"{field}__lt": after}


def scope_of(user: Any, wanted: str, now: datetime) -> Scope:
    """Return whose rows ``user`` wants to see; ``wanted`` is a publisher's id, or blank for all.

    Raises ``NoSuchPublisher`` for anything that is not the id of one of the user's publishers.
    """
    mine = list(Publisher.objects.for_user(user))
    if not wanted:
        return Scope(mine, None, now)
    known = {str(publisher.pk): publisher for publisher in mine}
    if wanted not in known:
        raise NoSuchPublisher(wanted)
    return Scope(mine, known[wanted] if len(mine) > 1 else None, now)


@dataclass(frozen=True)
class Open:
    """The orders in which work is left: how many by status and hold reason, and since when."""

    counts: dict[tuple[str, str], int]
    oldest: dict[tuple[str, str], datetime]
    long_unclear: int

    def in_status(self, *wanted: str) -> int:
        return sum(count for (one, _), count in self.counts.items() if one in wanted)

    def since(self, *wanted: str, reason: str | None = None) -> datetime | None:
        """Return when the oldest order in these statuses was made."""
        found = [
            at for (one, why), at in self.oldest.items() if one in wanted and reason in (None, why)
        ]
        return min(found, default=None)


def open_orders(scope: Scope) -> Open:
    """Count the orders in which work is left."""
    long_ago = scope.now - LONG_UNCLEAR
    late = Q(status=status.UNCLEAR, unclear_since__lt=long_ago)
    rows = (
        Order.objects.filter(publisher__in=scope.publishers, status__in=status.OPEN)
        .order_by()
        .values("status", "hold_reason")
        .annotate(
            count=Count("*"), first=Min("created_at"), long_unclear=Count("status", filter=late)
        )
    )
    counts: dict[tuple[str, str], int] = {}
    oldest: dict[tuple[str, str], datetime] = {}
    long_unclear = 0
    for row in rows:
        key = (row["status"], row["hold_reason"] if row["status"] == status.HELD else "")
        counts[key] = counts.get(key, 0) + row["count"]
        oldest[key] = min(row["first"], oldest.get(key, row["first"]))
        long_unclear += row["long_unclear"]
    return Open(counts, oldest, long_unclear)


def oldest_waiting(scope: Scope, found: Open) -> Order | None:
    """Return the order that waits longest of those that TrepStar has not accepted."""
    since = found.since(*status.BEFORE_GATEWAY)
    if since is None:
        return None
    rows = Order.objects.filter(publisher__in=scope.publishers, created_at=since)
    return rows.filter(status__in=status.BEFORE_GATEWAY).order_by("pk").first()


def flagged_orders(scope: Scope) -> tuple[int, int]:
    """Count the orders with a note to look at: all, and those that wait for nothing else."""
    rows = Order.objects.filter(publisher__in=scope.publishers).exclude(flag="")
    waiting = Q(status__in=status.NEEDS_ATTENTION)
    found = rows.aggregate(all=Count("*"), only=Count("status", filter=~waiting))
    return found["all"], found["only"]


def orders_per_day(scope: Scope) -> list[tuple[date, int]]:
    """Count the new orders of each of the last 30 days, the oldest day first, today last."""
    days = [scope.today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    rows = Order.objects.filter(
        publisher__in=scope.publishers, created_at__gte=scope.span(days[0])[0]
    )
    by_day = rows.order_by().annotate(day=TruncDate("created_at")).values_list("day")
    counts = dict(by_day.annotate(count=Count("*")))
    return [(day, counts.get(day, 0)) for day in days]


def shipped_today(scope: Scope) -> int:
    """Count the orders that became shipped today."""
    today = scope.of_day("shipped_at", scope.today)
    return Order.objects.filter(publisher__in=scope.publishers, **today).count()


def deliveries_today(scope: Scope, stores: list[int]) -> int:
    """Count the deliveries that ``stores`` (their ids) sent today."""
    today = scope.of_day("received_at", scope.today)
    return Delivery.objects.filter(store__in=stores, **today).count()


def deliveries_waiting(stores: list[int]) -> dict[str, tuple[int, datetime]]:
    """Count the deliveries that wait for a person, by outcome, and since when the oldest does."""
    rows = Delivery.objects.filter(
        store__in=stores, outcome__in=[Outcome.UNMATCHED, Outcome.QUARANTINED]
    )
    found = (
        rows.order_by().values_list("outcome").annotate(count=Count("*"), first=Min("received_at"))
    )
    return {outcome: (count, first) for outcome, count, first in found}


@dataclass(frozen=True)
class UnknownSku:
    """A SKU that no product has, and in how many deliveries it waits."""

    publisher_id: int
    key: str
    name: str
    waiting: int


def unknown_skus(scope: Scope) -> tuple[int, list[UnknownSku]]:
    """Return how many SKUs are unknown, and those that the most deliveries wait for."""
    rows: list[Any] = list(
        DeliveryLine.objects.filter(
            outcome=DeliveryLine.Outcome.UNMATCHED,
            delivery__store__publisher__in=scope.publishers,
        )
        .exclude(key="")
        .order_by()
        .values("delivery__store__publisher", "key")
        .annotate(
            sku=Min("sku"),
            title=Min("title"),
            waiting=Count("delivery", distinct=True),
            all=Window(Count("*")),
        )
        .order_by("-waiting", "key")[:TOP_SKUS]
    )
    top = [
        UnknownSku(
            row["delivery__store__publisher"],
            row["key"],
            row["sku"] or row["title"] or row["key"],
            row["waiting"],
        )
        for row in rows
    ]
    return (rows[0]["all"] if rows else 0), top
