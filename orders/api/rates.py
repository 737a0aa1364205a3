"""How much one client may ask: counted in the database, so that no parallel request slips by."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from orders.models import RequestCount

# One statement, so that it is atomic. An older minute, as of a machine whose clock is behind,
# counts for the present one.
_COUNT = """
INSERT INTO orders_requestcount AS mine (owner, minute, count) VALUES (%s, %s, 1)
ON CONFLICT (owner) DO UPDATE SET
    count = CASE WHEN excluded.minute > mine.minute THEN 1 ELSE mine.count + 1 END,
    minute = CASE WHEN excluded.minute > mine.minute THEN excluded.minute ELSE mine.minute END
RETURNING count
"""


@dataclass(frozen=True)
class Rate:
    """Where a client stands: ``left`` requests until the minute ends in ``seconds``."""

    limit: int
    used: int
    seconds: int

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit

    def headers(self) -> dict[str, str]:
        """Return the ``RateLimit`` headers, after the draft of the IETF's HTTPAPI group."""
        left = max(0, self.limit - self.used)
        return {
            "RateLimit-Policy": f'"minute";q={self.limit};w=60',
            "RateLimit": f'"minute";r={left};t={self.seconds}',
        }


def used(owner: str) -> int:
    """Return how much ``owner`` was counted for in this minute."""
    row = RequestCount.objects.filter(owner=owner, minute=int(time.time() // 60))
    return row.values_list("count", flat=True).first() or 0


def count(owner: str) -> Rate:
    """Count one request of ``owner`` and return where it stands."""
    now = time.time()
    with _no_wait_for_the_disk() as more, connection.cursor() as cursor:
        cursor.execute(_COUNT + more, [owner, int(now // 60)])
        used = cursor.fetchone()[0]
    return Rate(settings.API_RATE, used, 60 - int(now % 60))


@contextmanager
def _no_wait_for_the_disk() -> Iterator[str]:
    """Let a statement commit at once, and give what is to stand at its end.

    A machine that crashes may forget the counts of its last second, and nothing else: everything
    that is committed after it waits for the disk as ever.
    """
    if connection.in_atomic_block:
        yield ""
    elif connection.vendor == "postgresql":
        # For this statement's own transaction.
        yield ", set_config('synchronous_commit', 'off', true)"
    else:
        connection.ensure_connection()
        connection.connection.execute("PRAGMA synchronous=NORMAL")
        try:
            yield ""
        finally:
            connection.connection.execute("PRAGMA synchronous=FULL")
