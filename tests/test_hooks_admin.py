"""Webhooks of clients in the admin: made by managers, their secret shown once."""

from __future__ import annotations

from typing import Any

import pytest

from orders.models import HookSubscription
from products.models import Publisher
from tests import admin_cast as cast
from tests import base

pytestmark = pytest.mark.django_db

URL = "https://93.184.216.34/hook"


def form(publisher: Publisher, **changes: Any) -> dict[str, Any]:
    return {"publisher": publisher.pk, "url": URL, "events": ["order.shipped"], **changes}


def add(publisher: Publisher, role: str = "manager", **changes: Any) -> Any:
    client = cast.signed_in(cast.colleague(f"a {role}", publisher, role=role))
    return client.post(cast.page(HookSubscription, "add"), form(publisher, **changes))


def test_the_secret_is_shown_once(north: Publisher) -> None:
    answer = add(north)
    row = HookSubscription.objects.get()
    secret = row.secret.reveal()
    assert (row.url, row.events, row.active) == (URL, ["order.shipped"], True)
    assert secret in cast.html(answer)
    assert "no-store" in answer["Cache-Control"]
    again = answer.client.get(cast.page(row))
    assert again.status_code == 200
    assert secret not in cast.html(again)
    assert secret not in cast.html(answer.client.get(cast.page(HookSubscription, "changelist")))


@pytest.mark.parametrize(
    "url", ["http://shop.example/hook", "https://127.0.0.1/hook", "https://10.0.0.7/x", "nonsense"]
)
def test_an_address_that_nothing_is_posted_to_is_refused(north: Publisher, url: str) -> None:
    answer = add(north, url=url)
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["url"]
    assert not HookSubscription.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "clerk", "releaser", "mapper"])
def test_the_other_roles_make_none(north: Publisher, role: str) -> None:
    assert add(north, role).status_code == 403
    assert not HookSubscription.objects.exists()


def test_it_is_switched_off_and_on_and_deleted(north: Publisher) -> None:
    client = add(north).client
    row = HookSubscription.objects.get()
    for name, active in (("switch_off", False), ("switch_on", True)):
        assert len(cast.said(cast.press(client, row, name))) == 1
        row.refresh_from_db()
        assert row.active is active
    assert client.post(cast.button(row, "end")).status_code == 302
    row.refresh_from_db()
    assert row.ended_at is not None
    assert client.get(cast.page(row)).status_code in (302, 404)


def test_none_is_made_for_another_publisher(north: Publisher) -> None:
    client = cast.signed_in(cast.colleague("bo", north, role="manager"))
    south = base.southwind()
    answer = client.post(cast.page(HookSubscription, "add"), form(south))
    assert answer.status_code == 200
    assert not HookSubscription.objects.exists()
