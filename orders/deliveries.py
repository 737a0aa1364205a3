"""What a delivery comes to: stored once, read under the lock of its shop order, answered.

``receive`` is what the webhook view calls, ``process`` what it, a replay and the sweep share.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from orders import arrival
from orders.inserting import insert_many, insert_once
from orders.lifecycle import SHOP, Actor, NotNow
from orders.models import Delivery, Store
from orders.models.shopify import Outcome
from orders.reading import Reading
from orders.shopify.strict_json import Unusable

log = logging.getLogger(__name__)

MAX_TRIES = 3
REPLAYABLE = frozenset(
    {
        Outcome.UNMATCHED,
        Outcome.QUARANTINED,
        Outcome.IGNORED,
        Outcome.CREATED,
        Outcome.LINKED,
    }
)


@dataclass(frozen=True)
class Headers:
    """The headers that matter; they are not signed, so nothing rests on them alone."""

    topic: str
    webhook_id: str = ""
    event_id: str = ""
    api_version: str = ""
    triggered_at: datetime | None = None
    test: bool = False


@dataclass(frozen=True)
class Answer:
    """What the shop is told: outcome, invoices, and a reason (a whole sentence) or None."""

    outcome: str
    orders: list[str]
    reason: str | None


def receive(
    store: Store,
    headers: Headers,
    body: bytes,
    *,
    matched_secret: int,
    wake: Callable[[], None] = lambda: None,
) -> Answer:
    """Store an authentic delivery and do what it asks, in one transaction; never raises for a body.

    A delivery that came before (same webhook id, same bytes) is answered as the first time.
    ``wake`` is called in that transaction where an order is ready to be sent. Raises only what the
    database raises where it cannot work now, and then nothing is stored.
    """
    delivery = _unsaved(store, headers, body, matched_secret)
    if arrival.write(delivery, wake):
        return _answer(delivery)
    delivery = _unsaved(store, headers, body, matched_secret)
    try:
        with transaction.atomic():
            reading = Reading(delivery, SHOP)
            reading.run()
            _insert(delivery)
            insert_many(reading.lines)
            if reading.ready:
                wake()
    except _CameBefore:
        return _repeat(delivery)
    except (OperationalError, InterfaceError):
        raise  # no fault of the delivery: the shop sends it again
    except Exception as error:
        # What was done for it is undone; it is kept all the same, as it came.
        delivery = _unsaved(store, headers, body, matched_secret)
        _quarantine(delivery, error)
        try:
            _insert(delivery)
        except _CameBefore:
            return _repeat(delivery)
    return _answer(delivery)


def _answer(delivery: Delivery) -> Answer:
    return Answer(delivery.outcome, delivery.invoices, delivery.reason or None)


def _unsaved(store: Store, headers: Headers, body: bytes, matched_secret: int) -> Delivery:
    body_hash = hashlib.sha256(body).hexdigest()
    return Delivery(
        store=store,
        webhook_id=headers.webhook_id or body_hash,
        body_hash=body_hash,
        event_id=headers.event_id,
        topic=headers.topic,
        api_version=headers.api_version,
        triggered_at=headers.triggered_at,
        test_header=headers.test,
        matched_secret=matched_secret,
        body=body,
        outcome=Outcome.RECORDED,
    )


class _CameBefore(Exception):
    """This very delivery is stored already, so that nothing may come of it again."""


def _insert(delivery: Delivery) -> None:
    if not insert_once(delivery):
        raise _CameBefore


def _repeat(twin: Delivery) -> Answer:
    first = Delivery.objects.get(
        store=twin.store, webhook_id=twin.webhook_id, body_hash=twin.body_hash
    )
    Delivery.objects.filter(pk=first.pk).update(repeats=F("repeats") + 1)
    return Answer("repeat", first.invoices, "This delivery came before.")


def process(delivery: Delivery, *, actor: Actor, make_again: bool = False) -> None:
    """Do what a stored delivery asks and write down its outcome. Safe to repeat.

    Inside, an error of ours undoes only the work on this delivery, which stays as ``quarantined``
    for the sweep to try again. ``make_again`` makes units anew whose orders were cancelled.
    """
    known = delivery.shop_order
    try:
        with transaction.atomic():
            reading = Reading(delivery, actor, make_again)
            reading.run()
            insert_many(reading.lines)
    except Exception as error:
        delivery.shop_order = known  # the one that was just made is undone
        _quarantine(delivery, error)
    else:
        delivery.failures = 0
    delivery.save(
        update_fields=[
            "outcome",
            "reason",
            "invoices",
            "failures",
            "shop_order",
            "shop_updated_at",
            *(["body"] if delivery.body is None else []),
        ]
    )


def _quarantine(delivery: Delivery, error: Exception) -> None:
    """Set a delivery aside with the reason: its body's fault, or one of ours to be tried again."""
    delivery.outcome = Outcome.QUARANTINED
    if isinstance(error, Unusable):
        delivery.reason, delivery.failures = str(error), 0
        return
    log.error("Delivery %s could not be processed.", delivery.webhook_id, exc_info=error)
    delivery.failures += 1
    delivery.reason = "The desk failed on this delivery and will try it again by itself."
    if delivery.failures >= MAX_TRIES:
        delivery.reason = (
            "The desk failed on this delivery several times. "
            "Replay it once the cause is mended, or make the order by hand."
        )


def replay(delivery_id: int, *, actor: Actor, make_again: bool = False) -> Delivery:
    """Read a stored delivery again, as after a SKU was mapped; return it with its new outcome.

    Raises ``NotNow`` if its body has been erased.
    """
    with transaction.atomic():
        delivery = (
            Delivery.objects.select_for_update(of=("self",), no_key=True)
            .select_related("store__publisher")
            .get(pk=delivery_id)
        )
        if delivery.body is None:
            raise NotNow("The body of this delivery was erased, so it cannot be replayed.")
        process(delivery, actor=actor, make_again=make_again)
        return delivery
