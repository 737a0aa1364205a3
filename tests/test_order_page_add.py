"""An order by hand: made once, copied from another, checked and filled in while it is typed."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from orders.models import Order, UsedForm
from products.models import Publisher
from tests import admin_cast as cast
from tests import base
from tests.admin_cast import Room, state

pytestmark = pytest.mark.django_db

ADD = "/admin/orders/order/add/"
CHECK, SPLIT = f"{ADD}check/", f"{ADD}split/"
TOKEN = "8f4e1b9a-7d52-4a3c-9a0e-2f6f1b1f0c11"


@pytest.fixture
def room() -> Room:
    return Room()


def filled(room: Room, *lines: Any, **changes: Any) -> dict[str, Any]:
    return cast.new_order(room.publisher, *(lines or [(room.film, 1)]), **changes)


def add(room: Room, *lines: Any, **changes: Any) -> Any:
    return room.client.post(ADD, filled(room, *lines, **changes), follow=True)


def check(room: Room, *lines: Any, **changes: Any) -> tuple[list[str], str]:
    response = room.client.post(CHECK, filled(room, *lines, **changes))
    assert response.status_code == 200
    told = response.json()
    return [one["text"] for one in told["findings"]], told["summary"]


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


# Checked while it is typed


def test_a_good_form_says_what_will_happen(room: Room) -> None:
    before = state()
    assert check(room, (room.film, 2)) == (
        [],
        "2 pieces, 1 box, by Standard, no price printed. Saved like this, it goes out by itself.",
    )
    assert state() == before
    Publisher.objects.update(auto_submit=False)
    assert check(room, price="5", mail_method="express") == (
        [],
        "1 piece, 1 box, by Express, $5.00 printed. "
        "Saved like this, it waits for its release, as this publisher's new orders do.",
    )


def test_what_trepstar_would_refuse_is_told_before(room: Room) -> None:
    before = state()
    assert check(room, address="", zip="") == (
        [
            "The street address is blank. Enter it.",
            "An address in the USA needs a ZIP code. Enter it.",
        ],
        "1 piece, 1 box, by Standard, no price printed. "
        "Saved like this, it is held until it is mended.",
    )
    assert state() == before


def test_every_box_of_a_split_is_checked(room: Room) -> None:
    type(room.film).objects.update(active=False)
    findings, summary = check(room, (room.film, 300))
    assert findings == ["Film 66750 (66750) is switched off. Switch it on or remove it."]
    assert summary.startswith("300 pieces, 2 boxes, ")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"lines-0-product": "", "lines-0-quantity": ""}, ["Add at least one product."]),
        ({"publisher": ""}, ["Publisher: This field is required."]),
        ({"special_text": "<b>"}, ["Special text: TrepStar prints no HTML here."]),
        ({"lines-0-quantity": "0"}, None),
        ({"lines-TOTAL_FORMS": "x"}, None),
        ({"lines-0-product": "999999"}, None),
        ({"name": "\x00"}, None),
        ({"country": "XX"}, None),
    ],
)
def test_a_form_that_cannot_be_saved_says_why(
    room: Room, changes: dict[str, Any], told: list[str] | None
) -> None:
    before = state()
    findings, summary = check(room, **changes)
    assert (told is None and findings) or findings == told
    assert summary == ""
    assert state() == before


def test_checking_takes_no_serial_and_no_lock(room: Room) -> None:
    with CaptureQueriesContext(connection) as seen:
        check(room)
    sql = " ".join(one["sql"].upper() for one in seen)
    assert "UPDATE " not in sql
    assert "INSERT " not in sql
    room.publisher.refresh_from_db()
    assert room.publisher.last_serial == 0


def test_another_publishers_products_are_not_checked() -> None:
    world = cast.World()
    for publisher in (world.ours.publisher, world.theirs.publisher):
        form = cast.new_order(publisher, (world.theirs.product, 1))
        response = world.client.post(CHECK, form)
        assert response.status_code == 200
        assert response.json()["findings"]
        assert "Southwind" not in cast.html(response)
        assert response.json()["summary"] == ""


# Pasted addresses


def test_a_pasted_address_is_split(room: Room) -> None:
    before = state()
    text = "Ana Peña\n1 Road\nBath BA1 1AA\nana@example.com\nRing twice"
    response = room.client.post(SPLIT, {"text": text})
    assert response.json() == {
        "fields": {
            "name": "Ana Peña",
            "address": "1 Road",
            "city": "Bath",
            "zip": "BA1 1AA",
            "country": "GB",
            "email": "ana@example.com",
        },
        "unplaced": ["Ring twice"],
        "notes": ["The country is not named; by its postal code it is United Kingdom. Check it."],
    }
    assert state() == before


@pytest.mark.parametrize("text", ["", "\x00\ud800".encode("utf-8", "surrogatepass"), "x" * 4000])
def test_any_paste_is_answered(room: Room, text: Any) -> None:
    assert room.client.post(SPLIT, {"text": text}).status_code == 200


def test_an_endless_paste_is_refused_in_a_sentence(room: Room) -> None:
    response = room.client.post(SPLIT, {"text": "x" * 5001})
    assert (response.status_code, response.json()) == (
        400,
        {"error": "The text is longer than 5000 characters. Paste one address only."},
    )


# Doors


@pytest.mark.parametrize("where", [CHECK, SPLIT])
def test_both_questions_are_for_those_who_make_orders(room: Room, where: str) -> None:
    form = filled(room, text="Ana")
    before = state()
    for method in ("get", "head", "put", "delete"):
        assert getattr(room.client, method)(where).status_code == 405
    assert Client().post(where, form).status_code == 302
    reader = cast.signed_in(cast.colleague("reader", room.publisher, may="view"))
    assert reader.post(where, form).status_code == 403
    strict = cast.signed_in(room.user, enforce_csrf_checks=True)
    assert strict.post(where, form).status_code == 403
    assert state() == before


def test_somebody_who_may_add_no_lines_is_refused(room: Room) -> None:
    may = ["add_order", "view_order", "view_orderline"]
    room.client = cast.signed_in(cast.colleague("clerk", room.publisher, may=may))
    assert room.client.post(CHECK, filled(room)).status_code == 403


def test_a_made_order_wakes_a_worker_once(room: Room) -> None:
    add(room, token=TOKEN)
    add(room, token=TOKEN)
    assert OrmQ.objects.count() == 1
