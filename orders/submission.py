"""Handing an order to TrepStar: claim, commit the attempt, call, settle.

No transaction is open during the call. The attempt is committed before it, and what came back is
written only while the lease still holds; a late worker's result stays an observation.
"""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from orders import breaker, lifecycle, preflight, status
from orders.gateway import box_of, login_of, payload_hash
from orders.inserting import insert
from orders.killpoint import reached
from orders.lifecycle import WORKER, Change
from orders.models import Attempt, Order, OrderLine
from orders.models import Gateway as GatewayState
from orders.settlement import free, give_back, settle, stop_instead, unclear
from orders.trepstar.client import Gateway, Login
from orders.trepstar.errors import GatewayError, Unclear
from orders.trepstar.wire import submit_fields
from products.models import Publisher
from products.rows import with_one

log = logging.getLogger(__name__)

SETTLE_SECONDS = 10
RESTORED = "The database was restored, so TrepStar is asked before the order is sent."


@dataclass(frozen=True)
class Claim:
    """An order leased by this worker until ``until``, by the database's clock."""

    order_id: int
    token: uuid.UUID


def due(now: datetime) -> QuerySet[Order]:
    """Return the orders that may be sent now; breaker, ramp and slots aside."""
    return Order.objects.filter(
        ~Exists(GatewayState.objects.filter(paused_at__isnull=False)),
        status=status.READY,
        next_attempt_at__lte=now,
        publisher__login_refused_at=None,
        publisher__paused_at=None,
    ).exclude(publisher__login_password="")


def claim(most: int) -> list[Claim]:
    """Lease up to ``most`` due orders of the publisher that was served the longest ago.

    A publisher gets no more than ``SUBMIT_IN_FLIGHT_PER_PUBLISHER`` leases at once. While the
    breaker is open only its probe is claimed, and after a long outage few at first.
    """
    gateway, now = breaker.state_and_time()
    if gateway.open_since is not None:
        if not due(now).exists() or not breaker.take_probe():
            return []
        most = 1
    elif gateway.reopened_at is not None:
        most = min(most, breaker.room_after_outage(gateway.reopened_at))
        if most < 1:
            return []
    with transaction.atomic():
        publisher = _next_publisher(now)
        if publisher is None:
            return []
        Publisher.objects.filter(pk=publisher.pk).update(served_at=now)
        in_flight = publisher.orders.filter(status=status.SUBMITTING).count()
        free = min(most, settings.SUBMIT_IN_FLIGHT_PER_PUBLISHER - in_flight)
        rows = (
            due(now)
            .filter(publisher=publisher)
            .select_for_update(of=("self",), skip_locked=True, no_key=True)
            .order_by("next_attempt_at", "id")
        )
        return _lease(list(rows[: max(0, free)]), now)


def _next_publisher(now: datetime) -> Publisher | None:
    """Lock the publisher with something to send and a free slot that waited longest."""
    # A subquery over the few that are being sent: a join would read every order there ever was.
    busy = Order.objects.filter(publisher=OuterRef("pk"), status=status.SUBMITTING)
    in_flight = busy.order_by().values("publisher").annotate(number=Count("pk")).values("number")
    return (
        Publisher.objects.annotate(in_flight=Coalesce(Subquery(in_flight), 0))
        .filter(
            Exists(due(now).filter(publisher=OuterRef("pk"))),
            in_flight__lt=settings.SUBMIT_IN_FLIGHT_PER_PUBLISHER,
        )
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .order_by(F("served_at").asc(nulls_first=True), "pk")
        .first()
    )


def _lease(orders: list[Order], now: datetime) -> list[Claim]:
    until = now + timedelta(seconds=settings.LEASE_SECONDS)
    claims = [Claim(order.pk, uuid.uuid4()) for order in orders]
    changes = [
        Change(
            order,
            status.SUBMITTING,
            "order.claimed",
            fields={"lease_token": claim.token, "lease_until": until},
        )
        for order, claim in zip(orders, claims, strict=True)
    ]
    lifecycle.move_many(changes, actor=WORKER)
    return claims


@dataclass(frozen=True)
class Sent:
    """An attempt that was made, and what came back of it; ``result`` is None for accepted."""

    attempt: Attempt
    result: GatewayError | None
    excerpt: str


