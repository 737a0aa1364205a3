"""A fresh desk says what to do first, to each person what that person may do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from orders.models import Gateway
from products.models import Publisher
from tests import admin_cast as cast
from tests import base
from tests import dashboard_cast as day
from tests.dashboard_cast import board

pytestmark = pytest.mark.django_db


def steps(shown: Any) -> list[tuple[bool, str]]:
    return [(step.done, step.link) for step in shown.steps]


def test_a_superuser_is_led_from_nothing_to_the_first_delivery() -> None:
    boss = cast.signed_in(cast.colleague("boss", superuser=True))
    shown = board(boss)
    assert steps(shown) == [
        (False, "/admin/products/publisher/add/"),
        (False, ""),
        (False, "/admin/products/product/add/"),
        (False, "/admin/orders/store/add/"),
        (False, ""),
    ]
    text = cast.html(boss.get("/admin/"))
    assert "What to do first" in text
    assert "board-figure" not in text
    assert '<a href="/admin/products/publisher/add/">Add the publisher with its' in text

    publisher = base.northlight()
    page = cast.page(publisher)
    assert steps(board(boss))[:2] == [(True, "/admin/products/publisher/add/"), (False, page)]
    Publisher.objects.update(login_checked_at=timezone.now())
    film = base.product(publisher)
    base.store(publisher)
    assert [step.done for step in board(boss).steps] == [True, True, True, True, False]
    assert board(boss).steps[-1].link == "/admin/orders/store/"
    Publisher.objects.update(login_refused_at=timezone.now())
    assert [step.done for step in board(boss).steps] == [True, False, True, True, False]
    assert cast.html(boss.get("/admin/")).count('badge-shipped">done</span>') == 3

    base.place(publisher, (film, 1))
    assert steps(board(boss)) == []
    assert "What to do first" not in cast.html(boss.get("/admin/"))


def test_a_delivery_ends_the_steps_too() -> None:
    store = base.store(base.northlight())
    boss = cast.signed_in(cast.colleague("boss", superuser=True))
    assert len(board(boss).steps) == 5
    day.deliveries(store, timezone.now())
    assert board(boss).steps == []


@pytest.mark.parametrize(
    ("role", "links"),
    [
        ("viewer", [False, False, False, False]),
        ("clerk", [False, False, False, False]),
        ("mapper", [False, False, True, False]),
        ("manager", [False, True, True, True]),
    ],
)
def test_only_those_who_may_do_a_step_get_its_link(role: str, links: list[bool]) -> None:
    publisher = base.northlight()
    user = cast.colleague("ana", publisher, may=[])
    user.groups.add(Group.objects.get(name=role))
    client = cast.signed_in(user)
    shown = board(client)
    assert [bool(step.link) for step in shown.steps][:4] == links
    for step in shown.steps:
        if step.link:
            assert client.get(step.link).status_code == 200


def test_somebody_without_any_publisher_is_told_whom_to_ask() -> None:
    theirs = base.southwind()
    day.orders(theirs, 3, "held")
    Gateway.objects.create(pk=Gateway.THE_ONE)
    client = cast.signed_in(cast.colleague("nora", may="view"))
    shown = board(client)
    assert (shown.steps, shown.scope.mine) == ([], [])
    text = cast.html(client.get("/admin/"))
    assert "You serve no publisher yet" in text
    assert "Southwind" not in text
    assert "board-figure" not in text
    assert client.get("/admin/", {"publisher": theirs.pk}).status_code == 404


def test_an_old_order_alone_is_no_fresh_desk() -> None:
    publisher = base.northlight()
    day.orders(publisher, 1, "shipped", made=timedelta(days=400))
    client = cast.signed_in(cast.colleague("ana", publisher))
    shown = board(client)
    assert (shown.steps, shown.notice, shown.chart.total) == ([], "", 0)
    assert "0 orders in 30 days." in cast.html(client.get("/admin/"))
    assert "Nothing waits for a person." in cast.html(client.get("/admin/"))
