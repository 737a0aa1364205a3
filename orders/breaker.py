"""The breaker of the gateway: after enough failures only a probe is let through now and then.

One row for the installation, since there is one gateway. A probe is the next call that is due.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q

from orders import clock, status
from orders.models import Attempt, Gateway, Order

FAILURES_IN_A_ROW = 5
WINDOW = timedelta(minutes=5)
WINDOW_LEAST = 20
WINDOW_SHARE = 0.5
OUTAGE = timedelta(minutes=5)
RAMP = timedelta(minutes=2)
RAMP_STEP_SECONDS = 10


def state() -> Gateway:
    """Return the gateway's row as it is, or a healthy one that was never saved."""
    return Gateway.objects.filter(pk=Gateway.THE_ONE).first() or Gateway(pk=Gateway.THE_ONE)


def state_and_time() -> tuple[Gateway, datetime]:
    """Return the gateway's row and the database's time, in one statement where there is a row."""
    found, now = clock.row_and_now(Gateway, Gateway.THE_ONE)
    return found or Gateway(pk=Gateway.THE_ONE), now


def locked_state() -> Gateway:
    """Return the gateway's row, locked until the transaction ends; made the first time."""
    rows = Gateway.objects.select_for_update(no_key=True)
    return rows.get_or_create(pk=Gateway.THE_ONE)[0]


def is_open() -> bool:
    """Say whether calls are stopped, but for a probe now and then."""
    return state().open_since is not None


def take_probe() -> bool:
    """Take the one probe that is due, if it is; nobody else gets it before the next is due."""
    gateway = state()
    now = clock.now()
    if gateway.probe_at is None or gateway.probe_at > now:
        return False
    taken = Gateway.objects.filter(
        pk=gateway.pk, open_since__isnull=False, probe_at=gateway.probe_at
    ).update(probe_at=now + timedelta(seconds=gateway.probe_seconds or settings.PROBE_SECONDS[0]))
    return bool(taken)


def succeeded() -> bool:
    """Note an answered call; return whether it closed an open breaker."""
    healthy = Gateway.objects.filter(pk=Gateway.THE_ONE, failures=0, open_since=None)
    if healthy.exists():
        return False
    with transaction.atomic():
        gateway = locked_state()
        was_open = gateway.open_since is not None
        if gateway.open_since is not None:
            now = clock.now()
            gateway.reopened_at = now if now - gateway.open_since >= OUTAGE else None
        gateway.failures, gateway.open_since, gateway.probe_at = 0, None, None
        gateway.probe_seconds, gateway.last_error = 0, ""
        gateway.save()
    return was_open


def failed(text: str, *, began: datetime) -> None:
    """Note a call that got no answer; ``text`` says why as a whole sentence.

    ``began`` is when the call was made: a call from before the breaker opened is no probe.
    """
    now = clock.now()
    with transaction.atomic():
        gateway = locked_state()
        gateway.failures += 1
        gateway.last_error = text
        first, longest = settings.PROBE_SECONDS
        if gateway.open_since is None:
            if gateway.failures >= FAILURES_IN_A_ROW or _mostly_failing(now - WINDOW):
                gateway.open_since, gateway.probe_seconds = now, first
                gateway.probe_at = now + timedelta(seconds=first)
        elif began > gateway.open_since:
            # Only a probe gets this far: the next one waits twice as long.
            gateway.probe_seconds = min(longest, gateway.probe_seconds * 2)
            gateway.probe_at = now + timedelta(seconds=gateway.probe_seconds)
        gateway.save()


def room_after_outage(reopened_at: datetime) -> int:
    """Return how many orders may be sent now, so soon after TrepStar came back.

    One a second at first and twice as many every ten seconds, so that what waited through an
    outage does not knock it down again; after two minutes there is no limit.
    """
    since = clock.now() - reopened_at
    if since >= RAMP:
        return sys.maxsize
    steps = max(0.0, since.total_seconds()) / RAMP_STEP_SECONDS
    allowed = 1 + int(RAMP_STEP_SECONDS * (2**steps - 1))
    sent = Attempt.objects.filter(finished_at__gte=reopened_at).count()
    return allowed - sent - Order.objects.filter(status=status.SUBMITTING).count()


def note(**fields: datetime | None) -> None:
    """Write down what else holds for the gateway: ``sync_stopped_at``, ``recovery_since``."""
    with transaction.atomic():
        gateway = locked_state()
        for name, value in fields.items():
            setattr(gateway, name, value)
        gateway.save(update_fields=list(fields))


def _mostly_failing(since: datetime) -> bool:
    """Say whether at least half of at least 20 attempts since then got no answer."""
    unanswered = Q(outcome=Attempt.Outcome.NOT_SENT) | Q(
        outcome=Attempt.Outcome.UNCLEAR, http_status=None
    )
    counts = Attempt.objects.filter(finished_at__gte=since).aggregate(
        all=Count("pk"), bad=Count("pk", filter=unanswered)
    )
    return counts["all"] >= WINDOW_LEAST and counts["bad"] >= WINDOW_SHARE * counts["all"]
