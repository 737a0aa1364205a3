"""What an attempt came to, written down while its lease holds."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import takewhile

from django.conf import settings
from django.db import transaction

from orders import breaker, clock, lifecycle, status
from orders.killpoint import reached
from orders.lifecycle import WORKER, Change
from orders.models import Attempt, Order
from orders.trepstar import errors
from orders.trepstar.errors import GatewayError, Refused, Unreachable
from products.models import Publisher

MAX_OWN_FAILURES = 3
CAME_BACK = ("outcome", "http_status", "error_code", "text", "excerpt")
LOST_WORKER = "The worker stopped before it could write down TrepStar's answer."


def settle(attempt: Attempt, result: GatewayError | None, excerpt: str) -> None:
    """Write down an attempt's result: None for accepted, else the error. Safe to repeat.

    Where the lease has ended, the result is kept on the attempt and in the timeline, and changes
    nothing else.
    """
    _note(attempt, result, excerpt)
    _tell_breaker(attempt, result)
    if isinstance(result, Refused) and result.refusal.kind == errors.LOGIN:
        # Before the order is free again, or another worker would try it with the same login.
        refuse_login(attempt.order.publisher_id, attempt.credential_version)
    with transaction.atomic():
        try:
            _apply_unless_changed(attempt, result)
        except lifecycle.Fenced:
            return _observe(attempt)
        reached("before_commit")
    reached("after_commit")
    return None


def _apply_unless_changed(attempt: Attempt, result: GatewayError | None) -> None:
    """Apply a result to the order as it was prepared, or, where it was changed since, as it is.

    Its version says so as it is written, so that most orders need not be read again. Raises
    ``Fenced`` where the lease has ended.
    """
    prepared = attempt.order
    if prepared.lease_token == attempt.token and prepared.status == status.SUBMITTING:
        with suppress(lifecycle.Changed):
            return _apply(prepared, attempt, result)
    return _apply(lifecycle.lock(attempt.order_id, token=attempt.token), attempt, result)


def _note(attempt: Attempt, result: GatewayError | None, excerpt: str) -> None:
    ends = Attempt.Outcome
    attempt.excerpt = excerpt
    attempt.outcome, attempt.http_status = ends.ACCEPTED, 200
    if result is not None:
        attempt.text, attempt.excerpt = result.text, result.excerpt
        attempt.http_status = result.http_status
        attempt.outcome = {errors.AGAIN: ends.NOT_SENT, errors.NONE: ends.REFUSED}.get(
            result.retry, ends.UNCLEAR
        )
    if isinstance(result, Refused):
        attempt.error_code = result.code
    Attempt.objects.filter(pk=attempt.pk).update(
        finished_at=clock.later(0), **{name: getattr(attempt, name) for name in CAME_BACK}
    )


def _tell_breaker(attempt: Attempt, result: GatewayError | None) -> None:
    answered = result is None or isinstance(result, Refused) or result.http_status == 200
    if not answered and result is not None:
        breaker.failed(result.text, began=attempt.started_at)
    elif breaker.succeeded():
        send_what_waited()


def send_what_waited() -> None:
    """Let the orders that could not be sent go out at once: the gateway is back."""
    waited = Order.objects.filter(status=status.READY, not_sent__gt=0)
    waited.update(next_attempt_at=clock.now())


def _observe(attempt: Attempt) -> None:
    """Keep what a late worker learned, without believing it."""
    with transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(late=True)
        data = {"attempt": attempt.number, "outcome": attempt.outcome}
        order = lifecycle.lock(attempt.order_id)
        lifecycle.record(order, "order.late_result", actor=WORKER, data=data)


def _apply(order: Order, attempt: Attempt, result: GatewayError | None) -> None:
    data: dict[str, object] = {"attempt": attempt.number}
    if result is None:
        _accepted(order, data)
    elif isinstance(result, Unreachable):
        _not_sent(order, data | {"text": result.text})
    elif isinstance(result, Refused):
        _refused(order, result, data | {"code": result.code, "text": result.text})
    else:
        unclear(order, Order.Question.OUTCOME, "order.unclear", data | {"text": result.text})


def _accepted(order: Order, data: dict[str, object]) -> None:
    fields = {
        "accepted_at": clock.later(0),
        "not_sent": 0,
        "next_ask_at": clock.later(settings.SYNC_SECONDS),
        "gateway_error_number": "",
        "gateway_error_text": "",
        "flag": too_late(order),
    }
    lifecycle.move(order, status.ACCEPTED, "order.accepted", actor=WORKER, data=data, fields=fields)


def too_late(order: Order) -> str:
    """Return the flag for an order that was to be stopped and that TrepStar has after all."""
    if not order.stop_request:
        return order.flag
    word = "held" if order.stop_request == Order.Stop.HOLD else "cancelled"
    return (
        f"This order was to be {word}, but TrepStar had it already. "
        "Delete it there while it is on HOLD."
    )


def _not_sent(order: Order, data: dict[str, object]) -> None:
    if order.stop_request:
        return stop_instead(order)
    first, longest = settings.RETRY_SECONDS
    wait = min(longest, first * 2 ** min(order.not_sent, 20))
    fields = {
        "not_sent": order.not_sent + 1,
        "next_attempt_at": clock.now() + timedelta(seconds=wait),
    }
    lifecycle.move(order, status.READY, "order.not_sent", actor=WORKER, data=data, fields=fields)
    return None


def _refused(order: Order, result: Refused, data: dict[str, object]) -> None:
    kind = result.refusal.kind
    fields: dict[str, object] = {
        "gateway_error_number": result.code,
        "gateway_error_text": result.text,
    }
    if kind == errors.LOGIN:
        if order.stop_request:
            return stop_instead(order)
        fields = {"next_attempt_at": clock.now()}
        lifecycle.move(
            order, status.READY, "order.login_refused", actor=WORKER, data=data, fields=fields
        )
    elif kind == errors.DUPLICATE:
        unclear(order, Order.Question.DUPLICATE, "order.duplicate", data, fields)
    elif kind == errors.DOUBTFUL:
        unclear(order, Order.Question.REFUSAL, "order.refusal_doubted", data, fields)
    elif order.stop_request == Order.Stop.CANCEL:
        stop_instead(order)
    else:
        lifecycle.move(
            order, status.REFUSED, "order.refused", actor=WORKER, data=data, fields=fields
        )
    return None


def reason_asked_for(order: Order) -> str:
    """Return the kind of hold that staff asked for while the order was being sent."""
    asked = order.events.filter(kind="order.stop_requested").order_by("-id").first()
    return str(asked.data.get("reason", "staff")) if asked else "staff"


def stop_instead(order: Order) -> None:
    """Hold or cancel a locked order that was proved not to have been sent, as staff asked."""
    if order.stop_request == Order.Stop.CANCEL:
        lifecycle.move(order, status.CANCELLED, "order.cancelled", actor=WORKER)
        return
    held = {"hold_reason": reason_asked_for(order), "hold_note": order.hold_note}
    fields = {**held, "hold_until": order.hold_until}
    lifecycle.move(order, status.HELD, "order.held", actor=WORKER, data=held, fields=fields)


def unclear(
    order: Order,
    question: str,
    kind: str,
    data: dict[str, object],
    fields: dict[str, object] | None = None,
) -> None:
    """Lock the order until TrepStar has been asked for it."""
    values = {**_doubt(order, question, clock.now()), **(fields or {})}
    lifecycle.move(order, status.UNCLEAR, kind, actor=WORKER, data=data, fields=values)


def _doubt(order: Order, question: str, now: datetime) -> dict[str, object]:
    """Return what an order in doubt gets: what TrepStar is asked, and when."""
    return {
        "question": question,
        "unclear_since": now,
        "unclear_rounds": order.unclear_rounds + (question != Order.Question.REFUSAL),
        "not_found": 0,
        "next_ask_at": now + timedelta(seconds=settings.ASK_AFTER_SECONDS[0]),
    }


def refuse_login(publisher_id: int, credential_version: int) -> None:
    """Stop every call of an account, unless its login was changed since that call began."""
    Publisher.objects.filter(
        pk=publisher_id, credential_version=credential_version, login_refused_at=None
    ).update(login_refused_at=clock.now())


def give_back(order_id: int, token: uuid.UUID, text: str) -> None:
    """Take back a claim on an order on which the desk failed before anything was sent."""
    with transaction.atomic():
        try:
            order = lifecycle.lock(order_id, token=token)
        except lifecycle.Fenced:
            return
        data: dict[str, object] = {"attempt": order.attempts + 1, "text": text}
        if order.stop_request or _own_failures(order) + 1 < MAX_OWN_FAILURES:
            _not_sent(order, {**data, "ours": True})
            return
        held = {"hold_reason": "internal", "hold_note": text}
        lifecycle.move(
            order,
            status.HELD,
            "order.held",
            actor=WORKER,
            data=held,
            fields={**held, "not_sent": 0},
        )


def _own_failures(order: Order) -> int:
    """Count the desk's own failures on an order since a person released it or it was tried."""
    events = order.events.order_by("-id")[: 2 * MAX_OWN_FAILURES]
    kinds = [e for e in events if e.kind not in ("order.claimed", "order.lease_ended")]
    return sum(1 for _ in takewhile(lambda e: e.data.get("ours"), kinds))


