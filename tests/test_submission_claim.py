"""Which orders a worker leases, and in what order the publishers are served."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings

from orders import clock, status, submission
from orders.models import Attempt, Order
from products.models import Product, Publisher
from products.secret import Secret
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import fresh, kinds, nothing_changes

pytestmark = pytest.mark.django_db


def claimed() -> list[str]:
    """Claim one order as a worker does; return its invoice, if there was one."""
    return [fresh(Order(pk=one.order_id)).invoice for one in submission.claim(1)]


class TestClaim:
    def test_a_due_order_is_leased_until_the_lease_ends(
        self, north: Publisher, film: Product
    ) -> None:
        order = base.place(north, (film, 1))
        before = clock.now()
        (one,) = submission.claim(4)
        order = fresh(order)
        assert one.order_id == order.pk
        assert (order.status, order.lease_token) == (status.SUBMITTING, one.token)
        assert before + timedelta(seconds=90) <= order.lease_until
        assert order.lease_until <= clock.now() + timedelta(seconds=90)
        assert kinds(order) == ["order.placed", "order.claimed"]
        assert Attempt.objects.count() == 0

    def test_a_claimed_order_is_not_claimed_again(self, north: Publisher, film: Product) -> None:
        base.place(north, (film, 1))
        assert len(submission.claim(1)) == 1
        with nothing_changes():
            assert submission.claim(1) == []

    def test_no_more_are_leased_than_a_publisher_may_have_in_flight(
        self, north: Publisher, film: Product
    ) -> None:
        for _ in range(5):
            base.place(north, (film, 1))
        assert len(submission.claim(10)) == 2
        assert submission.claim(10) == []
        with override_settings(SUBMIT_IN_FLIGHT_PER_PUBLISHER=3):
            assert len(submission.claim(10)) == 1

    def test_no_more_are_leased_than_were_asked_for(self, north: Publisher, film: Product) -> None:
        for _ in range(3):
            base.place(north, (film, 1))
        assert len(submission.claim(1)) == 1

    def test_the_publisher_that_was_served_the_longest_ago_comes_first(
        self, north: Publisher, film: Product
    ) -> None:
        south = base.southwind()
        record = base.product(south, "44100")
        for _ in range(3):
            base.place(north, (film, 1))
        base.place(south, (record, 1))
        assert [claimed() for _ in range(4)] == [
            ["NORTH-M1"],
            ["SOUTH-M1"],
            ["NORTH-M2"],
            [],
        ]

    def test_a_publisher_never_served_comes_before_all_others(
        self, north: Publisher, film: Product
    ) -> None:
        Publisher.objects.update(served_at=clock.now() - timedelta(days=9))
        south = base.southwind()
        base.place(north, (film, 1))
        base.place(south, (base.product(south, "44100"), 1))
        assert claimed() == ["SOUTH-M1"]

    def test_orders_go_out_in_the_order_in_which_they_became_due(
        self, north: Publisher, film: Product
    ) -> None:
        late, early = base.place(north, (film, 1)), base.place(north, (film, 1))
        Order.objects.filter(pk=early.pk).update(next_attempt_at=clock.now() - timedelta(hours=1))
        assert [one.order_id for one in submission.claim(2)] == [early.pk, late.pk]

    @override_settings(COOL_OFF_SECONDS=600)
    def test_an_order_cools_off_before_it_goes_out(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        base.place(north, (film, 1))
        desk_clock.forward(595)
        assert submission.claim(1) == []
        desk_clock.forward(10)
        assert len(submission.claim(1)) == 1

    def test_without_a_password_nothing_is_claimed(self, north: Publisher, film: Product) -> None:
        Publisher.objects.update(login_password=Secret(""))
        base.place(north, (film, 1))
        with nothing_changes():
            assert submission.claim(1) == []

    @pytest.mark.parametrize("other", sorted(set(status.MEANING) - {status.READY}))
    def test_only_ready_orders_are_claimed(
        self, north: Publisher, film: Product, other: str
    ) -> None:
        order = base.place(north, (film, 1))
        Order.objects.filter(pk=order.pk).update(status=other, hold_reason="staff")
        with nothing_changes():
            assert submission.claim(1) == []
