"""An order by hand: made once, copied from another, checked and filled in while it is typed."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django_q.models import OrmQ

from orders.models import Order, UsedForm
from tests import admin_cast as cast
from tests import base
from tests.add_cast import ADD, TOKEN, add, filled
from tests.admin_cast import Room, state

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Room:
    return Room()


# Once


def test_each_sheet_of_the_form_has_a_number_of_its_own(room: Room) -> None:
    tokens = {room.client.get(ADD).context["token"] for _ in range(3)}
    assert len({uuid.UUID(token) for token in tokens}) == 3


def test_two_equal_posts_make_one_order_and_lead_to_it(room: Room) -> None:
    first = add(room, token=TOKEN)
    order = Order.objects.get()
    assert first.redirect_chain == [(cast.page(order), 302)]
    before = state()
    second = add(room, token=TOKEN)
    assert state() == before
    assert second.redirect_chain == [(cast.page(order), 302)]
    assert cast.said(second) == [
        "This form has made order NORTH-M1 already, and nothing was made again. "
        "To have another one like it, duplicate it."
    ]


def test_an_order_that_is_made_shows_its_invoice(room: Room) -> None:
    response = add(room, token=TOKEN)
    assert "NORTH-M1" in cast.said(response)[0]
    assert "<h1>NORTH-M1</h1>" in cast.html(response)


def test_a_changed_form_of_the_same_sheet_makes_nothing_and_says_so(room: Room) -> None:
    add(room, token=TOKEN)
    before = state()
    assert "nothing was made again" in cast.said(add(room, token=TOKEN, city="Bangor"))[0]
    assert state() == before


def test_a_split_that_is_posted_twice_leads_to_its_first_box(room: Room) -> None:
    add(room, (room.film, 300), token=TOKEN)
    before = state()
    second = add(room, (room.film, 300), token=TOKEN)
    assert state() == before
    assert second.redirect_chain == [(cast.page(Order.objects.get(invoice="NORTH-M1-P1")), 302)]


def test_a_form_that_was_wrong_may_be_sent_again(room: Room) -> None:
    response = add(room, token=TOKEN, price="-1")
    assert response.context["token"] == TOKEN
    assert (Order.objects.count(), UsedForm.objects.count()) == (0, 0)
    add(room, token=TOKEN)
    assert Order.objects.count() == 1


def test_the_number_of_a_sheet_counts_for_one_person(room: Room) -> None:
    """Else somebody could learn of another publisher's orders, or stop them."""
    add(room, token=TOKEN)
    other = base.southwind()
    stranger = cast.signed_in(cast.colleague("stranger", other))
    form = cast.new_order(other, (base.product(other, "44100"), 1), token=TOKEN)
    page = cast.html(stranger.post(ADD, form, follow=True))
    assert "NORTH" not in page
    assert sorted(Order.objects.values_list("invoice", flat=True)) == ["NORTH-M1", "SOUTH-M1"]


@pytest.mark.parametrize("token", ["x", "\x00", "1" * 33, TOKEN + "0"])
def test_a_spoilt_number_makes_nothing(room: Room, token: str) -> None:
    before = state()
    assert cast.said(add(room, token=token)) == [
        "The form was damaged on its way. Fill it in once more."
    ]
    assert state() == before


# Copies


def test_a_copy_is_a_form_and_no_order(room: Room) -> None:
    other = base.product(room.publisher, "66760")
    order = base.place(
        room.publisher, (room.film, 2), (other, 3), special_text="Hi", price=Decimal("4.50"),
        mail_method="express",
    )  # fmt: skip
    before = state()
    page = room.client.get(ADD, {"from": order.pk})
    assert state() == before
    assert "This is a copy of" in cast.html(page)
    form = page.context["adminform"].form
    assert (form["publisher"].value(), form["name"].value(), form["special_text"].value()) == (
        room.publisher.pk,
        "Ana Peña",
        "Hi",
    )
    assert (form["price"].value(), form["mail_method"].value()) == (Decimal("4.50"), "express")
    (lines,) = page.context["inline_admin_formsets"]
    assert [(one["product"].value(), one["quantity"].value()) for one in lines.formset.forms] == [
        (room.film.pk, 2),
        (other.pk, 3),
    ]


def test_a_saved_copy_has_an_invoice_and_lines_of_its_own(room: Room) -> None:
    order = base.place(room.publisher, (room.film, 2))
    form = filled(room, (room.film, 2))
    room.client.post(f"{ADD}?from={order.pk}", form)
    made = Order.objects.get(invoice="NORTH-M2")
    assert (made.pieces(), made.reship_of, made.status) == (2, None, "ready")


def test_every_order_may_be_copied_by_those_who_add(room: Room) -> None:
    order = cast.put(room.ready(), "cancelled")
    link = f'href="{ADD}?from={order.pk}"'
    assert link in cast.html(room.client.get(cast.page(order)))
    reader = cast.signed_in(cast.colleague("reader", room.publisher, may="view"))
    assert link not in cast.html(reader.get(cast.page(order)))
    assert reader.get(ADD, {"from": order.pk}).status_code == 403


@pytest.mark.parametrize("asked", ["0", "x", "-1", "²", "9" * 30, "", "1 or 1"])
def test_a_copy_of_nothing_is_not_there(room: Room, asked: str) -> None:
    assert room.client.get(ADD, {"from": asked}).status_code == 404


def test_a_strangers_order_cannot_be_copied() -> None:
    world = cast.World()
    response = world.client.get(ADD, {"from": world.theirs.order.pk})
    assert response.status_code == 404
    assert "Southwind" not in cast.html(response)


def test_a_copy_of_an_erased_order_names_nobody(room: Room) -> None:
    order = room.ready()
    Order.objects.filter(pk=order.pk).update(name="erased", email="erased", address="")
    form = room.client.get(ADD, {"from": order.pk}).context["adminform"].form
    assert (form["name"].value(), form["email"].value()) == ("", "")


def test_the_only_publisher_is_chosen_already(room: Room) -> None:
    def chosen() -> Any:
        return room.client.get(ADD).context["adminform"].form["publisher"].value()

    assert chosen() == room.publisher.pk
    base.southwind().staff.add(room.user)
    assert chosen() is None


def test_a_made_order_wakes_a_worker_once(room: Room) -> None:
    add(room, token=TOKEN)
    add(room, token=TOKEN)
    assert OrmQ.objects.count() == 1
