"""Tokens: known by their hash alone, bounded by publisher, scope and time, and counted."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.api import rates
from orders.models import Order, RequestCount
from products import tokens
from products.models import ApiToken
from tests import admin_cast, api_cast, base
from tests.api_cast import Program, Shop, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_token_has_256_random_bits_and_only_its_hash_is_kept(shop: Shop) -> None:
    shown = api_cast.token(shop.publisher, "orders:read")
    assert re.fullmatch(r"desk[0-9a-f]{8}_[A-Za-z0-9_-]{43}", shown)
    row = api_cast.row_of(shown)
    secret = shown.partition("_")[2]
    assert secret not in str(ApiToken.objects.filter(pk=row.pk).values().get())
    assert row.digest == tokens.digest(shown)
    assert row.scopes == ["orders:read"]


def test_a_token_reads_what_its_publisher_has(shop: Shop) -> None:
    order = shop.placed()
    assert api_cast.invoices(shop.program.get("orders/")) == [order.invoice]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer desk00000000_" + "A" * 43,
        "Bearer desk\xff",
        "Basic ZGVzazpkZXNr",
        "Token abc",
    ],
)
def test_strangers_are_401_and_told_how_to_come_in(shop: Shop, header: str) -> None:
    shop.placed()
    headers = {"Authorization": header} if header else {}
    answer = Client().get("/api/v1/orders/", headers=headers)
    assert problem(answer) == (401, "unauthorized", [])
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_the_secret_part_is_compared_whole(shop: Shop) -> None:
    shown = api_cast.token(shop.publisher)
    last = "A" if shown[-1] != "A" else "B"
    assert problem(Program(shown[:-1] + last).get("orders/"))[0] == 401
    assert Program(shown).get("orders/").status_code == 200


def test_a_revoked_token_and_one_that_ended_are_401(shop: Shop) -> None:
    later, past = (timezone.now() + timedelta(days=n) for n in (1, -1))
    assert api_cast.program(shop.publisher, expires_at=later).get("orders/").status_code == 200
    assert problem(api_cast.program(shop.publisher, expires_at=past).get("orders/"))[0] == 401
    row = api_cast.row_of(shop.program.token)
    assert tokens.revoke(row)
    assert not tokens.revoke(row)
    assert problem(shop.program.get("orders/"))[0] == 401


@pytest.mark.parametrize("scope", ["orders:read", "orders:write", "catalogue:read"])
def test_a_scope_does_not_reach_beyond_itself(shop: Shop, scope: str) -> None:
    program = api_cast.program(shop.publisher, scope)
    reads, writes = program.get("orders/"), program.post("orders/", api_cast.form())
    assert reads.status_code == (200 if scope == "orders:read" else 403)
    assert writes.status_code == (201 if scope == "orders:write" else 403)
    assert Order.objects.count() == int(scope == "orders:write")
    if scope == "catalogue:read":
        assert reads.json()["detail"] == "This token lacks the scope orders:read."


def test_anothers_order_is_404_for_every_token(shop: Shop) -> None:
    south = base.southwind()
    order = base.place(south, (base.product(south, "44100"), 1))
    assert problem(shop.program.get(f"orders/{order.invoice}/"))[0] == 404
    assert api_cast.invoices(shop.program.get("orders/")) == []


def test_the_last_use_is_written_at_most_once_a_minute(shop: Shop) -> None:
    shop.program.get("orders/")
    first = api_cast.row_of(shop.program.token).last_used_at
    assert first is not None
    shop.program.get("orders/")
    assert api_cast.row_of(shop.program.token).last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    shop.program.get("orders/")
    assert api_cast.row_of(shop.program.token).last_used_at > first


class TestStaff:
    def client(self, shop: Shop, *may: str) -> Client:
        user = admin_cast.colleague("ana", shop.publisher, may=may or "all")
        return admin_cast.signed_in(user, enforce_csrf_checks=True)

    def test_a_session_reads(self, shop: Shop) -> None:
        order = shop.placed()
        answer = self.client(shop).get("/api/v1/orders/")
        assert api_cast.invoices(answer) == [order.invoice]

    def test_a_change_takes_the_csrf_token(self, shop: Shop) -> None:
        order, client = shop.placed(), self.client(shop)
        where = f"/api/v1/orders/{order.invoice}/hold/"
        answer = client.post(where, {}, content_type="application/json")
        assert problem(answer)[:2] == (403, "forbidden")
        assert Order.objects.get().status == "ready"
        client.get("/admin/password_change/")
        token = client.cookies["csrf"].value
        sent = {"X-CSRFToken": token}
        answer = client.post(where, {}, content_type="application/json", headers=sent)
        assert answer.status_code == 200
        assert Order.objects.get().status == "held"
        assert Order.objects.get().events.last().actor_user.username == "ana"

    def test_the_permissions_are_the_users(self, shop: Shop) -> None:
        order = shop.placed()
        user = admin_cast.colleague("vera", shop.publisher, may=["view_order"])
        client = admin_cast.signed_in(user)
        assert client.get("/api/v1/orders/").status_code == 200
        assert client.get("/api/v1/products/").status_code == 403
        where = f"/api/v1/orders/{order.invoice}/"
        assert client.get(f"{where}timeline/").status_code == 403
        for action in ("hold", "release", "cancel", "refresh", "reship", "note"):
            answer = client.post(f"{where}{action}/", {}, content_type="application/json")
            assert problem(answer)[:2] == (403, "forbidden")
        assert Order.objects.get().version == 1

    def test_who_is_no_staff_is_nobody(self, shop: Shop) -> None:
        user = admin_cast.colleague("ana", shop.publisher)
        type(user).objects.update(is_staff=False)
        assert problem(admin_cast.signed_in(user).get("/api/v1/orders/"))[0] == 401

    def test_where_a_one_time_password_is_asked_for_a_session_without_is_nobody(
        self, shop: Shop, settings
    ) -> None:
        settings.REQUIRE_TOTP = True
        assert problem(self.client(shop).get("/api/v1/orders/"))[0] == 401


class TestRate:
    def test_the_headers_say_what_is_left(self, shop: Shop, settings) -> None:
        settings.API_RATE = 3
        answers = [shop.program.get("orders/") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["RateLimit-Policy"] == '"minute";q=3;w=60'
        assert answers[0].headers["RateLimit"].startswith('"minute";r=2;t=')
        assert problem(answers[3])[:2] == (429, "too-many-requests")
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 60
        assert answers[3].headers["RateLimit"].startswith('"minute";r=0;t=')

    def test_tokens_are_counted_apart(self, shop: Shop, settings) -> None:
        settings.API_RATE = 1
        other = api_cast.program(shop.publisher)
        assert [shop.program.get("orders/").status_code, other.get("orders/").status_code] == [
            200,
            200,
        ]
        assert shop.program.get("orders/").status_code == 429

    def test_a_new_minute_begins_anew_and_an_older_clock_gives_nothing_back(
        self, shop: Shop, monkeypatch
    ) -> None:
        at = [60_000.0]
        monkeypatch.setattr(rates.time, "time", lambda: at[0])
        assert [rates.count("x").used, rates.count("x").used] == [1, 2]
        at[0] += 60
        assert rates.count("x").used == 1
        at[0] -= 60
        assert rates.count("x").used == 2
        assert RequestCount.objects.get(owner="x").minute == 1001

    def test_a_request_is_counted_in_one_statement(self, shop: Shop) -> None:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            rates.count("x")
        assert len(asked) == 1
