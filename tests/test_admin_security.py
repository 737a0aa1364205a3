"""The admin's doors: CSRF, methods, headers, secrets, error pages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, quote_plus

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import URLResolver, get_resolver
from django.utils.html import escape

from orders.admin import OrderAdmin
from orders.models import AlertSubscription, Delivery, Gateway, Order
from products.models import Publisher
from tests import admin_cast as cast
from tests import base

pytestmark = pytest.mark.django_db


class World:
    def __init__(self) -> None:
        self.ours = cast.ours()
        cast.installation()
        self.boss = cast.colleague("boss", superuser=True)
        self.client = cast.signed_in(self.boss)

    def row(self, model: Any) -> Any:
        return model.objects.get() if model is Gateway else self.ours.of(model)

    def pages(self) -> list[str]:
        """Every page of the admin that can be looked at."""
        found = ["/admin/", "/admin/password_change/", "/admin/login/", "/admin/orders/"]
        for model, page in cast.registered():
            found.append(cast.page(model, "changelist"))
            if page.has_add_permission(_request(self.boss)):
                found.append(cast.page(model, "add"))
            for row in model.objects.all():
                found += [cast.page(row), cast.page(row, "history")]
        return found


def _request(user: User) -> HttpRequest:
    request = HttpRequest()
    request.user = user
    return request


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def quiet() -> Iterator[None]:
    """Errors that a test forces are not written to the console."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def rows() -> list[Any]:
    return [list(m.objects.order_by("pk").values()) for m in (Order, Delivery, Gateway)]


# Buttons


def test_a_button_answers_to_post_alone(world: World) -> None:
    before = rows()
    for model, name in cast.buttons():
        where = cast.button(world.row(model), name)
        for method in ("get", "head", "put", "delete", "options"):
            response = getattr(world.client, method)(where)
            assert response.status_code == 405, (where, method)
            assert response["Allow"] == "POST"
    assert rows() == before


def test_a_stranger_who_presses_a_button_is_sent_to_the_sign_in(world: World) -> None:
    before = rows()
    customer = User.objects.create_user("customer", password=cast.PASSWORD)
    for client in (Client(), cast.signed_in(customer)):
        for model, name in cast.buttons():
            where = cast.button(world.row(model), name)
            response = client.post(where)
            assert (response.status_code, response.url) == (302, f"/admin/login/?next={where}")
    assert rows() == before


def test_a_reader_who_presses_a_button_is_refused(world: World) -> None:
    reader = cast.signed_in(cast.colleague("reader", world.ours.publisher, may="view"))
    before = rows()
    for model, name in cast.buttons():
        where = cast.button(world.row(model), name)
        # A colleague's alerts are not even there for a reader.
        refused = 404 if model is AlertSubscription else 403
        assert reader.post(where, {"reason": "x", "line": "1"}).status_code == refused, where
        assert "/do/" not in cast.html(reader.get(cast.page(world.row(model))))
    assert rows() == before


def test_a_button_without_its_csrf_token_is_refused(world: World, quiet: None) -> None:
    client = cast.signed_in(world.boss, enforce_csrf_checks=True)
    before = rows()
    for model, name in cast.buttons():
        row = world.row(model)
        response = client.post(cast.button(row, name), {"reason": "x"})
        assert response.status_code == 403
        assert "CSRF verification failed" in cast.html(response)
    assert rows() == before
    page = client.get(cast.page(world.ours.order))
    token = {"csrfmiddlewaretoken": page.context["csrf_token"], "version": 1}
    assert client.post(cast.button(world.ours.order, "hold"), token).status_code == 302
    world.ours.order.refresh_from_db()
    assert world.ours.order.status == "held"