def settle_lost(*order_ids: int) -> None:
    """Settle the orders of these whose worker's lease has ended, at once: a worker leaves many.

    Without an attempt nothing was sent, and the order is ready again; with one it is unclear.
    One that somebody has locked is left to the next sweep, so that it holds up no other.
    """
    with transaction.atomic():
        now = clock.now()
        rows = Order.objects.select_related("publisher")
        rows = rows.select_for_update(of=("self",), skip_locked=True, no_key=True)
        over = rows.filter(pk__in=order_ids, status=status.SUBMITTING, lease_until__lte=now)
        lost = list(over.order_by("pk"))
        tokens = [order.lease_token for order in lost if order.lease_token]
        made = Attempt.objects.filter(order__in=lost, token__in=tokens)
        numbers = dict(made.values_list("order", "number"))
        made.filter(outcome=Attempt.Outcome.OPEN).update(
            outcome=Attempt.Outcome.UNCLEAR, text=LOST_WORKER, finished_at=now
        )
        changes = []
        for order in lost:
            if number := numbers.get(order.pk):
                data = {"attempt": number, "text": LOST_WORKER}
                fields = _doubt(order, Order.Question.OUTCOME, now)
                changes.append(Change(order, status.UNCLEAR, "order.unclear", data, fields))
        lifecycle.move_many(changes, actor=WORKER)
        free([order for order in lost if order.pk not in numbers])


def let_go(order_id: int, token: uuid.UUID) -> None:
    """Give a claimed order back at once, for which the worker has no time left."""
    with transaction.atomic():
        try:
            order = lifecycle.lock(order_id, token=token)
        except lifecycle.Fenced:
            return
        if not order.attempt_set.filter(token=token).exists():
            free([order])


def free(orders: Sequence[Order]) -> None:
    """Free locked orders of workers that made no attempt: they are ready, or stopped as asked."""
    free = [order for order in orders if not order.stop_request]
    for order in orders:
        if order.stop_request:
            stop_instead(order)
    fields = {"next_attempt_at": clock.now()}
    changes = [Change(one, status.READY, "order.lease_ended", fields=dict(fields)) for one in free]
    lifecycle.move_many(changes, actor=WORKER)
