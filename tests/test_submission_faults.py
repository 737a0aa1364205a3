"""Every fault of the gateway over a real socket: where the order ends, and how often it is made."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
from django.db import connection

from orders import clock, login_check, status, submission, tasks, tracking
from orders.models import Attempt, Call, Order
from orders.trepstar.sandbox_faults import FAULTS, STATUS, SUBMIT
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    HASTY,
    PATIENT,
    Told,
    TrepStar,
    fresh,
    kinds,
    nothing_changes,
    running_trepstar,
    submit_next,
)

pytestmark = pytest.mark.django_db

HANGING = {"hang-drop", "hang-accept", "slow"}


@pytest.fixture
def trepstar() -> Iterator[TrepStar]:
    with running_trepstar() as one:
        yield one


@pytest.fixture
def order(north: Publisher, film: Product) -> Order:
    return base.place(north, (film, 1))


def sync(trepstar: TrepStar, north: Publisher, seconds: float = PATIENT) -> int:
    return tracking.sync(north.pk, trepstar.gateway(seconds))


def hashes(trepstar: TrepStar) -> set[str]:
    return {call.payload_hash for call in trepstar.sandbox.calls("submit")}


@pytest.mark.parametrize(
    ("fault", "stored"),
    [
        (name, fault.processed)
        for name, fault in FAULTS[SUBMIT].items()
        if name not in ("login", "delay-accept")
    ],
)
def test_after_a_submit_fault_the_order_is_made_exactly_once(
    trepstar: TrepStar,
    north: Publisher,
    order: Order,
    desk_clock: Clock,
    fault: str,
    stored: bool,
) -> None:
    trepstar.sandbox.set_faults(f"{fault}@{order.invoice}")
    submit_next(trepstar.gateway(HASTY if fault in HANGING else PATIENT))
    assert (fresh(order).status, fresh(order).question) == (status.UNCLEAR, "outcome")
    assert trepstar.accepted(order.invoice) == int(stored)
    assert submission.claim(1) == []

    desk_clock.forward(301)
    assert sync(trepstar, north) == 1
    if stored:
        order = fresh(order)
        assert (order.status, order.gateway_status) == (status.PROCESSING, "PROCESSING")
        assert kinds(order)[-2:] == ["order.unclear", "order.found"]
    else:
        assert (fresh(order).status, fresh(order).not_found) == (status.UNCLEAR, 1)
        assert (sync(trepstar, north), submission.claim(1)) == (0, [])
        desk_clock.forward(301)
        assert sync(trepstar, north) == 1
        assert fresh(order).status == status.READY
        submit_next(trepstar.gateway())
        assert fresh(order).status == status.ACCEPTED
        assert kinds(order)[-5:] == [
            "order.not_found",
            "order.send_again",
            "order.claimed",
            "order.attempted",
            "order.accepted",
        ]
    assert trepstar.accepted(order.invoice) == 1
    assert len(hashes(trepstar)) == 1
    assert len({one.payload_hash for one in Attempt.objects.all()}) == 1


def test_an_order_stored_late_is_found_and_made_once(
    trepstar: TrepStar, north: Publisher, order: Order, desk_clock: Clock
) -> None:
    trepstar.sandbox.set_faults(f"delay-accept@{order.invoice}")
    submit_next(trepstar.gateway(HASTY))
    assert (fresh(order).status, trepstar.accepted(order.invoice)) == (status.UNCLEAR, 0)
    wait_until_stored(trepstar, order)
    desk_clock.forward(301)
    sync(trepstar, north)
    assert (fresh(order).status, trepstar.accepted(order.invoice)) == (status.PROCESSING, 1)


def test_an_order_stored_after_it_was_sent_again_is_made_once(
    trepstar: TrepStar, north: Publisher, order: Order, desk_clock: Clock
) -> None:
    trepstar.sandbox.set_faults(f"delay-accept@{order.invoice}")
    submit_next(trepstar.gateway(HASTY))
    desk_clock.forward(301)
    sync(trepstar, north)
    desk_clock.forward(301)
    sync(trepstar, north)
    assert (fresh(order).status, trepstar.accepted(order.invoice)) == (status.READY, 0)
    wait_until_stored(trepstar, order)
    submit_next(trepstar.gateway())
    assert (fresh(order).status, fresh(order).question) == (status.UNCLEAR, "duplicate")
    desk_clock.forward(301)
    sync(trepstar, north)
    assert (fresh(order).status, trepstar.accepted(order.invoice)) == (status.PROCESSING, 1)
    assert len(hashes(trepstar)) == 1


def wait_until_stored(trepstar: TrepStar, order: Order) -> None:
    deadline = time.monotonic() + 3
    while not trepstar.accepted(order.invoice):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_duplicate_of_our_own_earlier_attempt_is_accepted(
    trepstar: TrepStar, north: Publisher, order: Order, desk_clock: Clock
) -> None:
    submit_next(trepstar.gateway())
    # A backup of last night is restored: the order is ready again.
    Order.objects.filter(pk=order.pk).update(status=status.READY, next_attempt_at=clock.now())
    submit_next(trepstar.gateway())
    assert (fresh(order).status, fresh(order).question) == (status.UNCLEAR, "duplicate")
    desk_clock.forward(301)
    sync(trepstar, north)
    assert (fresh(order).status, trepstar.accepted(order.invoice)) == (status.PROCESSING, 1)


def test_a_duplicate_of_another_customers_order_is_held_and_never_sent_again(
    trepstar: TrepStar, north: Publisher, order: Order, desk_clock: Clock
) -> None:
    gateway = trepstar.gateway()
    submit_next(Told((500, b"")))
    Order.objects.filter(pk=order.pk).update(status=status.READY, next_attempt_at=clock.now())
    fields = {**fresh(order).payload, "name": "Bo Diaz"}
    gateway.submit(fields, tracking.login_of(Publisher.objects.get()))
    submit_next(gateway)
    assert fresh(order).question == "duplicate"
    desk_clock.forward(301)
    sync(trepstar, north)
    order = fresh(order)
    assert (order.status, order.hold_reason) == (status.HELD, "collision")
    assert "“Bo Diaz”" in order.hold_note
    assert "“Ana Peña”" in order.hold_note
    assert (trepstar.accepted(order.invoice), order.gateway_customer) == (1, "Bo Diaz")
    desk_clock.forward(24 * 3600)
    with nothing_changes():
        assert (submission.claim(1), sync(trepstar, north)) == ([], 0)


@pytest.mark.parametrize("fault", sorted(FAULTS[STATUS]))
def test_after_a_status_fault_the_next_answer_is_written_down(
    trepstar: TrepStar, north: Publisher, film: Product, desk_clock: Clock, fault: str
) -> None:
    orders = [base.place(north, (film, 1)) for _ in range(3)]
    for _ in orders:
        submit_next(trepstar.gateway())
    trepstar.sandbox.set_faults(f"status:{fault}@*")
    desk_clock.forward(901)
    sync(trepstar, north, HASTY if fault == "timeout" else PATIENT)
    found = [fresh(order).status for order in orders]
    read = {"bare-amp": 3, "shuffled": 3, "cp1252": 3, "no-root": 3, "missing": 2, "twice": 2}
    assert found.count(status.PROCESSING) == read.get(fault, 0)
    assert found.count(status.ACCEPTED) == 3 - read.get(fault, 0)
    Publisher.objects.update(login_refused_at=None)
    desk_clock.forward(901)
    assert sync(trepstar, north) == 1
    assert {fresh(order).status for order in orders} == {status.PROCESSING}
    assert Call.objects.count() == trepstar.calls("status") == 2


@pytest.mark.parametrize("fault", ["500", "html", "timeout", "trunc", "login"])
def test_a_spoilt_status_answer_settles_no_unclear_order(
    trepstar: TrepStar, north: Publisher, order: Order, desk_clock: Clock, fault: str
) -> None:
    submit_next(Told((500, b"")))
    trepstar.sandbox.set_faults(f"status:{fault}@*")
    desk_clock.forward(301)
    sync(trepstar, north, HASTY if fault == "timeout" else PATIENT)
    assert (fresh(order).status, fresh(order).not_found) == (status.UNCLEAR, 0)
    assert submission.claim(1) == []


def test_the_password_stays_out_of_tables_logs_and_tasks(
    trepstar: TrepStar, north: Publisher, film: Product, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"<p>CoLoginPassword={base.PASSWORD}&amp;x [FAILURE]</p>".encode()
    faults = (trepstar.gateway(), Told(echo), Told((500, echo)), Told(ValueError("ours")))
    for gateway in faults:
        base.place(north, (film, 1))
        submit_next(gateway)
        tasks.nudge()
    north = Publisher.objects.get()
    told = login_check.check_login(north, Told((500, echo)))
    everything = f"{_dump()} {told} {north!r} {tracking.login_of(north)!r} {vars(north)}"
    assert "CoLoginPassword=***" in everything
    assert base.PASSWORD not in everything
    theirs = [r for r in caplog.records if not r.name.startswith("django.db")]
    text = "".join(f"{r.getMessage()} {r.exc_text or ''}" for r in theirs)
    assert "ValueError: ours" in text
    assert base.PASSWORD not in text


def _dump() -> str:
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        text = []
        for name in names:
            cursor.execute(f'SELECT * FROM "{name}"')
            text += [repr(row) for row in cursor.fetchall()]
    return "\n".join(text)


def test_the_dump_would_show_a_password(north: Publisher) -> None:
    Publisher.objects.update(name=base.PASSWORD)
    assert base.PASSWORD in _dump()
