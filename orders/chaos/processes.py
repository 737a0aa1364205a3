"""The desk's processes in a run: started in their own folder, found in /proc, ended by their id.

Only the main thread may start them: the kernel ends a child with the thread that started it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import requests

from orders.watchdog import die_with_parent

MANAGE = [sys.executable, sys.argv[0]]
DESK = "fulfillment.wsgi:application"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


class Family:
    """Processes with one environment (by default ours), each with a log file of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder, self.environment = folder, environment
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, name: str, *command: str) -> None:
        """Start a command in a process group of its own, under a name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603
                command,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def gunicorn(self, name: str, port: int, application: str = DESK) -> None:
        """Start a web server as ``make run`` does."""
        self.run(
            name,
            sys.executable, "-m", "gunicorn", application, "--log-level", "warning", "--bind",
            f"127.0.0.1:{port}",
        )  # fmt: skip

    def answers(self, address: str, seconds: float = 40.0) -> None:
        """Wait until ``address`` answers 200."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            try:
                if requests.get(address, timeout=5).ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"Nothing answered at {address} within {seconds:.0f} seconds.")

    def listens(self, port: int, seconds: float = 40.0) -> None:
        """Wait until something listens on ``port``."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"Nothing listened on port {port} within {seconds:.0f} seconds.")

    def ended(self) -> list[str]:
        """Return the names of the processes that ended by themselves."""
        return [name for name, process in self.running.items() if process.poll() is not None]

    def stop(self, name: str, seconds: float = 20.0) -> bool:
        """End a process and its children; say whether it ended by itself in time."""
        process = self.running.pop(name)
        process.terminate()
        in_time = True
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            in_time = False
        family = list(descendants(process.pid))
        for pid in (*family, process.pid):
            send(pid, signal.SIGKILL)
        process.wait()
        return in_time

    def stop_all(self) -> None:
        for name in list(self.running):
            self.stop(name)


class Processes(Family):
    """Sandbox, web server and workers of a run."""

    def __init__(self, folder: Path, *, web_port: int, sandbox_port: int, workers: int = 2) -> None:
        super().__init__(folder)
        self.web_port, self.sandbox_port = web_port, sandbox_port
        self.workers = workers

    def start(self, sandbox: list[str]) -> None:
        """Start everything and wait until it answers."""
        self.sandbox_arguments = sandbox
        self.start_sandbox()
        self.gunicorn("web", self.web_port)
        for number in range(1, self.workers + 1):
            self.run(f"qworker{number}", *MANAGE, "qworker")
        self.answers(f"http://127.0.0.1:{self.web_port}/readyz")

    def start_sandbox(self) -> None:
        port = str(self.sandbox_port)
        self.run("sandbox", *MANAGE, "sandbox", "--port", port, *self.sandbox_arguments)
        self.answers(f"http://127.0.0.1:{port}/log.json?since=999999999")

    def web_workers(self) -> list[int]:
        return list(children().get(self.running["web"].pid, ()))

    def cluster_processes(self) -> list[int]:
        """Return every process of every cluster: sentinels, workers, pushers, monitors."""
        names = [name for name in self.running if name.startswith("qworker")]
        return [pid for name in names for pid in descendants(self.running[name].pid)]


def children() -> dict[int, list[int]]:
    """Return the processes of this machine by the id of their parent."""
    found: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            after_name = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if after_name[0] != "Z":
            found.setdefault(int(after_name[1]), []).append(int(entry))
    return found


def descendants(pid: int) -> Iterator[int]:
    """Yield the children of a process, their children, and so on."""
    by_parent = children()
    waiting = list(by_parent.get(pid, ()))
    while waiting:
        one = waiting.pop()
        waiting += by_parent.get(one, ())
        yield one


def is_busy(pid: int) -> bool:
    """Say whether a process has threads besides its first, as a worker has while it sends."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith("Threads:") and int(line.split()[1]) > 2 for line in lines)


def send(pid: int, number: int) -> bool:
    """Send a signal; say whether the process was still there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
