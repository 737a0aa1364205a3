"""The negative controls: one guard is switched off, and the run must turn red for it.

A checker that has never been seen to fail proves nothing. Loaded by ``ChaosConfig`` alone, and
only where ``CHAOS_MUTANT`` names a letter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import transaction

from orders import desk, lifecycle, settlement, status, submission, tracking
from orders.chaos.kills import BUSY, PAUSE, WEB, Mix
from orders.lifecycle import Actor
from orders.models import Attempt, Order, OrderEvent
from orders.submission import Claim
from orders.trepstar import client, errors
from orders.trepstar.client import Login
from products.models import Publisher

log = logging.getLogger(__name__)

HOLD_SECONDS = 2.0
CALM = Mix(between=(4.0, 6.0), weights={WEB: 1}, databases=0)  # workers that go on sending
# Asking so early that a late acceptance is not yet there: sending again meets it.
HASTY = {"TREPSTAR_TIMEOUT": "0.5", "ASK_AFTER_SECONDS": "0.3,0.6", "SWEEP_SECONDS": "0.3"}
LATE = "delay-accept=15%"


@dataclass(frozen=True)
class Mutant:
    """A guard that is switched off; ``red`` are the invariants of which one must fail."""

    letter: str
    title: str
    red: tuple[str, ...]
    switch_off: Callable[[], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    faults: str = ""
    mix: Mix = field(default_factory=Mix)
    sql: tuple[str, ...] = ()


def _believe_duplicates() -> None:
    doubt = errors.REFUSALS["000035"]
    errors.REFUSALS["000035"] = replace(doubt, kind=errors.MEND)


def _nothing() -> None:
    """The guard is in the database; the run itself drops it."""


def _any_token() -> None:
    locked = lifecycle.lock

    def lock(order_id: int, *, token: UUID | None = None, version: int | None = None) -> Order:
        return locked(order_id, version=version)

    lifecycle.lock = lock


def _ask_singly() -> None:
    choose = tracking.choose

    def one(publisher: Publisher) -> list[tracking.Chosen]:
        return choose(publisher)[:1]

    tracking.choose = one


def _new_invoice() -> None:
    prepare = submission._prepare

    def prepared(claim: Claim) -> tuple[Attempt, dict[str, str], Login] | None:
        found = prepare(claim)
        if found is None or found[0].number == 1:
            return found
        attempt, fields, login = found
        return attempt, {**fields, "Invoice": f"{fields['Invoice']}-X{attempt.number}"}, login

    submission._prepare = prepared


def _no_breaker() -> None:
    def ignore(publisher_id: int, credential_version: int) -> None:
        return

    settlement.refuse_login = tracking.refuse_login = ignore


def _read_then_save() -> None:
    def hold(
        order_id: int,
        *,
        actor: Actor,
        note: str = "",
        until: Any = None,
        version: int | None = None,
        reason: str = "staff",
    ) -> Order:
        order = Order.objects.get(pk=order_id)
        if order.status != status.READY:
            return held(
                order_id, actor=actor, note=note, until=until, version=version, reason=reason
            )
        time.sleep(HOLD_SECONDS)
        before, order.status, order.hold_reason = order.status, status.HELD, "staff"
        with transaction.atomic():
            order.version += 1
            order.save()
            OrderEvent.objects.create(
                order=order,
                kind="order.held",
                from_status=before,
                to_status=order.status,
                actor_kind=actor.kind,
                actor_user_id=actor.user_id,
            )
        return order

    held = desk.hold
    desk.hold = hold


def _log_the_password() -> None:
    exchange = client.Gateway._exchange

    def told(
        self: client.Gateway, path: str, fields: Mapping[str, str], login: Login, limit: int
    ) -> tuple[int, bytes]:
        log.warning("Calling %s with the password %s.", path, login.password.reveal())
        return exchange(self, path, fields, login, limit)

    client.Gateway._exchange = told  # type: ignore[method-assign]


MUTANTS = {
    mutant.letter: mutant
    for mutant in (
        Mutant(
            "a",
            "a duplicate is believed to be a failure",
            ("I5",),
            _believe_duplicates,
            HASTY,
            LATE,
        ),
        Mutant(
            "b",
            "the unique deliveries, shop orders and invoices are dropped",
            ("I1",),
            _nothing,
            sql=(
                "ALTER TABLE orders_delivery DROP CONSTRAINT delivery_once",
                "ALTER TABLE orders_shoporder DROP CONSTRAINT shop_order_once",
                "DROP INDEX order_invoice_once",
            ),
        ),
        Mutant(
            "c",
            "the lease token is not checked",
            ("I5", "I10"),
            _any_token,
            mix=Mix(between=(1.0, 2.0), weights={PAUSE: 90, BUSY: 10}, databases=0),
        ),
        Mutant("d", "statuses are asked singly", ("I8",), _ask_singly),
        Mutant("e", "a retry takes a new invoice", ("I3",), _new_invoice, HASTY, LATE),
        Mutant("f", "the login breaker is off", ("I9",), _no_breaker, mix=CALM),
        Mutant(
            "g",
            "a hold reads first and saves later",
            ("I7",),
            _read_then_save,
            {"COOL_OFF_SECONDS": "4"},  # staff see orders before they go, and race with the worker
            mix=CALM,
        ),
        Mutant("h", "the password is logged", ("I11",), _log_the_password),
    )
}


def switch_off(letter: str) -> None:
    """Switch the mutant's guard off in this process."""
    MUTANTS[letter].switch_off()
