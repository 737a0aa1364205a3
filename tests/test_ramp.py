"""After a long outage orders go out slowly at first, so that TrepStar is not knocked down again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from orders import breaker, clock, submission
from orders.models import Order
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import YES, Told

pytestmark = pytest.mark.django_db


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The desk's clock, which stands still but for the steps that a test makes."""
    at = [timezone.now() + timedelta(minutes=1)]
    for name, told in base.clock_of(lambda: at[0]).items():
        monkeypatch.setattr(clock, name, told)

    def forward(seconds: float) -> None:
        at[0] += timedelta(seconds=seconds)

    return forward


def came_back_after(minutes: float) -> None:
    breaker.note(open_since=clock.now() - timedelta(minutes=minutes))
    assert breaker.succeeded()


def send_all_that_may_go() -> int:
    """Send until nothing more may be claimed this moment; return how many went."""
    sent = 0
    while claims := submission.claim(1):
        for one in claims:
            submission.submit(one, Told(YES))
            sent += 1
    return sent


def test_one_a_second_at_first_and_twice_as_many_every_ten_seconds(
    north: Publisher, film: Product, stopped: Callable[[float], None]
) -> None:
    for _ in range(80):
        base.place(north, (film, 1))
    came_back_after(10)
    went = [send_all_that_may_go()]
    for _ in range(3):
        stopped(10)
        went.append(send_all_that_may_go())
    assert went == [1, 10, 20, 40]
    assert Order.objects.filter(status="ready").count() == 9


def test_after_two_minutes_there_is_no_limit(
    north: Publisher, film: Product, desk_clock: Clock
) -> None:
    for _ in range(5):
        base.place(north, (film, 1))
    came_back_after(10)
    desk_clock.forward(121)
    assert send_all_that_may_go() == 5


def test_a_short_outage_slows_nothing(north: Publisher, film: Product) -> None:
    for _ in range(5):
        base.place(north, (film, 1))
    came_back_after(4)
    assert breaker.state().reopened_at is None
    assert send_all_that_may_go() == 5


def test_what_is_being_sent_counts(
    north: Publisher, film: Product, stopped: Callable[[float], None]
) -> None:
    for _ in range(5):
        base.place(north, (film, 1))
    came_back_after(10)
    assert len(submission.claim(2)) == 1
    assert submission.claim(2) == []


def test_control_without_the_ramp_all_go_at_once(
    north: Publisher, film: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        base.place(north, (film, 1))
    came_back_after(10)
    monkeypatch.setattr(breaker, "room_after_outage", lambda at: 100)
    assert send_all_that_may_go() == 20
