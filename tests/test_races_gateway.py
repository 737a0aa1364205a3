"""Workers and processes against each other around TrepStar: each race beside its control."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.test import override_settings

from orders import (
    answers,
    breaker,
    clock,
    lifecycle,
    login_check,
    settlement,
    submission,
    tracking,
)
from orders.models import Call, Gateway, Order
from products.models import Product, Publisher
from products.secret import Secret
from tests.conftest import Clock
from tests.gateway_cast import (
    Elsewhere,
    Told,
    answer,
    fresh,
    kinds,
    not_found,
    section,
    sent,
    submit_next,
)
from tests.test_races import no_row_locks
from tests.test_races_staff import during, has_ended, staff, unguarded

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

BY_INVOICE_REFUSED = b"<Status1><ErrorNum>200</ErrorNum></Status1>"
NO_SUCH_INVOICE = b"<Status1><ErrorNum>300</ErrorNum></Status1>"


def change_login() -> None:
    row = Publisher.objects.get()
    row.set_login(row.login_email, Secret(f"password-{row.credential_version}"))
    row.save()


class TestLogin:
    def refused_meanwhile(self) -> None:
        """The login is changed, and TrepStar refuses the new one."""
        change_login()
        settlement.refuse_login(Publisher.objects.get().pk, 2)

    def check(self, north: Publisher) -> datetime | None:
        def yes(fields: dict[str, str]) -> bytes:
            Elsewhere(self.refused_meanwhile).end()
            return NO_SUCH_INVOICE

        assert login_check.check_login(Publisher.objects.get(), Told(yes))[0]
        return Publisher.objects.get().login_refused_at

    def test_a_check_of_the_old_one_does_not_open_the_new_one(self, north: Publisher) -> None:
        assert self.check(north) is not None

    def test_control_without_the_version_it_does(self, north: Publisher) -> None:
        real = Publisher.objects.filter

        def any_version(*args: Any, credential_version: int = 0, **values: Any) -> Any:
            return real(*args, **values)

        with patch.object(Publisher.objects, "filter", any_version):
            assert self.check(north) is None

    def ask(self, north: Publisher, film: Product, desk_clock: Clock) -> datetime | None:
        sent(north, (film, 1))
        desk_clock.forward(901)

        def refused(fields: dict[str, str]) -> bytes:
            Elsewhere(change_login).end()
            return BY_INVOICE_REFUSED

        tracking.sync(north.pk, Told(refused))
        return Publisher.objects.get().login_refused_at

    def test_a_status_call_with_the_old_one_does_not_stop_the_new_one(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        assert self.ask(north, film, desk_clock) is None

    def test_control_without_the_version_the_new_one_is_stopped(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        def refuse_login(publisher_id: int, credential_version: int) -> None:
            Publisher.objects.filter(pk=publisher_id).update(login_refused_at=clock.now())

        with patch.object(tracking, "refuse_login", refuse_login):
            assert self.ask(north, film, desk_clock) is not None

    def both_check(self, north: Publisher) -> int:
        """Let two check the login with one question left; return how often TrepStar was asked."""
        Publisher.objects.update(status_calls_per_day=1)
        gateway, publisher = Told(NO_SUCH_INVOICE), Publisher.objects.get()

        def check() -> Any:
            return login_check.check_login(publisher, gateway)

        during(Call.objects, "create", check, check).end()
        return len(gateway.calls)

    def test_of_two_checks_with_one_question_left_one_is_made(self, north: Publisher) -> None:
        assert self.both_check(north) == 1

    def test_control_without_the_lock_both_are_made(self, north: Publisher) -> None:
        with no_row_locks():
            assert self.both_check(north) == 2


class TestAskNowAgainstSync:
    def race(self, north: Publisher, order: Order, desk_clock: Clock) -> Order:
        submit_next(Told((500, b"")))
        desk_clock.forward(601)
        gateway = Told(answer(not_found(order)))

        def ask() -> str:
            return tracking.ask_now(fresh(order), gateway)

        during(answers, "apply", ask, lambda: tracking.sync(north.pk, gateway)).end()
        assert len(gateway.calls) == 2
        return fresh(order)

    def test_two_answers_of_one_moment_count_as_one_not_found(
        self, north: Publisher, order: Order, desk_clock: Clock
    ) -> None:
        found = self.race(north, order, desk_clock)
        assert (found.status, found.not_found) == ("unclear", 1)

    def test_control_without_the_time_between_them_they_send_it_again(
        self, north: Publisher, order: Order, desk_clock: Clock
    ) -> None:
        with override_settings(ASK_AFTER_SECONDS=(300, 300)):
            assert self.race(north, order, desk_clock).status == "ready"


class TestBreaker:
    def open(self, desk_clock: Clock) -> None:
        for _ in range(breaker.FAILURES_IN_A_ROW):
            breaker.failed("No answer.", began=clock.now())
        desk_clock.forward(61)

    def both_probe(self, probe: Callable[[], bool]) -> list[bool]:
        mine: list[bool] = []
        other = during(clock, "now", probe, lambda: mine.append(probe()))
        return sorted([*mine, other.end()])

    def test_of_two_workers_one_takes_the_probe(self, desk_clock: Clock) -> None:
        self.open(desk_clock)
        assert self.both_probe(breaker.take_probe) == [False, True]

    def test_control_a_probe_that_is_read_and_then_saved_is_taken_twice(
        self, desk_clock: Clock
    ) -> None:
        def naive() -> bool:
            gateway = breaker.state()
            now = clock.now()
            if gateway.probe_at is None or gateway.probe_at > now:
                return False
            gateway.probe_at = now + timedelta(seconds=60)
            gateway.save()
            return True

        self.open(desk_clock)
        assert self.both_probe(naive) == [True, True]

    def fail(self) -> None:
        breaker.failed("No answer.", began=clock.now())

    def fail_twice_at_once(self) -> int:
        self.fail()  # the row must be there, or its making is what the two race for
        during(Gateway, "save", self.fail, self.fail).end()
        return breaker.state().failures - 1

    def answered_while_failing(self) -> bool:
        for _ in range(breaker.FAILURES_IN_A_ROW - 1):
            self.fail()
        during(Gateway, "save", breaker.succeeded, self.fail).end()
        return breaker.is_open()

    def test_an_answer_during_the_fifth_failure_closes_it_again(self) -> None:
        assert not self.answered_while_failing()

    def test_control_without_the_lock_it_is_open_although_trepstar_answered_last(self) -> None:
        with no_row_locks():
            assert self.answered_while_failing()

    def test_two_failures_at_once_count_as_two(self) -> None:
        assert self.fail_twice_at_once() == 2

    def test_control_without_the_lock_they_count_as_one(self) -> None:
        with no_row_locks():
            assert self.fail_twice_at_once() == 1


class TestAnOrderDeletedAtTrepStar:
    @pytest.fixture
    def order(self, north: Publisher, film: Product) -> Order:
        order = sent(north, (film, 1))
        Order.objects.update(not_found=3)
        return fresh(order)

    def news(self, order: Order) -> Callable[[], Any]:
        found = {order.invoice: section(order)}
        return lambda: answers.apply(found, [order], timedelta(seconds=900))

    def test_a_cancel_while_it_is_found_again_is_turned_away(self, order: Order) -> None:
        assert not has_ended(
            during(lifecycle, "move_many", staff("cancel", order), self.news(order))
        )
        assert fresh(order).status == "processing"

    def test_control_without_guards_the_news_revives_it(self, order: Order) -> None:
        with unguarded():
            assert has_ended(
                during(lifecycle, "move_many", staff("cancel", order), self.news(order))
            )
        assert (fresh(order).status, kinds(order)[-2:]) == (
            "processing",
            ["order.cancelled", "order.processing"],
        )

    def test_news_while_it_is_cancelled_changes_nothing(self, order: Order) -> None:
        during(lifecycle, "_write", self.news(order), staff("cancel", order)).end()
        assert (fresh(order).status, kinds(order)[-1]) == ("cancelled", "order.cancelled")

    def test_control_without_guards_a_box_that_is_made_is_called_cancelled(
        self, order: Order
    ) -> None:
        with unguarded():
            during(lifecycle, "_write", self.news(order), staff("cancel", order)).end()
        assert kinds(order)[-2:] == ["order.processing", "order.cancelled"]


class TestCancelAgainstClaim:
    def test_a_claim_during_a_cancel_gets_nothing(self, order: Order) -> None:
        claim = during(lifecycle, "_write", lambda: submission.claim(1), staff("cancel", order))
        assert (claim.end(), fresh(order).status) == ([], "cancelled")

    def test_control_without_guards_a_cancelled_order_is_leased(self, order: Order) -> None:
        with unguarded():
            claim = during(lifecycle, "_write", lambda: submission.claim(1), staff("cancel", order))
            assert (len(claim.end()), fresh(order).status) == (1, "cancelled")
