"""The database goes away, comes back, fills its disk, or never answers: nothing is lost.

A PostgreSQL of its own, which a test may stop, with the real web server and the real workers.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from orders.shopify.signature import sign
from orders.trepstar.sandbox import Sandbox
from orders.trepstar.sandbox_server import SandboxServer
from products.secret import Secret
from tests import base, postgres
from tests.gateway_cast import NORTH

ROOT = Path(__file__).resolve().parent.parent
SAFE = "-c max_connections=60"
CATALOGUE = {
    "publishers": [
        {
            "publisher_id": NORTH.publisher_id,
            "name": "Northlight Films",
            "login_email": NORTH.email,
            "login_password": base.PASSWORD,
            "mode": "prod",
            "invoice_prefix": "NORTH",
            "products": [
                {
                    "project_id": "66750",
                    "title": "Harbour Lights",
                    "package": "dvd_case",
                    "ecommerce_id_string": "VTD234-100",
                }
            ],
            "stores": [{"domain": "northlight.myshopify.com", "webhook_secrets": [base.SECRET]}],
        }
    ]
}

pytestmark = [pytest.mark.cluster, pytest.mark.postgres]


def until(true: Callable[[], Any], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.1)


class Installation:
    """Web server, workers and database, each of which can be stopped, and the gateway."""

    def __init__(self, url: str, gateway: SandboxServer, folder: Path) -> None:
        self.url, self.gateway, self.log = url, gateway, folder / "log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.running: list[subprocess.Popen[bytes]] = []
        self.answered: list[str] = []
        self.web = f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"},
            "DATABASE_URL": self.url,
            "TREPSTAR_URL": self.gateway.url,
            "TREPSTAR_TIMEOUT": "2",
            "LEASE_SECONDS": "3",
            "SWEEP_SECONDS": "0.5",
            "HEARTBEAT_SECONDS": "22",
            "WORKER_NICE": "0",
            "RETRY_SECONDS": "1,2",
            "ASK_AFTER_SECONDS": "1,2",
            "Q_WORKERS": "1",
        }

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        self.running.append(process)
        return process

    def manage(self, *command: str, text: str = "") -> None:
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=self.environment, input=text.encode(), check=True, capture_output=True,
        )  # fmt: skip

    def start_web(self) -> None:
        self.start(
            "-m", "gunicorn", "fulfillment.wsgi:application", "--bind", f"127.0.0.1:{self.port}",
            "--worker-class", "gthread", "--workers", "1", "--threads", "4", "--log-level", "error",
        )  # fmt: skip
        until(lambda: self.status("healthz") == 200, 20)

    def status(self, path: str) -> int:
        try:
            return requests.get(f"{self.web}/{path}", timeout=5).status_code
        except requests.ConnectionError:
            return 0

    def deliver(self, body: bytes) -> tuple[int, float]:
        """Post a signed delivery; return the status of the answer and the seconds it took."""
        headers = {
            "X-Shopify-Topic": "orders/fulfilled",
            "X-Shopify-Hmac-Sha256": sign(Secret(base.SECRET), body),
            "X-Shopify-Shop-Domain": "northlight.myshopify.com",
            "X-Shopify-Webhook-Id": str(json.loads(body)["id"]),
        }
        began = time.monotonic()
        response = requests.post(
            f"{self.web}/webhooks/shopify/?idpub=66870", data=body, headers=headers, timeout=10
        )
        if response.status_code == 200:
            self.answered += response.json()["orders"]
        return response.status_code, time.monotonic() - began

    def statuses(self) -> dict[str, str]:
        with psycopg.connect(self.url) as connection:
            return dict(connection.execute("SELECT invoice, status FROM orders_order").fetchall())

    def all_accepted(self) -> bool:
        return set(self.statuses().values()) <= {"accepted", "processing", "awaiting_payment"}

    def check(self, deliveries: int) -> None:
        """Every delivery that was answered is one order, made once; and there is no other."""
        assert len(set(self.answered)) == len(self.answered) == deliveries
        assert set(self.statuses()) == set(self.answered)
        accepted = [one[1] for one in self.gateway._server.sandbox.acceptances()]
        assert sorted(accepted) == sorted(self.answered)

    def database(self, verb: str) -> None:
        """Start the database, or stop it as a crash would."""
        port = urlsplit(self.url).port
        how = ["-m", "immediate"] if verb == "stop" else ["-l", str(self.data / "log")]
        listen = [] if verb == "stop" else ["-o", f"-p {port} -h 127.0.0.1 -k '' {SAFE}"]
        subprocess.run(
            [f"{postgres.programs()}/pg_ctl", "-w", "-D", str(self.data), *how, *listen, verb],
            check=True, stdout=subprocess.DEVNULL, **postgres._as_user(),
        )  # fmt: skip

    def find_data(self) -> None:
        with psycopg.connect(self.url) as connection:
            self.data = Path(connection.execute("SHOW data_directory").fetchone()[0])

    def end(self) -> None:
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        if not (self.data / "postmaster.pid").exists():
            self.database("start")


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    sandbox = Sandbox([NORTH], pace=3600)
    with postgres.running_postgres(options=SAFE) as url, SandboxServer(sandbox) as gateway:
        one = Installation(url, gateway, folder)
        one.find_data()
        try:
            one.manage("migrate", "--verbosity", "0")
            one.manage("provision", "-", text=json.dumps(CATALOGUE))
            yield one
        finally:
            one.end()
    sandbox.close()


def bodies(count: int, *, padding: int = 0) -> list[bytes]:
    return [
        json.dumps(base.order_body(note=os.urandom(padding).hex())).encode() for _ in range(count)
    ]


def test_a_database_that_goes_away_and_comes_back_loses_nothing(tmp_path: Path) -> None:
    with installation(tmp_path) as desk:
        first, second, third = bodies(3)
        desk.database("stop")
        desk.start_web()  # the web process starts without its database
        code, seconds = desk.deliver(first)
        assert (code, seconds < 2.5) == (503, True)
        assert (desk.status("healthz"), desk.status("readyz")) == (200, 503)
        worker = desk.start("manage.py", "qworker")
        assert worker.wait(20) == 1  # the workers do not, and their supervisor starts them again
        desk.database("start")
        assert desk.deliver(first)[0] == 200
        desk.start("manage.py", "qworker")
        until(desk.all_accepted, 40)

        desk.database("stop")
        for _ in range(4):
            code, seconds = desk.deliver(second)
            assert (code, seconds < 2.5) == (503, True)
        time.sleep(3)
        desk.database("start")
        assert [desk.deliver(body)[0] for body in (second, third)] == [200, 200]
        until(lambda: desk.all_accepted() and len(desk.statuses()) == 3, 90)
        until(lambda: desk.status("readyz") == 200, 30)
        desk.check(3)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount a small disk and give its folder; skips the test where that is not allowed."""
    folder = Path(tempfile.mkdtemp(prefix="desk-disk-"))
    size = f"size={megabytes}m"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder]).returncode
    if mounted:
        folder.rmdir()
        pytest.skip("mounting a small disk needs more rights; docs/drills.md shows it by hand")
    folder.chmod(0o755)  # the database's user must reach the files in it
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def test_a_full_disk_turns_deliveries_away_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(160) as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        with installation(tmp_path) as desk:
            monkeypatch.undo()
            desk.start_web()
            desk.start("manage.py", "qworker")
            until(lambda: desk.status("readyz") == 200, 30)
            sent = bodies(40, padding=20_000)
            codes = [desk.deliver(body)[0] for body in sent[:5]]
            room = shutil.disk_usage(disk).free
            (disk / "filler").write_bytes(b"\0" * (room - 256 * 1024))
            codes += [desk.deliver(body)[0] for body in sent[5:]]
            turned_away = [b for b, code in zip(sent, codes, strict=True) if code != 200]
            assert set(codes) == {200, 503}, codes
            assert desk.status("healthz") == 200
            assert len(desk.statuses()) == len(desk.answered) == codes.count(200)  # reads go on
            (disk / "filler").unlink()
            assert {desk.deliver(body)[0] for body in turned_away} == {200}
            until(lambda: desk.all_accepted() and len(desk.statuses()) == 40, 60)
            desk.check(40)


def test_a_database_that_never_answers_is_given_up_after_two_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/none"
        desk = Installation(address, SandboxServer(Sandbox([NORTH])), tmp_path)
        desk.data = tmp_path
        (tmp_path / "postmaster.pid").touch()  # there is no database to start again
        try:
            desk.start_web()
            code, seconds = desk.deliver(bodies(1)[0])
            assert (code, seconds < 4) == (503, True)
        finally:
            desk.end()
