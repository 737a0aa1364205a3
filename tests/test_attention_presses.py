"""Presses in the queue: each leads back to it, only those who may press, and nobody else's rows."""

from __future__ import annotations

from typing import Any

import pytest
from django_q.models import OrmQ

from orders.models import Delivery, Order
from products.models import SkuAlias
from tests import admin_cast as cast
from tests import attention_cast as queue
from tests.attention_cast import QUEUE, Desk, away_url, back, card_of, everything, shown

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Desk:
    return Desk()


def press(room: Desk, row: Any, name: str, **values: Any) -> Any:
    """Press a row's own button as it stands in the queue, and follow."""
    card = card_of(room.client, row)
    assert name in {button.name for button in card.buttons}
    return room.client.post(cast.button(row, name), back(card, **values), follow=True)


# Each button leads on


@pytest.mark.parametrize(
    ("reason", "name", "values", "then"),
    [
        ("staff", "release", {}, "ready"),
        ("staff", "cancel", {"note": "Paid back."}, "cancelled"),
        ("staff", "hold", {"until": "2999-01-01T10:00"}, "held"),
        ("collision", "cancel", {}, "cancelled"),
        ("problem", "reship", {"reason": "Moved."}, "problem"),
        ("not_known", "cancel", {}, "cancelled"),
        ("flagged", "seen", {}, "processing"),
    ],
)
def test_clearing_a_row_leads_to_the_row_after_it(
    room: Desk, reason: str, name: str, values: dict[str, str], then: str
) -> None:
    rows = room.one_of_each()
    row = rows[reason]
    response = press(room, row, name, **values)
    after = list(rows.values())[list(rows).index(reason) + 1 :]
    assert shown(response)[: len(after)] == after
    assert row not in shown(room.client.get(QUEUE))
    assert len(cast.said(response)) == 1
    row.refresh_from_db()
    assert row.status == then


def test_the_part_of_the_queue_is_kept(room: Desk) -> None:
    first, second = (queue.aged(queue.held(room.publisher, room.film, "staff"), n) for n in (9, 8))
    queue.aged(queue.held(room.publisher, room.film, "policy"), 8)
    card = card_of(room.client, first)
    place = {"queue_reason": "staff", "queue_publisher": room.publisher.pk}
    response = room.client.post(cast.button(first, "release"), {**back(card), **place})
    assert response.url == (f"{QUEUE}?reason=staff&publisher={room.publisher.pk}&after={card.key}")
    assert shown(room.client.get(response.url)) == [second]


def test_asking_leads_on_though_the_row_still_waits(room: Desk) -> None:
    rows = room.one_of_each()
    response = press(room, rows["unclear"], "ask")
    assert shown(response)[0] == rows["not_known"]
    assert rows["unclear"] in shown(room.client.get(QUEUE))
    assert OrmQ.objects.count() == 1 + Order.objects.filter(status="ready").count()


def test_a_stale_button_is_refused_at_the_same_row_and_nothing_changed(room: Desk) -> None:
    rows = room.one_of_each()
    order = rows["policy"]
    card = card_of(room.client, order)
    cast.lifecycle.record(order, "order.edited", actor=cast.lifecycle.WORKER)
    before = everything()
    response = room.client.post(cast.button(order, "release"), back(card), follow=True)
    assert shown(response)[0] == order
    assert cast.said(response) == [
        f"Order {order.invoice} was changed meanwhile, so nothing was saved. "
        "Look at its present state and try again."
    ]
    assert everything() == before


@pytest.mark.parametrize("back_to", ["", "https://evil.example/", "//evil.example", "queue"])
def test_no_page_but_the_queue_can_be_named_as_the_way_back(room: Desk, back_to: str) -> None:
    order = queue.held(room.publisher, room.film, "staff")
    values = {**back(card_of(room.client, order)), "back": back_to, "next": back_to}
    response = room.client.post(cast.button(order, "release"), values)
    assert response.url == cast.page(order)


@pytest.mark.parametrize("value", ["https://evil.example/", "//x", "\r\nX: y", "a" * 999, "\x00"])
def test_a_spoilt_place_stays_within_the_queues_own_address(room: Desk, value: str) -> None:
    order = queue.held(room.publisher, room.film, "staff")
    card = card_of(room.client, order)
    spoilt = {**back(card), "queue_key": value}
    spoilt |= {"queue_reason": value, "queue_publisher": value}
    response = room.client.post(cast.button(order, "release"), spoilt)
    assert response.status_code == 302
    assert response.url.startswith(f"{QUEUE}?")
    assert room.client.get(response.url).status_code == 404


# Deliveries


def test_an_unmatched_delivery_leads_to_the_mapping_and_is_replayed(room: Desk) -> None:
    delivery = queue.unmatched("NEW-1")
    ((line, map_url),) = card_of(room.client, delivery).unmatched
    assert line.sku == "NEW-1"
    assert f"publisher={room.publisher.pk}&sku={line.key}" in map_url
    SkuAlias.objects.create(publisher=room.publisher, sku="NEW-1", product=room.film)
    response = press(room, delivery, "replay")
    assert "All done" in cast.html(response)
    (told,) = cast.said(response)
    assert told.startswith("The delivery was read again: created, NORTH-1001-S")
    assert Order.objects.get().status == "ready"


def test_a_line_without_a_sku_is_marked_as_not_ours_in_the_queue(room: Desk) -> None:
    delivery = queue.unmatched(None)
    card = card_of(room.client, delivery)
    ((line, map_url),) = card.unmatched
    assert map_url == ""
    assert f'action="{cast.button(delivery, "not_ours")}"' in cast.html(room.client.get(QUEUE))
    response = room.client.post(
        cast.button(delivery, "not_ours"), back(card, line=line.pk), follow=True
    )
    assert "All done" in cast.html(response)
    assert Delivery.objects.get().outcome == "ignored"


def test_many_lines_are_counted_and_not_all_shown(room: Desk) -> None:
    card = card_of(room.client, queue.unmatched(*(f"NEW-{n}" for n in range(11))))
    assert (len(card.unmatched), card.more_unmatched) == (8, 3)


def test_a_delivery_set_aside_is_put_away_and_the_queue_goes_on(room: Desk) -> None:
    first, second = (queue.aged(queue.quarantined(b"[%d]" % n), 9 - n) for n in (1, 2))
    card = card_of(room.client, first)
    values = back(card, note="Made by hand.")
    response = room.client.post(away_url(first), values, follow=True)
    assert shown(response) == [second]
    assert cast.said(response) == ["The delivery is put away; it can still be replayed."]
    first.refresh_from_db()
    assert first.outcome == "ignored"
    assert first.reason.startswith("Put away by ana: Made by hand. It was set aside with: ")
    page = room.client.get(cast.page(first))
    assert "Replay" in cast.html(page)


@pytest.mark.parametrize("note", ["", "  ", "\x00"])
def test_without_a_reason_nothing_is_put_away(room: Desk, note: str) -> None:
    delivery = queue.quarantined()
    before = everything()
    values = back(card_of(room.client, delivery), note=note)
    response = room.client.post(away_url(delivery), values, follow=True)
    assert shown(response) == [delivery]
    assert cast.said(response) == ["Say why the delivery is put away; the reason is kept with it."]
    assert everything() == before
