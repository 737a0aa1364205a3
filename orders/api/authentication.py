"""Who is asking: a program with its token, or a member of staff who is signed in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from orders.lifecycle import Actor, client, person
from products import tokens
from products.models import ApiToken

REFUSED = "This token is not known, was revoked, or has ended. Ask staff for a new one."


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer <token>``. Any other scheme is refused."""

    def authenticate(self, request: Request) -> tuple[tokens.Client, ApiToken] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        row = tokens.of_header(header)
        if row is None:
            raise AuthenticationFailed(REFUSED)
        tokens.note_use(row)
        return tokens.Client(row), row

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class StaffAuthentication(SessionAuthentication):
    """A session of the admin, with its CSRF token on every change.

    Whoever may not enter the admin, as one without the one-time password where that is required, is
    nobody here.
    """

    def authenticate(self, request: Request) -> Any:
        inner: HttpRequest = request._request
        if not hasattr(inner, "user") or not admin.site.has_permission(inner):
            return None
        return super().authenticate(request)


def actor_of(request: Request) -> Actor:
    """Return who a change is written down for."""
    token = request.auth
    return client(token.name) if isinstance(token, ApiToken) else person(request.user)


def owner_of(request: Request) -> str:
    """Return whose idempotency keys and whose rate these are."""
    token = request.auth
    return f"token:{token.pk}" if isinstance(token, ApiToken) else f"user:{request.user.pk}"
