"""What is wrong on the desk now: every cause is found, opened as an alert, and closed at its end.

``review`` compares the causes that hold now with the alerts there are. Whoever runs it, and how
often, makes no difference: a cause has one unsettled alert.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from orders import alert_desk, alert_work, clock
from orders.alert_cause import Cause
from orders.models import Alert

log = logging.getLogger(__name__)

Kind = Alert.Kind
Finder = Callable[[datetime], Sequence[Cause]]

FLAPPING = timedelta(minutes=30)
KEPT = timedelta(days=90)

AT_ONCE = frozenset(
    {
        Kind.LOGIN,
        Kind.GATEWAY,
        Kind.SILENT,
        Kind.WORKERS,
        Kind.WORKER,
        Kind.SIGNATURES,
        Kind.ASKING,
        Kind.BACKLOG,
        Kind.DEVELOPER,
    }
)
"""The grave ones, told at once and, once they are over, told so; the others are in the digest."""


QUICK: dict[str, Finder] = {
    f"{Kind.GATEWAY} {Kind.ASKING} {Kind.RECOVERY}": alert_desk.of_gateway,
    f"{Kind.LOGIN}": alert_desk.of_logins,
    f"{Kind.SILENT}": alert_desk.of_stores,
    f"{Kind.WORKERS} {Kind.WORKER}": alert_desk.of_workers,
    f"{Kind.SIGNATURES}": alert_desk.of_signatures,
    f"{Kind.BACKLOG}": alert_desk.of_backlog,
    f"{Kind.DEVELOPER} {Kind.PRODUCT}": alert_work.of_refusals,
    f"{Kind.ORDERS} {Kind.UNMATCHED}": alert_work.of_attention,
    f"{Kind.CLOCK}": alert_desk.of_clock,
    f"{Kind.HOOK}": alert_work.of_hooks,
}
"""By the kinds that a finder finds; looked for every minute."""

SLOW: dict[str, Finder] = {
    f"{Kind.EXPIRING}": alert_work.of_projects,
    f"{Kind.SECRET}": alert_work.of_secrets,
}
"""Looked for every hour."""


def review(now: datetime | None = None, *, slow: bool = False) -> None:
    """Open, refresh and close alerts; with ``slow`` also those that take long to look for.

    A finder that fails leaves its alerts as they are and stops no other.
    """
    finders: Mapping[str, Finder] = {**QUICK, **SLOW} if slow else QUICK
    at = now or clock.now()
    for kinds, find in finders.items():
        try:
            causes = find(at)
        except Exception:
            log.exception("The desk could not look for %s.", kinds)
            continue
        _reconcile(kinds.split(), causes, at)
    _settle(at)


def _reconcile(kinds: Iterable[str], causes: Sequence[Cause], now: datetime) -> None:
    known = {(a.kind, a.key): a for a in Alert.objects.filter(kind__in=kinds, settled=False)}
    fresh = []
    for cause in causes:
        alert = known.pop((cause.kind, cause.key), None)
        if alert is None:
            fresh.append(_made(cause, now))
        elif alert.closed_at or (alert.text, alert.link) != (cause.text, cause.link):
            # One that was closed has come back before it was settled: it is the same alert.
            rows = Alert.objects.filter(pk=alert.pk, settled=False)
            rows.update(closed_at=None, text=cause.text, link=cause.link)
    Alert.objects.bulk_create(fresh, ignore_conflicts=True)
    over = [alert.pk for alert in known.values() if alert.closed_at is None]
    Alert.objects.filter(pk__in=over, closed_at=None).update(closed_at=now)


def _made(cause: Cause, now: datetime) -> Alert:
    return Alert(
        kind=cause.kind,
        key=cause.key,
        publisher_id=cause.publisher_id,
        text=cause.text,
        link=cause.link,
        opened_at=now,
    )


def _settle(now: datetime) -> None:
    """Settle what has been over for so long that it is no flapping."""
    Alert.objects.filter(settled=False, closed_at__lte=now - FLAPPING).update(settled=True)


def digest_of() -> list[Alert]:
    """Return what is wrong now: the grave first, then publisher by publisher."""
    kinds = [str(kind) for kind in Kind]
    found = list(Alert.objects.open().select_related("publisher"))
    return sorted(
        found,
        key=lambda a: (a.kind not in AT_ONCE, a.publisher_id or 0, kinds.index(a.kind), a.key),
    )


def forget_old() -> None:
    """Delete the alerts that were over long ago, with what was told of them."""
    with transaction.atomic():
        Alert.objects.filter(Q(settled=True), closed_at__lt=clock.now() - KEPT).delete()
