"""The gateway's breaker: when it opens, whom it lets through, and what closes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from orders import breaker, clock, settlement, submission, tracking
from orders.models import Attempt, Call, Order
from orders.trepstar import wire
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    LOGIN_REFUSED,
    NO_CONNECTION,
    SILENCE,
    YES,
    Told,
    answer,
    broken,
    fresh,
    section,
    sent,
    submit_next,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def orders(north: Publisher, film: Product) -> list[Order]:
    return [base.place(north, (film, 1)) for _ in range(8)]


def open_it(reply: Any = NO_CONNECTION) -> None:
    for _ in range(5):
        submit_next(Told(reply))


@pytest.mark.parametrize("reply", [NO_CONNECTION, broken, (500, b""), (302, b"")])
def test_it_opens_after_five_failures_in_a_row(orders: list[Order], reply: Any) -> None:
    for number in range(1, 6):
        assert not breaker.is_open()
        submit_next(Told(reply))
        assert breaker.state().failures == number
    gateway = breaker.state()
    assert (gateway.probe_seconds, gateway.probe_at - gateway.open_since) == (
        60,
        timedelta(seconds=60),
    )
    assert gateway.last_error.endswith(".")
    assert submission.claim(4) == []


@pytest.mark.parametrize(
    "reply", [YES, SILENCE, LOGIN_REFUSED, wire.write_failure("000013"), (200, b"<html>")]
)
def test_any_answer_ends_the_row(orders: list[Order], reply: Any) -> None:
    for one in (NO_CONNECTION, NO_CONNECTION, NO_CONNECTION, NO_CONNECTION, reply):
        submit_next(Told(one))
    assert (breaker.state().failures, breaker.is_open()) == (0, False)


def test_trouble_of_the_gateway_holds_no_order(orders: list[Order]) -> None:
    open_it()
    assert set(Order.objects.values_list("status", flat=True)) == {"ready"}


def test_it_opens_when_half_of_twenty_fail_within_five_minutes(
    orders: list[Order], desk_clock: Clock
) -> None:
    now = clock.now()

    def attempts(count: int, outcome: str, at: Any) -> None:
        Attempt.objects.bulk_create(
            Attempt(
                order=orders[0],
                number=1,
                token=submission.uuid.uuid4(),
                credential_version=1,
                outcome=outcome,
                started_at=at,
                finished_at=at,
            )
            for _ in range(count)
        )

    attempts(50, "not_sent", now - timedelta(minutes=6))
    attempts(10, "accepted", now)
    attempts(9, "unclear", now)
    breaker.failed("No connection.", began=now)
    assert not breaker.is_open()
    attempts(1, "not_sent", now)
    breaker.failed("No connection.", began=now)
    assert breaker.is_open()


def test_one_probe_is_let_through_at_a_time(orders: list[Order], desk_clock: Clock) -> None:
    open_it()
    desk_clock.forward(59)
    assert submission.claim(4) == []
    desk_clock.forward(2)
    assert len(submission.claim(4)) == 1
    assert submission.claim(4) == []


def test_probes_wait_twice_as_long_each_time_up_to_fifteen_minutes(
    orders: list[Order], desk_clock: Clock
) -> None:
    open_it()
    waits = []
    for _ in range(6):
        desk_clock.forward(breaker.state().probe_seconds + 1)
        submit_next(Told(NO_CONNECTION))
        waits.append(breaker.state().probe_seconds)
    assert waits == [120, 240, 480, 900, 900, 900]


def test_a_day_without_gateway_costs_at_most_110_probes(
    north: Publisher, film: Product, desk_clock: Clock
) -> None:
    base.place(north, (film, 1))
    gateway, end = Told(NO_CONNECTION), clock.now() + timedelta(hours=24)
    with override_settings(RETRY_SECONDS=(1, 1)):
        while clock.now() < end:
            for claim in submission.claim(1):
                submission.submit(claim, gateway)
            probe_at = breaker.state().probe_at or clock.now()
            desk_clock.forward(max(2, (probe_at - clock.now()).total_seconds() + 0.01))
    assert 90 <= len(gateway.calls) <= 110


def test_a_call_from_before_it_opened_is_no_probe(orders: list[Order]) -> None:
    began = clock.now()
    open_it()
    breaker.failed("Late.", began=began)
    assert breaker.state().probe_seconds == 60


def test_it_closes_with_the_first_answer_and_sends_what_waited(
    orders: list[Order], desk_clock: Clock
) -> None:
    with override_settings(RETRY_SECONDS=(3600, 3600)):
        open_it()
    assert Order.objects.filter(not_sent=1).count() == 5
    desk_clock.forward(61)
    submit_next(Told(YES))
    gateway = breaker.state()
    assert (gateway.open_since, gateway.failures, gateway.last_error) == (None, 0, "")
    assert (gateway.probe_at, gateway.probe_seconds) == (None, 0)
    assert submission.due(clock.now()).count() == 7
    for _ in range(7):
        submit_next(Told(YES))
    assert set(Order.objects.values_list("status", flat=True)) == {"accepted"}


def test_without_a_due_order_no_probe_is_taken(orders: list[Order], desk_clock: Clock) -> None:
    open_it()
    Order.objects.update(status="cancelled")
    desk_clock.forward(61)
    before = breaker.state().probe_at
    assert (submission.claim(1), breaker.state().probe_at) == ([], before)


class TestAsking:
    def test_failed_questions_count_as_well(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        sent(north, (film, 1))
        for number in range(1, 6):
            desk_clock.forward(901)
            tracking.sync(north.pk, Told((500, b"")))
            assert breaker.state().failures == number
        assert breaker.is_open()
        desk_clock.forward(30)
        Order.objects.update(next_ask_at=clock.now())
        gateway = Told(SILENCE)
        assert (tracking.sync(north.pk, gateway), gateway.calls) == (0, [])

    def test_a_question_may_be_the_probe_that_closes_it(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        order = sent(north, (film, 1))
        waiting = base.place(north, (film, 1))
        with override_settings(RETRY_SECONDS=(9999, 9999)):
            submit_next(Told(NO_CONNECTION))
        for _ in range(4):
            breaker.failed("No connection.", began=clock.now())
        desk_clock.forward(901)
        assert tracking.sync(north.pk, Told(answer(section(order)))) == 1
        assert not breaker.is_open()
        assert fresh(waiting).next_attempt_at <= clock.now()

    def test_while_it_is_open_no_question_is_reserved(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        sent(north, (film, 1))
        desk_clock.forward(901)
        for _ in range(5):
            breaker.failed("No connection.", began=clock.now())
        assert (tracking.sync(north.pk, Told(SILENCE)), Call.objects.count()) == (0, 0)


def test_what_waited_is_sent_at_once_only_if_it_was_tried(orders: list[Order]) -> None:
    later = clock.now() + timedelta(hours=1)
    Order.objects.update(next_attempt_at=later)
    Order.objects.filter(pk=orders[0].pk).update(not_sent=1)
    settlement.send_what_waited()
    assert list(submission.due(clock.now()).values_list("pk", flat=True)) == [orders[0].pk]
