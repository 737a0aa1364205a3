"""Tokens in the admin: made for an own publisher, shown once, revoked by a button."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from products.models import ApiToken
from tests import admin_cast as cast
from tests import base
from tests.admin_cast import World
from tests.api_cast import Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def form(publisher: Any, **values: Any) -> dict[str, Any]:
    given = {"publisher": publisher.pk, "name": "Webshop", "scopes": ["orders:read"]}
    return {**given, "expires_at_0": "", "expires_at_1": "", **values}


def add(client: Client, publisher: Any, **values: Any) -> Any:
    return client.post(cast.page(ApiToken, "add"), form(publisher, **values))


def test_a_token_is_shown_once_and_works(world: World) -> None:
    answer = add(world.client, world.ours.publisher)
    assert answer.status_code == 200
    token = answer.context["token"]
    row = ApiToken.objects.get(name="Webshop")
    assert (row.publisher, row.scopes, row.created_by) == (
        world.ours.publisher,
        ["orders:read"],
        world.user,
    )
    assert "no-store" in answer.headers["Cache-Control"]
    assert cast.html(answer).count(token) == 2
    assert Program(token).get("orders/").status_code == 200
    secret = token.partition("_")[2]
    kept = [*LogEntry.objects.values(), *ApiToken.objects.values()]
    assert secret not in str(kept)
    assert [one for one in Session.objects.all() if secret in str(one.get_decoded())] == []
    for where in (cast.page(row), cast.page(ApiToken, "changelist"), cast.page(row, "history")):
        shown = world.client.get(where)
        assert shown.status_code == 200
        assert secret not in cast.html(shown)
        assert row.digest not in cast.html(shown)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["orders:everything"]}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}, "expires_at"),
    ],
)
def test_what_is_wrong_is_named_and_no_token_is_made(
    world: World, values: dict[str, Any], field: str
) -> None:
    before = ApiToken.objects.count()
    answer = add(world.client, world.ours.publisher, **values)
    assert list(answer.context["adminform"].form.errors) == [field]
    assert ApiToken.objects.count() == before


def test_no_token_for_another_publisher(world: World) -> None:
    before = ApiToken.objects.count()
    answer = add(world.client, world.theirs.publisher)
    assert list(answer.context["adminform"].form.errors) == ["publisher"]
    assert ApiToken.objects.count() == before


def test_a_revoked_token_opens_nothing_and_stays_in_the_list(world: World) -> None:
    token = add(world.client, world.ours.publisher).context["token"]
    row = ApiToken.objects.get(name="Webshop")
    told = cast.said(cast.press(world.client, row, "revoke"))
    assert told == [f"The token {row.prefix}… is revoked."]
    assert Program(token).get("orders/").status_code == 401
    told = cast.said(cast.press(world.client, row, "revoke"))
    assert told == [f"The token {row.prefix}… was revoked before."]
    assert "revoked" in cast.html(world.client.get(cast.page(ApiToken, "changelist")))
    assert LogEntry.objects.filter(object_id=str(row.pk), change_message="Revoked.").count() == 1


def test_nothing_of_a_token_is_changed_or_deleted(world: World) -> None:
    row = world.ours.token
    before = ApiToken.objects.filter(pk=row.pk).values().get()
    answer = world.client.post(cast.page(row), form(world.ours.publisher, name="New"))
    assert answer.status_code == 403
    assert world.client.post(cast.page(row, "delete"), {"post": "yes"}).status_code == 403
    assert ApiToken.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("may", ["view", ["view_order", "change_order"]])
def test_who_may_not_make_tokens_makes_and_revokes_none(world: World, may: Any) -> None:
    client = cast.signed_in(cast.colleague("vera", world.ours.publisher, may=may))
    before = list(ApiToken.objects.values())
    assert add(client, world.ours.publisher).status_code == 403
    answer = client.post(cast.button(world.ours.token, "revoke"))
    assert answer.status_code == 403
    page = client.get(cast.page(world.ours.token))
    assert "Revoke" not in cast.html(page)
    assert list(ApiToken.objects.values()) == before


def test_the_anonymous_and_wrong_methods_reach_nothing(world: World) -> None:
    before = list(ApiToken.objects.values())
    assert add(Client(), world.ours.publisher).status_code == 302
    assert Client().post(cast.button(world.ours.token, "revoke")).status_code == 302
    assert world.client.get(cast.button(world.ours.token, "revoke")).status_code == 405
    assert list(ApiToken.objects.values()) == before


def test_a_token_that_ended_says_so(world: World) -> None:
    ApiToken.objects.filter(pk=world.ours.token.pk).update(
        expires_at=timezone.now() - timedelta(days=1)
    )
    assert "ended" in cast.html(world.client.get(cast.page(ApiToken, "changelist")))


def test_markup_in_a_name_is_shown_as_text(world: World) -> None:
    answer = add(world.client, world.ours.publisher, name=base.PASSWORD + "<script>x</script>")
    assert "<script>x" not in cast.html(answer)
