"""The settings under which the chaos run works: its own keys, short waits, nothing of yours."""

from __future__ import annotations

import os
import secrets

from cryptography.fernet import Fernet


def environment() -> dict[str, str]:
    """Return the whole environment of a run; nothing inside one, where it was set already."""
    if os.environ.get("CHAOS_FOLDER"):
        return {}
    return {
        "DJANGO_SETTINGS_MODULE": "orders.chaos.settings",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "FIELD_KEYS": Fernet.generate_key().decode(),
        # Ports and addresses of the real ones are put in once they are known.
        "DATABASE_URL": "postgresql://postgres@127.0.0.1:9/nowhere",
        "TREPSTAR_URL": "http://127.0.0.1:9",
        "ALLOWED_HOSTS": "127.0.0.1",
        "CSRF_TRUSTED_ORIGINS": "",
        "DEBUG": "false",
        "HTTPS": "false",
        "BEHIND_PROXY": "false",
        "REQUIRE_TOTP": "false",
        "TIME_ZONE": "UTC",
        "LOG_FORMAT": "text",
        "LOG_LEVEL": "WARNING",
        "WEBHOOK_MAX_BYTES": "65536",
        "STATUS_CALLS_PER_DAY": "2000",
        "Q_WORKERS": "1",
        "CLUSTER_NAME": "",
        "SUBMIT_IN_FLIGHT": "12",
        # A killed worker's calls keep their places until the lease ends.
        "SUBMIT_IN_FLIGHT_PER_PUBLISHER": "48",
        "TREPSTAR_TIMEOUT": "2",
        "LEASE_SECONDS": "6",
        "SWEEP_SECONDS": "1",
        "SYNC_SECONDS": "40",
        "ASK_AFTER_SECONDS": "1,3",
        "RETRY_SECONDS": "1,4",
        "PROBE_SECONDS": "1,4",
        "HEARTBEAT_SECONDS": "22",
        "COOL_OFF_SECONDS": "0",
        "CHAOS_MUTANT": "",
    }
