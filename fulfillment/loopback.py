"""What the demo, the bench and the chaos run have in common: all on loopback, nothing of yours."""

from __future__ import annotations

ALONE = {
    "ALLOWED_HOSTS": "localhost,127.0.0.1",
    "CSRF_TRUSTED_ORIGINS": "",
    "DEBUG": "false",
    "HTTPS": "false",
    "BEHIND_PROXY": "false",
    "REQUIRE_TOTP": "false",
    "LOG_LEVEL": "WARNING",
    "COOL_OFF_SECONDS": "0",
}
"""Settings of a desk that only this machine reaches, and that one person may sign in to at once."""

NOBODY = {
    **ALONE,
    "TREPSTAR_URL": "http://127.0.0.1:9",
    "TIME_ZONE": "UTC",
    "LOG_FORMAT": "text",
}
"""The same for runs without a reader; ports of the real ones are put in once they are known."""

NOWHERE = "postgresql://postgres@127.0.0.1:9/nowhere"
"""A ``DATABASE_URL`` that leads to none, until there is one."""
