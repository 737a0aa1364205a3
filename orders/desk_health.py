"""How the accounts, the shops, the gateway and the workers are, for the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils.timesince import timesince

from orders import breaker, budget, links, silence
from orders.banners import LATE
from orders.models import Call, Heartbeat
from products.models import Publisher

NEARLY = 0.9


@dataclass(frozen=True)
class Account:
    """A publisher's TrepStar account: may it send, is its login right, what may it still ask."""

    publisher: Publisher
    link: str
    paused: datetime | None
    login: str
    login_mark: str
    login_since: datetime | None
    calls: int
    calls_link: str

    @property
    def calls_limit(self) -> int:
        return self.publisher.status_call_limit

    @property
    def calls_mark(self) -> str:
        """``high`` when nearly all of the day's calls are used."""
        return "high" if self.calls >= NEARLY * self.calls_limit else "fine"


def accounts(publishers: Sequence[Publisher], now: datetime) -> list[Account]:
    """Return how each publisher's account is, in one query."""
    used = budget.used_by(publishers, now)
    return [_account(publisher, used.get(publisher.pk, 0), now) for publisher in publishers]


def _account(publisher: Publisher, calls: int, now: datetime) -> Account:
    login, mark, since = "not checked yet", "ready", None
    if not publisher.login_password:
        login, mark = "not set", "held"
    elif publisher.login_refused_at:
        login, mark, since = "refused", "problem", publisher.login_refused_at
    elif publisher.login_checked_at:
        login, mark, since = "accepted", "shipped", publisher.login_checked_at
    counted = [one for one in Call.Outcome.values if one != Call.Outcome.NOT_SENT]
    return Account(
        publisher=publisher,
        link=links.row("products_publisher", publisher.pk),
        paused=publisher.paused_at,
        login=login,
        login_mark=mark,
        login_since=since,
        calls=calls,
        calls_link=links.rows(
            "orders_call",
            publisher__id__exact=publisher.pk,
            reserved_at__gt=now - budget.DAY,
            outcome__in=",".join(counted),
        ),
    )


@dataclass(frozen=True)
class Shop:
    """A store, its last delivery, and a warning if it is silent for longer than it used to be."""

    domain: str
    link: str
    last: datetime | None
    deliveries_link: str
    warning: str


def shops(stores: Sequence[silence.Heard], now: datetime) -> list[Shop]:
    """Return how each store is; the silent ones first."""
    silent = {one.store.pk: one for one in silence.silent_among(stores, now)}
    found = []
    for store, last in stores:
        quiet = silent.get(store.pk)
        found.append(
            Shop(
                domain=store.domain,
                link=links.row("orders_store", store.pk),
                last=last,
                deliveries_link=links.rows("orders_delivery", store__id__exact=store.pk),
                warning=_warning(quiet, now) if quiet else "",
            )
        )
    return sorted(found, key=lambda shop: not shop.warning)


def _warning(quiet: silence.Silent, now: datetime) -> str:
    since = timesince(quiet.last_delivery_at, now, depth=1)
    usual = timesince(now - max(quiet.usual_gap, timedelta(minutes=1)), now, depth=1)
    return (
        f"Silent for {since}; it usually sends every {usual}. "
        "Look at the store's webhooks in Shopify."
    )


@dataclass(frozen=True)
class Machinery:
    """The gateway's state and the workers' last sign of life."""

    gateway: str
    gateway_mark: str
    gateway_since: datetime | None
    gateway_link: str
    paused: datetime | None
    beat: datetime | None
    beat_late: bool


def machinery(now: datetime) -> Machinery:
    """Return how the gateway and the workers are, in two queries."""
    gateway = breaker.state()
    beat = Heartbeat.objects.aggregate(at=Max("beat_at"))["at"]
    said, mark, since = "answers", "shipped", None
    if gateway.recovery_since:
        said, mark, since = "recovery mode", "held", gateway.recovery_since
    if gateway.sync_stopped_at:
        said, mark, since = "is not asked for news", "held", gateway.sync_stopped_at
    if gateway.open_since:
        said, mark, since = "does not answer", "problem", gateway.open_since
    return Machinery(
        gateway=said,
        gateway_mark=mark,
        gateway_since=since,
        gateway_link=links.rows("orders_gateway"),
        paused=gateway.paused_at,
        beat=beat,
        beat_late=beat is None or now - beat > LATE,
    )
