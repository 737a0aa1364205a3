"""Signing in to the admin: guesses, sessions, one-time passwords."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, override_settings
from django.urls import path
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from fulfillment.admin import DeskAdminSite
from tests import admin_cast as cast

pytestmark = pytest.mark.django_db

with override_settings(REQUIRE_TOTP=True):
    guarded = DeskAdminSite()
# The first page links to the others.
guarded._registry, guarded.pages = admin.site._registry, admin.site.pages
urlpatterns = [path("admin/", guarded.urls)]


@pytest.fixture
def quiet() -> Iterator[None]:
    """Errors that a test forces are not written to the console."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


# Signing in


def sign_in(client: Client, user: str, password: str, **more: str) -> Any:
    form = {"username": user, "password": password, "next": "/admin/", **more}
    return client.post("/admin/login/", form)


def test_the_sign_in_locks_after_five_failures_for_that_name_and_address(quiet: None) -> None:
    for name in ("ana", "ben"):
        cast.colleague(name)
    client = Client()
    for turn in range(5):
        assert sign_in(client, "ana", "wrong").status_code == (200 if turn < 4 else 429)
    assert sign_in(client, "ana", cast.PASSWORD).status_code == 429
    assert client.get("/admin/").status_code == 302
    assert sign_in(client, "ben", cast.PASSWORD).url == "/admin/"
    # A stranger's failures elsewhere do not lock the colleague out.
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert sign_in(elsewhere, "ana", cast.PASSWORD).url == "/admin/"


def test_the_answer_does_not_say_whether_a_name_exists(quiet: None) -> None:
    cast.colleague("ana")
    texts = []
    for name in ("ana", "eve"):
        text = cast.html(sign_in(Client(), name, "wrong")).replace(name, "NAME")
        texts.append("Please enter the correct username and password" in text)
    assert texts == [True, True]


def test_the_session_is_a_new_one_and_its_cookie_is_kept_from_scripts() -> None:
    cast.colleague("ana")
    client = Client()
    client.get("/admin/login/")
    sign_in(client, "ana", cast.PASSWORD)
    cookie = client.cookies["session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 8 * 3600)


@pytest.mark.parametrize("next_", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_the_sign_in_sends_nobody_elsewhere(next_: str) -> None:
    cast.colleague("ana")
    response = sign_in(Client(), "ana", cast.PASSWORD, next=next_)
    assert "evil" not in response.url
    assert response.url.startswith(("/admin/", "/accounts/"))


@override_settings(REQUIRE_TOTP=True, ROOT_URLCONF=__name__)
def test_a_device_opens_the_door_that_a_password_alone_does_not(quiet: None) -> None:
    user = cast.colleague("ana")
    client = Client()
    assert sign_in(client, "ana", cast.PASSWORD).status_code == 200
    device = TOTPDevice.objects.create(user=user, name="phone", confirmed=True)
    assert sign_in(client, "ana", cast.PASSWORD).status_code == 200
    phone = {"otp_device": device.persistent_id}
    assert sign_in(client, "ana", cast.PASSWORD, otp_token="000000x", **phone).status_code == 200
    assert client.get("/admin/").status_code == 302
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    token = f"{totp(device.bin_key):06d}"
    assert sign_in(client, "ana", cast.PASSWORD, otp_token=token, **phone).status_code == 302
    assert client.get("/admin/").status_code == 200
    again = Client()
    assert sign_in(again, "ana", cast.PASSWORD, otp_token=token, **phone).status_code == 200


def test_without_the_setting_a_password_suffices() -> None:
    assert admin.site.login_form is None
    cast.colleague("ana")
    client = Client()
    assert sign_in(client, "ana", cast.PASSWORD).url == "/admin/"
    assert client.get("/admin/").status_code == 200
