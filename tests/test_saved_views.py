"""Views of the order list that a person saves: what is kept, whose they are, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from orders import saved_views
from orders.models import SavedView
from tests import admin_cast as cast
from tests.admin_cast import Room

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/order/"
SAVE = "/admin/orders/order/views/save/"
MINE = "country=CA&q=ana"


@pytest.fixture
def room() -> Room:
    return Room()


def views() -> list[Any]:
    return list(SavedView.objects.order_by("pk").values_list("user__username", "name", "query"))


def saved(room: Room, name: str = "Canada", query: str = MINE) -> list[str]:
    return cast.said(room.client.post(SAVE, {"name": name, "query": query}, follow=True))


def remove(view: SavedView) -> str:
    return f"/admin/orders/order/views/{view.pk}/delete/"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("?q=ana&p=3&all=&e=1", "q=ana"),
        ("status__exact=held&q=a+b", "q=a+b&status__exact=held"),
        ("q=&status__exact=", ""),
        ("_popup=1&_to_field=id&o=-1", "o=-1"),
        ("", ""),
        ("&".join(f"a{n}=1" for n in range(60)), ""),
        ("q=%C3%B1&q=%C3%B1", "q=%C3%B1"),
    ],
)
def test_what_filters_and_sorts_is_kept_in_one_order(query: str, kept: str) -> None:
    assert saved_views.normal(query) == kept


def test_the_present_filter_is_saved_and_shown_as_a_view(room: Room) -> None:
    room.ready()
    page = room.client.get(LIST, {"q": "ana", "status__exact": "ready"})
    assert page.context["may_save_view"]
    assert saved(room, " Ana's  orders ", page.context["present_query"]) == [
        "The view “Ana&#x27;s orders” is saved, for you alone.".replace("&#x27;", "'")
    ]
    assert views() == [("ana", "Ana's orders", "q=ana&status__exact=ready")]
    page = room.client.get(LIST + "?status__exact=ready&q=ana&p=1")
    assert (
        'href="?q=ana&amp;status__exact=ready" title="Own view" aria-current="page"'
        in cast.html(page)
    )
    assert not page.context["may_save_view"]


@pytest.mark.parametrize(
    ("name", "query", "told"),
    [
        ("", MINE, "Give the view a name."),
        (" \x00 ", MINE, "Give the view a name."),
        ("x" * 41, MINE, "A view's name has at most 40 characters. Choose a shorter one."),
        (
            "All",
            "p=2",
            "The list shows all orders. Filter or search first, then save the view.",
        ),
        ("Long", "q=" + "x" * 2000, "This filter cannot be saved. Choose a simpler one."),
        ("Nul", "q=a%00b", "This filter cannot be saved. Choose a simpler one."),
    ],
)
def test_a_view_that_will_not_do_is_refused_and_nothing_changed(
    room: Room, name: str, query: str, told: str
) -> None:
    with pytest.raises(saved_views.NotNow) as refused:
        saved_views.save(room.user, name, query)
    assert str(refused.value) == told
    assert views() == []


def test_the_same_name_twice_is_refused_and_the_first_stays(room: Room) -> None:
    saved(room)
    assert saved(room, query="q=bo") == [
        "You have a view “Canada” already. Delete it first, or choose another name."
    ]
    assert views() == [("ana", "Canada", MINE)]


def test_nobody_saves_without_end(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MAX_VIEWS", 1)
    saved(room)
    assert saved(room, "Second") == ["You have 1 views already. Delete one that you do not need."]
    assert len(views()) == 1


def test_a_name_is_shown_as_text_and_leads_nowhere_else(room: Room) -> None:
    saved(room, "<script>alert(1)</script>"[:40], "q=//evil.example/")
    page = cast.html(room.client.get(LIST))
    assert "<script>alert(1)" not in page
    assert 'href="?q=%2F%2Fevil.example%2F"' in page
    response = room.client.post(SAVE, {"name": "x", "query": "//evil.example/?q=1"})
    assert response.url.startswith(f"{LIST}?")


def test_an_own_view_is_deleted(room: Room) -> None:
    saved(room)
    response = room.client.post(remove(SavedView.objects.get()), follow=True)
    assert cast.said(response) == ["The view “Canada” is deleted. No order was changed."]
    assert views() == []


def test_another_persons_view_is_not_there(room: Room) -> None:
    saved(room)
    other = cast.signed_in(cast.colleague("bo", room.publisher))
    assert "Canada" not in cast.html(other.get(LIST))
    assert other.post(remove(SavedView.objects.get())).status_code == 404
    assert other.post(SAVE, {"name": "Canada", "query": "q=bo"}).status_code == 302
    assert views() == [("ana", "Canada", MINE), ("bo", "Canada", "q=bo")]


def test_views_are_changed_by_post_by_staff_who_may_see_orders(room: Room) -> None:
    saved(room)
    before = views()
    where = (SAVE, remove(SavedView.objects.get()))
    for address in where:
        for method in ("get", "put", "delete"):
            assert getattr(room.client, method)(address).status_code == 405
        assert Client().post(address, {"name": "x", "query": MINE}).url.startswith("/admin/login/")
        nobody = cast.signed_in(cast.User.objects.filter(username="no").first()
                                or cast.colleague("no", room.publisher, may=[]))  # fmt: skip
        assert nobody.post(address, {"name": "x", "query": MINE}).status_code == 403
        forged = cast.signed_in(room.user, enforce_csrf_checks=True)
        assert forged.post(address, {"name": "x", "query": MINE}).status_code == 403
    assert views() == before


def test_a_viewer_saves_views_too(room: Room) -> None:
    viewer = cast.signed_in(cast.colleague("viewer", room.publisher, may="view"))
    viewer.post(SAVE, {"name": "Mine", "query": MINE})
    assert views() == [("viewer", "Mine", MINE)]
