"""The same request twice is done once: after Stripe's rules for ``Idempotency-Key``.

The key is committed before the work; the work and its answer are committed in one transaction. So
there is either an answer to repeat, or nothing was done and it may be done anew. A refusal keeps
nothing: mend the request and send it under the same key.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from orders import clock
from orders.api.authentication import owner_of
from orders.api.problems import Problem, one_wrong
from orders.models import IdempotencyKey

log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LEASE = timedelta(seconds=60)  # longer than the web server lets a request run
KEPT_HEADERS = ("Location", "ETag")
_NEW = [
    "owner",
    "key",
    "digest",
    "lease_token",
    "lease_until",
    "headers",
    "body",
    "erased",
    "created_at",
]
_INSERT = """
INSERT INTO orders_idempotencykey
    (owner, key, digest, lease_token, lease_until, headers, body, erased, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (owner, key) DO NOTHING RETURNING id
"""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def run(request: Request, work: Callable[[], Response]) -> Response:
    """Do ``work`` in one transaction, once for each key; return its answer, or the saved one."""
    key = request.headers.get(HEADER)
    if key is None:
        with transaction.atomic():
            return work()
    if not _KEY.fullmatch(key):
        raise one_wrong(HEADER, "format", "The key has 1 to 255 visible ASCII characters.")
    found = _take(owner_of(request), key, _digest(request))
    if found.code is not None:
        return _replay(found)
    try:
        with transaction.atomic():
            response = work()
            _answer(found, response)
    except Exception:
        _let_go(found)
        raise
    return response


def _digest(request: Request) -> str:
    inner = request._request
    head = f"{inner.method} {inner.get_full_path()}\n".encode()
    return hashlib.sha256(head + inner.body).hexdigest()


def _take(owner: str, key: str, digest: str) -> IdempotencyKey:
    """Return the key's row: answered already, or leased to this request. Raises ``Problem``."""
    for _ in range(3):  # the row may go between the two looks, where another one was refused
        now = clock.now()
        mine = IdempotencyKey(
            owner=owner, key=key, digest=digest, lease_token=uuid.uuid4(), lease_until=now + LEASE
        )
        if _insert(mine):
            return mine
        found = IdempotencyKey.objects.filter(owner=owner, key=key).first()
        if found is None:
            continue
        if found.digest != digest:
            raise Problem(
                "key-reused",
                "This key came before with another request. Take a new key for a new request.",
            )
        if found.code is not None or (found.lease_until <= now and _take_over(found, mine)):
            return found
        break
    raise _in_use()


def _insert(row: IdempotencyKey) -> bool:
    """Commit a new key, or return False where it is there: one statement, its own transaction."""
    row.created_at = timezone.now()
    fields = {one.name: one for one in row._meta.concrete_fields}
    values = [fields[name].get_db_prep_save(getattr(row, name), connection) for name in _NEW]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        written = cursor.fetchone()
    row.pk = written and written[0]
    return written is not None


def _in_use() -> Problem:
    detail = "The same request is still running. Ask again in a moment, under the same key."
    return Problem("key-in-use", detail, headers={"Retry-After": "2"})


def _take_over(found: IdempotencyKey, mine: IdempotencyKey) -> bool:
    """Take a key whose request ended in the middle; only one of several gets it."""
    rows = IdempotencyKey.objects.filter(
        pk=found.pk, lease_token=found.lease_token, code__isnull=True
    )
    if not rows.update(lease_token=mine.lease_token, lease_until=mine.lease_until):
        return False
    found.lease_token, found.lease_until = mine.lease_token, mine.lease_until
    return True


def _answer(row: IdempotencyKey, response: Response) -> None:
    """Save the answer in the work's own transaction; raises if the lease is lost."""
    rows = IdempotencyKey.objects.filter(pk=row.pk, lease_token=row.lease_token, code__isnull=True)
    saved = rows.update(
        code=response.status_code,
        headers={name: response[name] for name in KEPT_HEADERS if response.has_header(name)},
        body=JSONRenderer().render(response.data).decode(),
    )
    if not saved:
        raise _in_use()


def _let_go(row: IdempotencyKey) -> None:
    try:
        IdempotencyKey.objects.filter(
            pk=row.pk, lease_token=row.lease_token, code__isnull=True
        ).delete()
    except (DatabaseError, InterfaceError):
        log.exception("A key could not be let go; it is free once its lease ends.")


def _replay(row: IdempotencyKey) -> Response:
    if row.erased:
        detail = "The saved answer was erased with the customer's data. Read the order itself."
        raise Problem("gone", detail)
    data = json.loads(row.body) if row.body else None
    return Response(data, row.code, headers={**row.headers, REPLAYED: "true"})
