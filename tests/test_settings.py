"""A wrong setting ends the process with one sentence; checks with ids stop a wrong set-up."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from fulfillment.apps import (
    atomic_requests,
    encryption_keys,
    gateway_without_https,
    queue_retry,
    sqlite_outside_debug,
)
from fulfillment.logs import JsonFormatter, TextFormatter

ROOT = Path(__file__).resolve().parents[1]
KEY = "7nYr8SWXcY5l9DCZMXl2mlVv2w9d3f1gB1u7mH3z0uE="
GOOD = {"SECRET_KEY": "x" * 50, "FIELD_KEYS": KEY, "DJANGO_SETTINGS_MODULE": "fulfillment.settings"}


def run(code, **values):
    """Run Python in a process of its own with these settings and no others."""
    env = {"PATH": os.environ["PATH"], **GOOD, **values}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={k: v for k, v in env.items() if v is not None},
        capture_output=True,
        text=True,
        timeout=60,
    )


WRONG = [
    ("DEBUG", "perhaps", "DEBUG"),
    ("HTTPS", "2", "HTTPS"),
    ("SECRET_KEY", "short", "SECRET_KEY must be set to at least 50 random characters"),
    ("SECRET_KEY", None, "SECRET_KEY must be set to at least 50 random characters"),
    ("FIELD_KEYS", f"{KEY},abc", "key 2 of FIELD_KEYS is not a key; make one with:"),
    ("DATABASE_URL", "mysql://x", "DATABASE_URL must start with postgresql:// or sqlite:///"),
    ("DATABASE_URL", "postgresql://u@h:port/db", "DATABASE_URL"),
    ("TREPSTAR_URL", "ftp://x", "TREPSTAR_URL must be an address such as https://www.trepstar.com"),
    (
        "TREPSTAR_URL",
        "https://u:p@x.example",
        "TREPSTAR_URL must be an address without a login, a query or a fragment",
    ),
    ("TREPSTAR_TIMEOUT", "soon", "TREPSTAR_TIMEOUT"),
    (
        "TREPSTAR_TIMEOUT",
        "nan",
        "TREPSTAR_TIMEOUT",
    ),
    ("SWEEP_SECONDS", "inf", "SWEEP_SECONDS"),
    ("SYNC_SECONDS", "-1", "SYNC_SECONDS must be a number of seconds of at least 0.5, not -1"),
    (
        "STATUS_CALLS_PER_DAY",
        "0",
        "STATUS_CALLS_PER_DAY must be a whole number from 1 to 100000, not 0",
    ),
    ("WEBHOOK_MAX_BYTES", "1023", "WEBHOOK_MAX_BYTES must be a whole number from 1024 to 67108864"),
    ("Q_WORKERS", "33", "Q_WORKERS must be a whole number from 1 to 32, not 33"),
    ("WORKER_NICE", "20", "WORKER_NICE must be a whole number from 0 to 19, not 20"),
    ("LOG_FORMAT", "xml", "LOG_FORMAT must be one of text, json, not xml"),
    (
        "ASK_AFTER_SECONDS",
        "600,300",
        "ASK_AFTER_SECONDS must be two rising numbers of seconds, such as",
    ),
    ("RETRY_SECONDS", "60", "RETRY_SECONDS must be two rising numbers of seconds, such as 60,3600"),
    ("PROBE_SECONDS", "a,b", "PROBE_SECONDS"),
    ("LEASE_SECONDS", "45", "LEASE_SECONDS must be larger than TREPSTAR_TIMEOUT"),
    ("TIME_ZONE", "Mars/Olympus", "TIME_ZONE"),
    ("EMAIL_URL", "mail.example.com", "EMAIL_URL must be like smtp+tls://user:password@"),
    ("EMAIL_URL", "http://mail.example.com", "EMAIL_URL must be like smtp+tls://user:password@"),
    ("EMAIL_URL", "smtps://", "EMAIL_URL must be like smtp+tls://user:password@"),
    ("EMAIL_URL", "smtps://x.example:port", "EMAIL_URL must be like smtp+tls://user:password@"),
    ("EMAIL_URL", "smtps://x.example/?a=b", "EMAIL_URL must be like smtp+tls://user:password@"),
    (
        "EMAIL_URL",
        "smtp://u:canary@x.example",
        "EMAIL_URL would send its password in clear text; use smtp+tls or smtps",
    ),
    ("DEFAULT_FROM_EMAIL", "nobody", "DEFAULT_FROM_EMAIL must be an e-mail address such as"),
    ("SITE_URL", "desk.example", "SITE_URL must be an address such as"),
    ("ALLOW_PRIVATE_TARGETS", "some", "ALLOW_PRIVATE_TARGETS"),
]


@pytest.mark.parametrize(
    ("name", "value", "sentence"), WRONG, ids=[f"{n}={v}" for n, v, _ in WRONG]
)
def test_a_wrong_value_ends_the_process_with_one_sentence(name, value, sentence):
    ended = run("import django; django.setup()", **{name: value})
    assert ended.returncode == 1
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("A setting is wrong: ")
    assert sentence in lines[0]
    assert lines[0].endswith(". See .env.example for every setting.")
    assert ended.stdout == ""


@pytest.mark.parametrize("name", ["TREPSTAR_URL", "SITE_URL", "EMAIL_URL"])
def test_the_password_of_a_wrong_address_is_not_shown(name):
    ended = run("import django; django.setup()", **{name: "http://u:canary@x.example"})
    assert ended.returncode == 1
    assert "canary" not in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("smtps://u:p%40ss@mail.example.com", "mail.example.com 465 u p@ss False True"),
        ("smtp+tls://u:p@mail.example.com:2525", "mail.example.com 2525 u p True False"),
        ("smtp://mail.example.com", "mail.example.com 25   False False"),
        ("smtp://u:p@localhost:1025", "localhost 1025 u p False False"),
    ],
)
def test_a_mail_server_is_one_address(url, told):
    code = (
        "from django.conf import settings as s; print(s.EMAIL_HOST, s.EMAIL_PORT,"
        " s.EMAIL_HOST_USER, s.EMAIL_HOST_PASSWORD, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL)"
    )
    assert run(code, EMAIL_URL=url).stdout.rstrip("\n") == told


def test_without_a_mail_server_nothing_is_sent_and_nothing_fails():
    code = (
        "from django.conf import settings as s; print(s.EMAIL_BACKEND, s.DEFAULT_FROM_EMAIL,"
        " s.SITE_URL, s.ALLOW_PRIVATE_TARGETS)"
    )
    backend = "django.core.mail.backends.dummy.EmailBackend"
    assert run(code).stdout.strip() == f"{backend} desk@localhost  False"


def test_a_secret_may_come_from_a_file(tmp_path):
    path = tmp_path / "key"
    path.write_text("f" * 64)
    code = "from django.conf import settings; print(settings.SECRET_KEY)"
    told = run(code, SECRET_KEY=None, SECRET_KEY_FILE=str(path))
    assert (told.returncode, told.stdout.strip()) == (0, "f" * 64), told.stderr
    keys = tmp_path / "keys"
    keys.write_text(KEY)
    code = "from django.conf import settings; print(settings.FIELD_KEYS)"
    told = run(code, FIELD_KEYS=None, FIELD_KEYS_FILE=str(keys))
    assert (told.returncode, told.stdout.strip()) == (0, str([KEY])), told.stderr


def test_a_file_that_is_not_there_is_said_in_one_sentence():
    ended = run("import django; django.setup()", SECRET_KEY=None, SECRET_KEY_FILE="/nowhere/key")
    assert ended.returncode == 1
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert "The value of SECRET_KEY_FILE must be a readable file path." in ended.stderr


def test_the_defaults_are_those_of_the_contract():
    code = (
        "from django.conf import settings as s; print(s.DEBUG, s.HTTPS, s.BEHIND_PROXY,"
        " s.TREPSTAR_URL, s.TREPSTAR_TIMEOUT, s.STATUS_CALLS_PER_DAY, s.WEBHOOK_MAX_BYTES,"
        " s.LEASE_SECONDS, s.SWEEP_SECONDS, s.SYNC_SECONDS, s.COOL_OFF_SECONDS,"
        " s.HEARTBEAT_SECONDS, s.ASK_AFTER_SECONDS, s.RETRY_SECONDS, s.PROBE_SECONDS,"
        " s.SUBMIT_IN_FLIGHT, s.SUBMIT_IN_FLIGHT_PER_PUBLISHER, s.REQUIRE_TOTP)"
    )
    told = run(code)
    assert told.stdout.strip() == (
        "False True False https://www.trepstar.com 45 950 4194304 90 30 900 0 90"
        " (300, 600) (60, 3600) (60, 900) 4 2 False"
    ).replace("(300, 600)", str((300, 600))), told.stderr


def test_postgresql_waits_for_nothing_for_long():
    code = "from django.conf import settings; print(settings.DATABASES['default']['OPTIONS'])"
    told = run(code, DATABASE_URL="postgresql://u:p@h/db", STATEMENT_SECONDS="5")
    assert told.stdout.strip() == str(
        {
            "connect_timeout": 2,
            "keepalives_idle": 30,
            "tcp_user_timeout": 20000,
            "options": "-c lock_timeout=5000 -c idle_in_transaction_session_timeout=15000 "
            "-c statement_timeout=5000",
        }
    )


def test_sqlite_takes_its_turn_before_it_reads():
    code = "from django.conf import settings; print(settings.DATABASES['default']['OPTIONS'])"
    assert run(code, DATABASE_URL="sqlite:///var/x.sqlite3").stdout.strip() == str(
        {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    )


def ids(found):
    return [message.id for message in found]


def test_no_encryption_key_is_an_error(settings):
    assert encryption_keys() == []
    settings.FIELD_KEYS = []
    assert ids(encryption_keys()) == ["desk.E001"]
    with pytest.raises(SystemCheckError, match=r"desk\.E001"):
        call_command("check")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://www.trepstar.com", []),
        ("http://127.0.0.1:8800", []),
        ("http://localhost:8800", []),
        ("http://[::1]:8800", []),
        ("http://www.trepstar.com", ["desk.E002"]),
        ("http://localhost.evil.example", ["desk.E002"]),
    ],
)
def test_a_gateway_without_https_is_an_error(settings, url, found):
    settings.TREPSTAR_URL = url
    assert ids(gateway_without_https()) == found


def test_a_task_that_would_run_twice_is_an_error(settings):
    assert ids(queue_retry()) == []
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "retry": settings.Q_CLUSTER["timeout"] * 3}
    assert ids(queue_retry()) == ["desk.E003"]
    assert (
        queue_retry()[0].hint
        == f"Set retry above timeout x 3 = {settings.Q_CLUSTER['retry']} seconds."
    )


def test_a_transaction_around_each_request_is_an_error(settings, monkeypatch):
    assert atomic_requests() == []
    monkeypatch.setitem(settings.DATABASES["default"], "ATOMIC_REQUESTS", True)
    assert ids(atomic_requests()) == ["desk.E004"]


def test_sqlite_outside_debug_is_a_warning_of_the_deploy_check(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    settings.DEBUG = False
    assert ids(sqlite_outside_debug()) == ["desk.W001"]
    settings.DEBUG = True
    assert sqlite_outside_debug() == []


def test_every_check_has_a_hint(settings):
    settings.FIELD_KEYS = []
    settings.TREPSTAR_URL = "http://x.example"
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "retry": 1}
    for check in (encryption_keys, gateway_without_https, queue_retry):
        for message in check():
            assert message.hint


def test_the_deploy_check_of_a_production_set_up_is_silent():
    code = (
        "import sys; from django.core.management import execute_from_command_line as run;"
        "run(['manage.py', 'check', '--deploy', '--fail-level', 'WARNING'])"
    )
    told = run(
        code, DATABASE_URL="postgresql://u:p@127.0.0.1/db", SECRET_KEY="aB3$" * 20 + "cdefgh"
    )
    assert told.returncode == 0, told.stderr


def test_a_log_line_cannot_be_forged():
    record = logging.LogRecord("a", 20, "p", 1, "one\r\n%s\x1b[2J", ("two",), None)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert "\x1b" not in text
    assert json.loads(text)["message"] == "one\r\ntwo\x1b[2J"


def test_a_plain_log_line_cannot_be_forged_either():
    record = logging.LogRecord("a", 20, "p", 1, "Ana Peña\r\n%s\x1b[2J", ("two",), None)
    shown = TextFormatter("%(levelname)s %(message)s").format(record)
    assert shown == "INFO Ana Peña\\r\\ntwo\\x1b[2J"
