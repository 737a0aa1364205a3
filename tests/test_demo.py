"""The demo as a whole: every order reaches its end, and a port in use is one sentence."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("demo")]


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """The demo has one folder, so it runs once at a time on this machine."""
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as b:
        return one.getsockname()[1], b.getsockname()[1]


def demo(port: int, sandbox_port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env={
            **{k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"},
            "DEMO_EXIT": "1",
            "PORT": str(port),
            "SANDBOX_PORT": str(sandbox_port),
        },
        capture_output=True,
        text=True,
        timeout=170,
    )


def test_every_demo_order_reaches_its_end_and_nothing_stays_behind() -> None:
    port, sandbox_port = free_ports()
    done = demo(port, sandbox_port)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(
        r"The sandbox's own log: 11 acceptances for 11 orders; "
        r"the lost answer's order was accepted 1 time\.",
        done.stdout,
    ), done.stdout
    assert f"http://127.0.0.1:{port}/admin/   sign in as demo with " in done.stdout
    ends = dict(re.findall(r" s  (NORTH-\S+) +(\w+)", done.stdout))
    assert sorted(ends.values()) == ["problem"] + ["shipped"] * 10
    assert "Traceback" not in done.stderr
    for number in (port, sandbox_port):
        with socket.socket() as test:
            assert test.connect_ex(("127.0.0.1", number)) != 0


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_port_in_use_is_one_sentence(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        port, sandbox_port = free_ports()
        done = demo(*((number, sandbox_port) if name == "PORT" else (port, number)))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.strip() == (
        f"CommandError: Port {number} is in use; choose another one with {name}=…, "
        "or stop what uses it."
    )
