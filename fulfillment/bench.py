"""The settings under which the bench works: fixed keys that protect nothing, nothing of yours."""

from __future__ import annotations

FIELD_KEY = "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmU="
"""Fixed, since the generated databases are kept and hold secrets; none of them is real."""


def environment(database: str = "postgresql://postgres@127.0.0.1:9/nowhere") -> dict[str, str]:
    """Return the environment of every process of the bench; ``database`` is a ``DATABASE_URL``."""
    return {
        "DJANGO_SETTINGS_MODULE": "orders.bench.settings",
        "SECRET_KEY": "the-bench-protects-nothing-" * 2,
        "FIELD_KEYS": FIELD_KEY,
        "DATABASE_URL": database,
        "TREPSTAR_URL": "http://127.0.0.1:9",
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "CSRF_TRUSTED_ORIGINS": "",
        # Not true: it would have Django keep every statement.
        "DEBUG": "false",
        "HTTPS": "false",
        "BEHIND_PROXY": "false",
        "REQUIRE_TOTP": "false",
        "TIME_ZONE": "UTC",
        "LOG_FORMAT": "text",
        "LOG_LEVEL": "WARNING",
        "EMAIL_URL": "",
        "COOL_OFF_SECONDS": "0",
    }
