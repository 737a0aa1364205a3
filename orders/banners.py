"""What everybody on the desk must know at once, one sentence each, above every page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet

from orders import breaker, clock, pausing, status
from orders.models import Alert, Gateway, Heartbeat, Order
from products.models import Publisher

LATE = timedelta(minutes=3)
SHOWN = tuple(
    Alert.Kind(kind) for kind in ("silent", "worker", "signatures", "backlog", "developer", "clock")
)
"""The alerts that no other sentence here tells of."""
MOST_ALERTS = 5


def banners(user: Any) -> list[str]:
    """Return the troubles that ``user`` should know of; ``[]`` on a good day."""
    gateway = breaker.state()
    mine = Publisher.objects.for_user(user)
    alerts = Alert.objects.for_user(user).open().filter(kind__in=SHOWN)
    return [
        *_of_gateway(gateway, mine),
        *_of_publishers(gateway, mine),
        *(alert.text for alert in alerts[:MOST_ALERTS]),
        *_of_workers(),
    ]


def _of_gateway(gateway: Gateway, mine: QuerySet[Publisher]) -> Iterator[str]:
    if gateway.recovery_since:
        yield (
            f"Recovery mode is on since {_when(gateway.recovery_since)}: TrepStar is asked for "
            "every order before it is sent."
        )
    if gateway.sync_stopped_at:
        yield (
            f"TrepStar is not asked for news since {_when(gateway.sync_stopped_at)}, because it "
            "did not know the question. See the gateway's page."
        )
    if gateway.open_since:
        waiting = Order.objects.filter(publisher__in=mine, status=status.READY).count()
        yield (
            f"TrepStar has not answered since {_when(gateway.open_since)}. {waiting} orders wait; "
            "nothing is lost, and they go out by themselves."
        )
    if gateway.paused_at:
        yield f"{pausing.sentence(None, gateway)} Orders wait, and none is lost."


def _of_publishers(gateway: Gateway, mine: QuerySet[Publisher]) -> Iterator[str]:
    stopped = Q(login_refused_at__isnull=False) | Q(paused_at__isnull=False)
    for publisher in mine.filter(stopped):
        if publisher.login_refused_at:
            yield (
                f"TrepStar refuses the login of {publisher.name} since "
                f"{_when(publisher.login_refused_at)}. Its orders wait until the login is mended."
            )
        if publisher.paused_at and not gateway.paused_at:
            yield f"{publisher.name}: {pausing.sentence(publisher, gateway)}"


def _of_workers() -> Iterator[str]:
    beat = Heartbeat.objects.aggregate(at=Max("beat_at"))["at"]
    if beat is not None and clock.now() - beat > LATE:
        yield (
            f"The workers have been silent since {_when(beat)}, so nothing is sent. "
            "Tell whoever runs this desk."
        )


def _when(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
