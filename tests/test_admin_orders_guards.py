"""Stale pages, double clicks, permissions and the list of orders in the admin."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders import desk, lifecycle, status
from orders.models import Order
from tests import admin_cast as cast
from tests import base
from tests.admin_cast import Room, state

pytestmark = pytest.mark.django_db

CHANGED = (
    "Order NORTH-M1 was changed meanwhile, so nothing was saved. "
    "Look at its present state and try again."
)


@pytest.fixture
def room() -> Room:
    return Room()


# Staleness and doubles


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("hold", status.READY),
        ("release", status.HELD),
        ("cancel", status.READY),
        ("reship", status.SHIPPED),
        ("seen", status.PROCESSING),
    ],
)
def test_a_button_of_a_stale_page_is_refused_and_nothing_changed(
    room: Room, name: str, here: str
) -> None:
    order = room.held() if here == status.HELD else cast.put(room.ready(), here)
    Order.objects.filter(pk=order.pk).update(flag="Look.")
    lifecycle.record(
        Order.objects.get(pk=order.pk), "order.flagged", actor=lifecycle.WORKER,
        data={"note": "A second thing."}, fields={"flag": "A second thing."},
    )  # fmt: skip
    before = state()
    assert room.press(order, name, reason="Lost.") == [CHANGED]
    assert state() == before


@pytest.mark.parametrize("version", ["x", "-1", "1.5", "²"])
def test_a_button_with_a_spoilt_version_is_refused(room: Room, version: str) -> None:
    order = room.ready()
    before = state()
    assert room.press(order, "cancel", version=version) == [CHANGED]
    assert state() == before


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("hold", "Order NORTH-M1 is held.", CHANGED),
        ("cancel", "Order NORTH-M1 is cancelled.", CHANGED),
    ],
)
def test_the_second_press_of_the_same_page_changes_nothing(
    room: Room, name: str, first: str, second: str
) -> None:
    order = room.ready()
    assert room.press(order, name) == [first]
    before = state()
    assert room.press(order, name) == [second]
    assert state() == before


def test_a_double_click_on_make_it_again_makes_one_box(room: Room) -> None:
    order = room.shipped()
    room.press(order, "reship", reason="Lost.")
    before = state()
    assert room.press(order, "reship", reason="Lost.") == [CHANGED]
    assert state() == before
    assert Order.objects.count() == 2


# Permissions


def test_a_reader_has_no_button_no_action_and_no_form(room: Room) -> None:
    order = room.held()
    reader = cast.signed_in(cast.colleague("reader", room.publisher, may="view"))
    page = cast.html(reader.get(cast.page(order)))
    assert "/do/" not in page
    assert 'name="_save"' not in page
    listing = reader.get(cast.page(Order, "changelist"))
    assert 'name="action"' not in cast.html(listing)
    before = state()
    for name in ("hold", "release", "cancel", "ask", "reship", "seen"):
        assert reader.post(cast.button(order, name), {"reason": "x"}).status_code == 403
    for name in ("hold_selected", "release_selected", "cancel_selected"):
        reader.post(
            cast.page(Order, "changelist"), {"action": name, "_selected_action": [order.pk]}
        )
    assert reader.post(cast.page(order), cast.order_form(order, city="Bath")).status_code == 403
    assert reader.get(cast.page(Order, "add")).status_code == 403
    assert state() == before


def test_the_page_offers_the_buttons_of_its_status(room: Room) -> None:
    wanted = {
        status.HELD: {"release", "hold", "cancel"},
        status.REFUSED: {"release", "hold", "cancel"},
        status.READY: {"hold", "cancel"},
        status.SUBMITTING: {"hold", "cancel"},
        status.UNCLEAR: {"hold", "cancel", "ask"},
        status.ACCEPTED: {"ask"},
        status.AWAITING_PAYMENT: {"ask"},
        status.PROCESSING: {"ask"},
        status.SHIPPED: {"ask", "reship"},
        status.PROBLEM: {"ask", "reship"},
        status.TESTED: set(),
        status.CANCELLED: set(),
    }
    assert set(wanted) == set(status.MEANING)
    for here, names in wanted.items():
        order = room.held() if here == status.HELD else cast.put(room.ready(), here)
        page = room.client.get(cast.page(order))
        assert {button.name for button in page.context["buttons"]} == names, here
        assert ('name="_save"' in cast.html(page)) == (here in status.EDITABLE), here


# The list


def test_searching_a_sku_still_counts_all_pieces(room: Room) -> None:
    units = [base.intake.Units(room.film, n, sku="VTD-1") for n in (2, 3)]
    order = room.held()
    desk.edit(order.pk, {}, actor=lifecycle.WORKER, version=order.version, units=units)
    response = room.client.get(cast.page(Order, "changelist"), {"q": "vtd-1"})
    assert [one.pieces_sum for one in response.context["cl"].result_list] == [5]


def test_the_list_runs_as_many_statements_for_60_orders_as_for_10(room: Room) -> None:
    counts = []
    for more in (10, 50):
        for _ in range(more):
            room.ready()
        room.client.get(cast.page(Order, "changelist"))  # what is remembered for a while
        with CaptureQueriesContext(connection) as seen:
            response = room.client.get(cast.page(Order, "changelist"))
        assert response.context["cl"].result_count == sum((10, 50)[: len(counts) + 1])
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert counts[0] <= 13
