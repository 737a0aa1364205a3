"""Holds, notes and edits on the page of an order, and two people at once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orders import desk, lifecycle, status
from orders.models import Order
from tests import admin_cast as cast
from tests import base
from tests.admin_cast import Room, state

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Room:
    return Room()


def look(room: Room, order: Order) -> str:
    """Return the page's text, without its tags."""
    response = room.client.get(cast.page(order))
    assert response.status_code == 200
    plain = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", cast.html(response), flags=re.DOTALL)
    return " ".join(plain.replace("&#x27;", "'").replace("&amp;", "&").split())


# Holds and notes


def test_a_hold_has_a_kind_and_an_end(room: Room) -> None:
    order = room.ready()
    until = (timezone.now() + timedelta(days=3)).replace(second=0, microsecond=0)
    room.press(order, "hold", hold_reason="customer", until=f"{until:%Y-%m-%dT%H:%M}")
    order.refresh_from_db()
    assert (order.hold_reason, order.hold_note, order.hold_until) == (
        "customer",
        "The customer asked to wait.",
        until,
    )
    text = look(room, order)
    assert "Customer: The customer asked to wait." in text
    assert f"It is released by itself on {until:%Y-%m-%d %H:%M}. ( in " in text


@pytest.mark.parametrize("reason", ["policy", "collision", "x", "<b>"])
def test_a_hold_for_no_reason_of_people_is_refused(room: Room, reason: str) -> None:
    order = room.ready()
    before = state()
    assert room.press(order, "hold", hold_reason=reason) == [
        "Choose why it is held: staff, customer, address, payment, stock."
    ]
    assert state() == before


def test_a_note_stands_in_the_timeline_as_it_was_written(room: Room) -> None:
    order = cast.put(room.ready(), status.SHIPPED)
    assert room.press(order, "note", note="She rang.\nCall\x00 <b>back</b>.") == [
        "The note is in the timeline."
    ]
    page = cast.html(room.client.get(cast.page(order)))
    assert '<span class="told">She rang.\nCall &lt;b&gt;back&lt;/b&gt;.</span>' in page
    assert order.events.get(kind="order.note").actor_user == room.user


def test_a_note_from_a_page_that_is_old_is_not_lost(room: Room) -> None:
    order = room.ready()
    old = order.version
    desk.hold(order.pk, actor=lifecycle.WORKER)
    assert room.press(order, "note", note="Later.", version=old) == ["The note is in the timeline."]


def test_a_blank_note_is_refused(room: Room) -> None:
    order = room.ready()
    before = state()
    assert room.press(order, "note", note=" \x00 ") == ["Write the note first."]
    assert state() == before


def test_notes_are_written_by_those_who_may(room: Room) -> None:
    order = room.ready()
    before = state()
    stranger = cast.colleague("stranger", base.southwind())
    for client, answer in (
        (Client(), 302),
        (cast.signed_in(cast.colleague("reader", room.publisher, may="view")), 403),
        (cast.signed_in(stranger), 404),
    ):
        assert client.post(cast.button(order, "note"), {"note": "x"}).status_code == answer
    assert room.client.get(cast.button(order, "note")).status_code == 405
    assert state() == before


# Two at once


def test_a_change_under_the_editor_stands_beside_what_was_typed(room: Room) -> None:
    order = room.held()
    form = cast.order_form(order, city="Bangor", notify_customer="on")
    bo = lifecycle.person(cast.colleague("bo", room.publisher))
    desk.edit(order.pk, {"city": "Augusta"}, actor=bo, version=order.version)
    desk.note(order.pk, "She moved.", actor=bo)
    before = state()
    response = room.client.post(cast.page(order), form)
    assert state() == before
    shown = response.context["adminform"].form
    assert [(one.label, one.mine, one.theirs) for one in shown.conflicts] == [
        ("City", "Bangor", "Augusta"),
        ("TrepStar writes to the customer", "yes", "no"),
    ]
    assert [(who, told) for _, told, who in shown.since] == [
        ("bo", "The order was changed: city."),
        ("bo", "She moved."),
    ]
    page = cast.html(response)
    assert "<td>Bangor</td><td>Augusta</td>" in page
    assert 'value="Bangor"' in page


def test_a_change_elsewhere_shows_who_did_it_and_no_field(room: Room) -> None:
    order = room.held()
    form = cast.order_form(order, city=order.city)
    desk.hold(order.pk, actor=lifecycle.WORKER, reason="customer", note="Wait longer.")
    before = state()
    page = cast.html(room.client.post(cast.page(order), form))
    assert "The order was held (customer). Wait longer." in page
    assert "You typed" not in page
    assert state() == before
