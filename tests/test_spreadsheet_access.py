"""Who may see and import a file: roles, publishers, strangers, methods and tokens."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from orders.models import ImportFile
from tests import admin_cast as cast
from tests import base
from tests.spreadsheet_cast import (
    START,
    Desk,
    checked,
    confirm,
    errors,
    form_csv,
    state,
    upload,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Desk:
    return Desk()


VIEWS = ["", "check/", "confirm/", "discard/", "bad-rows.csv"]


def tries(client: Client, where: str) -> dict[str, int]:
    """Return the status of every way to get at a file."""
    found = {"get": client.get(where).status_code}
    found["rows"] = client.get(f"{where}bad-rows.csv").status_code
    for name in ("check/", "confirm/", "discard/"):
        found[name] = client.post(f"{where}{name}", {"version": "1"}).status_code
    return found


def test_a_file_of_another_publisher_is_not_there(north: Desk) -> None:
    where = checked(north, form_csv({}))
    south = base.southwind()
    stranger = cast.signed_in(cast.colleague("bo", south))
    before = (state(), list(ImportFile.objects.values()))
    assert set(tries(stranger, where).values()) == {404}
    text = cast.html(stranger.get(START))
    assert "orders.csv" not in text
    assert "Northlight" not in text
    response = upload(stranger, north.publisher, form_csv({}))
    assert errors(response)[0].startswith("Select a valid choice.")
    assert (state(), list(ImportFile.objects.values())) == before


def test_those_who_may_not_import_get_no_link_and_403(north: Desk) -> None:
    where = checked(north, form_csv({}))
    before = (state(), list(ImportFile.objects.values()))
    for role in ("viewer", "releaser", "mapper"):
        user = cast.colleague(role, north.publisher, may=[])
        user.groups.add(Group.objects.get(name=role))
        client = cast.signed_in(user)
        assert set(tries(client, where).values()) == {403}
        assert client.get(START).status_code == 403
        assert upload(client, north.publisher, form_csv({"City": "x"})).status_code == 403
        assert START not in cast.html(client.get("/admin/orders/order/"))
    for role in ("clerk", "manager"):
        user = cast.colleague(role, north.publisher, may=[])
        user.groups.add(Group.objects.get(name=role))
        client = cast.signed_in(user)
        assert client.get(where).status_code == 200
        assert START in cast.html(client.get("/admin/orders/order/"))
    assert (state(), list(ImportFile.objects.values())) == before


def test_strangers_are_sent_to_the_sign_in(north: Desk) -> None:
    where = checked(north, form_csv({}))
    for name in VIEWS:
        for method in ("get", "post"):
            response = getattr(Client(), method)(f"{where}{name}")
            assert (response.status_code, response.url) == (
                302,
                f"/admin/login/?next={where}{name}",
            )
    assert Client().post(START).url == f"/admin/login/?next={START}"
    assert ImportFile.objects.count() == 1


def test_what_changes_something_is_a_post_with_its_token(north: Desk) -> None:
    where = checked(north, form_csv({}))
    strict = cast.signed_in(north.user, enforce_csrf_checks=True)
    before = (state(), list(ImportFile.objects.values()))
    for name in ("check/", "confirm/", "discard/"):
        for method in ("get", "head", "put", "delete", "options"):
            assert getattr(north.client, method)(f"{where}{name}").status_code == 405
        assert strict.post(f"{where}{name}", {"version": "1"}).status_code == 403
    for name in ("", "bad-rows.csv"):
        assert north.client.post(f"{where}{name}").status_code == 405
    for method in ("put", "delete", "patch"):
        assert getattr(north.client, method)(START).status_code == 405
    assert upload(strict, north.publisher, b"x").status_code == 403
    assert (state(), list(ImportFile.objects.values())) == before


def test_one_without_a_publisher_is_told_so() -> None:
    client = cast.signed_in(cast.colleague("new"))
    assert "You serve no publisher yet" in cast.html(client.get(START))


def test_the_list_of_files_asks_a_fixed_number_of_times(
    north: Desk, django_assert_max_num_queries: Any
) -> None:
    for city in ("Bath", "York", "Ely"):
        where = checked(north, form_csv({"City": city}))
        confirm(north.client, where)
    with django_assert_max_num_queries(14):
        north.client.get(START)
    for n in range(10):
        upload(north.client, north.publisher, form_csv({"City": f"Town {n}"}))
    with django_assert_max_num_queries(14):
        north.client.get(START)
