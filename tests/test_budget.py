"""The ledger of status calls: never over the limit, in any 24 hours, for any purpose."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import override_settings

from orders import budget, clock, login_check
from orders.models import Call
from products.models import Publisher
from products.secret import Secret
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import NO_CONNECTION, SILENCE, Elsewhere, Told, run_before, running_trepstar

SWEEP, RESOLVE, STAFF = Call.Purpose.SWEEP, Call.Purpose.RESOLVE, Call.Purpose.STAFF
DAY = 24 * 3600


def north(calls: int | None = None) -> Publisher:
    return Publisher.objects.get(pk=base.northlight(status_calls_per_day=calls).pk)


def take(publisher: Publisher, purpose: str, most: int) -> int:
    """Reserve until there is no more; return how many there were."""
    return sum(budget.reserve(publisher, purpose, 1) is not None for _ in range(most))


@pytest.mark.django_db
class TestLimit:
    @pytest.mark.parametrize(
        ("calls", "shares"),
        [(None, (700, 200, 50)), (95, (70, 20, 5)), (19, (14, 4, 1)), (1, (1, 1, 1))],
    )
    def test_each_purpose_has_its_share(
        self, calls: int | None, shares: tuple[int, int, int]
    ) -> None:
        publisher = north(calls)
        assert tuple(budget.limit(publisher, one) for one in (SWEEP, RESOLVE, STAFF)) == shares

    @override_settings(STATUS_CALLS_PER_DAY=19)
    def test_the_installations_limit_holds_where_the_publisher_has_none(self) -> None:
        assert budget.limit(north(), SWEEP) == 14

    def test_no_purpose_outgrows_its_share_or_starves_another(self) -> None:
        publisher = north(19)
        assert [take(publisher, one, 20) for one in (SWEEP, RESOLVE, STAFF)] == [14, 4, 1]
        assert budget.used(publisher) == 19

    def test_all_together_never_outgrow_the_limit(self) -> None:
        publisher = north(2)
        assert [take(publisher, one, 5) for one in (SWEEP, RESOLVE, STAFF)] == [1, 1, 0]

    def test_a_publisher_does_not_spend_anothers_calls(self) -> None:
        first = north(2)
        second = base.southwind(status_calls_per_day=2)
        take(first, SWEEP, 5)
        assert (take(second, SWEEP, 5), budget.used(first)) == (1, 1)

    def test_a_refused_reservation_changes_nothing(self) -> None:
        publisher = north(1)
        take(publisher, SWEEP, 1)
        before = list(Call.objects.values())
        assert budget.reserve(publisher, SWEEP, 1) is None
        assert list(Call.objects.values()) == before


@pytest.mark.django_db
class TestDay:
    def test_a_call_counts_for_24_hours_to_the_second(self, desk_clock: Clock) -> None:
        publisher = north(1)
        assert take(publisher, SWEEP, 1) == 1
        desk_clock.forward(DAY - 2)
        assert take(publisher, SWEEP, 1) == 0
        desk_clock.forward(4)
        assert take(publisher, SWEEP, 1) == 1

    def test_over_five_days_no_24_hours_hold_more_than_the_limit(self, desk_clock: Clock) -> None:
        publisher, generator, start = north(19), random.Random(7), clock.now()
        while clock.now() < start + timedelta(days=5):
            budget.reserve(publisher, generator.choice((SWEEP, RESOLVE, STAFF)), 1)
            desk_clock.forward(generator.choice((60, 600, 3600)))
        calls = list(Call.objects.order_by("reserved_at").values_list("reserved_at", "purpose"))
        assert len(calls) > 60
        for first, _ in calls:
            window = Counter(why for at, why in calls if first <= at < first + timedelta(days=1))
            assert window.total() <= 19
            assert all(window[why] <= budget.limit(publisher, why) for why in window)


@pytest.mark.django_db
class TestOutcome:
    def test_a_call_that_was_not_sent_costs_nothing(self) -> None:
        publisher = north(1)
        for _ in range(3):
            login_check.check_login(publisher, Told(NO_CONNECTION))
        assert (Call.objects.count(), budget.used(publisher)) == (3, 0)
        login_check.check_login(publisher, Told((500, b"")))
        assert (budget.used(publisher), take(publisher, STAFF, 1)) == (1, 0)

    @pytest.mark.parametrize("outcome", ["reserved", "answered", "refused", "failed"])
    def test_every_other_call_costs_one_even_if_it_was_never_settled(self, outcome: str) -> None:
        publisher = north(1)
        call = budget.reserve(publisher, SWEEP, 7)
        assert call is not None
        budget.settle(call, outcome, text="So it was.")
        assert (budget.used(publisher), take(publisher, SWEEP, 1)) == (1, 0)
        call.refresh_from_db()
        assert (call.outcome, call.invoices, call.text) == (outcome, 7, "So it was.")
        assert call.finished_at is not None

    def test_the_call_is_in_the_ledger_before_it_is_made(self) -> None:
        seen = []

        def look(fields: dict[str, str]) -> bytes:
            seen.append(Call.objects.get().outcome)
            return SILENCE

        login_check.check_login(north(), Told(look))
        assert seen == ["reserved"]

    def test_without_a_free_call_none_is_made(self) -> None:
        publisher, gateway = north(1), Told(SILENCE)
        take(publisher, STAFF, 1)
        right, sentence = login_check.check_login(publisher, gateway)
        assert (right, gateway.calls) == (None, [])
        assert sentence.startswith("The questions that staff may ask")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def hammer(self, publisher: Publisher) -> int:
        """Let three workers check the login as often as they may; return TrepStar's own count."""
        with running_trepstar() as trepstar:
            gateway = trepstar.gateway()

            def work(_: int) -> None:
                try:
                    for _ in range(12):
                        login_check.check_login(publisher, gateway)
                finally:
                    connection.close()

            with ThreadPoolExecutor(3) as pool:
                list(pool.map(work, range(3)))
            return trepstar.calls("status")

    def test_three_workers_never_ask_too_often(self) -> None:
        shares = {SWEEP: 1, RESOLVE: 1, STAFF: 20}
        with patch.dict(budget.SHARES, shares), patch.object(budget, "ALL_SHARES", 22):
            publisher = north(22)
            publisher.login_password = Secret(base.PASSWORD)
            assert self.hammer(publisher) == 20
        assert (Call.objects.count(), budget.used(publisher)) == (20, 20)
        assert set(Call.objects.values_list("outcome", flat=True)) == {"answered"}

    def both_reserve(self) -> list[bool]:
        """Let a second worker reserve the last call just after the first has counted."""
        publisher = north(1)
        other: list[Elsewhere] = []

        def second() -> None:
            other.append(Elsewhere(lambda: budget.reserve(publisher, SWEEP, 1), patience=0.4))

        with run_before(Call.objects, "create", second):
            mine = budget.reserve(publisher, SWEEP, 1)
        return [mine is not None, other[0].end() is not None]

    def test_the_last_call_is_reserved_once(self) -> None:
        assert self.both_reserve() == [True, False]
        assert Call.objects.count() == 1

    def test_control_without_the_lock_it_is_reserved_twice(self) -> None:
        with patch.object(QuerySet, "select_for_update", lambda self, **how: self):
            assert self.both_reserve() == [True, True]
        assert Call.objects.count() == 2
