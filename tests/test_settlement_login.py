"""A refused login stops an account until its login is changed or checked."""

from __future__ import annotations

import pytest

from orders import settlement, submission, tracking
from orders.models import Attempt, Order
from orders.trepstar import wire
from orders.trepstar.errors import Refused
from products.models import Product, Publisher
from products.secret import Secret
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    LOGIN_REFUSED,
    YES,
    Told,
    fresh,
    last_event,
    nothing_changes,
    submit_next,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(north: Publisher, film: Product) -> Order:
    return base.place(north, (film, 1))


@pytest.mark.parametrize("code", ["000601", "000503"])
def test_the_first_refusal_stops_the_account(
    north: Publisher, film: Product, desk_clock: Clock, code: str
) -> None:
    orders = [base.place(north, (film, 1)) for _ in range(5)]
    gateway = Told(wire.write_failure(code))
    submit_next(gateway)
    assert (submission.claim(9), len(gateway.calls)) == ([], 1)
    assert {fresh(one).status for one in orders} == {"ready"}
    assert Publisher.objects.get().login_refused_at is not None
    first = fresh(orders[0])
    assert (first.not_sent, first.unclear_rounds, first.hold_reason) == (0, 0, "")
    assert last_event(first).kind == "order.login_refused"
    desk_clock.forward(30 * 24 * 3600)
    with nothing_changes():
        assert (submission.claim(9), tracking.due_publishers()) == ([], [])


def test_calls_in_flight_are_the_only_ones_more(north: Publisher, film: Product) -> None:
    for _ in range(5):
        base.place(north, (film, 1))
    gateway = Told(LOGIN_REFUSED)
    begun = [submission._prepare(claim) for claim in submission.claim(9)]
    for attempt, fields, login in filter(None, begun):
        with pytest.raises(Refused) as answer:
            gateway.submit(fields, login)
        settlement.settle(attempt, answer.value, "")
    assert (len(gateway.calls), submission.claim(9)) == (2, [])
    assert set(Order.objects.values_list("status", flat=True)) == {"ready"}


def test_what_was_claimed_and_not_begun_is_not_sent_any_more(
    north: Publisher, film: Product
) -> None:
    for _ in range(5):
        base.place(north, (film, 1))
    gateway = Told(LOGIN_REFUSED)
    for claim in submission.claim(9):
        submission.submit(claim, gateway)
    assert (len(gateway.calls), submission.claim(9)) == (1, [])
    assert set(Order.objects.values_list("status", flat=True)) == {"ready"}


def test_other_publishers_go_on(order: Order) -> None:
    submit_next(Told(LOGIN_REFUSED))
    south = base.southwind()
    base.place(south, (base.product(south, "44100"), 1))
    assert len(submission.claim(9)) == 1


def test_a_new_login_reopens_the_account(order: Order) -> None:
    submit_next(Told(LOGIN_REFUSED))
    north = Publisher.objects.get()
    assert north.set_login(north.login_email, Secret("new-password")) is True
    north.save()
    gateway = Told(YES)
    submit_next(gateway)
    assert gateway.calls[0]["CoLoginPassword"] == "new-password"
    assert (fresh(order).status, Attempt.objects.last().credential_version) == ("accepted", 2)


def test_the_same_login_entered_again_reopens_nothing(order: Order) -> None:
    submit_next(Told(LOGIN_REFUSED))
    north = Publisher.objects.get()
    assert north.set_login(north.login_email, Secret(base.PASSWORD)) is False
    north.save()
    assert submission.claim(1) == []


def test_a_refusal_of_the_old_login_does_not_stop_the_new_one(order: Order) -> None:
    def change(fields: dict[str, str]) -> bytes:
        north = Publisher.objects.get()
        north.set_login(north.login_email, Secret("new-password"))
        north.save()
        return LOGIN_REFUSED

    submit_next(Told(change))
    found = fresh(order)
    assert (found.status, found.publisher.login_refused_at) == ("ready", None)
    submit_next(Told(YES))
    assert fresh(order).status == "accepted"
