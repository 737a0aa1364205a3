"""Asking TrepStar: when it is asked, what stops it, and what staff may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from orders import breaker, budget, clock, login_check, status, submission, tracking
from orders.models import Call, Gateway, Order
from orders.trepstar.status_xml import Section
from products.models import Product, Publisher
from products.secret import Secret
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
    not_found,
    nothing_changes,
    running_trepstar,
    section,
    sent,
    submit_next,
)

pytestmark = pytest.mark.django_db

UNKNOWN_FUNCTION = answer(Section(error_number="100", error_text="Unknown function"))
WRONG_LOGIN = answer(Section(error_number="200", error_text="Incorrect email or password"))
NOBODY = answer(Section(error_number="300", invoice=login_check.PROBE_INVOICE))


@pytest.fixture
def north() -> Publisher:
    return Publisher.objects.get(pk=base.northlight().pk)


@pytest.fixture
def order(north: Publisher, film: Product, desk_clock: Clock) -> Iterator[Order]:
    """An accepted order that is due to be asked for."""
    order = sent(north, (film, 1))
    desk_clock.forward(901)
    return order


def ledger() -> list[tuple[str, str]]:
    return list(Call.objects.order_by("pk").values_list("purpose", "outcome"))


class TestSync:
    def test_it_asks_once_for_what_is_due_and_writes_it_down(
        self, north: Publisher, order: Order
    ) -> None:
        gateway = Told(answer(section(order, "HOLD")))
        assert tracking.due_publishers() == [north.pk]
        assert tracking.sync(north.pk, gateway) == 1
        assert fresh(order).status == status.AWAITING_PAYMENT
        call = Call.objects.get()
        assert (call.purpose, call.outcome, call.invoices) == ("sweep", "answered", 1)
        assert (call.sections, call.dropped, call.http_status, call.excerpt) == (1, 0, 200, "")
        assert tracking.due_publishers() == []
        assert tracking.sync(north.pk, gateway) == 0
        assert len(gateway.calls) == 1

    def test_nothing_due_means_no_call(self, north: Publisher, film: Product) -> None:
        sent(north, (film, 1))
        assert tracking.sync(north.pk, Told(SILENCE)) == 0
        assert ledger() == []

    @pytest.mark.parametrize(
        "final", [status.TESTED, status.CANCELLED, status.HELD, status.READY, status.REFUSED]
    )
    def test_orders_that_need_no_news_are_not_asked_for(
        self, north: Publisher, order: Order, final: str
    ) -> None:
        Order.objects.update(status=final, hold_reason="staff")
        with nothing_changes():
            assert (tracking.due_publishers(), tracking.sync(north.pk, Told(SILENCE))) == ([], 0)

    def test_while_another_worker_asks_nobody_else_does(
        self, north: Publisher, order: Order, desk_clock: Clock
    ) -> None:
        Publisher.objects.update(sync_until=clock.now() + timedelta(seconds=90))
        assert tracking.sync(north.pk, Told(SILENCE)) == 0
        desk_clock.forward(91)
        assert tracking.sync(north.pk, Told(answer(section(order)))) == 1

    def test_the_turn_is_given_back_even_after_an_error(
        self, north: Publisher, order: Order
    ) -> None:
        with pytest.raises(ZeroDivisionError):
            tracking.sync(north.pk, Told(ZeroDivisionError()))
        assert Publisher.objects.get().sync_until is None
        assert ledger() == [("sweep", "reserved")]

    @pytest.mark.parametrize(
        ("reply", "outcome"),
        [
            (NO_CONNECTION, "not_sent"),
            (broken, "failed"),
            ((500, b""), "failed"),
            ((200, b"<html>"), "failed"),
        ],
    )
    def test_without_an_answer_the_orders_wait_for_their_next_turn(
        self, north: Publisher, order: Order, reply: Any, outcome: str
    ) -> None:
        gateway = Told(reply)
        before = fresh(order)
        tracking.sync(north.pk, gateway)
        found = fresh(order)
        assert (found.status, found.version, found.not_found) == ("accepted", before.version, 0)
        assert found.next_ask_at - found.asked_at == timedelta(seconds=900)
        assert (ledger(), len(gateway.calls)) == ([("sweep", outcome)], 1)

    def test_the_interval_grows_with_the_open_orders(self, north: Publisher, order: Order) -> None:
        assert budget.interval_of(north) == timedelta(seconds=900)
        north.status_calls_per_day = 95  # 70 of them for sweeps
        assert budget.interval_of(north) == timedelta(seconds=86400 / 70)
        with override_settings(SYNC_SECONDS=7200):
            assert budget.interval_of(north) == timedelta(seconds=7200)


class TestAccountErrors:
    def test_200_stops_the_account_and_keeps_the_orders(
        self, north: Publisher, order: Order, film: Product
    ) -> None:
        base.place(north, (film, 1))
        gateway = Told(WRONG_LOGIN)
        tracking.sync(north.pk, gateway)
        assert Publisher.objects.get().login_refused_at is not None
        assert (ledger(), len(gateway.calls)) == ([("sweep", "refused")], 1)
        assert (fresh(order).status, submission.claim(9)) == ("accepted", [])
        assert (tracking.due_publishers(), tracking.sync(north.pk, gateway)) == ([], 0)

    def test_200_for_the_old_login_does_not_stop_the_new_one(
        self, north: Publisher, order: Order
    ) -> None:
        def change(fields: dict[str, str]) -> bytes:
            row = Publisher.objects.get()
            row.set_login(row.login_email, Secret("new-password"))
            row.save()
            return WRONG_LOGIN

        tracking.sync(north.pk, Told(change))
        assert Publisher.objects.get().login_refused_at is None
        assert tracking.due_publishers() == [north.pk]

    def test_100_stops_asking_for_everybody(
        self, north: Publisher, order: Order, caplog: pytest.LogCaptureFixture
    ) -> None:
        tracking.sync(north.pk, Told(UNKNOWN_FUNCTION))
        assert (tracking.due_publishers(), ledger()) == ([], [("sweep", "refused")])
        assert Gateway.objects.get().sync_stopped_at is not None
        assert [r.getMessage() for r in caplog.records] == [
            "TrepStar does not know the function that this desk asks for, so asking has stopped."
        ]
        assert Publisher.objects.get().login_refused_at is None

    def test_100_stops_a_round_that_is_under_way(self, north: Publisher, order: Order) -> None:
        Gateway.objects.filter(pk=breaker.state().pk).update(sync_stopped_at=clock.now())
        gateway = Told(answer(section(order)))
        assert (tracking.sync(north.pk, gateway), gateway.calls) == (0, [])


class TestCheckLogin:
    def test_a_right_login_reopens_the_account(self, north: Publisher, film: Product) -> None:
        order = base.place(north, (film, 1))
        submit_next(Told(LOGIN_REFUSED))
        north.refresh_from_db()
        gateway = Told(NOBODY)
        assert login_check.check_login(north, gateway) == (True, "TrepStar accepts this login.")
        assert gateway.calls[0]["Invoice"] == "THIS-INVOICE-CANNOT-EXIST"
        assert Publisher.objects.get().login_refused_at is None
        assert Publisher.objects.get().login_checked_at is not None
        assert ledger() == [("staff", "answered")]
        submit_next(Told(YES))
        assert fresh(order).status == "accepted"

    def test_a_wrong_login_stops_the_account(self, north: Publisher) -> None:
        told = login_check.check_login(north, Told(WRONG_LOGIN))
        assert told == (
            False,
            "TrepStar refused this login. Enter the account's e-mail and password anew.",
        )
        assert Publisher.objects.get().login_refused_at is not None
        assert Publisher.objects.get().login_checked_at is None

    @pytest.mark.parametrize(
        ("reply", "outcome"),
        [(NO_CONNECTION, "not_sent"), ((500, b""), "failed"), (UNKNOWN_FUNCTION, "failed")],
    )
    def test_without_a_plain_answer_nothing_is_known(
        self, north: Publisher, reply: Any, outcome: str
    ) -> None:
        Publisher.objects.update(login_refused_at=clock.now())
        right, sentence = login_check.check_login(Publisher.objects.get(), Told(reply))
        assert right is None
        assert sentence.endswith(".")
        assert Publisher.objects.get().login_refused_at is not None
        assert ledger() == [("staff", outcome)]

    def test_a_login_changed_meanwhile_is_not_reopened_by_the_old_ones_check(
        self, north: Publisher
    ) -> None:
        def change(fields: dict[str, str]) -> bytes:
            Publisher.objects.update(credential_version=2, login_refused_at=clock.now())
            return NOBODY

        login_check.check_login(north, Told(change))
        assert Publisher.objects.get().login_refused_at is not None

    def test_over_a_real_socket(self, north: Publisher) -> None:
        with running_trepstar() as trepstar:
            assert login_check.check_login(north, trepstar.gateway())[0] is True
            north.login_password = Secret("wrong")
            assert login_check.check_login(north, trepstar.gateway())[0] is False


class TestAskNow:
    def test_staff_may_ask_before_the_time(self, north: Publisher, film: Product) -> None:
        order = sent(north, (film, 1))
        told = tracking.ask_now(order, Told(answer(section(order, "HOLD"))))
        assert told == f"TrepStar was asked. Order {order.invoice} waits at TrepStar for a payment."
        assert ledger() == [("staff", "answered")]

    def test_asking_twice_at_once_does_not_send_an_unclear_order_again(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        order = sent(north, (film, 1), answer=SILENCE)
        desk_clock.forward(301)
        for _ in range(2):
            tracking.ask_now(fresh(order), Told(answer(not_found(order))))
        assert (fresh(order).status, submission.claim(1)) == (status.UNCLEAR, [])

    def test_a_used_up_share_is_said(
        self, north: Publisher, order: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(budget.SHARES, Call.Purpose.STAFF, 0)
        gateway = Told(answer(section(order)))
        tracking.ask_now(order, gateway)
        with nothing_changes():
            told = tracking.ask_now(order, gateway)
        assert told.startswith("The questions that staff may ask within 24 hours are used up.")
        assert len(gateway.calls) == 1

    def test_with_a_refused_login_nothing_is_asked(self, north: Publisher, order: Order) -> None:
        Publisher.objects.update(login_refused_at=clock.now())
        gateway = Told(SILENCE)
        with nothing_changes():
            assert "refused this publisher's login" in tracking.ask_now(fresh(order), gateway)
        assert (gateway.calls, ledger()) == ([], [])

    def test_a_failure_is_said(self, north: Publisher, order: Order) -> None:
        told = tracking.ask_now(order, Told((500, b"")))
        assert told == ("TrepStar could not be asked: TrepStar answered with HTTP status 500.")
