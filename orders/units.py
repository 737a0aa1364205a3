"""How many units of a shop's line are still to be made. Pure arithmetic over what is known.

Shopify repeats itself, out of order: a full fulfilment lists the units of the partial one again,
and a fulfillment may be cancelled and made anew. What counts is the line: the units that its
active fulfillments ask for, less those that earlier deliveries had made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orders.shopify.payload import FULFILLED_TOPICS, Line, ShopifyOrder

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    """One line of an earlier delivery of the same shop order."""

    line_id: int
    fulfillment_id: int | None
    fulfillment_active: bool
    quantity: int
    units: int
    as_of: datetime | None


@dataclass(frozen=True)
class Wanted:
    """One line of a body: what it asks for, and how much of that is still to be made."""

    line: Line
    fulfillment_id: int | None
    active: bool
    quantity: int
    units: int


def wanted(order: ShopifyOrder, topic: str, known: Sequence[Known]) -> list[Wanted]:
    """Return every line of the body with the units still to be made.

    ``known`` are the lines of the earlier deliveries of the same shop order. A body of a fulfilled
    topic whose fulfillments are all inactive asks for nothing; a body without fulfillments asks
    for what the order itself says.
    """
    lines = {line.line_id: line for line in order.lines}
    made: dict[int, int] = {}
    for entry in known:
        made[entry.line_id] = made.get(entry.line_id, 0) + entry.units
    seen = _fulfilled(order, known)
    found = []
    for line_id, fulfillment_id, active, quantity in _asked(order, topic):
        line = lines.get(line_id)
        if line is None:
            continue
        total = sum(q for (one, _), (is_active, q) in seen.items() if one == line_id and is_active)
        asked_in_all = total if fulfillment_id is not None else max(total, quantity)
        missing = max(0, asked_in_all - made.get(line_id, 0))
        units = min(missing, quantity) if active and not line.left_out else 0
        made[line_id] = made.get(line_id, 0) + units
        found.append(Wanted(line, fulfillment_id, active, quantity, units))
    return found


def _asked(order: ShopifyOrder, topic: str) -> Iterable[tuple[int, int | None, bool, int]]:
    asked = set()
    for fulfillment in order.fulfillments:
        for line_id, quantity in fulfillment.lines:
            if fulfillment.active or topic in FULFILLED_TOPICS:
                asked.add(line_id)
            yield line_id, fulfillment.fulfillment_id, fulfillment.active, quantity
    waits = topic in FULFILLED_TOPICS and bool(order.fulfillments)
    for line in order.lines:
        if line.line_id not in asked or topic not in FULFILLED_TOPICS:
            yield line.line_id, None, not waits, line.quantity


def _fulfilled(
    order: ShopifyOrder, known: Sequence[Known]
) -> dict[tuple[int, int], tuple[bool, int]]:
    """Return what is known of each (line, fulfillment): whether it is active, and its quantity.

    The newest body knows best; this one counts as new unless a later one was seen.
    """
    seen: dict[tuple[int, int], tuple[datetime, bool, int]] = {}
    for entry in known:
        if entry.fulfillment_id is not None:
            _learn(
                seen,
                (entry.line_id, entry.fulfillment_id),
                (entry.as_of or _LONG_AGO, entry.fulfillment_active, entry.quantity),
            )
    for fulfillment in order.fulfillments:
        for line_id, quantity in fulfillment.lines:
            _learn(
                seen,
                (line_id, fulfillment.fulfillment_id),
                (order.updated_at or _LONG_AGO, fulfillment.active, quantity),
            )
    return {key: (active, quantity) for key, (_, active, quantity) in seen.items()}


def _learn(
    seen: dict[tuple[int, int], tuple[datetime, bool, int]],
    key: tuple[int, int],
    news: tuple[datetime, bool, int],
) -> None:
    if key not in seen or news[0] >= seen[key][0]:
        seen[key] = news
