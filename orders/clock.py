"""The database's clock, by which leases, due times and budgets are measured.

A worker's own clock may be wrong; it is never compared with a time that another machine wrote.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """Return the database's time, aware, in UTC. SQLite shares the clock of its one machine."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found
