"""The numbers of the dashboard, one query function each, and whose rows they count.

Each query reads an index that holds only what is open or recent, however many orders there have
been.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Min, Window
from django.db.models.functions import TruncDate
from django.utils import timezone

from orders import links, status
from orders.models import Delivery, DeliveryLine, Order
from orders.models.conditions import Unindexed, one_of
from products.models import Publisher

DAYS = 30
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
    def ids(self) -> list[int]:
        """The ids of the publishers whose rows are counted."""
        return [one.pk for one in self.publishers]

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

    def queue(self, reason: str = "") -> str:
        """Return the link to what needs attention in this scope, for one reason or for any."""
        return links.queue(reason, self.chosen.pk if self.chosen else "")

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
    """The orders in which work is left, by status: how many, and when the oldest was made."""

    counts: dict[str, int]
    oldest: dict[str, datetime]

    def in_status(self, *wanted: str) -> int:
        return sum(self.counts.get(one, 0) for one in wanted)

    def since(self, *wanted: str) -> datetime | None:
        """Return when the oldest order in these statuses was made."""
        return min((self.oldest[one] for one in wanted if one in self.oldest), default=None)


def open_orders(scope: Scope) -> Open:
    """Count the orders in which work is left."""
    rows = (
        Order.objects.among(scope.ids)
        .filter(one_of("status", status.OPEN))
        .order_by()
        .values_list("status")
        .annotate(count=Count("*"), first=Min("created_at"))
    )
    found = list(rows)
    return Open({one: count for one, count, _ in found}, {one: at for one, _, at in found})


def oldest_waiting(scope: Scope, found: Open) -> Order | None:
    """Return the order that waits longest of those that TrepStar has not accepted."""
    since = found.since(*status.BEFORE_GATEWAY)
    if since is None:
        return None
    rows = Order.objects.filter(publisher__in=scope.publishers, created_at=since)
    return rows.filter(status__in=status.BEFORE_GATEWAY).order_by("pk").first()


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
    return Order.objects.among(scope.ids).filter(**today).count()


def deliveries_today(scope: Scope, stores: list[int]) -> int:
    """Count the deliveries that ``stores`` (their ids) sent today."""
    today = scope.of_day("received_at", scope.today)
    return Delivery.objects.filter(store__in=stores, **today).count()


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
        DeliveryLine.objects.alias(owner=Unindexed("delivery__store__publisher_id"))
        .filter(outcome=DeliveryLine.Outcome.UNMATCHED, owner__in=scope.ids)
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
