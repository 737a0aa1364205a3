"""Adding and editing orders by hand: through intake and the desk, never by saving a row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django_q.models import OrmQ

from orders import desk, lifecycle, status
from orders.admin.order_form import OrderForm
from orders.models import Order
from tests import admin_cast as cast
from tests import base
from tests.admin_cast import Room, state

pytestmark = pytest.mark.django_db

ADD = "/admin/orders/order/add/"
CLERK = ["add_order", "change_order", "view_order", "view_orderline"]


@pytest.fixture
def room() -> Room:
    return Room()


def add(room: Room, *lines: Any, **changes: Any) -> Any:
    form = cast.new_order(room.publisher, *(lines or [(room.film, 1)]), **changes)
    return room.client.post(ADD, form, follow=True)


def save(room: Room, order: Order, **changes: Any) -> Any:
    return room.client.post(cast.page(order), cast.order_form(order, **changes), follow=True)


def lines(order: Order) -> list[tuple[str, int]]:
    return [(li.product.project_id, li.quantity) for li in order.lines.all()]


def test_an_added_order_is_made_by_intake_and_goes_out(room: Room) -> None:
    response = add(room, (room.film, 2), city="Bath", special_text="For you")
    order = Order.objects.get()
    assert (order.invoice, order.status, order.source, order.mode) == (
        "NORTH-M1",
        "ready",
        "admin",
        "prod",
    )
    assert (order.city, order.special_text, order.mail_method) == ("Bath", "For you", "standard")
    assert lines(order) == [("66750", 2)]
    (event,) = order.events.all()
    assert (event.kind, event.actor_user) == ("order.placed", room.user)
    assert event.data == {"pieces": 2, "source": "admin"}
    assert [task.func() for task in OrmQ.objects.all()] == ["orders.tasks.submit_due"]
    assert "NORTH-M1" in cast.said(response)[0]


def test_added_orders_count_on(room: Room) -> None:
    add(room)
    add(room)
    assert sorted(Order.objects.values_list("invoice", flat=True)) == ["NORTH-M1", "NORTH-M2"]


@pytest.mark.parametrize("parts", [(300,), (200, 100)])
def test_300_pieces_become_two_boxes_and_the_page_says_so(
    room: Room, parts: tuple[int, ...]
) -> None:
    films = [room.film, base.product(room.publisher, "66760")]
    response = add(room, *zip(films, parts, strict=False))
    made = Order.objects.order_by("invoice")
    assert [(order.invoice, order.pieces()) for order in made] == [
        ("NORTH-M1-P1", 250),
        ("NORTH-M1-P2", 50),
    ]
    assert "The rest of it is order NORTH-M1-P2." in cast.said(response)


def test_an_added_order_that_trepstar_would_refuse_is_held_and_says_why(room: Room) -> None:
    response = add(room, address="", zip="")
    order = Order.objects.get()
    assert (order.status, order.hold_reason) == ("held", "address")
    assert (
        "The order is held: The street address is blank. Enter it. "
        "An address in the USA needs a ZIP code. Enter it."
    ) in cast.said(response)
    assert OrmQ.objects.count() == 0


def test_an_added_order_of_a_cautious_publisher_waits_for_its_release(room: Room) -> None:
    type(room.publisher).objects.update(auto_submit=False)
    add(room)
    assert Order.objects.get().hold_reason == "policy"


@pytest.mark.parametrize(
    ("what", "changes", "sentence"),
    [
        ("no line", {"lines-0-product": "", "lines-0-quantity": ""}, "Add at least one product."),
        ("nothing of it", {"lines-0-quantity": "0"}, "greater than or equal to 1"),
        ("less than nothing", {"lines-0-quantity": "-1"}, "greater than or equal to"),
        ("no publisher", {"publisher": ""}, "This field is required."),
        ("HTML", {"special_text": "<b>Hi</b>"}, "TrepStar prints no HTML here."),
        ("a price below 0", {"price": "-1"}, "greater than or equal to 0"),
        ("a long text", {"special_text": "x" * 501}, "at most 500"),
    ],
)
def test_a_wrong_form_is_shown_again_and_nothing_is_made(
    room: Room, what: str, changes: dict[str, Any], sentence: str
) -> None:
    before = state()
    response = add(room, **changes)
    assert response.status_code == 200
    assert sentence in cast.html(response)
    assert state() == before


def test_an_order_takes_products_of_its_own_publisher_only(room: Room) -> None:
    other = base.southwind()
    other.staff.add(room.user)
    before = state()
    response = add(room, (base.product(other, "44100"), 1))
    assert "does not belong to Northlight Films (66870)." in cast.html(response)
    assert state() == before


def test_a_publisher_whom_one_may_not_see_cannot_be_chosen(room: Room) -> None:
    other = base.southwind()
    before = state()
    response = add(room, (base.product(other, "44100"), 1), publisher=other.pk)
    assert "That choice is not one of the available choices." in cast.html(response)
    assert state() == before


# Editing


def test_an_edit_saves_what_changed_and_tells_the_timeline(room: Room) -> None:
    order = room.held()
    save(room, order, city="Bangor", price="12.50")
    order.refresh_from_db()
    assert (order.city, order.price, order.version) == ("Bangor", Decimal("12.50"), 2)
    event = order.events.order_by("id").last()
    assert (event.kind, event.actor_user, event.data) == (
        "order.edited",
        room.user,
        {"fields": ["city", "price"]},
    )
    assert order.edited_fields == ["city"]
    assert order.status == "held"


def test_an_edit_that_changes_nothing_leaves_no_trace(room: Room) -> None:
    order = room.held()
    before = state()
    save(room, order)
    assert state() == before


def test_lines_are_replaced_as_a_whole(room: Room) -> None:
    order, other = room.held(), base.product(room.publisher, "66760")
    more = {
        "lines-TOTAL_FORMS": 2,
        "lines-0-quantity": 3,
        "lines-1-product": other.pk,
        "lines-1-quantity": 2,
    }
    save(room, order, **more)
    assert lines(order) == [("66750", 3), ("66760", 2)]
    save(room, Order.objects.get(), **{"lines-0-DELETE": "on"})
    assert lines(order) == [("66760", 2)]


def test_the_last_line_cannot_be_removed(room: Room) -> None:
    order = room.held()
    before = state()
    response = save(room, order, **{"lines-0-DELETE": "on"})
    assert "Add at least one product." in cast.html(response)
    assert state() == before


def test_lines_stay_after_an_unclear_attempt(room: Room) -> None:
    order = room.held()
    Order.objects.update(unclear_rounds=1)
    before = state()
    response = save(room, order, **{"lines-0-quantity": 2})
    (sentence,) = cast.said(response)
    assert sentence.startswith("Order NORTH-M1 was sent once with an unknown outcome")
    assert state() == before


def test_an_order_that_is_under_way_has_no_form(room: Room) -> None:
    for here in set(status.MEANING) - status.EDITABLE:
        order = cast.put(room.ready(), here)
        before = state()
        form = cast.order_form(order, city="Bangor")
        assert room.client.post(cast.page(order), form).status_code == 403, here
        assert state() == before


def test_fields_that_are_no_fields_of_the_form_change_nothing(room: Room) -> None:
    order, other = room.held(), base.southwind()
    before = state()
    smuggled = {"status": "ready", "invoice": "X", "publisher": other.pk, "flag": "x", "mode": "t"}
    save(room, order, **smuggled)
    assert state() == before


# Two at once


def test_a_stale_form_shows_what_it_is_now_and_saves_nothing(room: Room) -> None:
    order = room.held()
    theirs = {"city": "Augusta"}
    desk.edit(order.pk, theirs, actor=lifecycle.WORKER, version=order.version)
    before = state()
    response = save(room, order, address="1 New Road")
    page = cast.html(response)
    assert "The order was changed while you looked at it" in page
    assert "City is now “Augusta”" in page
    assert 'value="1 New Road"' in page
    assert "Nothing was saved." in page
    assert state() == before


@pytest.mark.parametrize("version", ["", "x", "99"])
def test_a_form_without_the_present_version_saves_nothing(room: Room, version: str) -> None:
    order = room.held()
    before = state()
    response = save(room, order, city="Bangor", version=version)
    assert response.context["errors"]
    assert state() == before


def test_a_change_between_the_check_and_the_save_wins(room: Room) -> None:
    """The form found the version right; then a worker wrote before the row was locked."""
    order, real = room.held(), desk.edit

    def raced(*args: Any, **kwargs: Any) -> Any:
        now = Order.objects.get(pk=order.pk)
        real(now.pk, {"zip": "04330"}, actor=lifecycle.WORKER, version=now.version)
        return real(*args, **kwargs)

    with patch.object(desk, "edit", raced):
        response = save(room, order, city="Bangor")
    assert cast.said(response) == [str(lifecycle.Changed("NORTH-M1"))]
    order.refresh_from_db()
    # The desk's transaction took the worker's write of this test with it; none of ours is left.
    assert order.city == "Portland"


def test_a_release_while_the_form_was_open_is_not_undone(room: Room) -> None:
    order = room.held()
    form = cast.order_form(order, city="Bangor")
    desk.release(order.pk, actor=lifecycle.WORKER)
    before = state()
    assert room.client.post(cast.page(order), form).status_code == 403
    assert state() == before


def test_no_page_of_the_admin_saves_an_order_as_a_whole(room: Room) -> None:
    order = room.held()
    with patch.object(Order, "save", side_effect=AssertionError("a whole row")):
        save(room, order, city="Bangor")
    order.refresh_from_db()
    assert order.city == "Bangor"
    with patch.object(OrderForm, "save_m2m", create=True, side_effect=AssertionError):
        save(room, order, city="Bath")


# Roles


def test_somebody_who_may_not_change_lines_may_mend_the_address(room: Room) -> None:
    order = room.held()
    room.client = cast.signed_in(cast.colleague("clerk", room.publisher, may=CLERK))
    assert save(room, order, city="Bangor", **{"lines-0-quantity": 9}).status_code == 200
    order.refresh_from_db()
    assert (order.city, lines(order)) == ("Bangor", [("66750", 1)])


def test_somebody_who_may_not_add_lines_adds_no_order(room: Room) -> None:
    room.client = cast.signed_in(cast.colleague("clerk", room.publisher, may=CLERK))
    before = state()
    assert add(room).status_code in (200, 403)
    assert state() == before


def test_the_history_page_opens(room: Room) -> None:
    order = room.held()
    save(room, order, city="Bangor")
    assert LogEntry.objects.count() == 1
    assert room.client.get(cast.page(order, "history")).status_code == 200
