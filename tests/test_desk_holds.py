"""Typed holds, notes and who pays for a box that is made again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from orders import clock, desk, lifecycle, status, submission
from orders.lifecycle import WORKER, Actor, NotNow
from orders.models import Order
from orders.sentences import sentence
from products.models import Product, Publisher
from tests import admin_cast as cast
from tests.conftest import Clock
from tests.gateway_cast import (
    SILENCE,
    YES,
    Told,
    asked,
    fresh,
    last_event,
    not_found,
    nothing_changes,
    section,
    sent,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Actor:
    return lifecycle.person(get_user_model().objects.create(username="ana"))


@pytest.mark.parametrize("reason", status.STAFF_HOLD_REASONS)
def test_a_hold_has_one_of_the_reasons_of_people(order: Order, reason: str) -> None:
    found = desk.hold(order.pk, actor=WORKER, reason=reason)
    assert (found.hold_reason, found.hold_note) == (reason, status.HOLD_REASONS[reason])
    assert last_event(order).data == {"reason": reason, "note": ""}
    assert sentence(last_event(order)) == f"The order was held ({reason})."


@pytest.mark.parametrize("reason", ["", "policy", "collision", "internal", "because"])
def test_the_desks_own_reasons_are_not_for_people(order: Order, reason: str) -> None:
    with nothing_changes(), pytest.raises(NotNow, match="Choose why it is held: staff, customer"):
        desk.hold(order.pk, actor=WORKER, reason=reason)


def test_the_timeline_says_until_when(order: Order) -> None:
    until = clock.now().replace(second=0, microsecond=0) + timedelta(days=2)
    desk.hold(order.pk, actor=WORKER, reason="customer", note="Moves house.", until=until)
    assert sentence(last_event(order)) == (
        "The order was held (customer). Moves house. "
        f"It is released by itself on {until:%Y-%m-%d %H:%M}."
    )


def test_the_reason_outlives_a_call_that_sent_nothing(order: Order) -> None:
    until = clock.now() + timedelta(days=3)
    (claim,) = submission.claim(1)
    desk.hold(order.pk, actor=WORKER, reason="payment", note="Unpaid.", until=until)
    asked_for = last_event(order)
    assert asked_for.data["stop_request"] == "hold"
    assert sentence(asked_for) == ("A stop was asked for: it will be held if not yet sent. Unpaid.")
    submission.submit(claim, Told(YES))
    found = fresh(order)
    assert (found.status, found.hold_reason, found.hold_until) == ("held", "payment", until)


def test_the_reason_outlives_an_answer_that_was_lost(
    north: Publisher, film: Product, desk_clock: Clock
) -> None:
    order = sent(north, (film, 1), answer=SILENCE)
    until = clock.now() + timedelta(days=3)
    desk.hold(order.pk, actor=WORKER, reason="customer", until=until)
    for _ in range(2):
        desk_clock.forward(301)
        order = asked(order, not_found(order))
    assert (order.status, order.hold_reason, order.hold_until) == ("held", "customer", until)


def test_a_hold_that_came_too_late_leaves_no_reason(north: Publisher, film: Product) -> None:
    order = sent(north, (film, 1), answer=SILENCE)
    desk.hold(order.pk, actor=WORKER, reason="customer", note="Wait.")
    asked(order, section(order, "PROCESSING"))
    found = fresh(order)
    assert (found.status, found.stop_request) == (status.PROCESSING, "")
    assert (found.hold_reason, found.hold_note, found.hold_until) == ("", "", None)
    assert found.flag.startswith("This order was to be held, but TrepStar had it already.")


# Notes


@pytest.mark.parametrize("here", sorted(status.MEANING))
def test_a_note_may_be_written_on_any_order(order: Order, ana: Actor, here: str) -> None:
    Order.objects.filter(pk=order.pk).update(status=here, hold_reason="staff")
    order = fresh(order)
    found = desk.note(order.pk, " She rang.\nCall back. ", actor=ana)
    event = last_event(order)
    assert (event.kind, event.actor_user_id, event.data) == (
        "order.note",
        ana.user_id,
        {"note": "She rang.\nCall back."},
    )
    assert (found.status, found.version) == (here, order.version + 1)
    assert sentence(event) == "She rang.\nCall back."


@pytest.mark.parametrize(
    ("text", "told"), [("", "Write the note first."), (" \n", "Write"), ("x" * 2001, "2000 char")]
)
def test_a_note_without_words_or_end_is_refused(order: Order, text: str, told: str) -> None:
    with nothing_changes(), pytest.raises(NotNow, match=told):
        desk.note(order.pk, text, actor=WORKER)


def test_a_second_press_writes_no_second_note(order: Order, ana: Actor) -> None:
    desk.note(order.pk, "She rang.", actor=ana)
    with nothing_changes():
        desk.note(order.pk, "She rang.", actor=ana)
    desk.note(order.pk, "She rang.", actor=WORKER)
    desk.note(order.pk, "She rang.", actor=ana)
    assert order.events.filter(kind="order.note").count() == 3


# Who pays


@pytest.mark.parametrize(
    ("payer", "told"),
    [
        ("us", "We pay for it."),
        ("customer", "The customer pays for it."),
        ("trepstar", "TrepStar pays for it."),
    ],
)
def test_who_pays_is_kept_and_told(north: Publisher, film: Product, payer: str, told: str) -> None:
    order = cast.shipped(north, (film, 1))
    desk.reship(order.pk, actor=WORKER, reason="Lost.", payer=payer)
    assert last_event(order).data == {
        "invoices": ["NORTH-M1-R1"],
        "note": "Lost.",
        "payer": payer,
    }
    assert sentence(last_event(order)) == (f"The order is made again as NORTH-M1-R1. Lost. {told}")


def test_nobody_else_pays(north: Publisher, film: Product) -> None:
    order = cast.shipped(north, (film, 1))
    with nothing_changes(), pytest.raises(NotNow, match="Choose who pays"):
        desk.reship(order.pk, actor=WORKER, reason="Lost.", payer="nobody")


def test_the_making_of_a_held_order_says_why_it_waits(north: Publisher, film: Product) -> None:
    order = cast.held(north, (film, 2))
    assert sentence(last_event(order)) == "The order was made, with 2 pieces. Wait."
