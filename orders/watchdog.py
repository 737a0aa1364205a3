"""Keeps django-q2's clusters alive, and sweeps.

A cluster of django-q2 freezes for good when an idle worker of it is killed, without a word in the
log. So each cluster must finish a canary task now and then, from fetch to acknowledgement; one
that does not is killed as a whole and started again.

Alerts are sent by the workers. Where all of them are silent for some minutes, this process sends
them itself, so that "the workers have stopped" is told even though they have. What nobody here
can tell: that this process has ended as well (or the whole machine), and that the database is
away, since whom to tell stands in it. ``/readyz`` answers 503 in both cases; have it watched from
outside.
"""

from __future__ import annotations

import ctypes
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django_q.tasks import async_task

from orders import clock, tasks, waking
from orders.alert_desk import LATE
from orders.models import Heartbeat

log = logging.getLogger(__name__)

CANARY_SECONDS = 5.0
MAX_CANARIES = 20
ALERT_SECONDS = 60.0
MOST_PATIENCE = 8
PR_SET_PDEATHSIG = 1


@dataclass
class Cluster:
    """One ``qcluster`` in a process group of its own."""

    name: str
    process: subprocess.Popen[bytes]
    started: datetime
    patience: float
    """For so many seconds it may be silent until it has finished its first task."""


class Watchdog:
    """Runs ``Q_WORKERS`` clusters of one worker each until it is told to stop."""

    def __init__(self) -> None:
        self.stopping = False
        self.clusters: list[Cluster] = []
        self.next_sweep = self.next_canary = 0.0
        self.next_alert = time.monotonic() + LATE.total_seconds()
        self.telling: threading.Thread | None = None

    def run(self) -> None:
        """Start the clusters and keep them; returns once they have ended after a signal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        clock.now()  # an unreachable database ends the start, not every cluster in turn
        tasks.register_schedules()
        first = range(settings.Q_WORKERS)
        self.clusters = [self._start(settings.HEARTBEAT_SECONDS) for _ in first]
        try:
            while not self.stopping:
                self._turn()
                time.sleep(min(0.2, settings.SWEEP_SECONDS))
        finally:
            self._end()

    def _stop(self, number: int, frame: Any) -> None:
        self.stopping = True

    def _start(self, patience: float) -> Cluster:
        name = f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(3)}"
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, sys.argv[0], "qcluster"],
            env={**os.environ, "CLUSTER_NAME": name},
            start_new_session=True,
            preexec_fn=_begin_cluster,
        )
        log.info("Cluster %s started.", name)
        return Cluster(name, process, clock.now(), patience)

    def _turn(self) -> None:
        now = time.monotonic()
        try:
            close_old_connections()
            if now >= self.next_canary:
                self.next_canary = now + min(CANARY_SECONDS, settings.HEARTBEAT_SECONDS / 4)
                self._canaries(1 if self._check() else 2 * len(self.clusters) + 2)
            if now >= self.next_sweep:
                self.next_sweep = now + settings.SWEEP_SECONDS
                tasks.sweep()
            if now >= self.next_alert:
                self.next_alert = now + ALERT_SECONDS
                self._tell_for_the_workers()
        except (DatabaseError, InterfaceError) as error:
            log.warning("The database did not answer (%s); trying again.", type(error).__name__)
            connection.close()
        except Exception:
            # A fault of one sweep must not take the workers with it.
            log.exception("The sweep failed; it is tried again.")

    def _tell_for_the_workers(self) -> None:
        """Send alerts in a thread of this process if no worker anywhere does, as they are silent.

        In a thread, since a mail server that hangs must not keep clusters from their restart.
        """
        beats = list(Heartbeat.objects.values_list("beat_at", flat=True))
        silent = beats and clock.now() - max(beats) > LATE
        if silent and not (self.telling and self.telling.is_alive()):
            self.telling = threading.Thread(target=_alert, daemon=True)
            self.telling.start()

    def _canaries(self, count: int) -> None:
        """Send canaries; the clusters race for them, so a silent one needs more than its share."""
        if waking.waiting_tasks() < MAX_CANARIES:
            for _ in range(count):
                async_task("orders.tasks.canary")

    def _check(self) -> bool:
        """Restart every cluster that ended or whose heartbeat stopped; say whether all are well.

        One that never came to work gets twice the time at its next start, up to ``MOST_PATIENCE``
        times: on a machine that is busy beyond measure, clusters that are killed again and again
        while they start would never work at all.
        """
        all_well, usual = True, settings.HEARTBEAT_SECONDS
        beats = dict(Heartbeat.objects.values_list("name", "beat_at"))
        now = clock.now()
        for index, cluster in enumerate(self.clusters):
            last = max(beats.get(cluster.name, cluster.started), cluster.started)
            silent = (now - last).total_seconds()
            all_well &= silent < usual / 3
            patience = usual if last > cluster.started else cluster.patience
            if cluster.process.poll() is not None:
                self._replace(index, "ended", usual)
            elif silent > patience:
                longer = min(2 * patience, MOST_PATIENCE * usual)
                again = usual if last > cluster.started else longer
                self._replace(index, f"was silent for {silent:.0f} seconds", again)
        return all_well

    def _replace(self, index: int, why: str, patience: float) -> None:
        cluster = self.clusters[index]
        log.error("Cluster %s %s and is started again.", cluster.name, why)
        _kill(cluster)
        self.clusters[index] = heir = self._start(patience)
        # It inherits the last heartbeat: clusters that never come to work show as silent.
        Heartbeat.objects.filter(name=cluster.name).update(name=heir.name)

    def _end(self) -> None:
        """Let every cluster finish its call, then make sure that nothing is left."""
        for cluster in self.clusters:
            if cluster.process.poll() is None:
                cluster.process.terminate()
        give_up = time.monotonic() + settings.TREPSTAR_TIMEOUT + 10
        for cluster in self.clusters:
            try:
                cluster.process.wait(max(0.1, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("Cluster %s did not stop in time.", cluster.name)
            _kill(cluster)
        try:
            # They ended as they should, so nobody is to miss them.
            names = [cluster.name for cluster in self.clusters]
            Heartbeat.objects.filter(name__in=names).delete()
        except (DatabaseError, InterfaceError):
            log.warning("The database is away, so the last heartbeats stay in it.")


def _begin_cluster() -> None:
    """Prepare the process that becomes a cluster: it ends with this one, and the web goes first.

    A shop gives up after five seconds, and a page is waited for; an order that goes out a little
    later is no harm.
    """
    die_with_parent()
    os.nice(settings.WORKER_NICE)
    # Where the kernel shares the processor among sessions, it is theirs that counts.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(settings.WORKER_NICE), encoding="ascii")


def _alert() -> None:
    try:
        tasks.alert()
    except Exception:
        log.exception("The alerts could not be sent from the watchdog.")
    finally:
        connection.close()


def die_with_parent() -> None:
    """Ask the kernel to end this process with its parent, even one that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def keep_no_orphans() -> None:
    """Have every process that this one forks, and that those fork, end with its parent.

    A watchdog that is killed takes its clusters with it, and a cluster its workers: else they would
    go on for good beside those that are started next, watched by nobody, with the code of before.
    """
    os.register_at_fork(after_in_child=die_with_parent)


def _kill(cluster: Cluster) -> None:
    try:
        os.killpg(cluster.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    cluster.process.wait()