def submit(claim: Claim, gateway: Gateway) -> None:
    """Send one claimed order and write down what came back.

    Neither the gateway's faults nor ours leave here: an order on which the desk itself fails is
    tried again later, and after three failures a person must look.
    """
    sent = send(claim, gateway)
    if sent:
        write_down(sent)


def send(claim: Claim, gateway: Gateway) -> Sent | None:
    """Send one claimed order; return what came back, or None where it did not go out."""
    reached("claimed")
    try:
        prepared = _prepare(claim)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("Order %s could not be prepared.", claim.order_id)
        give_back(claim.order_id, claim.token, f"The desk failed on it: {error}")
        return None
    if prepared is None:
        return None
    reached("attempt_committed")
    attempt, fields, login = prepared
    try:
        return Sent(attempt, None, gateway.submit(fields, login).excerpt)
    except GatewayError as error:
        return Sent(attempt, error, "")
    except Exception as error:
        log.exception("Attempt %s failed inside the client.", attempt.pk)
        text = f"The desk failed during the call ({type(error).__name__})."
        return Sent(attempt, Unclear(text), "")


def _prepare(claim: Claim) -> tuple[Attempt, dict[str, str], Login] | None:
    """Freeze what will be sent and commit the attempt; None if the order does not go out."""
    with transaction.atomic():
        try:
            order = lifecycle.lock(claim.order_id, token=claim.token)
        except lifecycle.Fenced:
            return None
        state, now = breaker.state_and_time()
        if order.lease_until is None or order.lease_until <= now:
            return None  # the sweep makes it ready again
        if order.stop_request:
            stop_instead(order)
            return None
        if order.publisher.login_refused_at or order.publisher.paused_at or state.paused_at:
            free([order])  # since it was claimed
            return None
        if _may_have_been_sent(order, state.recovery_since):
            unclear(order, Order.Question.OUTCOME, "order.recovering", {"text": RESTORED})
            return None
        login = login_of(order.publisher)
        login.password.reveal()  # a key that does not open it must be found before the call
        payload = order.payload or _freeze(order)
        if payload is None:
            return None
        attempt = _begin(order, claim, payload, now)
        # Sorted, since jsonb keeps no order: what is sent again is the same to the byte.
        return attempt, dict(sorted(payload.items())), login


def _begin(order: Order, claim: Claim, payload: dict[str, str], now: datetime) -> Attempt:
    """Enter the attempt that is about to be made, and prolong the lease from ``now`` on."""
    attempt = Attempt(
        order=order,
        number=order.attempts + 1,
        token=claim.token,
        credential_version=order.publisher.credential_version,
        payload_hash=payload_hash(payload),
        started_at=now,
    )
    insert(attempt)
    fields = {
        "attempts": attempt.number,
        "payload": payload,
        "lease_until": now + timedelta(seconds=settings.LEASE_SECONDS),
    }
    data = {"attempt": attempt.number}
    lifecycle.record(order, "order.attempted", actor=WORKER, data=data, fields=fields)
    return attempt


def _may_have_been_sent(order: Order, since: datetime | None) -> bool:
    """Say whether a database that was restored may have forgotten that the order went out.

    In recovery mode, ``since`` when it was switched on, that holds for every order until TrepStar
    was asked for it. New ones are no exception: their invoices may be those of orders that the
    backup does not know.
    """
    return since is not None and (order.asked_at is None or order.asked_at < since)


def _freeze(order: Order) -> dict[str, str] | None:
    """Return the payload of the order, or hold it where TrepStar would refuse it."""
    lines = with_one("product", OrderLine, "this.order_id = %s ORDER BY this.id", order.pk)
    box = box_of(order, lines)
    findings = preflight.check(order, lines, box)
    if findings:
        note = " ".join(finding.text for finding in findings)
        reason = {"hold_reason": findings[0].hold_reason, "hold_note": note}
        lifecycle.move(order, status.HELD, "order.held", actor=WORKER, data=reason, fields=reason)
        return None
    return submit_fields(box)


def write_down(sent: Sent) -> None:
    """Settle, and try again for ten seconds if the database is away; then the lease runs out."""
    give_up = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            return settle(sent.attempt, sent.result, sent.excerpt)
        except (OperationalError, InterfaceError):
            if time.monotonic() > give_up:
                number = sent.attempt.pk
                log.error("Attempt %s could not be settled; TrepStar will be asked.", number)
                return None
            connection.close()
            time.sleep(0.2)
