"""Days on which something large is wrong: TrepStar away, an old database, a clock that lies."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from orders import breaker, budget, clock, desk, status, submission, tracking
from orders.gateway import configured_gateway
from orders.lifecycle import WORKER
from orders.models import (
    Attempt,
    Call,
    Delivery,
    DeliveryLine,
    Order,
    OrderEvent,
    OrderLine,
    ShopOrder,
)
from orders.trepstar.client import Gateway
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    NO_CONNECTION,
    Told,
    TrepStar,
    fresh,
    kinds,
    last_event,
    running_trepstar,
    submit_next,
)

DAY, HOUR, TEN_MINUTES = 24 * 3600, 3600, 600


@pytest.fixture
def north(db: Any) -> Publisher:
    return base.northlight()


@pytest.fixture
def film(north: Publisher) -> Product:
    return base.product(north, skus=["VTD234-100"])


@pytest.fixture
def trepstar() -> Iterator[TrepStar]:
    with running_trepstar() as one, override_settings(TREPSTAR_URL=one.url):
        yield one


def work(publisher: Publisher, gateway: Gateway) -> None:
    """Do what the workers would do now: send what is due, ask for what is due."""
    while claims := submission.claim(4):
        for claim in claims:
            submission.submit(claim, gateway)
    tracking.sync(publisher.pk, gateway)


def work_until(true: Callable[[], bool], north: Publisher, trepstar: TrepStar, moved: Clock) -> int:
    """Work with a gateway that answers, ten minutes at a time; return how many turns it took."""
    for turn in range(100):
        if true():
            return turn
        work(north, trepstar.gateway())
        moved.forward(TEN_MINUTES + 1)
    raise AssertionError(f"not within 100 turns: {list(Order.objects.values_list('status'))}")


def nothing_is_open() -> bool:
    return not Order.objects.filter(status__in={status.READY} | status.IN_DOUBT).exists()


# TrepStar away for a day


@pytest.mark.parametrize(
    "trouble", [NO_CONNECTION, (503, b"<html>Down</html>")], ids=["gone", "503"]
)
def test_a_day_without_trepstar_loses_nothing_and_costs_at_most_110_probes(
    north: Publisher, film: Product, trepstar: TrepStar, desk_clock: Clock, trouble: Any
) -> None:
    base.store(north)
    first = base.place(north, (film, 1))
    submit_next(trepstar.gateway())
    away, began = Told(trouble), clock.now()
    next_arrival = began
    while (now := clock.now()) < began + timedelta(seconds=DAY):
        if now >= next_arrival:
            next_arrival += timedelta(seconds=HOUR)
            number = Order.objects.count()
            assert base.deliver(base.order_body(name=f"#{number}")).status_code == 200
        work(north, away)
        probe_at = breaker.state().probe_at or next_arrival
        wait = (min(next_arrival, probe_at) - clock.now()).total_seconds()
        desk_clock.forward(max(2, wait + 0.01))
    assert Order.objects.count() == 1 + DAY // HOUR
    assert 90 <= len(away.calls) <= 110
    assert breaker.is_open()
    assert not Order.objects.filter(status__in=(status.HELD, status.REFUSED)).exists()

    work_until(nothing_is_open, north, trepstar, desk_clock)
    assert not Order.objects.exclude(status__in=status.AT_GATEWAY).exists()
    invoices = list(Order.objects.values_list("invoice", flat=True))
    assert [trepstar.accepted(invoice) for invoice in invoices] == [1] * len(invoices)
    assert fresh(first).attempts == 1
    assert not breaker.is_open()


def test_a_delivery_that_comes_a_day_late_makes_its_order_once(
    north: Publisher, film: Product
) -> None:
    base.store(north)
    body, first_sent = base.order_body(), timezone.now() - timedelta(hours=24)
    headers = {"X-Shopify-Triggered-At": first_sent.isoformat()}
    outcomes = [base.deliver(body, headers=headers).json()["outcome"] for _ in range(2)]
    assert (outcomes, Order.objects.count()) == (["created", "linked"], 1)


# Restored from last night's backup


def mode(word: str) -> str:
    out = io.StringIO()
    call_command("recovery_mode", word, stdout=out)
    return out.getvalue()


class Backup:
    """Copies of the rows as they are now, with which ``restore`` replaces what is there then."""

    tables = (Order, OrderLine, OrderEvent, Attempt, Call)

    def __init__(self) -> None:
        self.rows = {table: list(table.objects.order_by("pk").values()) for table in self.tables}

    def restore(self) -> None:
        for table in reversed(self.tables):
            table.objects.all()._raw_delete("default")  # past every guard, as a restore goes
        for table, rows in self.rows.items():
            table.objects.bulk_create(table(**row) for row in rows)


@pytest.fixture
def restored(north: Publisher, film: Product, trepstar: TrepStar, desk_clock: Clock) -> list[Order]:
    """Four orders ready in the backup, of which TrepStar has had the first three since."""
    orders = [base.place(north, (film, 1), email=f"{n}@example.com") for n in range(4)]
    desk.hold(orders[3].pk, actor=WORKER)
    backup = Backup()
    work(north, trepstar.gateway())
    assert [trepstar.accepted(one.invoice) for one in orders] == [1, 1, 1, 0]
    desk_clock.forward(8 * 3600)
    backup.restore()
    desk.release(orders[3].pk, actor=WORKER)
    assert {fresh(one).status for one in orders} == {status.READY}
    return orders


def test_after_a_restore_every_older_order_is_asked_for_before_it_is_sent(
    north: Publisher, trepstar: TrepStar, desk_clock: Clock, restored: list[Order]
) -> None:
    assert mode("on").startswith("Recovery mode is on since ")
    before = len(trepstar.sandbox.calls())
    work_until(nothing_is_open, north, trepstar, desk_clock)
    assert not Order.objects.exclude(status__in=status.AT_GATEWAY).exists()
    assert [trepstar.accepted(one.invoice) for one in restored] == [1, 1, 1, 1]
    calls = trepstar.sandbox.calls()[before:]
    sent_again = [call for call in calls if call.kind == "submit"]
    assert [list(call.invoices) for call in sent_again] == [[restored[3].invoice]]
    asked = [call for call in calls[: calls.index(sent_again[0])] if call.kind == "status"]
    assert len(asked) >= 2  # not found twice before it was sent
    for order in restored:
        assert kinds(order).index("order.recovering") < kinds(order).index(
            "order.attempted" if order == restored[3] else "order.found"
        )


def forget_everything(moved: Clock) -> None:
    """Let the desk be as in a backup from before the first order, and in recovery mode."""
    for table in (Attempt, OrderEvent, OrderLine, DeliveryLine, Delivery, Order, Call, ShopOrder):
        table.objects.all()._raw_delete("default")
    Publisher.objects.update(last_serial=0)
    moved.forward(HOUR)
    mode("on")


def test_a_box_that_the_backup_does_not_know_is_not_made_again_when_its_delivery_is_repeated(
    north: Publisher, film: Product, trepstar: TrepStar, desk_clock: Clock
) -> None:
    base.store(north)
    base.product(north, "66760", skus=["CD-1"])
    disc, cd = base.line("VTD234-100"), base.line("CD-1")
    first, second = base.fulfillment((disc, 1)), base.fulfillment((cd, 1))
    body = base.order_body(disc, cd, fulfillments=[first])
    for fulfillments in ([first], [first, second]):
        assert base.deliver({**body, "fulfillments": fulfillments}).json()["orders"]
    work(north, trepstar.gateway())
    assert len(trepstar.sandbox.acceptances()) == 2
    forget_everything(desk_clock)
    # Only the second box comes again, so its order now bears the invoice of the first.
    assert base.deliver({**body, "line_items": [cd], "fulfillments": [second]}).json()["orders"]
    work_until(nothing_is_open, north, trepstar, desk_clock)
    assert len(trepstar.sandbox.acceptances()) == 2


def test_an_invoice_that_was_given_before_the_restore_is_not_sent_for_another_customer(
    north: Publisher, film: Product, trepstar: TrepStar, desk_clock: Clock
) -> None:
    lost = base.place(north, (film, 1))
    work(north, trepstar.gateway())
    forget_everything(desk_clock)
    bo = replace(base.ANA, name="Bo Berg")
    order = base.place(north, (base.product(north, "66760"), 1), recipient=bo)
    assert order.invoice == lost.invoice
    work_until(nothing_is_open, north, trepstar, desk_clock)
    assert (fresh(order).status, fresh(order).hold_reason) == (status.HELD, "collision")
    assert trepstar.accepted(order.invoice) == 1


def test_recovery_mode_is_switched_off_again_and_then_nothing_is_asked_first(
    north: Publisher, film: Product, trepstar: TrepStar, desk_clock: Clock
) -> None:
    old = base.place(north, (film, 1))
    desk_clock.forward(1)
    mode("on")
    assert mode("status").startswith("Recovery mode is on since ")
    assert mode("off") == mode("status") == "Recovery mode is off.\n"
    submit_next(trepstar.gateway())
    assert kinds(old) == ["order.placed", "order.claimed", "order.attempted", "order.accepted"]


def test_control_without_recovery_mode_restored_orders_are_sent_unasked(
    north: Publisher, trepstar: TrepStar, restored: list[Order]
) -> None:
    before = len(trepstar.sandbox.calls())
    submit_next(trepstar.gateway())
    assert [call.kind for call in trepstar.sandbox.calls()[before:]] == ["submit"]
    assert last_event(restored[0]).kind == "order.duplicate"  # TrepStar's rule saved us


# A worker whose clock is wrong


@pytest.mark.postgres
@pytest.mark.parametrize("hours", [1, -1])
def test_leases_and_due_times_are_the_databases_on_a_worker_whose_clock_is_wrong(
    north: Publisher, film: Product, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    real = timezone.now
    orders = [base.place(north, (film, 1)) for _ in range(2)]
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(hours=hours))

    def ahead(moment: Any) -> float:
        """Return how far a moment lies ahead of the database's clock."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM %s - clock_timestamp())", [moment])
            return float(cursor.fetchone()[0])

    (claim,) = submission.claim(1)
    assert 80 < ahead(fresh(orders[0]).lease_until) <= 90
    with override_settings(RETRY_SECONDS=(60, 3600)):
        submission.submit(claim, Told(NO_CONNECTION))
    assert 50 < ahead(fresh(orders[0]).next_attempt_at) <= 60
    submit_next(Told((500, b"")))
    assert 290 < ahead(fresh(orders[1]).next_ask_at) <= 300
    assert submission.claim(4) == []  # none is due, whatever the worker's own clock says
    call = budget.reserve(north, Call.Purpose.SWEEP, 1)
    assert call is not None
    assert -10 < ahead(call.reserved_at) <= 0
    assert ahead(breaker.clock.now()) == pytest.approx(0, abs=5)
    assert configured_gateway().url
