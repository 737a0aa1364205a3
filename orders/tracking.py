"""Asking TrepStar for news: choose what is due, one call for up to 100 invoices, write it down.

Unclear orders come first, since they may not be sent again before they have been asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from orders import answers, breaker, budget, clock, missed, status
from orders.gateway import login_of
from orders.models import Call, Order
from orders.settlement import refuse_login, send_what_waited
from orders.trepstar import client, status_xml
from orders.trepstar.errors import GatewayError, Unreachable
from orders.trepstar.status_xml import MAX_INVOICES
from products.models import Publisher

log = logging.getLogger(__name__)

GATHERING_SWEEPS = 4


class Chosen(NamedTuple):
    """What choosing and asking need to know of an order; it is locked and read whole later."""

    pk: int
    publisher_id: int
    invoice: str
    status: str
    next_ask_at: datetime | None


def due(now: datetime) -> QuerySet[Order]:
    """Return the orders for which TrepStar is to be asked now."""
    return Order.objects.filter(
        next_ask_at__lte=now, status__in=status.ASKED | {status.UNCLEAR}
    ).filter(publisher__login_refused_at=None)


def due_publishers() -> list[int]:
    """Return the ids of the publishers with something to ask, none while asking is stopped."""
    if breaker.state().sync_stopped_at:
        return []
    rows = Publisher.objects.filter(Exists(due(clock.now()).filter(publisher=OuterRef("pk"))))
    return list(rows.order_by("pk").values_list("pk", flat=True))


def sync(
    publisher_id: int, gateway: client.Gateway, *, may_go_on: Callable[[], bool] = lambda: True
) -> int:
    """Ask for everything that is due for a publisher; return the number of calls answered.

    Only one worker asks for a publisher at a time; others return at once. ``may_go_on`` is asked
    before each call but the first. After a call that was not full, the rest shares the next one.
    """
    turn = _lease(publisher_id)
    calls = 0
    # Counted once a turn, since it looks at every open order.
    interval = cache(budget.interval_of)
    try:
        while turn and (
            asked := sync_once(publisher_id, gateway, first=not calls, interval=interval)
        ):
            calls += 1
            if asked < MAX_INVOICES or not may_go_on():
                break
            turn = _lease(publisher_id, mine=turn)
    finally:
        # Only its own: another worker may have taken the turn over meanwhile.
        if turn:
            Publisher.objects.filter(pk=publisher_id, sync_until=turn).update(sync_until=None)
    return calls


def _lease(publisher_id: int, *, mine: datetime | None = None) -> datetime | None:
    """Take the publisher's turn, or prolong ``mine``; return until when, or None."""
    now = clock.now()
    until = now + timedelta(seconds=settings.LEASE_SECONDS)
    free = Q(sync_until=mine) if mine else Q(sync_until=None) | Q(sync_until__lte=now)
    rows = Publisher.objects.filter(free, pk=publisher_id)
    return until if rows.update(sync_until=until) else None


def sync_once(
    publisher_id: int,
    gateway: client.Gateway,
    *,
    first: bool,
    interval: Callable[[Publisher], timedelta],
) -> int:
    """Make one status call for a publisher; return for how many orders it was answered.

    The ``first`` call of a turn is only made if the last turn is not too short ago. ``interval``
    is asked how long to wait before the next question for an order.
    """
    publisher = Publisher.objects.get(pk=publisher_id)
    orders = choose(publisher)
    if not orders or publisher.login_refused_at or not publisher.login_password:
        return 0
    if first and len(orders) < MAX_INVOICES and _asked_lately(publisher):
        return 0
    if breaker.state().sync_stopped_at:
        return 0
    if breaker.is_open() and not breaker.take_probe():
        return 0
    urgent = any(order.status == status.UNCLEAR for order in orders)
    purpose = Call.Purpose.RESOLVE if urgent else Call.Purpose.SWEEP
    call = budget.reserve(publisher, purpose, len(orders))
    if call is None and urgent:
        # Unclear orders have used up their share; the others must not wait for them.
        orders = [order for order in orders if order.status != status.UNCLEAR]
        due_now = any(order.next_ask_at <= clock.now() for order in orders if order.next_ask_at)
        call = budget.reserve(publisher, Call.Purpose.SWEEP, len(orders)) if due_now else None
    if call is None:
        return 0
    return len(orders) if ask(publisher, orders, call, gateway, interval(publisher)) else 0


def _asked_lately(publisher: Publisher) -> bool:
    """Say whether the last call is so short ago that the few that fell due share the next one."""
    since = clock.now() - timedelta(seconds=GATHERING_SWEEPS * settings.SWEEP_SECONDS)
    calls = publisher.calls.filter(reserved_at__gt=since)
    return calls.exclude(purpose=Call.Purpose.STAFF).exists()


