"""Hold, release or cancel many orders at once: what would happen, and the job that does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, Case, Count, Max, QuerySet, When
from django.db.transaction import atomic

from orders import desk, jobs, preflight, status
from orders.gateway import box_of
from orders.job_rows import act
from orders.lifecycle import NotNow
from orders.models import Job, JobRow, Order
from orders.models.order_indexes import NOT_KNOWN
from products.models import Publisher

PERMISSIONS: dict[str, str] = {
    Job.Kind.HOLD: "orders.hold_order",
    Job.Kind.RELEASE: "orders.release_order",
    Job.Kind.CANCEL: "orders.cancel_order",
}
LISTED = 20
CHECKED = 50

WILL: dict[str, tuple[str, str]] = {
    "hold": ("will be held.", "will be held."),
    "hold_again": (
        "is held already; its reason, note and date are replaced.",
        "are held already; their reason, note and date are replaced.",
    ),
    "hold_asked": (
        "is being sent; it is held only if TrepStar does not get it.",
        "are being sent; they are held only if TrepStar does not get them.",
    ),
    "release": (
        "is checked and, if TrepStar would take it, goes out.",
        "are checked and, where TrepStar would take them, go out.",
    ),
    "release_refused": (
        "was refused by TrepStar; it is checked and sent once more.",
        "were refused by TrepStar; they are checked and sent once more.",
    ),
    "cancel": ("will be cancelled for good.", "will be cancelled for good."),
    "cancel_asked": (
        "is being sent; it is cancelled only if TrepStar does not get it.",
        "are being sent; they are cancelled only if TrepStar does not get them.",
    ),
    "cancel_gone": (
        "is not known to TrepStar any more and is closed as cancelled.",
        "are not known to TrepStar any more and are closed as cancelled.",
    ),
}
CANNOT: dict[str, tuple[str, str]] = {
    "at_trepstar": ("cannot because TrepStar has it.", "cannot because TrepStar has them."),
    "cancelled": ("cannot because it is cancelled.", "cannot because they are cancelled."),
    "cancelling": (
        "cannot because it is to be cancelled already.",
        "cannot because they are to be cancelled already.",
    ),
    "ready": (
        "cannot because it is released already.",
        "cannot because they are released already.",
    ),
    "sending": ("cannot because it is being sent.", "cannot because they are being sent."),
}


@dataclass(frozen=True)
class Preview:
    """What an act would do with a selection as it is now, by fate (a key of WILL or CANNOT).

    ``newest`` is the highest id among them: with it, an order that is made later is none of them.
    """

    kind: str
    total: int = 0
    newest: int = 0
    publishers: frozenset[int] = frozenset()
    fates: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def will(self) -> list[tuple[int, str]]:
        return self._told(WILL)

    @property
    def cannot(self) -> list[tuple[int, str]]:
        return self._told(CANNOT)

    @property
    def held_for(self) -> list[tuple[int, str]]:
        """How many are held for which reason, the most first."""
        return [(n, status.HOLD_REASONS[reason]) for reason, n in self.reasons.most_common()]

    def _told(self, texts: dict[str, tuple[str, str]]) -> list[tuple[int, str]]:
        return [(n, text[n != 1]) for key, text in texts.items() if (n := self.fates[key])]


def preview(kind: str, orders: QuerySet[Order]) -> Preview:
    """Say what would happen to each of the orders; one query that counts them by status."""
    gone = Case(When(NOT_KNOWN, then=True), default=False, output_field=BooleanField())
    rows = (
        orders.order_by()
        .values_list("publisher_id", "status", "stop_request", "hold_reason", gone)
        .annotate(Count("pk"), Max("pk"))
    )
    found = list(rows)
    fates: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for _, here, stop, reason, is_gone, number, _ in found:
        fates[fate(kind, here, stop=stop, gone=bool(is_gone))] += number
        if here == status.HELD:
            reasons[reason] += number
    return Preview(
        kind,
        total=fates.total(),
        newest=max((row[-1] for row in found), default=0),
        publishers=frozenset(row[0] for row in found),
        fates=fates,
        reasons=reasons,
    )


def fate(kind: str, here: str, *, stop: str = "", gone: bool = False) -> str:
    """Return what ``orders.desk`` does with an order in this status: a key of WILL or CANNOT.

    ``gone`` says that TrepStar no longer knows it.
    """
    if here == status.CANCELLED:
        return "cancelled"
    if here in status.AT_GATEWAY:
        return "cancel_gone" if kind == Job.Kind.CANCEL and gone else "at_trepstar"
    if kind == Job.Kind.RELEASE:
        by_status = {status.HELD: "release", status.REFUSED: "release_refused"}
        return by_status.get(here, "ready" if here == status.READY else "sending")
    if here in status.IN_DOUBT:
        if kind == Job.Kind.HOLD and stop == Order.Stop.CANCEL:
            return "cancelling"
        return f"{kind}_asked"
    return "hold_again" if kind == Job.Kind.HOLD and here == status.HELD else str(kind)


@dataclass(frozen=True)
class Sample:
    """One of the orders, and what TrepStar would refuse about it, where that was looked at."""

    order: Order
    findings: list[str]


def sample(kind: str, orders: QuerySet[Order]) -> list[Sample]:
    """Return the oldest of the orders; those that are to be released are checked as well."""
    if kind != Job.Kind.RELEASE:
        return [Sample(order, []) for order in orders.order_by("pk")[:LISTED]]
    rows = orders.filter(status__in=status.EDITABLE).select_related("publisher")
    oldest = rows.prefetch_related("lines__product").order_by("pk")[:CHECKED]
    return [Sample(order, list(_findings(order))) for order in oldest]


def _findings(order: Order) -> Iterable[str]:
    lines = list(order.lines.all())
    return (finding.text for finding in preflight.check(order, lines, box_of(order, lines)))


def begin(
    kind: str,
    *,
    user: Any,
    orders: QuerySet[Order],
    params: dict[str, Any],
    most: int,
) -> Job:
    """Start the job for the orders among these that the user may see; their set is fixed now.

    Raises ``PermissionDenied`` where the user may not do this to any order, and ``NotNow`` for no
    order at all, or more than ``most``, which were shown before.
    """
    if not user.has_perm(PERMISSIONS[kind]):
        raise PermissionDenied
    if not user.is_superuser:
        orders = orders.filter(publisher__in=Publisher.objects.for_user(user))
    seen = preview(kind, orders)
    owner = Publisher.objects.get(pk=min(seen.publishers)) if len(seen.publishers) == 1 else None
    number = f"{seen.total:,} order{'' if seen.total == 1 else 's'}"
    with atomic():
        job = jobs.start(
            kind,
            user=user,
            title=f"{Job.Kind(kind).label} {number}",
            publisher=owner,
            params=params,
            rows=orders,
        )
        if job.total > most:
            raise NotNow(
                f"The selection has grown from {most:,} to {job.total:,} orders meanwhile, so "
                "nothing was begun. Look at it again."
            )
    return job


# What is done with each row


def _order_id(row: JobRow) -> int:
    if row.order_id is None:
        raise NotNow("The order is not there any more.")
    return row.order_id


@act(Job.Kind.HOLD)
def hold(job: Job, row: JobRow) -> str:
    """Hold an order for the reason, with the note and until the moment that the job names."""
    until = job.params.get("until")
    order = desk.hold(
        _order_id(row),
        actor=jobs.actor_of(job),
        note=job.params.get("note", ""),
        until=datetime.fromisoformat(until) if until else None,
        reason=job.params.get("reason", "staff"),
    )
    return "It is being sent; it is held if TrepStar does not get it." if order.stop_request else ""


@act(Job.Kind.RELEASE)
def release(job: Job, row: JobRow) -> str:
    """Release an order; what TrepStar would refuse about it is said."""
    desk.release(_order_id(row), actor=jobs.actor_of(job))
    return ""


@act(Job.Kind.CANCEL)
def cancel(job: Job, row: JobRow) -> str:
    """Cancel an order that TrepStar does not have."""
    note = job.params.get("note", "")
    order = desk.cancel(_order_id(row), actor=jobs.actor_of(job), note=note)
    return (
        "It is being sent; it is cancelled if TrepStar does not get it."
        if order.stop_request
        else ""
    )
