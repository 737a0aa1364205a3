"""Staff and shop against the workers: each race is forced, and each control shows it unguarded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import QuerySet

from orders import answers, clock, desk, lifecycle, shop_news, status, submission
from orders.lifecycle import WORKER, Changed, NotNow
from orders.models import Order, ShopOrder
from orders.trepstar import wire
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    YES,
    Elsewhere,
    Told,
    during,
    fresh,
    kinds,
    no_guards,
    nothing_changes,
    run_before,
    submit_next,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@contextmanager
def no_row_locks() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QuerySet, "select_for_update", lambda self, **how: self)
        for module in (answers, lifecycle):
            patch.setattr(module, "lock_clause", lambda: "")
        yield


def send(claims: list[submission.Claim]) -> int:
    """Send what was claimed; return the number of calls."""
    gateway = Told(YES)
    for claim in claims:
        with suppress(NotNow):  # in the controls there may be no way back to a lawful status
            submission.submit(claim, gateway)
    return len(gateway.calls)


class TestHoldAgainstClaim:
    def hold(self, order: Order) -> Callable[[], Any]:
        return lambda: desk.hold(order.pk, actor=WORKER, note="Wait")

    def test_a_claim_during_a_hold_gets_nothing(self, order: Order) -> None:
        claim = during(lifecycle, "_write", lambda: submission.claim(1), self.hold(order))
        assert (claim.end(), fresh(order).status) == ([], status.HELD)
        assert submission.claim(1) == []

    def test_a_hold_during_a_claim_waits_and_stops_the_sending(self, order: Order) -> None:
        claims: list[submission.Claim] = []
        hold = during(
            submission, "_lease", self.hold(order), lambda: claims.extend(submission.claim(1))
        )
        assert hold.end().stop_request == "hold"
        assert (len(claims), send(claims)) == (1, 0)
        assert (fresh(order).status, fresh(order).hold_note) == (status.HELD, "Wait")

    def test_control_without_guards_a_held_order_is_sent(self, order: Order) -> None:
        with no_guards():
            claim = during(lifecycle, "_write", lambda: submission.claim(1), self.hold(order))
            assert fresh(order).status == status.HELD
            assert send(claim.end()) == 1


class TestEditAgainstClaim:
    def go_on(self, order: Order) -> list[submission.Claim]:
        desk.release(order.pk, actor=WORKER)
        return submission.claim(1)

    def edit(self, order: Order) -> Any:
        return desk.edit(order.pk, {"name": "Bo Diaz"}, actor=WORKER, version=order.version)

    def test_an_edit_of_what_was_released_and_claimed_changes_nothing(self, order: Order) -> None:
        order = desk.hold(order.pk, actor=WORKER)
        with (
            run_before(lifecycle, "lock", lambda: Elsewhere(lambda: self.go_on(order)).end()),
            pytest.raises(Changed),
        ):
            self.edit(order)
        found = fresh(order)
        assert (found.status, found.name) == (status.SUBMITTING, "Ana Peña")
        assert "order.edited" not in kinds(order)

    def test_a_release_during_an_edit_sends_what_was_edited(self, order: Order) -> None:
        order = desk.hold(order.pk, actor=WORKER)
        other = during(lifecycle, "_write", lambda: self.go_on(order), lambda: self.edit(order))
        assert send(other.end()) == 1
        assert fresh(order).payload["name"] == fresh(order).name == "Bo Diaz"

    def test_control_without_guards_another_name_is_sent_than_is_shown(self, order: Order) -> None:
        submit_next(Told(wire.write_failure("000013")))
        order = fresh(order)
        with no_guards():
            other = during(
                lifecycle,
                "_write",
                lambda: send(self.go_on(order)),
                lambda: self.edit(order),
            )
            assert other.end() == 1
        found = fresh(order)
        assert (found.name, found.status) == ("Bo Diaz", status.REFUSED)
        assert kinds(order).count("order.accepted") == 1


class TestShopsCancelAgainstClaim:
    @pytest.fixture
    def order(self, north: Publisher, film: Product) -> Order:
        base.store(north)
        made = base.place(north, (film, 1))
        shop_order = ShopOrder.objects.create(store=north.stores.get(), shop_order_id=1)
        Order.objects.filter(pk=made.pk).update(shop_order=shop_order)
        return fresh(made)

    def cancel(self) -> str:
        with transaction.atomic():
            shop_order = ShopOrder.objects.select_for_update().get()
            return shop_news.cancel(shop_order, clock.now())

    def test_a_claim_during_the_cancel_gets_nothing(self, order: Order) -> None:
        claim = during(lifecycle, "_write", lambda: submission.claim(1), self.cancel)
        assert (claim.end(), fresh(order).status) == ([], status.CANCELLED)

    def test_a_cancel_during_the_claim_stops_the_sending(self, order: Order) -> None:
        claims: list[submission.Claim] = []
        cancel = during(
            submission, "_lease", self.cancel, lambda: claims.extend(submission.claim(1))
        )
        assert cancel.end() == "Order NORTH-M1 is cancelled if TrepStar does not have it."
        assert (len(claims), send(claims)) == (1, 0)
        assert fresh(order).status == status.CANCELLED

    def test_control_without_guards_a_cancelled_order_is_sent(self, order: Order) -> None:
        with no_guards(), no_row_locks():
            claim = during(lifecycle, "_write", lambda: submission.claim(1), self.cancel)
            assert fresh(order).status == status.CANCELLED
            assert send(claim.end()) == 1


class TestTwoPeople:
    def release(self, order: Order) -> Any:
        return desk.release(order.pk, actor=WORKER, version=order.version)

    def test_of_two_releases_one_counts(self, order: Order) -> None:
        order = desk.hold(order.pk, actor=WORKER)
        second = during(
            lifecycle, "_write", lambda: self.release(order), lambda: self.release(order)
        )
        with pytest.raises(Changed):
            second.end()
        assert kinds(order).count("order.released") == 1
        submit_next(Told(YES))
        assert submission.claim(1) == []

    def test_control_without_guards_both_count(self, order: Order) -> None:
        order = desk.hold(order.pk, actor=WORKER)
        with no_guards():
            during(
                lifecycle, "_write", lambda: self.release(order), lambda: self.release(order)
            ).end()
        assert kinds(order).count("order.released") == 2

    def test_two_reships_at_once_get_two_numbers(self, order: Order) -> None:
        Order.objects.update(status=status.SHIPPED)

        def reship() -> str:
            return desk.reship(order.pk, actor=WORKER, reason="Lost")[0].invoice

        mine: list[str] = []
        other = during(lifecycle, "create", reship, lambda: mine.append(reship()))
        assert [*mine, other.end()] == ["NORTH-M1-R1", "NORTH-M1-R2"]


class TestHoldUntilAgainstStaff:
    @pytest.fixture
    def order(self, order: Order, desk_clock: Clock) -> Order:
        desk.hold(order.pk, actor=WORKER, until=clock.now())
        desk_clock.forward(1)
        return fresh(order)

    def test_a_hold_that_was_prolonged_just_now_does_not_end(self, order: Order) -> None:
        later = clock.now() + timedelta(days=7)

        def prolong() -> None:
            Elsewhere(lambda: desk.hold(order.pk, actor=WORKER, until=later)).end()

        with run_before(lifecycle, "lock", prolong):
            desk.release_expired_holds()
        assert (fresh(order).status, fresh(order).hold_until) == (status.HELD, later)

    @pytest.mark.parametrize("act", ["cancel", "release"])
    def test_what_staff_settled_just_now_is_left_alone(self, order: Order, act: str) -> None:
        def settle() -> None:
            Elsewhere(lambda: getattr(desk, act)(order.pk, actor=WORKER)).end()

        with run_before(lifecycle, "lock", settle):
            desk.release_expired_holds()
        assert fresh(order).hold_reason == ""
        assert kinds(order)[-1] == f"order.{'cancelled' if act == 'cancel' else 'released'}"
        with nothing_changes():
            desk.release_expired_holds()