def choose(publisher: Publisher) -> list[Chosen]:
    """Return up to 100 orders to ask for: unclear ones, due ones, then those due next.

    A call costs the same for one invoice as for a hundred, so it is filled up; but never with an
    order that was asked for within ``SYNC_SECONDS``. Nothing due means no call.
    """
    now = clock.now()
    mine = due(now).filter(publisher=publisher)
    chosen = _first(mine.filter(status=status.UNCLEAR), MAX_INVOICES)
    chosen += _first(mine.exclude(status=status.UNCLEAR), MAX_INVOICES - len(chosen))
    if not chosen or len(chosen) == MAX_INVOICES:
        return chosen
    rested = now - timedelta(seconds=settings.SYNC_SECONDS)
    fill = Order.objects.filter(
        Q(asked_at=None) | Q(asked_at__lte=rested),
        publisher=publisher,
        status__in=status.ASKED,
        next_ask_at__gt=now,
    )
    return chosen + _first(fill, MAX_INVOICES - len(chosen))


def _first(orders: QuerySet[Order], most: int) -> list[Chosen]:
    """Return the orders that are to be asked for first."""
    rows = orders.order_by("next_ask_at", "id").values_list(*Chosen._fields)
    return [Chosen(*row) for row in rows[:most]]


def ask(
    publisher: Publisher,
    orders: Sequence[Chosen | Order],
    call: Call,
    gateway: client.Gateway,
    interval: timedelta,
) -> bool:
    """Make a reserved call and write down what it brings; say whether it was answered.

    What it brings nothing final for is asked for again after ``interval``.
    """
    invoices = [order.invoice for order in orders]
    try:
        reply, sections = gateway.statuses(invoices, login_of(publisher))
    except (ValueError, GatewayError) as error:
        _unanswered(call, error)
        _ask_later([order.pk for order in orders], interval)
        return False
    if breaker.succeeded():
        send_what_waited()
    problem = status_xml.account_error(sections)
    if problem:
        _account_problem(publisher, call, problem)
        return False
    found = status_xml.by_invoice(sections, invoices)
    written = answers.apply(found, orders, interval)
    budget.settle(
        call,
        Call.Outcome.ANSWERED,
        sections=len(found),
        dropped=max(0, len(sections) - len(found)),
        http_status=reply.http_status,
        excerpt="" if len(found) == len(orders) else reply.excerpt,
    )
    _ask_later([order.pk for order in orders if order.invoice not in written], interval)
    missed.count([order.pk for order in orders if order.invoice not in found])
    return True


def _unanswered(call: Call, error: ValueError | GatewayError) -> None:
    if isinstance(error, ValueError):
        return note_failure(call, Unreachable(f"TrepStar could not be asked: {error}"))
    if error.http_status != 200:
        breaker.failed(error.text, began=call.reserved_at)
    return note_failure(call, error)


def note_failure(call: Call, error: GatewayError) -> None:
    """Write down what became of a reserved call that brought no answer."""
    sent = not isinstance(error, Unreachable)
    budget.settle(
        call,
        Call.Outcome.FAILED if sent else Call.Outcome.NOT_SENT,
        text=error.text,
        http_status=error.http_status,
        excerpt=error.excerpt,
    )


def _account_problem(publisher: Publisher, call: Call, problem: str) -> None:
    if problem == status_xml.LOGIN_REFUSED:
        refuse_login(publisher.pk, publisher.credential_version)
        budget.settle(call, Call.Outcome.REFUSED, text="TrepStar refused the login.")
        return
    text = "TrepStar does not know the function that this desk asks for, so asking has stopped."
    log.error(text)
    breaker.note(sync_stopped_at=clock.now())
    budget.settle(call, Call.Outcome.REFUSED, text=text)


def _ask_later(order_ids: Sequence[int], interval: timedelta) -> None:
    """Ask again, in their turn, for orders whose section was missing or spoilt."""
    now = clock.now()
    wait = min(interval, timedelta(seconds=settings.ASK_AFTER_SECONDS[0]))
    unclear = Q(status=status.UNCLEAR)
    rows = Order.objects.filter(pk__in=order_ids)
    rows.filter(unclear).update(asked_at=now, next_ask_at=now + wait)
    rows.filter(~unclear, status__in=status.ASKED).update(asked_at=now, next_ask_at=now + interval)


def ask_now(order: Order, gateway: client.Gateway) -> str:
    """Ask for one order at a person's wish; return what came of it as a whole sentence."""
    publisher = order.publisher
    if publisher.login_refused_at:
        return "TrepStar refused this publisher's login, so nothing is asked until it is mended."
    call = budget.reserve(publisher, Call.Purpose.STAFF, 1)
    if call is None:
        return "The questions that staff may ask within 24 hours are used up. Please wait."
    if not ask(publisher, [order], call, gateway, budget.interval_of(publisher)):
        call.refresh_from_db()
        return f"TrepStar could not be asked: {call.text}"
    order.refresh_from_db()
    return f"TrepStar was asked. Order {order.invoice} {order.meaning}."
