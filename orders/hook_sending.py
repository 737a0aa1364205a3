"""Sends the messages of ``orders.hooks`` to the webhooks of API clients (row 93).

A worker leases one webhook at a time and sends what waits for it, in the order in which it
happened. It writes down what came of a message after it was sent, so that one is sent at least
once, always under the same id and with the same bytes. No transaction is open meanwhile.
"""

from __future__ import annotations

import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from orders import clock, hook_desk, outgoing
from orders.models import HookMessage, HookSubscription
from orders.outgoing import Sent

log = logging.getLogger(__name__)

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""After each try but the last: 8 tries in 28 hours."""

TRIES = len(WAITS) + 1
LEASE = timedelta(seconds=60)
"""Longer than one post may take; renewed before each."""

MOST_REST = timedelta(minutes=5)
"""For so long at most a webhook rests after a failure, whatever else waits for it."""

GIVE_UP = timedelta(days=5)
"""A webhook that took nothing for so long is switched off."""

GONE = 410
PLACES = 4
TURN = 50
"""So many messages of one webhook, then the next one has its turn."""


def due(now: datetime) -> QuerySet[HookSubscription]:
    """Return the webhooks that something is to be sent to now, and nobody is at."""
    waiting = HookMessage.objects.filter(subscription=OuterRef("pk"), next_attempt_at__lte=now)
    return HookSubscription.objects.filter(
        Q(rest_until=None) | Q(rest_until__lte=now),
        Q(lease_until=None) | Q(lease_until__lte=now),
        Exists(waiting),
        active=True,
    )


def deliver(stop_at: float) -> None:
    """Send what is due until ``stop_at`` (monotonic), to several webhooks at once.

    Safe to run twice, and by several at once.
    """
    places = due(clock.now())[:PLACES].count()
    if places < 2:
        send_until(stop_at)
        return
    with ThreadPoolExecutor(places) as pool:
        list(pool.map(_in_thread, [stop_at] * places))


def send_until(stop_at: float) -> int:
    """Send what is due until ``stop_at``, one after the other; return how much arrived."""
    arrived = 0
    while time.monotonic() < stop_at and (one := _claim()):
        try:
            arrived += _serve(one, stop_at)
        finally:
            _let_go(one)
    return arrived


def _in_thread(stop_at: float) -> int:
    try:
        return send_until(stop_at)
    finally:
        connection.close()


def _claim() -> HookSubscription | None:
    """Lease the webhook whose turn it is; none that another worker is at."""
    with transaction.atomic():
        now = clock.now()
        one = (
            due(now)
            .select_for_update(of=("self",), skip_locked=True, no_key=True)
            .order_by(F("served_at").asc(nulls_first=True), "pk")
            .first()
        )
        if one is None:
            return None
        same = HookSubscription.objects.filter(pk=one.pk, lease_token=one.lease_token)
        one.lease_token = uuid.uuid4()
        taken = same.update(lease_token=one.lease_token, lease_until=now + LEASE, served_at=now)
    return one if taken else None


def _let_go(one: HookSubscription) -> None:
    _mine(one).update(lease_token=None, lease_until=None)


def _mine(one: HookSubscription) -> QuerySet[HookSubscription]:
    return HookSubscription.objects.filter(pk=one.pk, lease_token=one.lease_token)


def _serve(one: HookSubscription, stop_at: float) -> int:
    """Send what waits for a leased webhook, until one fails; return how much arrived."""
    arrived = 0
    for _ in range(TURN):
        now = clock.now()
        message = (
            HookMessage.objects.filter(subscription=one, next_attempt_at__lte=now)
            .order_by("id")
            .first()
        )
        # The lease is lost where it ended meanwhile: the webhook is another worker's then.
        if (
            time.monotonic() >= stop_at
            or message is None
            or not _mine(one).filter(active=True).update(lease_until=now + LEASE)
        ):
            break
        sent = _send(one, message, now)
        _note(one, message, sent)
        if not sent.ok:
            break
        arrived += 1
    return arrived


def _send(one: HookSubscription, message: HookMessage, now: datetime) -> Sent:
    body = message.body.encode()
    try:
        signed = outgoing.signed(one.secret, message.message_id, int(now.timestamp()), body)
        return outgoing.post(one.url, body, {"Content-Type": "application/json", **signed})
    except ImproperlyConfigured:
        log.exception("The signing secret of webhook %s cannot be read.", one.pk)
        return Sent(False, text="The desk cannot read the signing secret with its present keys.")
    except Exception as error:
        log.exception("Message %s could not be sent.", message.pk)
        return Sent(False, text=f"The desk failed on it ({type(error).__name__}).")


def _note(one: HookSubscription, message: HookMessage, sent: Sent) -> None:
    """Write down what came of a try; one that was asked for anew meanwhile stays to be sent."""
    now, tries = clock.now(), message.attempts + 1
    same = HookMessage.objects.filter(pk=message.pk, replays=message.replays)
    if sent.ok:
        same.update(
            attempts=tries,
            next_attempt_at=None,
            delivered_at=now,
            last_status=sent.http_status,
            last_error="",
        )
        if one.failing_since:
            HookSubscription.objects.filter(pk=one.pk).update(failing_since=None)
            one.failing_since = None
        return
    log.warning("Message %s was not taken: %s", message.pk, sent.text)
    wait = WAITS[tries - 1] if tries < TRIES else None
    same.update(
        attempts=tries,
        next_attempt_at=now + wait if wait else None,
        last_status=sent.http_status,
        last_error=sent.text,
    )
    _fail(one, sent, now, min(wait or MOST_REST, MOST_REST))


def _fail(one: HookSubscription, sent: Sent, now: datetime, rest: timedelta) -> None:
    since = one.failing_since or now
    one.failing_since = since
    HookSubscription.objects.filter(pk=one.pk).update(failing_since=since, rest_until=now + rest)
    if sent.http_status == GONE:
        hook_desk.switch_off(one, "It answered 410 Gone, by which it asked to be left alone.")
    elif now - since >= GIVE_UP:
        told = f"It took nothing since {since:%Y-%m-%d %H:%M} UTC. Last: {sent.text}"
        hook_desk.switch_off(one, told)
