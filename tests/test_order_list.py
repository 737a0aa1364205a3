"""The order list: its views, its ranges of days, and how much of the database it asks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.views.main import ChangeList
from django.test import override_settings
from django.utils import timezone

from orders import status
from orders.admin import paging
from orders.models import Order, OrderEvent
from tests import admin_cast as cast
from tests import base
from tests.admin_cast import Room

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/order/"


@pytest.fixture
def room() -> Room:
    return Room()


def listed(room: Room, **query: Any) -> list[str]:
    page = room.client.get(LIST, query)
    assert page.status_code == 200, query
    return sorted(order.invoice for order in page.context["cl"].result_list)


def set_to(order: Order, **fields: Any) -> str:
    Order.objects.filter(pk=order.pk).update(**fields)
    return order.invoice


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


# Views


def test_the_views_show_what_they_say(room: Room) -> None:
    paying = cast.put(room.ready(), status.AWAITING_PAYMENT).invoice
    held = room.held().invoice
    refused = cast.put(room.ready(), status.REFUSED).invoice
    flagged = set_to(room.shipped(), flag="Look.", shipped_at=ago(days=30))
    abroad = set_to(room.ready(), country="CA")
    unknown = set_to(room.ready(), country="")
    fresh = set_to(room.shipped(), shipped_at=timezone.now())
    assert listed(room, view="payment") == [paying]
    assert listed(room, view="attention") == sorted([held, refused, flagged])
    assert listed(room, view="international") == [abroad]
    assert listed(room, view="week") == [fresh]
    assert listed(room, view="silent") == []
    assert len(listed(room)) == len(listed(room, view="nonsense")) == 7
    assert unknown in listed(room)


def test_silent_are_those_at_trepstar_without_news_for_three_days(room: Room) -> None:
    quiet = cast.put(room.ready(), status.PROCESSING)
    heard = cast.put(room.ready(), status.ACCEPTED)
    gone = room.shipped()
    waiting = room.held()
    OrderEvent.objects.update(created_at=ago(days=3, minutes=1))
    heard.events.order_by("-pk").first().__class__.objects.filter(order=heard).update(
        created_at=ago(days=2, hours=23)
    )
    # Being asked is no news.
    set_to(quiet, asked_at=timezone.now(), updated_at=timezone.now())
    assert listed(room, view="silent") == [quiet.invoice]
    assert {gone.invoice, waiting.invoice} <= set(listed(room))


def test_the_views_stand_above_the_list_and_the_present_one_is_marked(room: Room) -> None:
    page = room.client.get(LIST, {"view": "silent"})
    labels = [(view["label"], view["current"]) for view in page.context["views"]]
    assert labels == [
        ("All orders", False),
        ("Needs attention", False),
        ("Awaiting payment", False),
        ("Silent for 3 days", True),
        ("International", False),
        ("Shipped this week", False),
    ]
    assert cast.html(page).count('aria-current="page"') >= 1
    assert "No order fits." in cast.html(page)
    assert "No order yet." in cast.html(room.client.get(LIST))


# Ranges of days


@override_settings(TIME_ZONE="America/New_York")
def test_days_are_those_of_the_desk_and_both_ends_are_included(room: Room) -> None:
    moments = {
        "before": datetime(2026, 11, 20, 4, 59, 59, tzinfo=UTC),
        "first": datetime(2026, 11, 20, 5, 0, tzinfo=UTC),
        "last": datetime(2026, 11, 22, 4, 59, 59, tzinfo=UTC),
        "after": datetime(2026, 11, 22, 5, 0, tzinfo=UTC),
    }
    made = {name: room.ready() for name in moments}
    for name, moment in moments.items():
        set_to(made[name], created_at=moment, shipped_at=moment)

    def names(**query: str) -> set[str]:
        found = listed(room, **query)
        return {name for name, order in made.items() if order.invoice in found}

    for field in ("created_at", "shipped_at"):
        first, last = f"{field}_from", f"{field}_to"
        assert names(**{first: "2026-11-20", last: "2026-11-21"}) == {"first", "last"}
        assert names(**{first: "2026-11-20"}) == {"first", "last", "after"}
        assert names(**{last: "2026-11-21"}) == {"before", "first", "last"}
        assert names(**{first: "2026-11-22", last: "2026-11-20"}) == set()
        assert names(**{first: "", last: ""}) == set(moments)


@pytest.mark.parametrize(
    "value", ["tomorrow", "2026-13-01", "0001-01-01", "9999-12-31", "1999-12-31", "a\x00", "²"]
)
def test_a_day_that_cannot_be_read_is_told_and_shows_no_order(room: Room, value: str) -> None:
    room.ready()
    for name in ("created_at_from", "created_at_to"):
        page = room.client.get(LIST, {name: value})
        assert page.context["cl"].result_count == 0
        assert cast.said(page)[0].startswith("The day of arrival cannot be read.")
    before = cast.state()
    chosen = {"action": "hold_selected", "_selected_action": "1", "select_across": "1"}
    room.client.post(f"{LIST}?created_at_to=9999-12-31", chosen)
    assert cast.state() == before


def test_a_range_keeps_the_other_filters_and_they_keep_it(room: Room) -> None:
    page = cast.html(
        room.client.get(LIST, {"q": "ana", "mode__exact": "prod", "created_at_from": "2026-11-01"})
    )
    for name, value in {"q": "ana", "mode__exact": "prod"}.items():
        assert f'<input type="hidden" name="{name}" value="{value}">' in page
    assert '<input type="date" name="created_at_from" value="2026-11-01"' in page
    assert "created_at_from=2026-11-01&amp;mode__exact=test&amp;q=ana" in page
    assert 'href="?mode__exact=prod&amp;q=ana">Any day</a>' in page


# Publishers


def test_the_publishers_to_filter_by_are_the_users_own(room: Room) -> None:
    theirs = cast.theirs()
    page = room.client.get(LIST)
    assert "Southwind" not in cast.html(page)
    assert listed(room, publisher__id__exact=theirs.publisher.pk) == []
    both = cast.signed_in(cast.colleague("both", room.publisher, theirs.publisher))
    assert "Southwind" in cast.html(both.get(LIST))


# Links


DELIVERIES = "/admin/orders/delivery/"


@pytest.mark.parametrize(
    "where",
    [
        *(LIST, f"{LIST}?q=f%C3%AFlm", f"{LIST}?q=%23EN+1%26", f"{LIST}?p=1&o=7"),
        *(f"{LIST}?status__exact=held&q=f%C3%AFlm", f"{LIST}?_popup=1", f"{LIST}?e=1"),
        *(DELIVERIES, f"{DELIVERIES}?q=%23EN+1%26", f"{DELIVERIES}?outcome__exact=created"),
    ],
)
def test_rows_are_linked_with_the_filter_to_come_back_to_as_django_links_them(
    room: Room, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    room.held(reference="fïlm")
    base.store(room.publisher)
    base.product(room.publisher, "66751", skus=["VTD234-100"])
    base.deliver(base.order_body(base.line("VTD234-100"), name="#EN 1&"))

    def links() -> list[str]:
        return re.findall(r'href="([^"]*/change/[^"]*)"', cast.html(room.client.get(where)))

    ours = links()
    for name in ("__init__", "url_for_result"):
        monkeypatch.setattr(paging.FilterInLinks, name, getattr(ChangeList, name))
    assert ours == links() != []


def test_a_row_is_linked_with_the_filter_that_it_was_found_by(room: Room) -> None:
    order = room.held(reference="film")
    link = f"{LIST}{order.pk}/change/?_changelist_filters=q%3Dfilm"
    assert f'href="{link}"' in cast.html(room.client.get(LIST, {"q": "film"}))
    assert f'href="{LIST}{order.pk}/change/"' in cast.html(room.client.get(LIST))


# How much it asks


@pytest.mark.parametrize(
    "query",
    [{}, {"view": "silent"}, {"view": "attention"}, {"q": "film"}, {"status__exact": "held"}],
)
def test_the_list_is_as_many_statements_for_200_orders_as_for_3(
    room: Room, query: dict[str, str]
) -> None:
    counted = []
    for more in (3, 197):
        for _ in range(more):
            room.held(reference="film")
        room.client.get(LIST, query)
        with cast.statements() as seen:
            room.client.get(LIST, query)
        counted.append(len(seen))
    assert counted[0] == counted[1]
    assert counted[0] <= 14


def test_no_list_is_counted_to_its_end(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_LISTED", 3)
    for _ in range(5):
        base.place(room.publisher, (room.film, 1))
    page = room.client.get(LIST)
    assert page.context["cl"].result_count == 4
    assert "More than 3 orders fit, and the list ends there." in cast.html(page)
    with cast.statements() as seen:
        room.client.get(LIST)
    counts = [one["sql"] for one in seen if "COUNT(" in one["sql"] and "orders_order" in one["sql"]]
    assert counts
    assert all("LIMIT 4" in sql for sql in counts)
    assert "SELECT DISTINCT" not in " ".join(one["sql"] for one in seen)
