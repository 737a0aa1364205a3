"""What TrepStar's words make of an order of which nobody knows whether it arrived."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orders import desk, status, submission
from orders.lifecycle import WORKER
from orders.models import Attempt, Order
from products.models import Product, Publisher
from tests.conftest import Clock
from tests.gateway_cast import (
    DUPLICATE,
    SILENCE,
    Told,
    asked,
    fresh,
    kinds,
    not_found,
    nothing_changes,
    section,
    sent,
    submit_next,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def lost(north: Publisher, film: Product, desk_clock: Clock) -> Order:
    order = sent(north, (film, 1), answer=SILENCE)
    desk_clock.forward(301)
    return order


@pytest.mark.parametrize(
    ("word", "number", "becomes"),
    [
        ("HOLD", "0", status.AWAITING_PAYMENT),
        ("SHIPPED", "0", status.SHIPPED),
        ("ERROR", "10", status.PROBLEM),
        ("ERROR", "20", status.TESTED),
        ("ODD", "0", status.ACCEPTED),
    ],
)
def test_found_is_accepted_and_more(lost: Order, word: str, number: str, becomes: str) -> None:
    found = asked(lost, section(lost, word, status_error_number=number))
    assert (found.status, kinds(lost)[-1]) == (becomes, "order.found")
    assert (found.question, found.unclear_since, found.not_found) == ("", None, 0)
    assert found.accepted_at == found.asked_at


@pytest.mark.parametrize("answer", [SILENCE, DUPLICATE])
def test_another_customers_order_is_a_collision(
    north: Publisher, film: Product, desk_clock: Clock, answer: Any
) -> None:
    order = sent(north, (film, 1), answer=answer)
    desk_clock.forward(301)
    found = asked(order, section(order, "SHIPPED", customer="Bo Diaz", tracking_id="X"))
    assert (found.status, found.hold_reason) == (status.HELD, "collision")
    assert (found.tracking_id, found.accepted_at) == ("", None)
    assert found.next_ask_at is None


def test_a_name_that_was_garbled_is_ours(lost: Order) -> None:
    assert asked(lost, section(lost, customer="ANA PEÃ‘A")).status == status.PROCESSING


def test_a_section_that_says_nothing_settles_nothing(lost: Order) -> None:
    blank = {"error_number": "", "customer": "", "status_error_number": ""}
    assert asked(lost, section(lost, "", **blank)).status == status.UNCLEAR


def test_a_blank_name_settles_a_lost_call_but_no_duplicate(
    north: Publisher, film: Product, lost: Order, desk_clock: Clock
) -> None:
    assert asked(lost, section(lost, customer="")).status == status.PROCESSING
    order = sent(north, (film, 1), answer=DUPLICATE)
    desk_clock.forward(301)
    assert asked(order, section(order, customer="")).hold_reason == "collision"


def test_the_order_is_frozen_meanwhile(lost: Order) -> None:
    with pytest.raises(desk.NotNow, match="is being asked"):
        desk.edit(lost.pk, {"name": "Bo"}, actor=WORKER, version=lost.version)
    assert fresh(lost).version == lost.version


class TestNotFound:
    def test_twice_and_spaced_it_may_be_sent_again(self, lost: Order, desk_clock: Clock) -> None:
        first = asked(lost, not_found(lost))
        assert (first.status, first.not_found) == (status.UNCLEAR, 1)
        assert first.next_ask_at - first.unclear_since >= timedelta(seconds=600)
        assert first.next_ask_at - first.asked_at >= timedelta(seconds=300)
        desk_clock.forward(301)
        second = asked(lost, not_found(lost))
        assert (second.status, second.next_ask_at, second.not_found) == (status.READY, None, 0)
        assert (second.payload, second.unclear_rounds) == (lost.payload, 1)
        assert kinds(lost)[-2:] == ["order.not_found", "order.send_again"]
        assert len(submission.claim(1)) == 1

    def test_before_its_time_it_counts_for_nothing(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        order = sent(north, (film, 1), answer=SILENCE)
        desk_clock.forward(200)
        found = asked(order, not_found(order))
        assert (found.status, found.not_found, found.version) == ("unclear", 0, order.version)
        assert found.next_ask_at - found.unclear_since == timedelta(seconds=300)

    @pytest.mark.parametrize("seconds", [0, 1, 200])
    def test_a_second_one_too_soon_after_the_first_counts_for_nothing(
        self, lost: Order, desk_clock: Clock, seconds: float
    ) -> None:
        asked(lost, not_found(lost))
        desk_clock.forward(seconds)
        found = asked(lost, not_found(lost))
        assert (found.status, found.not_found) == (status.UNCLEAR, 1)
        assert submission.claim(1) == []

    def test_a_first_one_that_came_late_needs_a_second_well_after_it(
        self, lost: Order, desk_clock: Clock
    ) -> None:
        desk_clock.forward(7200)
        asked(lost, not_found(lost))
        desk_clock.forward(10)
        assert asked(lost, not_found(lost)).status == status.UNCLEAR

    def test_the_third_lost_answer_holds_the_order(self, lost: Order, desk_clock: Clock) -> None:
        for lost_before in (1, 2):
            for _ in range(2):
                asked(lost, not_found(lost))
                desk_clock.forward(301)
            assert fresh(lost).unclear_rounds == lost_before
            submit_next(Told(SILENCE))
            desk_clock.forward(301)
        for _ in range(2):
            found = asked(lost, not_found(lost))
            desk_clock.forward(301)
        assert (found.status, found.hold_reason) == (status.HELD, "internal")
        assert found.hold_note == (
            "TrepStar's answer was lost three times, and it does not know the order."
        )
        assert (Attempt.objects.count(), found.unclear_rounds) == (3, 3)
        with nothing_changes():
            assert submission.claim(1) == []

    def test_a_duplicate_that_is_not_found_is_held(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        order = sent(north, (film, 1), answer=DUPLICATE)
        for _ in range(2):
            desk_clock.forward(301)
            found = asked(order, not_found(order))
        assert (found.status, found.hold_reason) == (status.HELD, "collision")
        assert submission.claim(1) == []

    def test_a_doubted_refusal_is_asked_for_once(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        order = sent(north, (film, 1), answer=b"[FAILURE] Odd")
        desk_clock.forward(301)
        found = asked(order, not_found(order))
        assert (found.status, found.gateway_error_text) == (status.REFUSED, "Odd")
        assert (found.unclear_rounds, found.question) == (0, "")

    def test_a_doubted_refusal_that_is_found_is_accepted(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        order = sent(north, (film, 1), answer=b"[FAILURE] Odd")
        desk_clock.forward(301)
        assert asked(order, section(order)).status == status.PROCESSING
