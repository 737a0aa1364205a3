"""The kill schedule: who is ended or paused, and when. Drawn with the run's seed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

from orders.chaos.history import Kill
from orders.chaos.processes import Processes, is_busy, send
from tests.postgres import programs

BUSY, PAUSE, WEB, MEMBER, DATABASE = "busy worker", "pause", "web", "cluster member", "database"


@dataclass(frozen=True)
class Mix:
    """How often, and how the victims are divided."""

    between: tuple[float, float] = (0.6, 1.6)
    weights: dict[str, int] = field(
        default_factory=lambda: {BUSY: 60, PAUSE: 10, WEB: 20, MEMBER: 8}
    )
    databases: int = 2


class Killer:
    """Kills until it is told to stop; ``turn`` does what is due now."""

    def __init__(self, processes: Processes, mix: Mix, seed: int, *, seconds: float) -> None:
        self.processes, self.mix = processes, mix
        self.draw = random.Random(seed)  # noqa: S311 - a run must be repeatable
        self.log: list[Kill] = []
        now = time.time()
        self.stop_at = now + seconds
        self.next_kill = now + self.draw.uniform(*mix.between)
        parts = range(1, mix.databases + 1)
        self.databases = [now + seconds * part / (mix.databases + 1) for part in parts]
        self.paused: dict[int, float] = {}
        self.data = data_folder()

    def turn(self, pause: float) -> None:
        """Do what is due; a paused process sleeps for ``pause`` seconds."""
        now = time.time()
        for pid, until in list(self.paused.items()):
            if now >= until:
                del self.paused[pid]
                send(pid, signal.SIGCONT)
        if now >= self.stop_at:
            return
        if self.databases and now >= self.databases[0]:
            self.databases.pop(0)
            self._restart_database()
        elif now >= self.next_kill:
            self.next_kill = now + self.draw.uniform(*self.mix.between)
            self._kill(pause)

    def done(self) -> bool:
        return time.time() >= self.stop_at and not self.paused

    def wake_all(self) -> None:
        """Let every paused process go on."""
        for pid in self.paused:
            send(pid, signal.SIGCONT)
        self.paused.clear()

    def _kill(self, pause: float) -> None:
        kinds = list(self.mix.weights)
        kind = self.draw.choices(kinds, [self.mix.weights[k] for k in kinds])[0]
        victims = self._victims(kind)
        if not victims:
            return
        pid, now = self.draw.choice(victims), time.time()
        if kind == PAUSE:
            if send(pid, signal.SIGSTOP):
                self.paused[pid] = now + pause
                self.log.append(Kill(kind, now, now + pause))
        elif send(pid, signal.SIGKILL):
            self.log.append(Kill(kind, now, now))

    def _victims(self, kind: str) -> list[int]:
        if kind == WEB:
            return self.processes.web_workers()
        everybody = [p for p in self.processes.cluster_processes() if p not in self.paused]
        if kind == MEMBER:
            return everybody
        return [pid for pid in everybody if is_busy(pid)]

    def _restart_database(self) -> None:
        """Restart PostgreSQL as a crash would: without a word to anybody, then recovery."""
        began, owner = time.time(), _owner(self.data)
        subprocess.run(  # noqa: S603
            [
                f"{programs()}/pg_ctl", "-w", "-D", str(self.data), "-l", str(self.data / "log"),
                "-m", "immediate", "restart",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            user=owner,
        )  # fmt: skip
        self.log.append(Kill(DATABASE, began, time.time()))


def data_folder() -> Path:
    """Return the data folder of the PostgreSQL that the run uses."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        return Path(cursor.fetchone()[0])


def _owner(folder: Path) -> int | None:
    """Return whom ``pg_ctl`` must run as: root may not, the folder's owner may."""
    return folder.stat().st_uid if os.getuid() == 0 else None
