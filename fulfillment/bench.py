"""The settings under which the bench works: fixed keys that protect nothing, nothing of yours."""

from __future__ import annotations

from fulfillment.loopback import NOBODY, NOWHERE

FIELD_KEY = "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmU="
"""Fixed, since the generated databases are kept and hold secrets; none of them is real."""


def environment(database: str = NOWHERE) -> dict[str, str]:
    """Return the environment of every process of the bench; ``database`` is a ``DATABASE_URL``."""
    return {
        **NOBODY,
        "DJANGO_SETTINGS_MODULE": "orders.bench.settings",
        "SECRET_KEY": "the-bench-protects-nothing-" * 2,
        "FIELD_KEYS": FIELD_KEY,
        "DATABASE_URL": database,
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "EMAIL_URL": "",
        # A machine that is busy with something else makes figures worse, but it ends no run.
        "STATEMENT_SECONDS": "60",
    }
