"""What the desk forgets every night, each in steps that hold up nobody."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from orders import alerts, clock, hook_desk, jobs, privacy, waiting
from orders.models import Delivery, Heartbeat, IdempotencyKey, TurnedAwayMinute
from orders.models.shopify import Outcome
from orders.spreadsheet import importing

BODY_DAYS = 30
HEARTBEAT_DAYS = 1
JOB_ROWS_DAYS = 30
KEY_DAYS = 1


def prune() -> None:
    """Forget old raw bodies and rows, dead workers, and customers whose time is over."""
    now = timezone.now()
    alerts.forget_old()
    TurnedAwayMinute.objects.filter(minute__lt=now - timedelta(days=1)).delete()
    privacy.erase_closed()
    privacy.forget_old(clock.now())
    importing.forget_old()
    hook_desk.forget_old()
    _empty_bodies()
    jobs.forget_rows(now - timedelta(days=JOB_ROWS_DAYS))
    Heartbeat.objects.filter(beat_at__lt=now - timedelta(days=HEARTBEAT_DAYS)).delete()
    IdempotencyKey.objects.filter(created_at__lt=now - timedelta(days=KEY_DAYS)).delete()


def _empty_bodies() -> None:
    old = timezone.now() - timedelta(days=BODY_DAYS)
    settled = (Outcome.CREATED, Outcome.LINKED, Outcome.IGNORED, Outcome.RECORDED)
    # A line that waits for a mapping is lost without its body.
    needed = Exists(waiting.lines().filter(delivery=OuterRef("pk")))
    rows = Delivery.objects.filter(
        ~needed, received_at__lt=old, outcome__in=settled, body__isnull=False
    )
    while ids := list(rows.values_list("pk", flat=True)[:500]):
        Delivery.objects.filter(pk__in=ids).update(body=None)
