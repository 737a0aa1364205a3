"""What waits for a person, and why: one queue of orders and deliveries, oldest first.

Reads only, ``put_away`` apart. An order may wait for several reasons at once; it stands in the
queue once, and under each of its reasons.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery

from orders import preflight, status
from orders.gateway import box_of
from orders.lifecycle import NotNow
from orders.models import Delivery, DeliveryLine, Order, OrderEvent, OrderLine
from orders.models.conditions import Unindexed, one_of
from orders.models.order_indexes import MAY_WAIT
from orders.models.shopify import Outcome
from orders.preflight import Finding
from orders.reasons import OF_DELIVERIES, REASONS, any_condition, conditions, made_again

MOST_COUNTED = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = re.compile(r"(\d{1,17})-([do])-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, order=True)
class Key:
    """A place in the queue: when the row came, what it is (``d`` or ``o``), and its id."""

    at: datetime
    kind: str
    pk: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}-{self.kind}-{self.pk}"

    @classmethod
    def read(cls, text: str) -> Key | None:
        """Return the key that ``text`` spells, or None."""
        found = _KEY.fullmatch(text)
        if found is None:
            return None
        at = _EPOCH + timedelta(microseconds=int(found[1]))
        return cls(at, found[2], int(found[3]))


@dataclass(frozen=True)
class Place:
    """Where somebody stands in the queue: for which publishers and reason, and from which row on.

    ``publishers`` are ids that the user may see; ``reason`` is blank for all that waits; the rows
    come after ``start``, or from it on with ``inclusive``.
    """

    publishers: Sequence[int]
    reason: str = ""
    start: Key | None = None
    inclusive: bool = False


def orders(place: Place, now: datetime) -> QuerySet[Order]:
    """Return the orders that wait, whatever the place's start, in no order."""
    rows = Order.objects.among(place.publishers).filter(MAY_WAIT)
    if place.reason in OF_DELIVERIES:
        return rows.none()
    return rows.filter(conditions(now)[place.reason] if place.reason else any_condition(now))


def deliveries(place: Place) -> QuerySet[Delivery]:
    """Return the deliveries that wait; one whose body was erased can no longer be read again."""
    rows = Delivery.objects.alias(owner=Unindexed("store__publisher_id")).filter(
        one_of("outcome", OF_DELIVERIES), body__isnull=False, owner__in=place.publishers
    )
    if place.reason:
        return rows.filter(outcome=place.reason) if place.reason in OF_DELIVERIES else rows.none()
    return rows


class _Bounded(Subquery):
    """The number of rows of a sliced query."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS bounded)"
    output_field = IntegerField()


def counts(user: Any, publishers: Sequence[int], now: datetime) -> dict[str, int]:
    """Return how many wait for each reason, and for any under ``""``; none above 100.

    One statement, which stops reading each reason at its hundredth row.
    """
    wanted: dict[str, Any] = {}
    for slug in ("", *REASONS):
        place = Place(publishers, slug)
        for name, rows in {"o": orders(place, now), "d": deliveries(place)}.items():
            if not rows.query.is_empty():
                wanted[f"{name}_{slug}"] = _Bounded(rows.order_by().values("pk")[:MOST_COUNTED])
    # The user's own row is the one row that these figures are hung on.
    one: QuerySet[Any] = get_user_model().objects.filter(pk=user.pk)
    found: Any = one.values(**wanted).get()
    return {
        slug: min(sum(found.get(f"{name}_{slug}") or 0 for name in "od"), MOST_COUNTED)
        for slug in ("", *REASONS)
    }


def told(count: int) -> str:
    """Return one of the ``counts`` as it is shown: where counting stopped, there may be more."""
    return f"{count}" if count < MOST_COUNTED else f"{count - 1}+"


def key_of(row: Order | Delivery) -> Key:
    """Return the row's place in the queue."""
    if isinstance(row, Order):
        return Key(row.created_at, "o", row.pk)
    return Key(row.received_at, "d", row.pk)


def page(place: Place, now: datetime, size: int) -> tuple[list[Order | Delivery], bool]:
    """Return the rows of one page, oldest first, and whether more follow.

    They bring along what is shown of them: an order its lines, whether it was made again
    (``made_again``) and the id of the event by which it got its status (``entered``); a delivery
    its lines without a match. The number of queries does not depend on that of the rows.
    """
    some_orders = _from(place, _furnished(orders(place, now)), "created_at", "o")[: size + 1]
    some_deliveries = _from(place, _with_lines(deliveries(place)), "received_at", "d")[: size + 1]
    merged: list[Order | Delivery] = sorted([*some_orders, *some_deliveries], key=key_of)
    return merged[:size], len(merged) > size


def _furnished(rows: QuerySet[Order]) -> QuerySet[Order]:
    moves = OrderEvent.objects.filter(order=OuterRef("pk"), to_status=OuterRef("status"))
    moves = moves.exclude(from_status=OuterRef("status")).order_by("-id")
    lines = OrderLine.objects.select_related("product")
    return (
        rows.select_related("publisher", "shop_order__store")
        .prefetch_related(Prefetch("lines", lines))
        .annotate(made_again=made_again(), entered=Subquery(moves.values("pk")[:1]))
        .defer("payload", "tracking_history")
    )


def _with_lines(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    lines = DeliveryLine.objects.filter(outcome=DeliveryLine.Outcome.UNMATCHED)
    shown = Prefetch("lines", lines, to_attr="unmatched")
    related = rows.select_related("store__publisher", "shop_order")
    return related.prefetch_related(shown).defer("body")


def _from(place: Place, rows: QuerySet[Any], column: str, kind: str) -> QuerySet[Any]:
    ordered = rows.order_by(column, "pk")
    start = place.start
    if start is None:
        return ordered
    later = Q(**{f"{column}__gt": start.at})
    if kind > start.kind:
        later = Q(**{f"{column}__gte": start.at})
    elif kind == start.kind:
        later |= Q(pk__gte=start.pk) if place.inclusive else Q(pk__gt=start.pk)
    return ordered.filter(later, **{f"{column}__gte": start.at})


def findings_of(order: Order) -> list[Finding]:
    """Return what TrepStar would refuse; reads no more than the lines fetched beforehand."""
    if order.status not in status.EDITABLE:
        return []
    lines = list(order.lines.all())
    return preflight.check(order, lines, box_of(order, lines))


def put_away(delivery_id: int, *, who: str, note: str) -> Delivery:
    """Take a delivery that cannot be used out of the queue; the note is kept with it.

    Raises ``NotNow`` without a note, and where the delivery does not wait any more.
    """
    if not note:
        raise NotNow("Say why the delivery is put away; the reason is kept with it.")
    with transaction.atomic():
        rows = Delivery.objects.select_for_update(of=("self",), no_key=True)
        delivery = rows.get(pk=delivery_id)
        if delivery.outcome != Outcome.QUARANTINED:
            raise NotNow(
                f"The delivery is {delivery.outcome} by now, so there is nothing to put away."
            )
        delivery.reason = f"Put away by {who}: {note} It was set aside with: {delivery.reason}"
        delivery.outcome = Outcome.IGNORED
        delivery.save(update_fields=["outcome", "reason"])
        return delivery
