"""The settings under which the chaos run works: its own keys, short waits, nothing of yours."""

from __future__ import annotations

import os
import secrets

from cryptography.fernet import Fernet

from fulfillment.loopback import NOBODY, NOWHERE


def environment() -> dict[str, str]:
    """Return the whole environment of a run; nothing inside one, where it was set already."""
    if os.environ.get("CHAOS_FOLDER"):
        return {}
    return {
        **NOBODY,
        "DJANGO_SETTINGS_MODULE": "orders.chaos.settings",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "FIELD_KEYS": Fernet.generate_key().decode(),
        "DATABASE_URL": NOWHERE,
        "WEBHOOK_MAX_BYTES": "65536",
        "STATUS_CALLS_PER_DAY": "2000",
        "Q_WORKERS": "2",
        "CLUSTER_NAME": "",
        "SUBMIT_IN_FLIGHT": "8",
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
        "CHAOS_MUTANT": "",
    }
