"""Strict reading of the environment and ``.env``: a wrong value stops the process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import available_timezones

import dj_database_url
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from environs import EnvError, FileAwareEnv

BASE_DIR = Path(__file__).resolve().parent.parent

env = FileAwareEnv()
env.read_env(str(BASE_DIR / ".env"), recurse=False)


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn a wrong setting into the end of the process, with one sentence that says why."""
    try:
        yield
    except (EnvError, ValueError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        sys.exit(f"A setting is wrong: {reason}. See .env.example for every setting.")


def seconds(name: str, default: float, *, least: float = 0.0) -> float:
    """Return a number of seconds, at least ``least``."""
    value = env.float(name, default)
    if not least <= value < float("inf"):
        raise EnvError(f"{name} must be a number of seconds of at least {least:g}, not {value:g}")
    return value


def two_seconds(name: str, default: tuple[float, float]) -> tuple[float, float]:
    """Return two numbers of seconds, ``first,second``, in rising order."""
    values = env.list(name, list(default), subcast=float)
    if len(values) != 2 or not 0 < values[0] <= values[1] < float("inf"):
        raise EnvError(f"{name} must be two rising numbers of seconds, such as 60,3600")
    return values[0], values[1]


def whole(name: str, default: int, *, least: int, most: int) -> int:
    """Return a whole number between ``least`` and ``most``."""
    value: int = env.int(name, default)
    if not least <= value <= most:
        raise EnvError(f"{name} must be a whole number from {least} to {most}, not {value}")
    return value


def one_of(name: str, default: str, choices: tuple[str, ...]) -> str:
    """Return one of ``choices``."""
    value: str = env.str(name, default)
    if value not in choices:
        raise EnvError(f"{name} must be one of {', '.join(choices)}, not {value}")
    return value


def time_zone(name: str, default: str) -> str:
    """Return the name of a time zone that this machine knows."""
    value: str = env.str(name, default)
    if value not in available_timezones():
        raise EnvError(f"{name} must be the name of a time zone such as Europe/Oslo, not {value}")
    return value


def field_keys(name: str) -> list[str]:
    """Return the encryption keys, the first of which encrypts. Raises for one that is no key."""
    given: list[str] = env.list(name, [])
    keys = [key.strip() for key in given if key.strip()]
    for number, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            raise EnvError(
                f"key {number} of {name} is not a key; make one with: python -c "
                '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
            ) from None
    return keys


def http_address(name: str, default: str) -> str:
    """Return an http(s) address without a path, a query or a login; blank only by default."""
    value: str = env.str(name, default).rstrip("/")
    if value == default == "":
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EnvError(f"{name} must be an address such as https://www.trepstar.com")
    if parts.username or parts.query or parts.fragment:
        raise EnvError(f"{name} must be an address without a login, a query or a fragment")
    return value


def mail_address(name: str, default: str) -> str:
    """Return an e-mail address, with or without a name before it."""
    value: str = env.str(name, default)
    try:
        validate_email(parseaddr(value)[1])
    except ValidationError:
        raise EnvError(f"{name} must be an e-mail address such as desk@example.com") from None
    return value


def email_url(name: str) -> dict[str, Any]:
    """Return Django's e-mail settings for a server's address; none is set where it is blank.

    ``smtps://`` is TLS from the start (465), ``smtp+tls://`` STARTTLS (587), ``smtp://`` is in
    clear text (25) and takes no password but on this machine; ``console:`` prints what it sends.
    """
    url: str = env.str(name, "")
    backend = "django.core.mail.backends.{}.EmailBackend".format
    if url in ("", "console:"):
        return {"EMAIL_BACKEND": backend("console" if url else "dummy")}
    parts = urlsplit(url)
    ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    try:
        port = parts.port or ports[parts.scheme]
        host = parts.hostname or ""
    except (KeyError, ValueError):
        host = ""
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise EnvError(f"{name} must be like smtp+tls://user:password@mail.example.com:587")
    clear = parts.scheme == "smtp" and host not in ("localhost", "127.0.0.1", "::1")
    if parts.password and clear:
        raise EnvError(f"{name} would send its password in clear text; use smtp+tls or smtps")
    return {
        "EMAIL_BACKEND": backend("smtp"),
        "EMAIL_HOST": host,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


def database(name: str, default: str) -> dict[str, Any]:
    """Return Django's settings for a ``DATABASE_URL``: PostgreSQL, or SQLite to try out."""
    url: str = env.str(name, default)
    if not url.startswith(("sqlite:///", "postgres://", "postgresql://")):
        raise EnvError(f"{name} must start with postgresql:// or sqlite:///")
    try:
        parsed = dj_database_url.parse(url, conn_max_age=600, conn_health_checks=True)
    except ValueError:
        raise EnvError(f"{name} is no address of a database; quote its special letters") from None
    found: dict[str, Any] = dict(parsed)
    options = dict(found.get("OPTIONS") or {})
    if "sqlite" in str(found["ENGINE"]):
        Path(str(found["NAME"])).parent.mkdir(parents=True, exist_ok=True)
        # IMMEDIATE: a transaction that reads first and writes later could never wait for its turn.
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    else:
        options.setdefault("connect_timeout", 2)
        # A database host that vanishes must not hang an open connection for long.
        options.setdefault("keepalives_idle", 30)
        options.setdefault("tcp_user_timeout", 20_000)
        limits = {"lock_timeout": 5000, "idle_in_transaction_session_timeout": 15000}
        # The web process sets a limit (see wsgi.py); migrations and workers may take their time.
        limits["statement_timeout"] = int(1000 * seconds("STATEMENT_SECONDS", 0))
        options.setdefault("options", " ".join(f"-c {k}={v}" for k, v in limits.items()))
    found["OPTIONS"] = options
    return found
