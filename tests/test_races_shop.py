"""The shop against itself, staff and workers: each race is forced, each beside its control."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.db import transaction
from django.db.models import QuerySet

from orders import (
    clock,
    deliveries,
    desk,
    lifecycle,
    reading,
    settlement,
    shop_news,
    submission,
)
from orders.lifecycle import SHOP, WORKER, Changed
from orders.making import Making
from orders.models import Delivery, Order, ShopOrder
from orders.reading import Reading
from products.models import Publisher, SkuAlias
from tests import base
from tests.gateway_cast import (
    YES,
    Elsewhere,
    Told,
    during,
    fresh,
    kinds,
    submit_next,
)
from tests.test_deliveries_races import at_once, posting
from tests.test_races import no_row_locks
from tests.test_races_staff import unguarded

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def north() -> Publisher:
    return base.connected()


@pytest.fixture
def order(north: Publisher) -> Order:
    base.deliver(base.order_body(id=77))
    return fresh(Order.objects.get())


def map_sku(north: Publisher) -> None:
    SkuAlias.objects.create(publisher=north, sku="NEW", product=north.products.first())


def replay() -> Delivery:
    return deliveries.replay(Delivery.objects.earliest("id").pk, actor=SHOP)


def pieces() -> list[int]:
    return [one.pieces() for one in Order.objects.order_by("id")]


@contextmanager
def nothing_locked() -> Iterator[None]:
    """The controls' desk: no lock is asked for, and no write of a row stands in for one."""
    with (
        no_row_locks(),
        base.step_by_step(),
        patch.object(QuerySet, "delete", lambda self: None),
        patch.object(Reading, "_learn", lambda self, shop_order, body: None),
        patch("orders.intake._next_box", lambda shop_order: threading.get_ident() % 10**6),
    ):
        yield


@contextmanager
def counting_together() -> Iterator[None]:
    """Without any lock, let two count the known units before either writes."""
    meeting, known = threading.Barrier(2, timeout=10), Making._known

    def meet(self: Making) -> Any:
        found = known(self)
        meeting.wait()
        return found

    with nothing_locked(), patch.object(Making, "_known", meet):
        yield


class TestReplays:
    @pytest.fixture
    def body(self, north: Publisher) -> dict[str, Any]:
        body = base.order_body(base.line("NEW", 2), id=77)
        base.deliver(body)
        map_sku(north)
        return body

    def test_two_replays_of_one_delivery_make_its_units_once(self, body: dict[str, Any]) -> None:
        at_once(replay, replay)
        assert pieces() == [2]

    def test_control_without_locks_both_make_them(self, body: dict[str, Any]) -> None:
        with counting_together():
            at_once(replay, replay)
        assert pieces() == [2, 2]

    def test_a_replay_and_a_new_delivery_make_the_units_once(self, body: dict[str, Any]) -> None:
        at_once(replay, posting(body))
        assert pieces() == [2]

    def test_control_without_locks_the_replay_and_the_delivery_make_them(
        self, body: dict[str, Any]
    ) -> None:
        with counting_together():
            at_once(replay, posting(body))
        assert pieces() == [2, 2]

    def map_meanwhile(self, north: Publisher) -> Delivery:
        base.deliver(base.order_body(base.line("NEW", 2), id=77))

        def map_and_replay() -> None:
            map_sku(north)
            replay()

        during(Making, "_orders", map_and_replay, replay).end()
        return Delivery.objects.get()

    def test_a_sku_mapped_during_a_replay_makes_the_order_and_says_so(
        self, north: Publisher
    ) -> None:
        delivery = self.map_meanwhile(north)
        assert (delivery.outcome, delivery.invoices, pieces()) == (
            "created",
            ["NORTH-1001-S77-1"],
            [2],
        )

    def test_control_without_locks_the_delivery_names_no_order_it_made(
        self, north: Publisher
    ) -> None:
        with nothing_locked():
            delivery = self.map_meanwhile(north)
        assert (delivery.outcome, pieces()) == ("unmatched", [2])


class TestTwoDeliveriesOfAnOrderThatIsNew:
    def race(self) -> list[str]:
        work = posting(base.order_body(id=77))
        mine: list[Any] = []
        other = during(reading, "insert_once", work, lambda: mine.append(work()))
        return sorted(outcome for _, outcome in [*mine, other.end()])

    def test_one_makes_it_and_the_other_links_to_it(self, north: Publisher) -> None:
        assert self.race() == ["created", "linked"]
        assert (ShopOrder.objects.count(), pieces()) == (1, [1])

    def test_control_where_its_row_may_not_exist_already_one_of_them_fails(
        self, north: Publisher
    ) -> None:
        def strict(row: ShopOrder) -> bool:
            row.save(force_insert=True)
            return True

        with patch.object(reading, "insert_once", strict):
            assert self.race() == ["created", "quarantined"]


