"""The page of what needs attention: what it shows, what its buttons do, and where they lead."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orders.admin import attention_cards
from orders.models import Delivery, Order
from tests import admin_cast as cast
from tests import attention_cast as queue
from tests import base
from tests.attention_cast import QUEUE, Desk, card_of, mending, shown

pytestmark = pytest.mark.django_db
MENDED = {"city": "Portland", "state": "maine"}


@pytest.fixture
def room() -> Desk:
    return Desk()


def mend(room: Desk, order: Order, **changes: Any) -> Any:
    where = reverse("admin:attention_mend", args=[order.pk])
    return room.client.post(where, mending(card_of(room.client, order), **changes))


# What is shown


def test_the_page_shows_all_that_waits_oldest_first(room: Desk) -> None:
    rows = room.one_of_each()
    response = room.client.get(QUEUE)
    assert shown(response) == list(rows.values())
    html = cast.html(response)
    for row in rows.values():
        assert f'href="{cast.page(row)}"' in html
    assert html.count(" autofocus") == 1
    assert re.search(r"held <time [^>]+>[^<]+</time> by ", html)
    assert "This is the end of the queue." in html


def test_an_empty_queue_says_that_all_is_done(room: Desk) -> None:
    html = cast.html(room.client.get(QUEUE))
    assert "All done" in html
    assert "Nothing waits for a person." in html
    assert "waits-card" not in html


def test_the_tabs_count_each_reason_and_lead_to_its_rows(room: Desk) -> None:
    rows = room.one_of_each()
    tabs = room.client.get(QUEUE).context["tabs"]
    assert [(tab["label"], tab["count"]) for tab in tabs[:2]] == [
        ("All", "15"),
        ("Held by staff", "1"),
    ]
    assert len(tabs) == 16
    for tab, row in zip(
        tabs[1:], sorted(rows, key=list(attention_cards.REASONS).index), strict=True
    ):
        response = room.client.get(tab["address"])
        assert shown(response) == [rows[row]]
        assert [one["label"] for one in response.context["tabs"] if one["here"]] == [tab["label"]]


def test_a_tab_without_rows_stands_only_where_one_is(room: Desk) -> None:
    response = room.client.get(QUEUE, {"reason": "refused"})
    assert [(tab["label"], tab["count"]) for tab in response.context["tabs"]] == [
        ("All", "0"),
        ("Refused", "0"),
    ]
    assert "Nothing is listed under “Refused”." in cast.html(response)


def test_a_count_above_99_is_not_read_to_its_end(room: Desk) -> None:
    template = queue.held(room.publisher, room.film, "staff")
    values = Order.objects.filter(pk=template.pk).values().get()
    del values["id"]
    Order.objects.bulk_create(Order(**{**values, "invoice": f"N-{n}"}) for n in range(99))
    tabs = room.client.get(QUEUE).context["tabs"]
    assert [(tab["label"], tab["count"]) for tab in tabs] == [
        ("All", "99+"),
        ("Held by staff", "99+"),
    ]


def test_a_page_holds_25_and_leads_to_the_next_and_back_to_the_oldest(room: Desk) -> None:
    orders = [
        queue.aged(queue.held(room.publisher, room.film, "staff"), 600 - n) for n in range(27)
    ]
    first = room.client.get(QUEUE)
    assert shown(first) == orders[:25]
    assert first.context["from_start"] == ""
    second = room.client.get(first.context["next_page"])
    assert shown(second) == orders[25:]
    assert second.context["next_page"] == ""
    assert shown(room.client.get(second.context["from_start"])) == orders[:25]


def test_the_number_of_queries_is_that_of_an_almost_empty_page(room: Desk) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert room.client.get(QUEUE).status_code == 200
        return len(found)

    room.one_of_each()
    few = queries()
    for _ in range(30):
        queue.lost_address(room.publisher, room.film)
        cast.put(room.ready(), "refused", flag="Look.")
        queue.unmatched("NEW-1", "NEW-2", None)
    assert queries() == few
    assert few <= 22


def test_hostile_texts_are_shown_as_texts(room: Desk) -> None:
    texts = " ".join(cast.PAYLOADS)
    order = queue.lost_address(room.publisher, room.film)
    Order.objects.filter(pk=order.pk).update(name=texts[:200], hold_note=texts, flag=texts)
    Delivery.objects.filter(pk=queue.unmatched("NEW-1").pk).update(reason=texts)
    html = cast.html(room.client.get(QUEUE))
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert html.count("&lt;script&gt;alert") >= 4


@pytest.mark.parametrize(
    "asked", [{"reason": "nothing"}, {"publisher": "x"}, {"publisher": "999"}, {"reason": "\x00"}]
)
def test_a_part_of_the_queue_that_is_not_there_is_404(room: Desk, asked: dict[str, str]) -> None:
    assert room.client.get(QUEUE, asked).status_code == 404


@pytest.mark.parametrize("key", ["x", "1-o-1-1", "\x00", "%ff"])
def test_a_spoilt_place_shows_the_queue_from_the_oldest(room: Desk, key: str) -> None:
    order = queue.held(room.publisher, room.film, "staff")
    for name in ("after", "from"):
        response = room.client.get(QUEUE, {name: key})
        assert shown(response) == [order]


def test_past_its_end_the_queue_begins_anew(room: Desk) -> None:
    order = queue.held(room.publisher, room.film, "staff")
    key = card_of(room.client, order).key
    response = room.client.get(QUEUE, {"after": key, "reason": "staff"}, follow=True)
    assert response.redirect_chain == [(f"{QUEUE}?reason=staff", 302)]
    assert shown(response) == [order]


def test_the_publisher_switch_shows_one_publishers_rows(room: Desk) -> None:
    mine = queue.held(room.publisher, room.film, "staff")
    assert "waits-switch" not in cast.html(room.client.get(QUEUE))
    other = base.southwind()
    other.staff.add(room.user)
    theirs = queue.held(other, base.product(other, "44100"), "policy")
    response = room.client.get(QUEUE)
    assert shown(response) == [mine, theirs]
    assert "waits-switch" in cast.html(response)
    response = room.client.get(QUEUE, {"publisher": other.pk})
    assert shown(response) == [theirs]
    assert [(tab["label"], tab["count"]) for tab in response.context["tabs"]] == [
        ("All", "1"),
        ("Waits for a release", "1"),
    ]
    assert response.context["tabs"][1]["address"] == f"{QUEUE}?reason=policy&publisher={other.pk}"


# The fields to mend


def test_an_address_is_mended_in_its_own_fields_with_its_findings_beside(room: Desk) -> None:
    order = queue.lost_address(room.publisher, room.film)
    card = card_of(room.client, order)
    assert set(card.form.fields) == {"version", *base.ANA.as_dict()}
    assert card.form["city"].help_text == "The city is blank. Enter it."
    assert card.findings == []
    assert [button.name for button in card.buttons] == ["hold", "cancel"]
    assert card.form["country"].value() == "United States"


def test_another_finding_brings_its_own_field_alone(room: Desk) -> None:
    order = base.place(room.publisher, (room.film, 1), price_on_customs=True)
    card = card_of(room.client, order)
    assert set(card.form.fields) == {"price", "version"}
    response = mend(room, order, price="9.50", release="1")
    assert response.url == f"{QUEUE}?after={card.key}"
    order.refresh_from_db()
    assert (order.status, str(order.price)) == ("ready", "9.50")


def test_a_hold_without_anything_to_mend_has_no_form(room: Desk) -> None:
    for reason in ("staff", "policy", "unknown_sku", "collision", "internal", "quantity"):
        card = card_of(room.client, queue.held(room.publisher, room.film, reason))
        assert card.form is None
        assert card.buttons[0].name == "release"


def test_mending_and_releasing_is_one_press_and_leads_to_the_next(room: Desk) -> None:
    first = queue.aged(queue.lost_address(room.publisher, room.film), 9)
    second = queue.aged(queue.held(room.publisher, room.film, "staff"), 8)
    response = mend(room, first, **MENDED, release="1")
    key = attention_cards.attention.key_of(first)
    assert response.url == f"{QUEUE}?after={key}"
    page = room.client.get(response.url)
    assert shown(page) == [second]
    assert cast.said(page) == ["Order NORTH-M1 is saved, released, and goes out now."]
    first.refresh_from_db()
    assert (first.status, first.city, first.state) == ("ready", "Portland", "ME")
    assert first.edited_fields == ["city", "state"]
    kinds = list(first.events.values_list("kind", flat=True))
    assert kinds == ["order.placed", "order.edited", "order.released"]
    assert cast.OrmQ.objects.count() == 1


def test_saving_alone_stays_at_the_row(room: Desk) -> None:
    order = queue.lost_address(room.publisher, room.film)
    response = mend(room, order, **MENDED)
    page = room.client.get(response.url)
    assert "from=" in response.url
    assert shown(page) == [order]
    assert cast.said(page) == ["Order NORTH-M1 is saved. It waits until it is released."]
    order.refresh_from_db()
    assert (order.status, order.city, order.version) == ("held", "Portland", 2)


def test_what_is_still_unfit_is_saved_and_not_released(room: Desk) -> None:
    order = queue.lost_address(room.publisher, room.film)
    response = mend(room, order, city="Portland", release="1")
    page = room.client.get(response.url)
    assert shown(page) == [order]
    assert cast.said(page) == [
        "What you entered is saved, but it is not released. “Cascadia” is no state of this "
        "country. Enter its two-letter code."
    ]
    order.refresh_from_db()
    assert (order.status, order.city) == ("held", "Portland")
    assert cast.OrmQ.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"country": "Atlantis"}, "Country: “Atlantis” is no country. Enter its name or "
         "two-letter code."),
        ({"name": "N" * 201}, "Name: Ensure this value has at most 200 characters (it has 201)."),
        ({"city": "a\x00b"}, "City: Null characters are not allowed."),
        ({"version": "x"}, "Enter a whole number."),
        ({"version": ""}, "This field is required."),
    ],
)  # fmt: skip
def test_bad_input_is_told_kept_and_nothing_changed(
    room: Desk, changes: dict[str, str], told: str
) -> None:
    order = queue.lost_address(room.publisher, room.film)
    before = cast.state()
    response = mend(room, order, **{**MENDED, "address": "7 Typed Lane", **changes}, release="1")
    assert response.status_code == 200
    assert cast.said(response) == [told]
    assert shown(response) == [order]
    assert 'value="7 Typed Lane"' in cast.html(response)
    assert cast.state() == before


def test_a_stale_form_is_refused_and_nothing_changed(room: Desk) -> None:
    order = queue.lost_address(room.publisher, room.film)
    form = mending(card_of(room.client, order), **MENDED, release="1")
    cast.lifecycle.record(
        order, "order.edited", actor=cast.lifecycle.WORKER, fields={"city": "Salem"}
    )
    before = cast.state()
    response = room.client.post(reverse("admin:attention_mend", args=[order.pk]), form)
    page = room.client.get(response.url)
    assert shown(page) == [order]
    assert cast.said(page) == [
        "Order NORTH-M1 was changed meanwhile, so nothing was saved. "
        "Look at its present state and try again."
    ]
    assert cast.state() == before


def test_an_order_that_went_on_meanwhile_is_not_mended(room: Desk) -> None:
    order = queue.lost_address(room.publisher, room.film)
    form = mending(card_of(room.client, order), **MENDED)
    form["version"] = cast.put(order, "accepted").version
    before = cast.state()
    response = room.client.post(reverse("admin:attention_mend", args=[order.pk]), form, follow=True)
    assert cast.said(response) == [
        "Order NORTH-M1 was accepted by TrepStar, so it cannot be changed."
    ]
    assert cast.state() == before
