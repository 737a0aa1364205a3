"""The settings under which the demo runs: its own keys, database, gateway and short waits."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

from fulfillment.loopback import ALONE

FOLDER = Path(__file__).resolve().parent.parent / "var" / "demo"


def environment() -> dict[str, str]:
    """Return the whole environment of the desk for the demo; ports come from the caller's."""
    port, sandbox_port = os.environ.get("PORT", "8000"), os.environ.get("SANDBOX_PORT", "8800")
    return {
        **ALONE,
        "PORT": port,
        "SANDBOX_PORT": sandbox_port,
        "SECRET_KEY": secrets.token_urlsafe(60),
        "FIELD_KEYS": Fernet.generate_key().decode(),
        "DATABASE_URL": f"sqlite:///{FOLDER}/desk.sqlite3",
        "TREPSTAR_URL": f"http://127.0.0.1:{sandbox_port}",
        # One call in 123 seconds, as 950 a day come to, would make the demo a long one.
        "STATUS_CALLS_PER_DAY": "50000",
        "TREPSTAR_TIMEOUT": "3",
        "LEASE_SECONDS": "10",
        "SWEEP_SECONDS": "1",
        "SYNC_SECONDS": "3",
        "ASK_AFTER_SECONDS": "3,6",
        "RETRY_SECONDS": "2,30",
        "PROBE_SECONDS": "2,30",
        "HEARTBEAT_SECONDS": "60",
    }
