"""What the form of a new order asks the server while it is typed: checks and pasted addresses."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from products.models import Publisher
from tests import admin_cast as cast
from tests.add_cast import CHECK, SPLIT, filled
from tests.admin_cast import Room, state

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Room:
    return Room()


def check(room: Room, *lines: Any, **changes: Any) -> tuple[list[str], str]:
    response = room.client.post(CHECK, filled(room, *lines, **changes))
    assert response.status_code == 200
    told = response.json()
    return [one["text"] for one in told["findings"]], told["summary"]


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
