"""The page of one order: what it shows, what it explains, and what it costs."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders import desk, gateway, lifecycle, status
from orders.admin.order_reasons import ACTS
from orders.models import Attempt, Call, Order
from orders.trepstar.wire import submit_fields
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


def attempt_of(order: Order, **values: Any) -> Attempt:
    made = {"number": 1, "credential_version": 1, "payload_hash": "0", "outcome": "accepted"}
    return Attempt.objects.create(
        order=order, token=uuid.uuid4(), started_at=timezone.now(), **{**made, **values}
    )


def freeze(order: Order) -> dict[str, str]:
    lines = list(order.lines.select_related("product"))
    payload = submit_fields(gateway.box_of(order, lines))
    Order.objects.filter(pk=order.pk).update(payload=payload)
    return payload


# The header


def test_the_source_leads_to_the_shops_order() -> None:
    world = cast.World()
    order = Order.objects.get(publisher=world.ours.publisher, source="shopify")
    page = cast.html(world.client.get(cast.page(order)))
    where = f"https://northlight.myshopify.com/admin/orders/{order.shop_order.shop_order_id}"
    assert f'<a href="{where}" rel="noreferrer">' in page


def test_a_test_order_wears_a_ribbon(room: Room) -> None:
    order = room.ready(mode="test")
    assert "Test order: TrepStar will never make it." in look(room, order)
    assert "never make it" not in look(room, room.ready())


def test_both_boxes_of_a_reship_lead_to_each_other(room: Room) -> None:
    first = room.shipped()
    room.press(first, "reship", reason="Lost.", payer="trepstar")
    again = Order.objects.get(reship_of=first)
    page = cast.html(room.client.get(cast.page(first)))
    assert f'<a href="{cast.page(again)}">NORTH-M1-R1</a>' in page
    assert "The order is made again as NORTH-M1-R1. Lost. TrepStar pays for it." in page
    assert f'<a href="{cast.page(first)}">NORTH-M1</a>' in cast.html(
        room.client.get(cast.page(again))
    )


def test_who_pays_must_be_one_of_three(room: Room) -> None:
    order = room.shipped()
    before = state()
    assert room.press(order, "reship", reason="Lost.", payer="nobody") == [
        "Choose who pays for the new box: us, customer, trepstar."
    ]
    assert state() == before


# The label, the contents, the whereabouts


def test_the_label_is_the_text_that_trepstar_gets(room: Room) -> None:
    told = base.Recipient(
        name="Ana <b> Peña", company="Acme", address="1  Road\n[SUCCESS]", city="Bath",
        zip="BA1 1AA", country="GB",
    )  # fmt: skip
    order = room.ready(recipient=told)
    response = room.client.get(cast.page(order))
    assert response.context["label"] == [
        "Ana b Peña", "Acme", "1 Road", "Bath BA1 1AA", "UK (United Kingdom)"
    ]  # fmt: skip
    assert "These are the exact texts as they stand now." in cast.html(response)


def test_a_frozen_label_stays_what_was_sent(room: Room) -> None:
    order = cast.put(room.ready(), status.PROCESSING)
    freeze(order)
    Order.objects.filter(pk=order.pk).update(city="Elsewhere")
    text = look(room, order)
    assert "Portland ME 04101" in text
    assert "These texts are frozen: every attempt sends the same." in text


def test_lines_and_money_are_summed(room: Room) -> None:
    type(room.film).objects.update(price=Decimal("19.00"))
    other = base.product(room.publisher, "66760", price=Decimal("9.50"))
    order = base.place(room.publisher, (room.film, 2), (other, 3))
    context = room.client.get(cast.page(order)).context
    assert [(p.line.quantity, p.each, p.together) for p in context["pieces"]] == [
        (2, Decimal("19.00"), Decimal("38.00")),
        (3, Decimal("9.50"), Decimal("28.50")),
    ]
    assert (context["pieces_sum"], context["products_sum"]) == (5, Decimal("66.50"))
    assert "Price printed $66.50" in look(room, order)
    assert "Price printed $5.00 set on this order" in look(
        room, base.place(room.publisher, (room.film, 1), price=Decimal(5))
    )


def test_letter_mail_has_no_tracking_by_design(room: Room) -> None:
    type(room.film).objects.update(package="sleeve")
    order = room.shipped()
    Order.objects.filter(pk=order.pk).update(ship_date=date(2026, 11, 20))
    text = look(room, order)
    assert "letter mail, no tracking by design" in text
    assert "Ship date 2026-11-20" in text
    tracked = cast.shipped(room.publisher, (room.film, 2), tracking_id="9400 1/2")
    assert 'href="https://www.endicia.com/tracking/?pic=9400%201%2F2" rel="noreferrer"' in (
        cast.html(room.client.get(cast.page(tracked)))
    )


@pytest.mark.parametrize(
    ("minutes", "overdue"), [(None, False), (5, False), (-10, False), (-14, False), (-16, True)]
)
def test_an_answer_that_is_overdue_turns_amber(
    room: Room, minutes: int | None, overdue: bool
) -> None:
    now = timezone.now()
    due = None if minutes is None else now + timedelta(minutes=minutes)
    asked = now - timedelta(minutes=20)
    order = cast.put(room.ready(), status.PROCESSING, next_ask_at=due, asked_at=asked)
    response = room.client.get(cast.page(order))
    assert response.context["overdue"] is overdue
    assert ('class="order-old"' in cast.html(response)) is overdue
    assert "20 minutes ago" in cast.html(response)


def test_what_is_final_is_never_overdue(room: Room) -> None:
    old = timezone.now() - timedelta(days=9)
    order = cast.put(room.ready(), status.CANCELLED, next_ask_at=old, asked_at=old)
    assert room.client.get(cast.page(order)).context["overdue"] is False


# The exchange


def test_an_attempt_shows_what_was_sent_and_what_came_back(room: Room) -> None:
    order = cast.put(room.ready(), status.ACCEPTED)
    payload = freeze(order)
    attempt_of(
        order, payload_hash=gateway.payload_hash(payload), http_status=200, excerpt="[SUCCESS] Ok"
    )
    page = cast.html(room.client.get(cast.page(order)))
    assert "<dt><code>Invoice</code></dt><dd>NORTH-M1</dd>" in page
    assert "[SUCCESS] Ok" in page
    assert base.PASSWORD not in page
    assert "login" not in {name.lower() for name in payload}


def test_an_attempt_of_another_payload_shows_no_fields_that_are_not_its_own(room: Room) -> None:
    order = cast.put(room.ready(), status.ACCEPTED)
    freeze(order)
    attempt_of(order, payload_hash="another")
    page = cast.html(room.client.get(cast.page(order)))
    assert "What this attempt sent is not kept" in page
    assert "<code>Invoice</code>" not in page


def test_the_status_call_that_told_of_it_is_named(room: Room) -> None:
    now = timezone.now()
    order = cast.put(room.ready(), status.PROCESSING, asked_at=now)
    second = timedelta(seconds=1)
    mine, *others = [
        Call.objects.create(
            publisher=publisher, purpose="sweep", invoices=3, outcome="answered",
            reserved_at=now + begun * second, finished_at=now + ended * second,
        )
        for publisher, begun, ended in [
            (room.publisher, -1, 1), (room.publisher, -50, -40), (room.publisher, 5, 9),
            (base.southwind(), -1, 1),
        ]
    ]  # fmt: skip
    response = room.client.get(cast.page(order))
    assert response.context["calls"] == [mine]
    assert cast.page(mine) in cast.html(response)
    assert len(others) == 3


# Why not


def test_each_act_is_offered_or_its_refusal_explained(room: Room) -> None:
    named = {"change", *(act.name for act in ACTS)}
    assert named == {"change", "release", "hold", "cancel", "ask", "reship"}
    for here in status.MEANING:
        order = room.held() if here == status.HELD else cast.put(room.ready(), here)
        context = room.client.get(cast.page(order)).context
        offered = {button.name for button in context["buttons"]}
        offered |= {"change"} if here in status.EDITABLE else set()
        told = {label for label, _ in context["reasons"]}
        labels = {act.label for act in ACTS if act.name not in offered}
        assert told == labels, here
        assert all(why.endswith(".") for _, why in context["reasons"])


def test_why_a_sent_order_cannot_be_cancelled(room: Room) -> None:
    text = look(room, cast.put(room.ready(), status.PROCESSING))
    assert (
        "Cancel: TrepStar has it and takes no cancel call. "
        "Delete it on TrepStar's dashboard while it is on HOLD."
    ) in text


def test_nobody_is_told_why_what_they_never_do_is_not_possible(room: Room) -> None:
    order = room.ready()
    room.client = cast.signed_in(cast.colleague("reader", room.publisher, may="view"))
    response = room.client.get(cast.page(order))
    assert response.context["reasons"] == []
    for word in ("Not possible now", "Add a note", "Duplicate", "Paste an address"):
        assert word not in cast.html(response)


# What it costs


@pytest.mark.parametrize("here", [status.HELD, status.SHIPPED])
def test_the_page_runs_as_many_statements_for_60_events_as_for_3(room: Room, here: str) -> None:
    order = room.held() if here == status.HELD else cast.put(room.ready(), here)
    freeze(order)
    people = [cast.colleague(f"c{n}", room.publisher) for n in range(3)]
    counts = []
    for more in (2, 57):
        for number in range(more):
            desk.note(order.pk, f"Note {number}.", actor=lifecycle.person(people[number % 3]))
            attempt_of(order, number=order.attempt_set.count() + 1)
        room.client.get(cast.page(order))  # what is remembered for a while
        with CaptureQueriesContext(connection) as seen:
            response = room.client.get(cast.page(order))
        assert len(response.context["timeline"]) >= more
        counts.append(len(seen))
    assert counts == [COST[here]] * 2


COST = {status.HELD: 19, status.SHIPPED: 18}


@pytest.mark.parametrize("here", [status.HELD, status.SHIPPED])
def test_the_page_runs_as_many_statements_for_12_lines_as_for_1(room: Room, here: str) -> None:
    films = [base.product(room.publisher, str(70000 + n), skus=[f"S{n}"]) for n in range(11)]
    counts = []
    for more in ([], films):
        units = [(one, 1) for one in (room.film, *more)]
        order = cast.held(room.publisher, *units)
        order = order if here == status.HELD else cast.put(order, here)
        room.client.get(cast.page(order))
        with CaptureQueriesContext(connection) as seen:
            page = cast.html(room.client.get(cast.page(order)))
        assert all(one.title in page for one in more)
        counts.append(len(seen))
    assert counts[0] == counts[1]
