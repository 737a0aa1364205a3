"""Times out of PostgreSQL, read in a fraction of what Django's own reader takes for each.

A page of orders holds hundreds of them, a batch of statuses as many.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.backends.postgresql.psycopg_any import BaseTzLoader


class TimeLoader(BaseTzLoader):
    """Reads a ``timestamptz``, which PostgreSQL writes nearly as ISO 8601 has it.

    What Python has no time for, such as ``infinity`` or a year after 9999, is left to Django.
    """

    timezone = UTC

    def load(self, data: Any) -> datetime:
        """Return PostgreSQL's text, as ASCII, as an aware time in UTC."""
        try:
            return datetime.fromisoformat(str(data, "ascii")).astimezone(UTC)
        except (ValueError, OverflowError):
            return super().load(data)


def read_soon(connection: Any, **_: Any) -> None:
    """Have a new connection read times so: the receiver of ``connection_created``."""
    if connection.vendor == "postgresql" and connection.timezone is UTC:
        connection.connection.adapters.register_loader("timestamptz", TimeLoader)
