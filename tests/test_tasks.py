"""The tasks: safe to run twice, told ids only, and never the only way in which work is found."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django_q.models import OrmQ, Schedule

from orders import clock, desk, preflight, status, submission, tasks, tracking, waking
from orders.lifecycle import WORKER
from orders.models import Attempt, Order
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    TrepStar,
    fresh,
    last_event,
    nothing_changes,
    running_trepstar,
)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def north(db: Any) -> Publisher:
    return base.northlight()


@pytest.fixture
def film(north: Publisher) -> Product:
    return base.product(north)


@pytest.fixture
def trepstar() -> Iterator[TrepStar]:
    with running_trepstar() as one, override_settings(TREPSTAR_URL=one.url):
        yield one


def queued() -> list[str]:
    return [row.task["func"] for row in OrmQ.objects.order_by("pk")]


@pytest.mark.django_db(transaction=True)
class TestSubmitDue:
    def test_it_sends_everything_that_is_due(
        self, north: Publisher, film: Product, trepstar: TrepStar
    ) -> None:
        orders = [base.place(north, (film, 1)) for _ in range(12)]
        tasks.submit_due()
        assert {fresh(one).status for one in orders} == {status.ACCEPTED}
        assert [trepstar.accepted(one.invoice) for one in orders] == [1] * 12
        assert trepstar.calls("submit") == 12

    def test_run_again_it_does_nothing(
        self, north: Publisher, film: Product, trepstar: TrepStar
    ) -> None:
        base.place(north, (film, 1))
        tasks.submit_due()
        with nothing_changes():
            tasks.submit_due()
        assert trepstar.calls("submit") == 1

    def test_what_is_left_when_its_time_is_over_goes_to_a_new_task(
        self, north: Publisher, film: Product, trepstar: TrepStar
    ) -> None:
        base.place(north, (film, 1))
        with patch.object(tasks, "CLAIMING_SECONDS", 0), nothing_changes():
            tasks.submit_due()
        assert queued() == ["orders.tasks.submit_due"]

    def test_an_order_that_always_raises_does_not_stop_the_others(
        self, north: Publisher, film: Product, trepstar: TrepStar
    ) -> None:
        orders = [base.place(north, (film, 1)) for _ in range(6)]
        with failing_for(orders[0]), suppress(ZeroDivisionError):
            tasks.submit_due()
        assert [fresh(one).status for one in orders[1:]] == [status.ACCEPTED] * 5

    def test_an_order_that_raised_three_times_is_held(
        self, north: Publisher, film: Product, trepstar: TrepStar, desk_clock: Clock
    ) -> None:
        order = base.place(north, (film, 1))
        with failing_for(order):
            for _ in range(4):
                try:
                    tasks.submit_due()
                except ZeroDivisionError:
                    desk_clock.forward(91)
                    tasks.sweep()
                desk_clock.forward(3601)
        assert (fresh(order).status, fresh(order).hold_reason) == (status.HELD, "internal")

    @pytest.mark.postgres
    def test_twenty_at_once_make_one_attempt_each(
        self, north: Publisher, film: Product, trepstar: TrepStar
    ) -> None:
        orders = [base.place(north, (film, 1)) for _ in range(4)]

        def run(_: int) -> None:
            try:
                tasks.submit_due()
            finally:
                connection.close()

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(run, range(20)))
        # A worker that finds the publisher's slots taken leaves the rest to the next nudge.
        tasks.submit_due()
        assert [Attempt.objects.filter(order=one).count() for one in orders] == [1] * 4
        assert trepstar.calls("submit") == 4


def failing_for(order: Order) -> Any:
    """Let the desk fail, by a mistake of ours, whenever it looks at that order."""
    real = preflight.check

    def check(one: Order, *args: Any) -> Any:
        if one.pk == order.pk:
            raise ZeroDivisionError("a mistake of ours")
        return real(one, *args)

    return patch.object(preflight, "check", check)


@pytest.mark.django_db(transaction=True)
def test_without_any_queued_task_every_order_still_goes_out(
    north: Publisher, film: Product, trepstar: TrepStar, desk_clock: Clock
) -> None:
    ready = base.place(north, (film, 1))
    held = base.place(north, (film, 1))
    desk.hold(held.pk, actor=WORKER, until=clock.now())
    dead = base.place(north, (film, 1))
    Order.objects.filter(pk=dead.pk).update(status="submitting", lease_until=clock.now())
    OrmQ.objects.all().delete()
    desk_clock.forward(1)
    tasks.sweep()
    assert queued() == ["orders.tasks.submit_due"]
    OrmQ.objects.all().delete()
    tasks.submit_due()
    assert {fresh(one).status for one in (ready, held, dead)} == {status.ACCEPTED}
    desk_clock.forward(901)
    tasks.sweep()
    assert queued() == ["orders.tasks.sync_all"]
    tasks.sync_all()
    assert {fresh(one).status for one in (ready, held, dead)} == {status.PROCESSING}
    assert trepstar.calls("submit") == 3


class TestSweep:
    def test_with_nothing_due_it_wakes_nobody(self, north: Publisher) -> None:
        with nothing_changes():
            tasks.sweep()
        assert queued() == []

    def test_it_settles_what_a_dead_worker_left(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        called, claimed = (base.place(north, (film, 1)) for _ in range(2))
        claims = {one.order_id: one for one in submission.claim(2)}
        submission._prepare(claims[called.pk])
        desk_clock.forward(89)
        with nothing_changes():
            tasks.sweep()
        desk_clock.forward(3)
        tasks.sweep()
        assert (fresh(called).status, fresh(claimed).status) == ("unclear", "ready")
        with nothing_changes():
            tasks.sweep()

    def test_it_wakes_no_more_once_enough_tasks_wait(self, north: Publisher, film: Product) -> None:
        base.place(north, (film, 1))
        for _ in range(60):
            tasks.sweep()
        assert len(queued()) == waking.MAX_NUDGES

    def test_a_held_order_that_always_raises_does_not_stop_it(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        bad = base.place(north, (film, 1))
        base.place(north, (film, 1))
        desk.hold(bad.pk, actor=WORKER, until=clock.now())
        desk_clock.forward(1)
        with failing_for(bad):
            tasks.sweep()
        assert (queued(), fresh(bad).status) == (["orders.tasks.submit_due"], "held")


class TestNudge:
    def test_without_a_commit_there_is_no_nudge(self, north: Publisher) -> None:
        with transaction.atomic():
            tasks.nudge()
            transaction.set_rollback(True)
        assert queued() == []
        tasks.nudge()
        assert len(queued()) == 1


@pytest.mark.django_db
def test_tasks_that_staff_start_do_what_they_say(
    north: Publisher, film: Product, trepstar: TrepStar
) -> None:
    Publisher.objects.update(login_refused_at=clock.now())
    tasks.check_login(north.pk)
    assert Publisher.objects.get().login_refused_at is None
    order = base.place(north, (film, 1))
    (claim,) = submission.claim(1)
    submission.submit(claim, trepstar.gateway())
    tasks.ask_now(order.pk)
    tasks.ask_now(order.pk)
    assert (fresh(order).status, last_event(order).kind) == ("processing", "order.processing")


@pytest.mark.django_db
def test_schedules_are_registered_once_and_mended() -> None:
    assert tasks.register_schedules() == list(tasks.SCHEDULES)
    Schedule.objects.filter(name="sweep").update(func="nonsense", repeats=0)
    tasks.register_schedules()
    found = sorted(Schedule.objects.values_list("name", "func", "repeats"))
    assert found == sorted((name, func, -1) for name, (func, _) in tasks.SCHEDULES.items())


class TestArguments:
    """No address, name or password may travel in a task: rows of ids only."""

    def calls(self, source: str) -> Iterator[ast.Call]:
        for node in ast.walk(ast.parse(source)):
            name = getattr(node, "func", None)
            if isinstance(node, ast.Call) and "async_task" in ast.unparse(name):
                yield node

    def fits(self, call: ast.Call) -> bool:
        # The broker is where the task is put; it does not travel in it.
        named = [word.value for word in call.keywords if word.arg != "broker"]
        arguments = [*call.args[1:], *named]
        return all(ast.unparse(one).endswith(("_id", ".pk", ".id")) for one in arguments)

    def test_tasks_are_enqueued_with_ids_only(self) -> None:
        paths = [p for f in ("orders", "products", "fulfillment") for p in (ROOT / f).rglob("*.py")]
        found = [call for path in paths for call in self.calls(path.read_text())]
        assert [ast.unparse(call) for call in found if not self.fits(call)] == []
        assert len(found) >= 2

    def test_tasks_take_ids_only(self) -> None:
        for name, task in inspect.getmembers(tasks, inspect.isfunction):
            own = task.__module__ == tasks.__name__ and not name.startswith("_")
            if own and name != "beat":
                for parameter in inspect.signature(task).parameters.values():
                    assert parameter.name.endswith("_id"), name
                    assert parameter.annotation == "int", name

    def test_control_anything_else_is_found(self) -> None:
        code = "async_task('f', order); async_task('f', x=password)"
        assert [self.fits(call) for call in self.calls(code)] == [False, False]

    @pytest.mark.django_db
    def test_nothing_of_a_customer_or_a_login_is_queued(
        self, north: Publisher, film: Product
    ) -> None:
        order = base.place(north, (film, 1))
        tasks.nudge()
        tasks.sweep()
        payloads = "".join(f"{row.payload} {row.task}" for row in OrmQ.objects.all())
        assert "orders.tasks.submit_due" in payloads
        for canary in (base.PASSWORD, order.name, order.address, order.email, order.invoice):
            assert canary not in payloads


@pytest.mark.django_db
def test_one_publishers_failing_round_does_not_stop_the_others(
    north: Publisher, film: Product, desk_clock: Clock
) -> None:
    south = base.southwind()
    orders = [base.place(north, (film, 1)), base.place(south, (base.product(south, "44100"), 1))]
    Order.objects.update(status="accepted", next_ask_at=clock.now() - timedelta(seconds=1))
    asked_for: list[int] = []

    def sync(publisher_id: int, gateway: Any, **how: Any) -> int:
        asked_for.append(publisher_id)
        if publisher_id == north.pk:
            raise ZeroDivisionError("a mistake of ours")
        return 0

    with patch.object(tracking, "sync", sync), suppress(ZeroDivisionError):
        tasks.sync_all()
    assert asked_for == [order.publisher_id for order in orders]