class TestTheShopsCancel:
    def cancel(self) -> str:
        with transaction.atomic():
            shop_order = ShopOrder.objects.select_for_update().get()
            return shop_news.cancel(shop_order, clock.now())

    def prepare(self, order: Order) -> tuple[Elsewhere, Any]:
        (claim,) = submission.claim(1)
        prepared: list[Any] = []
        cancel = during(
            lifecycle,
            "_write",
            self.cancel,
            lambda: prepared.append(submission._prepare(claim)),
        )
        return cancel, prepared[0][0]

    def test_while_the_attempt_is_written_it_waits_and_the_order_is_flagged(
        self, order: Order
    ) -> None:
        cancel, attempt = self.prepare(order)
        cancel.end()
        assert kinds(order)[-2:] == ["order.attempted", "order.stop_requested"]
        settlement.settle(attempt, None, "")
        assert fresh(order).flag.startswith("This order was to be cancelled")

    def test_control_without_guards_it_is_noted_first_and_passed_over(self, order: Order) -> None:
        with unguarded():
            self.prepare(order)[0].end()
        assert kinds(order)[-2:] == ["order.stop_requested", "order.attempted"]

    def settle(self, order: Order) -> str:
        (claim,) = submission.claim(1)
        attempt = submission._prepare(claim)[0]  # type: ignore[index]
        return during(
            lifecycle, "_write", self.cancel, lambda: settlement.settle(attempt, None, "")
        ).end()

    def test_while_the_result_is_written_it_is_noted_first_and_flags_what_was_accepted(
        self, order: Order
    ) -> None:
        assert self.settle(order).endswith("is cancelled if TrepStar does not have it.")
        found = fresh(order)
        assert (found.status, found.stop_request) == ("accepted", "")
        assert found.flag.startswith("This order was to be cancelled, but TrepStar had it already.")

    def test_control_without_guards_nobody_learns_that_it_came_too_late(self, order: Order) -> None:
        with unguarded():
            assert self.settle(order).endswith("is cancelled if TrepStar does not have it.")
        assert (fresh(order).status, fresh(order).flag) == ("accepted", "")


class TestTheShopsAddress:
    def correct(self) -> Any:
        address = {**base.ADDRESS, "address1": "1 New Street", "address2": None}
        later = "2026-11-20T11:00:00-05:00"
        body = base.order_body(id=77, shipping_address=address, updated_at=later)
        return base.deliver(body, topic="orders/updated")

    def test_a_claim_during_a_correction_gets_nothing(self, order: Order) -> None:
        claim = during(lifecycle, "_write", lambda: submission.claim(1), self.correct)
        assert claim.end() == []
        submit_next(Told(YES))
        assert fresh(order).payload["addr"] == fresh(order).address == "1 New Street"

    def test_control_without_guards_a_leased_order_is_ready_again(self, order: Order) -> None:
        with unguarded():
            claim = during(lifecycle, "_write", lambda: submission.claim(1), self.correct)
        assert (len(claim.end()), len(submission.claim(1))) == (1, 1)

    def test_a_correction_during_a_claim_waits_and_is_flagged(self, order: Order) -> None:
        during(submission, "_lease", self.correct, lambda: submission.claim(1)).end()
        found = fresh(order)
        assert (found.status, found.address) == ("submitting", order.address)
        assert found.flag.startswith("The shop changed the address after the order was sent")

    def edit(self, order: Order) -> Callable[[], Any]:
        changes = {"address": "2 Staff Lane"}
        return lambda: desk.edit(order.pk, changes, actor=WORKER, version=order.version)

    def test_a_staff_edit_during_a_correction_is_told_of_it(self, order: Order) -> None:
        order = fresh(desk.hold(order.pk, actor=WORKER))
        with pytest.raises(Changed):
            during(lifecycle, "_write", self.edit(order), self.correct).end()
        assert fresh(order).address == "1 New Street"

    def test_control_without_guards_the_correction_overwrites_the_staffs(
        self, order: Order
    ) -> None:
        order = fresh(desk.hold(order.pk, actor=WORKER))
        with unguarded():
            during(lifecycle, "_write", self.edit(order), self.correct).end()
        found = fresh(order)
        assert (found.address, found.edited_fields) == ("1 New Street", ["address"])
