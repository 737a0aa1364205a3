"""The order's buttons and list in the admin: what staff may do, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from orders import lifecycle, status, tasks
from orders.models import Order, OrderEvent
from tests import admin_cast as cast
from tests import base
from tests.admin_cast import Room, row, state

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Room:
    return Room()


def last(order: Order) -> OrderEvent:
    return order.events.order_by("id").last()


# Holding


def test_hold_takes_a_note_and_says_who_held_it(room: Room) -> None:
    order = room.ready()
    assert room.press(order, "hold", note=" She moves. ") == ["Order NORTH-M1 is held."]
    order.refresh_from_db()
    assert (order.status, order.hold_reason, order.hold_note, order.hold_until) == (
        "held",
        "staff",
        "She moves.",
        None,
    )
    event = last(order)
    assert (event.kind, event.actor_user, event.data["note"]) == (
        "order.held",
        room.user,
        "She moves.",
    )
    page = cast.html(room.client.get(cast.page(order)))
    assert "The order was held (staff). She moves." in page
    assert ">ana</span>" in page


def test_hold_until_a_moment_is_kept_and_shown(room: Room) -> None:
    order = room.ready()
    until = (timezone.now() + timedelta(days=3)).replace(second=0, microsecond=0)
    room.press(order, "hold", until=f"{until:%Y-%m-%dT%H:%M}")
    order.refresh_from_db()
    assert order.hold_until == until
    page = cast.html(room.client.get(cast.page(order)))
    assert f"It is released by itself on {until:%Y-%m-%d %H:%M}." in page


@pytest.mark.parametrize(
    ("until", "sentence"),
    [
        ("2020-01-01T10:00", "The date until which it is held lies in the past."),
        ("tomorrow", "The date until which it is held cannot be read."),
        ("2020-13-01T10:00", "The date until which it is held cannot be read."),
    ],
)
def test_hold_until_the_past_or_nonsense_is_refused_and_nothing_changed(
    room: Room, until: str, sentence: str
) -> None:
    order = room.ready()
    before = state()
    assert room.press(order, "hold", until=until) == [sentence]
    assert state() == before


@pytest.mark.parametrize("until", ["9999-12-31T23:59-14:00", "0001-01-01T00:00+14:00"])
def test_hold_until_the_edge_of_time_is_answered_with_a_sentence(room: Room, until: str) -> None:
    order = room.ready()
    before = state()
    (sentence,) = room.press(order, "hold", until=until)
    assert sentence.startswith("The date until which it is held ")
    assert state() == before


def test_hold_of_a_held_order_changes_its_note(room: Room) -> None:
    order = room.held()
    room.press(order, "hold", note="New note.")
    order.refresh_from_db()
    assert (order.status, order.hold_note) == ("held", "New note.")


def test_a_note_with_a_nul_byte_is_answered_without_an_error(room: Room) -> None:
    order = room.ready()
    response = cast.press(room.client, order, "hold", note="a\x00b")
    assert response.status_code == 200
    assert "\x00" not in row(order)["hold_note"]


def test_hold_while_it_is_sent_asks_for_a_stop_and_says_so(room: Room) -> None:
    order = cast.put(room.ready(), status.SUBMITTING)
    assert room.press(order, "hold") == [
        "Order NORTH-M1 is being sent; it is held if TrepStar does not get it."
    ]
    order.refresh_from_db()
    assert (order.status, order.stop_request) == ("submitting", "hold")
    page = cast.html(room.client.get(cast.page(order)))
    assert "if TrepStar does not get it, it is held" in " ".join(page.split())


@pytest.mark.parametrize("here", [status.ACCEPTED, status.SHIPPED, status.CANCELLED])
def test_hold_is_too_late_once_trepstar_has_it(room: Room, here: str) -> None:
    order = cast.put(room.ready(), here)
    before = state()
    (sentence,) = room.press(order, "hold")
    assert sentence == f"Order NORTH-M1 {status.MEANING[here]}, so it cannot become held."
    assert state() == before


# Releasing


def test_release_makes_it_ready_and_wakes_a_worker_in_the_same_transaction(room: Room) -> None:
    order = room.held()
    OrmQ.objects.all().delete()
    assert room.press(order, "release") == ["Order NORTH-M1 is released and goes out now."]
    order.refresh_from_db()
    assert (order.status, order.hold_reason, order.hold_note) == ("ready", "", "")
    assert order.next_attempt_at <= timezone.now()
    assert [task.func() for task in OrmQ.objects.all()] == ["orders.tasks.submit_due"]


def test_a_release_that_is_undone_wakes_nobody(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    order = room.held()
    OrmQ.objects.all().delete()
    before = state()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise lifecycle.NotNow("It failed after the nudge.")

    nudge = tasks.nudge
    monkeypatch.setattr(tasks, "nudge", lambda: (nudge(), fail()))
    assert room.press(order, "release") == ["It failed after the nudge."]
    assert state() == before


def test_release_of_an_unfit_order_shows_the_findings_and_keeps_it_held(room: Room) -> None:
    order = room.held(recipient=base.Recipient(name="Ana", country="US", state="ME"))
    before = state()
    (sentence,) = room.press(order, "release")
    assert sentence == (
        "The street address is blank. Enter it. The city is blank. Enter it. "
        "An address in the USA needs a ZIP code. Enter it."
    )
    assert state() == before
    page = cast.html(room.client.get(cast.page(order)))
    for text in ("The street address is blank.", "The city is blank.", "needs a ZIP code."):
        assert text in page


@pytest.mark.parametrize("here", [status.READY, status.SUBMITTING, status.SHIPPED])
def test_release_of_an_order_that_does_not_wait_is_refused(room: Room, here: str) -> None:
    order = cast.put(room.ready(), here)
    before = state()
    (sentence,) = room.press(order, "release")
    assert sentence == f"Order NORTH-M1 {status.MEANING[here]}, so there is nothing to release."
    assert state() == before


# Cancelling


def test_cancel_keeps_its_note_in_the_timeline(room: Room) -> None:
    order = room.ready()
    assert room.press(order, "cancel", note="Paid back.") == ["Order NORTH-M1 is cancelled."]
    order.refresh_from_db()
    assert (order.status, order.next_attempt_at) == ("cancelled", None)
    assert last(order).data == {"note": "Paid back."}


def test_cancel_while_it_is_sent_asks_for_a_stop(room: Room) -> None:
    order = cast.put(room.ready(), status.UNCLEAR)
    assert room.press(order, "cancel") == [
        "Order NORTH-M1 is being sent; it is cancelled if TrepStar does not get it."
    ]
    order.refresh_from_db()
    assert (order.status, order.stop_request) == ("unclear", "cancel")


def test_cancel_after_acceptance_says_what_to_do_at_trepstar(room: Room) -> None:
    order = cast.put(room.ready(), status.ACCEPTED)
    before = state()
    assert room.press(order, "cancel") == [
        "TrepStar has order NORTH-M1 and takes no cancel call. "
        "Delete it on TrepStar's dashboard while it is on HOLD."
    ]
    assert state() == before
    assert "Deleted at TrepStar" not in cast.html(room.client.get(cast.page(order)))


def test_an_order_that_trepstar_forgot_may_be_closed(room: Room) -> None:
    order = cast.put(room.ready(), status.PROCESSING, not_found=3)
    assert "Deleted at TrepStar" in cast.html(room.client.get(cast.page(order)))
    assert room.press(order, "cancel") == ["Order NORTH-M1 is cancelled."]


# Asking, making again, notes


def test_ask_now_leaves_the_question_to_a_worker(room: Room) -> None:
    order = cast.put(room.ready(), status.ACCEPTED)
    OrmQ.objects.all().delete()
    assert room.press(order, "ask") == [
        "TrepStar is being asked about NORTH-M1; look again in a moment."
    ]
    (task,) = OrmQ.objects.all()
    assert (task.func(), task.task["args"]) == ("orders.tasks.ask_now", (order.pk,))


def test_ask_now_is_refused_where_trepstar_has_nothing(room: Room) -> None:
    order = room.held()
    before = state()
    assert room.press(order, "ask") == [
        "Order NORTH-M1 waits for a person, so TrepStar is not asked for it."
    ]
    assert state() == before


def test_reship_makes_a_held_order_under_a_new_invoice(room: Room) -> None:
    order = room.shipped()
    assert room.press(order, "reship", reason="Broken in the post.") == [
        "Order NORTH-M1-R1 was made and is held; release it when it may go out."
    ]
    again = Order.objects.get(invoice="NORTH-M1-R1")
    assert (again.status, again.reship_of, again.address) == ("held", order, order.address)
    assert again.hold_note == "It is made again for NORTH-M1: Broken in the post."
    assert [(li.product, li.quantity) for li in again.lines.all()] == [(room.film, 1)]


@pytest.mark.parametrize("reason", ["", "   "])
def test_reship_without_a_reason_is_refused(room: Room, reason: str) -> None:
    order = room.shipped()
    before = state()
    assert room.press(order, "reship", reason=reason) == [
        "Say why the box is made again; the reason is kept with the order."
    ]
    assert state() == before


def test_reship_before_it_was_shipped_is_refused(room: Room) -> None:
    order = cast.put(room.ready(), status.PROCESSING)
    before = state()
    assert room.press(order, "reship", reason="Now.") == [
        "Order NORTH-M1 is being made, so it cannot be made again yet."
    ]
    assert state() == before


def test_a_note_that_was_seen_is_put_away(room: Room) -> None:
    order = cast.put(room.ready(), status.PROCESSING, flag="Another customer.")
    assert "I have seen the note" in cast.html(room.client.get(cast.page(order)))
    room.press(order, "seen")
    order.refresh_from_db()
    assert order.flag == ""
    assert last(order).data == {"note": "Another customer."}
