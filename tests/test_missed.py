"""Orders that TrepStar leaves out of its answers are flagged the third time running."""

from __future__ import annotations

import pytest

from orders import desk, missed
from orders.lifecycle import WORKER
from orders.models import Order
from products.models import Product, Publisher
from tests.conftest import Clock
from tests.gateway_cast import SILENCE, asked, fresh, kinds, last_event, section, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(north: Publisher, film: Product) -> Order:
    return sent(north, (film, 1))


@pytest.fixture
def other(north: Publisher, film: Product) -> Order:
    return sent(north, (film, 1))


def left_out(order: Order, other: Order, times: int) -> Order:
    """Let the order be asked for, TrepStar answering for another one only."""
    for _ in range(times):
        order = asked(order, section(other))
    return order


def test_the_third_time_running_is_flagged_once_and_moves_nothing(
    order: Order, other: Order
) -> None:
    found = left_out(order, other, 2)
    assert (found.missed, found.flag) == (2, "")
    found = left_out(order, other, 1)
    assert (found.missed, found.flag) == (3, missed.LEFT_OUT)
    assert (found.status, last_event(order).kind) == (order.status, "order.flagged")
    assert found.next_ask_at > found.asked_at
    desk.clear_flag(order.pk, actor=WORKER)
    assert left_out(order, other, 3).flag == ""
    assert kinds(order).count("order.flagged") == 1


def test_an_answer_starts_the_count_anew(order: Order, other: Order) -> None:
    left_out(order, other, 2)
    assert asked(order, section(order)).missed == 0
    assert left_out(order, other, 2).flag == ""


def test_an_unclear_order_is_flagged_as_well(
    north: Publisher, film: Product, other: Order, desk_clock: Clock
) -> None:
    order = sent(north, (film, 1), answer=SILENCE)
    found = left_out(order, other, 3)
    assert (found.status, found.flag) == ("unclear", missed.LEFT_OUT)


def test_a_call_that_failed_counts_for_nothing(order: Order) -> None:
    for _ in range(3):
        asked(order)  # an answer without one readable section
    assert (fresh(order).missed, fresh(order).flag) == (0, "")
