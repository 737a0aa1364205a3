"""What everybody on the desk must know at once, one sentence each, above every page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q

from orders import breaker, clock, pausing, status
from orders.models import Alert, Heartbeat, Order
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
    now = clock.now()
    told = []
    if gateway.recovery_since:
        told.append(
            f"Recovery mode is on since {_when(gateway.recovery_since)}: TrepStar is asked for "
            "every order before it is sent."
        )
    if gateway.sync_stopped_at:
        told.append(
            f"TrepStar is not asked for news since {_when(gateway.sync_stopped_at)}, because it "
            "did not know the question. See the gateway's page."
        )
    mine = Publisher.objects.for_user(user)
    if gateway.open_since:
        waiting = Order.objects.filter(publisher__in=mine, status=status.READY).count()
        told.append(
            f"TrepStar has not answered since {_when(gateway.open_since)}. {waiting} orders wait; "
            "nothing is lost, and they go out by themselves."
        )
    stopped = Q(login_refused_at__isnull=False) | Q(paused_at__isnull=False)
    if gateway.paused_at:
        told.append(f"{pausing.sentence(None, gateway)} Orders wait, and none is lost.")
    for publisher in mine.filter(stopped):
        if publisher.login_refused_at:
            told.append(
                f"TrepStar refuses the login of {publisher.name} since "
                f"{_when(publisher.login_refused_at)}. Its orders wait until the login is mended."
            )
        if publisher.paused_at and not gateway.paused_at:
            told.append(f"{publisher.name}: {pausing.sentence(publisher, gateway)}")
    alerts = Alert.objects.for_user(user).open().filter(kind__in=SHOWN)
    told += [alert.text for alert in alerts[:MOST_ALERTS]]
    beat = Heartbeat.objects.aggregate(at=Max("beat_at"))["at"]
    if beat is not None and now - beat > LATE:
        told.append(
            f"The workers have been silent since {_when(beat)}, so nothing is sent. "
            "Tell whoever runs this desk."
        )
    return told


def _when(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