def _exempt(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        where = f"{before}{entry.pattern}"
        if isinstance(entry, URLResolver):
            yield from _exempt(entry, where)
        elif getattr(entry.callback, "csrf_exempt", False):
            yield where


def test_the_admin_has_no_page_without_a_csrf_token() -> None:
    found = list(_exempt(get_resolver()))
    assert "webhooks/shopify/" in found
    assert [route for route in found if route.startswith("admin/")] == []


def test_the_courier_has_no_pages(world: World) -> None:
    labels = {model._meta.app_label for model, _ in cast.registered()}
    assert labels == {"auth", "orders", "products", "otp_totp"}
    assert world.client.get("/admin/django_q/schedule/").status_code == 404
    assert world.client.get("/admin/axes/accessattempt/").status_code == 404


# Secrets


def test_no_page_shows_a_secret(world: World) -> None:
    publisher = Publisher.objects.get()
    publisher.login_password = "canary p@ss/w&rd+<é>"
    publisher.save(update_fields=["login_password"])
    world.ours.store.webhook_secrets = ["canary sign&ing/<key>", world.ours.secret]
    world.ours.store.save(update_fields=["webhook_secrets"])
    hidden = ["canary p@ss/w&rd+<é>", "canary sign&ing/<key>", world.ours.secret]
    with patch.object(Publisher, "__str__", lambda self: self.name):
        visited = world.pages()
    assert len(visited) > 40
    for where in visited:
        text = cast.html(world.client.get(where))
        for secret in hidden:
            for form in (secret, escape(secret), quote(secret), quote_plus(secret)):
                assert form not in text, where
        assert "gAAAAA" not in text, where


def test_a_wrong_form_does_not_give_a_typed_secret_back(world: World) -> None:
    publisher, store = world.ours.publisher, world.ours.store
    for row, field in ((publisher, "new_password"), (store, "new_secret")):
        response = world.client.post(cast.page(row), {field: "typed-canary"})
        assert response.status_code == 200
        assert response.context["errors"]
        assert "typed-canary" not in cast.html(response)


@override_settings(DEBUG=False)
def test_an_error_page_shows_nothing(world: World, quiet: None) -> None:
    world.client.raise_request_exception = False
    secret = world.ours.publisher.login_password

    def fail(*args: Any, **kwargs: Any) -> None:
        revealed = secret.reveal()
        raise RuntimeError(f"It failed with {revealed}")

    with patch.object(OrderAdmin, "page_of", fail):
        response = world.client.get(cast.page(world.ours.order))
    assert response.status_code == 500
    text = cast.html(response)
    for word in (base.PASSWORD, "RuntimeError", "Traceback", "page_of", "SECRET_KEY"):
        assert word not in text
    assert "Content-Security-Policy" in response


# Headers


def test_every_answer_carries_a_strict_policy(world: World, quiet: None) -> None:
    order = world.ours.order
    answers = [world.client.get(where) for where in world.pages()]
    answers += [
        Client().get("/admin/"),
        Client().get("/"),
        world.client.get("/nowhere"),
        world.client.get(cast.button(order, "hold")),
        world.client.post(cast.button(order, "hold"), {"version": 1}),
        cast.signed_in(world.boss, enforce_csrf_checks=True).post("/admin/logout/"),
        Client().get("/healthz"),
        Client().post(base.WEBHOOK),
        world.client.get("/admin/jsi18n/"),
    ]
    assert {answer.status_code for answer in answers} >= {200, 302, 401, 403, 404, 405}
    for answer in answers:
        policy = answer["Content-Security-Policy"]
        assert "unsafe" not in policy
        for part in (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ):
            assert part in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_pages_are_not_kept_by_browsers(world: World) -> None:
    for where in (cast.page(world.ours.order), cast.page(Order, "changelist")):
        assert "no-store" in world.client.get(where)["Cache-Control"]


# One-time passwords


def test_without_a_device_staff_reach_no_page_where_one_is_required(world: World) -> None:
    visited = [page for page in world.pages() if page != "/admin/login/"]
    with override_settings(REQUIRE_TOTP=True):
        for where in visited:
            response = world.client.get(where)
            assert response.status_code == 302, where
            assert response.url.startswith("/admin/login/"), where
        for model, name in cast.buttons():
            where = cast.button(world.row(model), name)
            assert world.client.post(where).url == f"/admin/login/?next={where}"
