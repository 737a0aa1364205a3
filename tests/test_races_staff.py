"""A person against a worker, the clock or a second person: each race beside its control."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from orders import answers, clock, desk, lifecycle, settlement, submission
from orders.lifecycle import WORKER, Changed, NotNow
from orders.models import Order
from orders.trepstar.errors import GatewayError, Unreachable
from products.models import Product, Publisher
from tests.conftest import Clock
from tests.gateway_cast import (
    YES,
    Elsewhere,
    Told,
    during,
    fresh,
    kinds,
    no_guards,
    section,
    sent,
    submit_next,
)
from tests.test_races import no_row_locks

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

WAYS_TO_STOP = ["hold", "cancel"]
NOT_SENT = Unreachable("Nothing was sent.")


@contextmanager
def unguarded() -> Any:
    with no_guards(), no_row_locks():
        yield


def staff(act: str, order: Order, **values: Any) -> Callable[[], Any]:
    return lambda: getattr(desk, act)(order.pk, actor=WORKER, **values)


def has_ended(other: Elsewhere) -> bool:
    """Say whether the other was done, rather than turned away."""
    try:
        other.end()
    except NotNow:
        return False
    return True


@pytest.mark.parametrize("act", WAYS_TO_STOP)
class TestStopWhileTheAttemptIsWritten:
    def race(self, order: Order, act: str) -> list[str]:
        (claim,) = submission.claim(1)
        stop = during(
            lifecycle, "_write", staff(act, order), lambda: submission.submit(claim, Told(YES))
        )
        stop.end()
        return kinds(order)

    def test_a_stop_is_noted_before_the_attempt_or_waits_for_it(
        self, order: Order, act: str
    ) -> None:
        (claim,) = submission.claim(1)
        prepared: list[Any] = []
        stop = during(
            lifecycle,
            "_write",
            staff(act, order),
            lambda: prepared.append(submission._prepare(claim)),
        )
        assert stop.end().stop_request == act
        assert kinds(order)[-2:] == ["order.attempted", "order.stop_requested"]
        settlement.settle(prepared[0][0], None, "")
        assert fresh(order).flag.startswith("This order was to be")

    def test_control_without_guards_a_stop_that_was_noted_is_passed_over(
        self, order: Order, act: str
    ) -> None:
        with unguarded():
            told = self.race(order, act)
        assert told[-3:] == ["order.stop_requested", "order.attempted", "order.accepted"]


@pytest.mark.parametrize("act", WAYS_TO_STOP)
@pytest.mark.parametrize("result", [None, NOT_SENT])
class TestStopWhileTheResultIsWritten:
    def race(self, order: Order, act: str, result: GatewayError | None) -> bool:
        """Say whether the person was told that it is done."""
        (claim,) = submission.claim(1)
        prepared = submission._prepare(claim)
        assert prepared is not None
        attempt = prepared[0]
        stop = during(
            lifecycle,
            "_write",
            staff(act, order),
            lambda: settlement.settle(attempt, result, ""),
        )
        return has_ended(stop)

    def test_it_is_noted_before_it_and_is_obeyed_or_flagged_as_too_late(
        self, order: Order, act: str, result: GatewayError | None
    ) -> None:
        assert self.race(order, act, result)
        found = fresh(order)
        stopped = {"hold": "held", "cancel": "cancelled"}[act]
        assert found.status == (stopped if result else "accepted")
        assert found.flag.startswith("This order was to be") == (result is None)

    def test_control_without_guards_a_stop_that_was_noted_is_lost(
        self, order: Order, act: str, result: GatewayError | None
    ) -> None:
        with unguarded():
            assert self.race(order, act, result)
        found = fresh(order)
        assert (found.status, found.stop_request, found.flag) == (
            ("ready" if result else "accepted"),
            "",
            "",
        )


class TestClearFlag:
    def flag(self, order: Order) -> None:
        lifecycle.record(order, "order.flagged", actor=WORKER, fields={"flag": "Look at this."})

    def settle(self, order: Order) -> None:
        self.flag(order)
        (claim,) = submission.claim(1)
        attempt = submission._prepare(claim)[0]  # type: ignore[index]
        during(
            lifecycle,
            "_write",
            staff("clear_flag", order),
            lambda: settlement.settle(attempt, None, ""),
        ).end()

    def test_a_flag_seen_while_a_result_is_written_stays_seen(self, order: Order) -> None:
        self.settle(order)
        assert (fresh(order).status, fresh(order).flag) == ("accepted", "")

    def test_control_without_guards_it_comes_back_with_the_result(self, order: Order) -> None:
        with unguarded():
            self.settle(order)
        assert fresh(order).flag == "Look at this."

    def sync(self, north: Publisher, film: Product) -> Order:
        order, other = (sent(north, (film, 1)) for _ in range(2))
        self.flag(order)
        found = {one.invoice: section(one) for one in (order, other)}
        found[other.invoice] = section(other, "WAITING")  # flagged, so that flags are written
        during(
            lifecycle,
            "move_many",
            staff("clear_flag", order),
            lambda: answers.apply(found, [order, other], timedelta(seconds=900)),
        ).end()
        return fresh(order)

    def test_a_flag_seen_while_news_is_written_stays_seen(
        self, north: Publisher, film: Product
    ) -> None:
        order = self.sync(north, film)
        assert (order.status, order.flag) == ("processing", "")

    def test_control_without_guards_it_comes_back_with_the_news(
        self, north: Publisher, film: Product
    ) -> None:
        with unguarded():
            assert self.sync(north, film).flag == "Look at this."


class TestTwoPeople:
    @pytest.fixture
    def order(self, order: Order) -> Order:
        return fresh(desk.hold(order.pk, actor=WORKER))

    def edit(self, order: Order, name: str) -> Callable[[], Any]:
        return staff("edit", order, changes={"name": name}, version=order.version)

    @pytest.mark.parametrize("act", WAYS_TO_STOP)
    def test_a_stop_during_a_release_holds(self, order: Order, act: str) -> None:
        stop = during(lifecycle, "_write", staff(act, order), staff("release", order))
        assert has_ended(stop)
        assert (fresh(order).status, submission.claim(1)) == (
            {"hold": "held", "cancel": "cancelled"}[act],
            [],
        )

    @pytest.mark.parametrize("act", WAYS_TO_STOP)
    def test_control_without_guards_a_stopped_order_goes_out(self, order: Order, act: str) -> None:
        with unguarded():
            assert has_ended(
                during(lifecycle, "_write", staff(act, order), staff("release", order))
            )
        submit_next(Told(YES))
        assert fresh(order).status == "accepted"

    def test_a_cancel_during_an_edit_stays(self, order: Order) -> None:
        during(lifecycle, "_write", staff("cancel", order), self.edit(order, "Bo Diaz")).end()
        assert (fresh(order).status, fresh(order).name) == ("cancelled", "Bo Diaz")

    def test_control_without_guards_the_edit_revives_the_order(self, order: Order) -> None:
        Order.objects.update(status="refused", hold_reason="")
        with unguarded():
            during(lifecycle, "_write", staff("cancel", order), self.edit(order, "Bo Diaz")).end()
        assert (fresh(order).status, kinds(order)[-2:]) == (
            "refused",
            ["order.cancelled", "order.edited"],
        )

    def test_of_two_edits_the_second_is_told_of_the_first(self, order: Order) -> None:
        second = during(
            lifecycle, "_write", self.edit(order, "Bo Diaz"), self.edit(order, "Cy Young")
        )
        with pytest.raises(Changed):
            second.end()
        assert fresh(order).name == "Cy Young"

    def test_control_without_guards_one_edit_overwrites_the_other(self, order: Order) -> None:
        with unguarded():
            during(
                lifecycle, "_write", self.edit(order, "Bo Diaz"), self.edit(order, "Cy Young")
            ).end()
        assert kinds(order).count("order.edited") == 2

    def test_control_without_guards_two_reships_get_one_number(self, order: Order) -> None:
        Order.objects.update(status="shipped", hold_reason="")
        reship = staff("reship", order, reason="Lost")
        with unguarded(), pytest.raises(IntegrityError):
            during(lifecycle, "create", reship, reship)


class TestHoldUntilAgainstAProlongation:
    def race(self, order: Order, desk_clock: Clock) -> None:
        desk.hold(order.pk, actor=WORKER, until=clock.now())
        desk_clock.forward(1)
        prolong = staff("hold", order, until=clock.now() + timedelta(days=7))
        during(lifecycle, "_write", prolong, desk.release_expired_holds).end()

    def test_a_hold_prolonged_while_it_ends_holds(self, order: Order, desk_clock: Clock) -> None:
        self.race(order, desk_clock)
        assert (fresh(order).status, submission.claim(1)) == ("held", [])

    def test_control_without_guards_it_goes_out(self, order: Order, desk_clock: Clock) -> None:
        with unguarded():
            self.race(order, desk_clock)
        submit_next(Told(YES))
        assert fresh(order).status == "accepted"
