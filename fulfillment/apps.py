"""The project as an app: its admin site, and checks that stop a wrong set-up with a hint."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core import checks
from django.db.backends.signals import connection_created
from django_otp.plugins.otp_totp.apps import DefaultConfig

from fulfillment.postgresql import set_up

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class DeskAdminConfig(AdminConfig):
    """Django's admin with the desk's own site in place of the stock one."""

    default_site = "fulfillment.admin.DeskAdminSite"


class OneTimePasswordsConfig(DefaultConfig):
    """django-otp's devices under a name that staff understand; its own is "Otp_Totp"."""

    verbose_name = "One-time passwords"


class FulfillmentConfig(AppConfig):
    name = "fulfillment"

    def ready(self) -> None:
        connection_created.connect(set_up, dispatch_uid="fulfillment.postgresql")
        checks.register(encryption_keys)
        checks.register(sqlite_outside_debug, deploy=True)
        checks.register(gateway_without_https)
        checks.register(queue_retry)
        checks.register(atomic_requests)


def encryption_keys(**kwargs: Any) -> list[checks.CheckMessage]:
    """desk.E001: passwords and signing secrets cannot be stored without a key."""
    if settings.FIELD_KEYS:
        return []
    return [
        checks.Error(
            "FIELD_KEYS is not set, so TrepStar passwords and signing secrets cannot be stored.",
            hint="Set it to a key made by: python -c "
            '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
            id="desk.E001",
        )
    ]


def sqlite_outside_debug(**kwargs: Any) -> list[checks.CheckMessage]:
    """desk.W001: SQLite serves to try the desk out."""
    if "sqlite" not in settings.DATABASES["default"]["ENGINE"] or settings.DEBUG:
        return []
    return [
        checks.Warning(
            "The database is SQLite, which serves to try the desk out.",
            hint="Set DATABASE_URL to a PostgreSQL database.",
            id="desk.W001",
        )
    ]


def gateway_without_https(**kwargs: Any) -> list[checks.CheckMessage]:
    """desk.E002: the TrepStar password would cross the network in clear text."""
    parts = urlsplit(settings.TREPSTAR_URL)
    if parts.scheme == "https" or parts.hostname in LOOPBACK:
        return []
    return [
        checks.Error(
            "TREPSTAR_URL has no https, so the TrepStar password would travel in clear text.",
            hint="Use https://, or a loopback address for the sandbox.",
            id="desk.E002",
        )
    ]


def queue_retry(**kwargs: Any) -> list[checks.CheckMessage]:
    """desk.E003: a task would be handed out again while it still waits or runs."""
    queue = settings.Q_CLUSTER
    turns = math.ceil((queue["queue_limit"] + queue["bulk"]) / queue["workers"]) + 1
    least = queue["timeout"] * turns
    if queue["retry"] > least:
        return []
    return [
        checks.Error(
            f"Q_CLUSTER retry is {queue['retry']} seconds, so tasks would run twice.",
            hint=f"Set retry above timeout x {turns} = {least} seconds.",
            id="desk.E003",
        )
    ]


def atomic_requests(**kwargs: Any) -> list[checks.CheckMessage]:
    """desk.E004: a transaction around a whole request would be held across calls."""
    if not settings.DATABASES["default"].get("ATOMIC_REQUESTS"):
        return []
    return [
        checks.Error(
            "ATOMIC_REQUESTS is on, so a request would hold its locks until it ends.",
            hint="Remove it; the desk opens its own short transactions.",
            id="desk.E004",
        )
    ]
