"""A worker is killed at each hook of a submit, whatever TrepStar does: nothing lost, made twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connections, transaction

from orders import (
    arrival,
    clock,
    deliveries,
    gateway,
    intake,
    lifecycle,
    reading,
    settlement,
    status,
    submission,
    tasks,
)
from orders import tracking as asking
from orders.killpoint import PLACES
from orders.models import Attempt, Delivery, Order, OrderEvent
from orders.shopify import views
from orders.trepstar import errors, wire
from orders.trepstar.sandbox_faults import FAULTS, SUBMIT
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import HASTY, PATIENT, TrepStar, fresh, running_trepstar, submit_next

pytestmark = pytest.mark.django_db(transaction=True)

HANGING = {"hang-drop", "hang-accept", "slow"}
STRANGERS = "44100"  # a product of the other account, so that TrepStar says 000505

# What TrepStar does with the first call that reaches it -> the order's end, hold reason, and how
# often it was accepted: the same wherever the worker was killed.
MADE = (status.PROCESSING, "", 1)
ENDS: dict[str, tuple[str, str, int]] = {
    "accepted": MADE,
    "000035 for our own earlier call": MADE,
    "000035 for a stranger's order": (status.HELD, "collision", 1),
    "000002": (status.REFUSED, "", 0),
    "000013": (status.REFUSED, "", 0),
    "003101": (status.REFUSED, "", 0),
    "000505": (status.REFUSED, "", 0),
    "an unnumbered failure": (status.REFUSED, "", 0),
    "000601": MADE,
    "hang-accept": MADE,
    "hang-drop": MADE,
    "drop-after": MADE,
    "reset": MADE,
    "500-before": MADE,
    "500-after": MADE,
    "html-before": MADE,
    "html-after": MADE,
    "both": MADE,
    "neither": MADE,
    "trunc": MADE,
    "trunc-close": MADE,
    "redirect": MADE,
}
BROKEN_PAYLOADS = {
    "000002": {"source": "someone"},
    "000013": {"name": ""},
    "003101": {"quantity": "251"},
    "an unnumbered failure": {"addr": ""},
}


def killed(act: Callable[[], Any], **environment: str) -> bool:
    """Run ``act`` in a process of its own; say whether it killed itself there."""
    connections.close_all()
    child = os.fork()
    if not child:
        os.environ.update(environment)
        try:
            act()
        finally:
            os._exit(0)
    _, how = os.waitpid(child, 0)
    return os.WIFSIGNALED(how) and os.WTERMSIG(how) == signal.SIGKILL


@pytest.fixture(scope="module")
def trepstar() -> Iterator[TrepStar]:
    with running_trepstar() as one:
        yield one


def placed(north: Publisher, film: Product, outcome: str, trepstar: TrepStar) -> Order:
    """Place an order on which TrepStar does ``outcome``, and nothing after it."""
    if outcome == "000505":
        film = north.products.filter(project_id=STRANGERS).first() or base.product(north, STRANGERS)
    # A number of its own: the sandbox outlives the test, and so does what it knows of invoices.
    number = len(trepstar.sandbox.calls()) + len(trepstar.sandbox.orders())
    order = base.place(north, (film, 1), invoice=f"NORTH-{outcome[:6].strip().upper()}-{number}")
    payload = wire.submit_fields(gateway.box_of(order, list(order.lines.select_related("product"))))
    if outcome in BROKEN_PAYLOADS:
        broken = {**payload, **BROKEN_PAYLOADS[outcome]}
        Order.objects.filter(pk=order.pk).update(payload=broken)
    if outcome.startswith("000035"):
        name = "Bo Diaz" if "stranger" in outcome else order.name
        trepstar.gateway().submit({**payload, "name": name}, gateway.login_of(north))
    fault = "login" if outcome == "000601" else outcome
    trepstar.sandbox.set_faults(f"{fault}@{order.invoice}" if fault in FAULTS[SUBMIT] else "")
    return order


def kill_at(place: str, trepstar: TrepStar, order: Order, outcome: str) -> None:
    """Send the order in a process that kills itself at ``place``; wait until TrepStar has it."""
    before = len(trepstar.sandbox.calls("submit"))
    api = trepstar.gateway(HASTY if outcome in HANGING else PATIENT)
    assert killed(lambda: submit_next(api), KILL_AT=place), f"{place} was not reached"
    if PLACES.index(place) >= PLACES.index("sent"):
        deadline = time.monotonic() + 3
        while len(trepstar.sandbox.calls("submit")) == before:
            assert time.monotonic() < deadline, "the call never came to TrepStar"
            time.sleep(0.005)


def carry_on(trepstar: TrepStar, north: Publisher, order: Order, desk_clock: Clock) -> None:
    """Sweep, mend the login, ask and send, until there is nothing more to do."""
    api = trepstar.gateway(HASTY)
    for _ in range(12):
        desk_clock.forward(301)
        tasks.sweep()
        Publisher.objects.update(login_refused_at=None)
        asking.sync(north.pk, trepstar.gateway())
        for claim in submission.claim(1):
            submission.submit(claim, api)
        if fresh(order).status not in (status.READY, status.ACCEPTED, *status.IN_DOUBT):
            return
        # Longer than any back-off, so that nothing waits only for its turn.
        desk_clock.forward(600)


def check_history(order: Order) -> None:
    """Check that the events lead to the present status, and that all attempts sent the same."""
    events = list(OrderEvent.objects.filter(order=order).order_by("id"))
    for before, after in zip(events, events[1:], strict=False):
        assert after.from_status == before.to_status
    assert events[-1].to_status == order.status
    assert len({one.payload_hash for one in Attempt.objects.filter(order=order)}) <= 1
    assert not Attempt.objects.filter(order=order, outcome="open").exists()


@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_at_any_hook_loses_nothing_and_makes_nothing_twice(
    trepstar: TrepStar, north: Publisher, film: Product, desk_clock: Clock, place: str
) -> None:
    ends = {}
    for outcome in ENDS:
        order = placed(north, film, outcome, trepstar)
        kill_at(place, trepstar, order, outcome)
        carry_on(trepstar, north, order, desk_clock)
        order = fresh(order)
        ends[outcome] = (order.status, order.hold_reason, trepstar.accepted(order.invoice))
        check_history(order)
        Order.objects.exclude(pk=order.pk).delete()
    assert ends == ENDS


def test_a_kill_where_no_hook_is_named_does_not_happen(
    trepstar: TrepStar, north: Publisher, film: Product
) -> None:
    order = placed(north, film, "accepted", trepstar)
    assert not killed(lambda: submit_next(trepstar.gateway()), KILL_AT="nowhere")
    assert (fresh(order).status, trepstar.accepted(order.invoice)) == (status.ACCEPTED, 1)


@pytest.mark.parametrize("place", ["sent", "reply_read", "before_commit"])
def test_control_a_desk_that_sends_again_unasked_calls_a_made_order_refused(
    trepstar: TrepStar, north: Publisher, film: Product, desk_clock: Clock, place: str
) -> None:
    def ready_again(*order_ids: int) -> None:
        for order_id in order_ids:
            with transaction.atomic():
                order = lifecycle.lock(order_id)
                due = {"next_attempt_at": clock.now()}
                worker = lifecycle.WORKER
                lifecycle.move(order, "ready", "order.sent_again", actor=worker, fields=due)

    believed = {"000035": replace(errors.REFUSALS["000035"], kind=errors.MEND)}
    order = placed(north, film, "accepted", trepstar)
    kill_at(place, trepstar, order, "accepted")
    with (
        patch.object(settlement, "settle_lost", ready_again),
        patch.dict(errors.REFUSALS, believed),
    ):
        carry_on(trepstar, north, order, desk_clock)
    assert (fresh(order).status, trepstar.accepted(order.invoice)) == (status.REFUSED, 1)


def kill_after(target: Any, name: str) -> Callable[[], Any]:
    """Return what lets this process kill itself as soon as ``target.name`` has run."""
    real = getattr(target, name)

    def last(*args: Any, **values: Any) -> None:
        real(*args, **values)
        os.kill(os.getpid(), signal.SIGKILL)

    return patch.object(target, name, last).start


@pytest.fixture
def shop(north: Publisher) -> Publisher:
    base.product(north, skus=["VTD234-100"])
    base.store(north)
    return north


# Where the process that takes a delivery is killed -> what the shop's second try is answered.
DELIVERY_KILLS = {
    "shop's order locked": (reading, "insert_once", "created"),
    "order made": (lifecycle, "create", "created"),
    "stored": (deliveries, "_insert", "created"),
    "before commit": (tasks, "nudge", "created"),
    "after commit": (views.ShopifyWebhookView, "_receive", "repeat"),
}


# The same where it is written by one statement.
ONE_STATEMENT_KILLS = {
    "gathered": (arrival, "_rows_of", "created"),
    "written": (arrival, "_write", "repeat"),
    "after commit": (views.ShopifyWebhookView, "_receive", "repeat"),
}


@pytest.mark.parametrize("place", DELIVERY_KILLS)
def test_a_delivery_whose_process_was_killed_and_that_comes_again_makes_one_order(
    shop: Publisher, place: str
) -> None:
    with base.step_by_step():
        make_once(*DELIVERY_KILLS[place])


@pytest.mark.postgres
@pytest.mark.parametrize("place", ONE_STATEMENT_KILLS)
def test_one_whose_process_was_killed_about_its_only_statement_makes_one_order(
    shop: Publisher, place: str
) -> None:
    make_once(*ONE_STATEMENT_KILLS[place])


def make_once(target: Any, name: str, outcome: str) -> None:
    """Deliver, killed as soon as ``target.name`` has run, and again, which is ``outcome``."""
    body = base.order_body(id=77)

    def deliver() -> Any:
        return base.deliver(body, webhook_id="hook-1")

    def in_child() -> None:
        kill_after(target, name)()
        deliver()

    assert killed(in_child)
    assert Order.objects.count() == Delivery.objects.count() == int(outcome == "repeat")
    answer = deliver()
    assert (answer.status_code, answer.json()["outcome"]) == (200, outcome)
    assert [one.invoice for one in Order.objects.all()] == ["NORTH-1001-S77-1"]
    assert (Delivery.objects.count(), deliver().json()["outcome"]) == (1, "repeat")


def test_control_without_one_transaction_a_killed_delivery_is_made_twice(
    shop: Publisher,
) -> None:
    body = base.order_body(id=77)

    def in_pieces() -> None:
        apart = SimpleNamespace(atomic=lambda **how: nullcontext())
        base.step_by_step().start()
        patch.object(deliveries, "transaction", apart).start()
        kill_after(intake, "place")()
        base.deliver(body, webhook_id="hook-1")

    assert killed(in_pieces)
    answer = base.deliver(body, webhook_id="hook-1").json()
    assert (answer["outcome"], answer["orders"]) == ("created", ["NORTH-1001-S77-2"])
    assert (Delivery.objects.count(), Order.objects.count()) == (1, 2)
