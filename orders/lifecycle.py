"""The only writers of an order's status and timeline.

Every change locks the row or proves by its version that nobody else changed it, checks the map of
transitions, saves the named fields, adds its event and writes what clients are told of it, in one
transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from orders import hooks, status
from orders.inserting import another, insert, insert_many
from orders.models import Order, OrderEvent, OrderLine
from orders.updating import update_each
from products.rows import lock_clause, with_one

Kind = OrderEvent.ActorKind
_EVENT = OrderEvent()


@dataclass(frozen=True)
class Actor:
    """Who did it: a person (with the user's id), a worker, the shop or an API client (named)."""

    kind: str
    user_id: int | None = None
    client: str = ""


WORKER = Actor(Kind.WORKER)
SHOP = Actor(Kind.SHOP)


def person(user: Any) -> Actor:
    """Return the actor for a member of staff."""
    return Actor(Kind.PERSON, user.pk)


def client(name: str) -> Actor:
    """Return the actor for an API client; ``name`` is its token's."""
    return Actor(Kind.CLIENT, client=name)


class NotNow(Exception):
    """The order is not in a state that allows this; the message is a whole sentence."""


class Changed(NotNow):
    """Somebody else changed the order meanwhile, so nothing was written."""

    def __init__(self, invoice: str) -> None:
        super().__init__(
            f"Order {invoice} was changed meanwhile, so nothing was saved. "
            "Look at its present state and try again."
        )


class Fenced(NotNow):
    """A worker's lease ended before it came to write, so its result is only an observation."""


def create(
    order: Order, lines: Sequence[OrderLine], *, actor: Actor, data: dict[str, Any]
) -> Order:
    """Insert a new order, held or ready, with its lines and its first event."""
    _check_new(order)
    with transaction.atomic(savepoint=False):
        insert(order, "next_attempt_at")
        for line in lines:
            line.order = order
        insert_many(lines)
        order.made_with = lines
        event = _event(order, "order.placed", "", order.status, actor, data)
        insert(event)
        hooks.write([(order, event)])
    return order


def _check_new(order: Order) -> None:
    if order.status not in (status.HELD, status.READY):
        raise ValueError(f"A new order is held or ready, not {order.status}.")


def create_many(
    boxes: Sequence[tuple[Order, Sequence[OrderLine], dict[str, Any]]], *, actor: Actor
) -> None:
    """Do what ``create`` does with many new orders, each with its lines and its event's data.

    As many statements for a thousand as for one. Raises ``IntegrityError`` where an invoice is
    taken; then nothing is written.
    """
    for order, _, _ in boxes:
        _check_new(order)
    with transaction.atomic():
        insert_many([order for order, _, _ in boxes])
        for order, lines, _ in boxes:
            for line in lines:
                line.order_id = order.pk
        insert_many([line for _, lines, _ in boxes for line in lines])
        happened = [
            (order, _event(order, "order.placed", "", order.status, actor, data))
            for order, _, data in boxes
        ]
        insert_many([event for _, event in happened])
        hooks.write(happened)


def lock(order_id: int, *, token: UUID | None = None, version: int | None = None) -> Order:
    """Lock an order until the transaction ends and return it.

    Raises ``Fenced`` if ``token`` is given and no longer holds the lease, and ``Changed`` if
    ``version`` is given and is not the present one.
    """
    found = with_one("publisher", Order, f"this.id = %s {lock_clause()}", order_id)
    if not found:
        raise Order.DoesNotExist(f"There is no order with the id {order_id}.")
    (order,) = found
    if token is not None and (order.lease_token != token or order.status != status.SUBMITTING):
        raise Fenced(f"The lease on order {order.invoice} has ended.")
    if version is not None and order.version != version:
        raise Changed(order.invoice)
    return order


def move(
    order: Order,
    to: str,
    kind: str,
    *,
    actor: Actor,
    data: dict[str, Any] | None = None,
    fields: dict[str, Any] | None = None,
) -> Order:
    """Give the order a new status, the named fields, and an event; return it as it now is.

    Raises ``NotNow`` if the map does not allow it, and ``Changed`` if the row is no longer the one
    that ``order`` was read from. Leaving a status clears what belonged to it.
    """
    if not status.may_move(order.status, to):
        raise NotNow(
            f"Order {order.invoice} {status.MEANING[order.status]}, so it cannot become {to}."
        )
    return _write(
        order, to, kind, actor, data or {}, {**_cleared(order.status, to), **(fields or {})}
    )


def record(
    order: Order,
    kind: str,
    *,
    actor: Actor,
    data: dict[str, Any] | None = None,
    fields: dict[str, Any] | None = None,
) -> Order:
    """Save the named fields and add an event, without a new status. Raises ``Changed``."""
    return _write(order, order.status, kind, actor, data or {}, fields or {})


@dataclass(frozen=True)
class Change:
    """What a status answer does to one order; ``kind`` is blank where nothing is worth telling."""

    order: Order
    to: str
    kind: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)


