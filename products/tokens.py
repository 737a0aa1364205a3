"""API tokens: made once, known by their SHA-256, and what a program with one is to the desk."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from products.models import ApiToken, Publisher
from products.rows import with_one
from products.secret import Secret

SECRET_BYTES = 32  # 256 random bits, so that nobody guesses one and a plain hash is enough
USED_EVERY = timedelta(minutes=1)
_TOKEN = re.compile(r"(desk[0-9a-f]{8})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Client:
    """A program that showed its token, in the place of a user; it sees its own publisher only."""

    api_token: ApiToken
    is_authenticated: bool = True
    is_anonymous: bool = False
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False
    pk: None = None

    def __str__(self) -> str:
        return self.api_token.name


def issue(
    publisher: Publisher,
    name: str,
    scopes: Sequence[str],
    *,
    expires_at: datetime | None = None,
    created_by: Any = None,
) -> tuple[ApiToken, Secret]:
    """Make a token; return its row, and the token itself, which is kept nowhere."""
    prefix = f"desk{secrets.token_hex(4)}"
    token = f"{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    row = ApiToken.objects.create(
        publisher=publisher,
        name=name,
        prefix=prefix,
        digest=digest(token),
        scopes=list(scopes),
        expires_at=expires_at,
        created_by=created_by,
    )
    return row, Secret(token)


def digest(token: str) -> str:
    """Return the SHA-256 of a token, by which it is known."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(given: str) -> ApiToken | None:
    """Return the token that was shown, or None if it is unknown, revoked or has ended."""
    match = _TOKEN.fullmatch(given)
    if match is None:
        return None
    for row in with_one("publisher", ApiToken, "this.prefix = %s", match[1]):
        if hmac.compare_digest(row.digest, digest(given)) and row.state == "active":
            return row
    return None


def of_header(header: str) -> ApiToken | None:
    """Return the token of an ``Authorization: Bearer …`` header, or None."""
    scheme, _, given = header.partition(" ")
    return find(given.strip()) if scheme.lower() == "bearer" else None


def note_use(row: ApiToken) -> None:
    """Write down that a token was used, at most once a minute."""
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at <= now - USED_EVERY:
        before = Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY)
        ApiToken.objects.filter(before, pk=row.pk).update(last_used_at=now)


def revoke(row: ApiToken) -> bool:
    """End a token at once and for good; say whether it was still active."""
    return bool(
        ApiToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=timezone.now())
    )
