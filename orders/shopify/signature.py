"""Shopify's webhook signature: the verifier and, beside it, the signer. Pure.

Base64 of HMAC-SHA256 over the raw body, keyed with the secret's UTF-8 bytes
(shopify.dev, "Verify webhook deliveries").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from products.secret import Secret

HEADER = "X-Shopify-Hmac-Sha256"
_DUMMY = Secret("a stranger costs as much work as a friend")


def sign(secret: Secret, body: bytes) -> str:
    """Return the header value for ``body``: 44 characters of base64."""
    digest = hmac.new(secret.reveal().encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")


def matching_secret(secrets: Sequence[Secret], body: bytes, signature: str) -> int | None:
    """Return the index of the secret that made ``signature`` over ``body``, or None.

    Every secret is tried, and one dummy when there is none, so that the time taken does not tell
    which publishers exist. Comparison is of bytes: ``compare_digest`` refuses non-ASCII text.
    """
    given = signature.encode("utf-8", "surrogatepass")
    found = None
    for index, secret in enumerate(secrets or [_DUMMY]):
        same = hmac.compare_digest(sign(secret, body).encode(), given)
        # Anybody can sign with a blank secret.
        if same and secret and found is None:
            found = index
    return found if secrets else None