def move_many(changes: Iterable[Change], *, actor: Actor) -> int:
    """Write many changes of locked orders in a few statements; return how many were events.

    The orders must have been locked in this transaction, and are as they were read then: a field
    in which none of them differs from that is not written. Raises ``NotNow`` for a move that the
    map does not allow, and then nothing is written; ``Changed`` where one of them was not locked
    and is no longer as it was read, and then the transaction must be undone.
    """
    changed, happened, names, versions = [], [], {"updated_at"}, []
    now = timezone.now()
    for change in changes:
        order, before = change.order, change.order.status
        versions.append(order.version)
        moved = change.to != before
        if moved and not status.may_move(before, change.to):
            raise NotNow(f"Order {order.invoice} cannot go from {before} to {change.to}.")
        values = {**(_cleared(before, change.to) if moved else {}), **change.fields}
        values |= {"status": change.to, "version": order.version + bool(change.kind)}
        for name, value in values.items():
            if getattr(order, name) != value:
                names.add(name)
                setattr(order, name, value)
        order.updated_at = now
        if change.kind:
            event = _event(order, change.kind, before, change.to, actor, change.data)
            happened.append((order, event))
        changed.append(order)
    if changed:
        if update_each(changed, names, versions=versions) < len(changed):
            raise Changed(", ".join(order.invoice for order in changed))
        insert_many([event for _, event in happened])
        hooks.write(happened)
    return len(happened)


def _write(
    order: Order, to: str, kind: str, actor: Actor, data: dict[str, Any], fields: dict[str, Any]
) -> Order:
    before = order.status
    values = {**fields, "status": to, "version": order.version + 1, "updated_at": timezone.now()}
    # No savepoint: nothing was written where the row is no longer the same.
    with transaction.atomic(savepoint=False):
        same = Order.objects.filter(pk=order.pk, version=order.version, status=before)
        written = same.update(**values)
        if written:
            for name, value in values.items():
                setattr(order, name, value)
            event = _event(order, kind, before, to, actor, data)
            insert(event)
            hooks.write([(order, event)])
    if not written:
        raise Changed(order.invoice)
    return order


def _cleared(before: str, to: str) -> dict[str, Any]:
    """Return the fields that end with the status that is left."""
    values: dict[str, Any] = {}
    if before == status.HELD:
        values |= {"hold_reason": "", "hold_note": "", "hold_until": None}
    if before == status.SUBMITTING:
        values |= {"lease_token": None, "lease_until": None}
    if before in status.IN_DOUBT and to not in status.IN_DOUBT:
        # The hold that was asked for ends with the doubt, unless it comes into force now.
        values |= {"stop_request": "", "hold_note": "", "hold_until": None}
    if before == status.UNCLEAR:
        values |= {"question": "", "unclear_since": None, "not_found": 0}
    if to in (status.CANCELLED, status.HELD, status.REFUSED, status.TESTED):
        values |= {"next_attempt_at": None, "next_ask_at": None}
    return values


def _event(
    order: Order, kind: str, before: str, to: str, actor: Actor, data: dict[str, Any]
) -> OrderEvent:
    event = another(
        _EVENT,
        order_id=order.pk,
        kind=kind,
        from_status=before,
        to_status=to,
        actor_kind=actor.kind,
        actor_user_id=actor.user_id,
        data={**data, "client": actor.client} if actor.client else data,
    )
    OrderEvent.order.field.set_cached_value(event, order)
    return event
