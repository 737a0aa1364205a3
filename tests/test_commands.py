"""The operators' commands: keys, schedule, and the workers under their watchdog."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from django_q.models import Schedule

from orders import tasks
from orders.models import Heartbeat, Store
from products.models import Publisher
from tests import base

ROOT = Path(__file__).resolve().parent.parent
OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def call(name: str) -> str:
    out = io.StringIO()
    call_command(name, stdout=out)
    return out.getvalue()


def tokens() -> list[str]:
    """The secrets as they stand in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT login_password FROM products_publisher ORDER BY id")
        found = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT webhook_secrets FROM orders_store ORDER BY id")
        return found + [row[0] for row in cursor.fetchall()]


# Keys


@pytest.mark.django_db
def test_rotate_keys_encrypts_everything_with_the_first_key() -> None:
    with override_settings(FIELD_KEYS=[OLD]):
        north, south = base.northlight(), base.southwind(login_password="")
        base.store(north)
        base.store(south, webhook_secrets=[])
        before = tokens()
    with override_settings(FIELD_KEYS=[NEW, OLD]):
        assert call("rotate_keys") == "encrypted anew: 2 publishers, 2 stores\n"
    after = tokens()
    assert [bool(token) for token in after] == [True, False, True, False]
    assert set(before) & set(after) == {""}
    with override_settings(FIELD_KEYS=[NEW]):
        assert Publisher.objects.get(pk=north.pk).login_password.reveal() == base.PASSWORD
        (secret,) = Store.objects.get(publisher=north).webhook_secrets
        assert secret.reveal() == base.SECRET


@pytest.mark.django_db
def test_rotate_keys_with_a_missing_key_changes_nothing() -> None:
    with override_settings(FIELD_KEYS=[OLD]):
        base.northlight()
    with override_settings(FIELD_KEYS=[OTHER]):
        base.store(Publisher.objects.defer("login_password").get())
    before = tokens()
    with override_settings(FIELD_KEYS=[NEW, OLD]), pytest.raises(CommandError) as caught:
        call("rotate_keys")
    assert str(caught.value).endswith("to the end of the list. Nothing was changed.")
    assert tokens() == before


@pytest.mark.django_db
def test_rotate_keys_leaves_what_workers_write() -> None:
    publisher = base.northlight()
    Publisher.objects.update(last_serial=9, login_refused_at=timezone.now())
    before = Publisher.objects.values().get()
    call("rotate_keys")
    assert Publisher.objects.values().get() == before
    assert publisher.pk == before["id"]


# Schedule


@pytest.mark.django_db
def test_schedule_registers_each_job_once() -> None:
    for _ in range(2):
        told = call("schedule").splitlines()
        assert told == [f"registered {name}" for name in tasks.SCHEDULES]
    found = Schedule.objects.order_by("name").values_list(
        "name", "func", "schedule_type", "minutes", "repeats", "args"
    )
    assert list(found) == [
        ("alert", "orders.tasks.alert", "I", 1, -1, None),
        ("alert_hourly", "orders.tasks.alert_hourly", "H", None, -1, None),
        ("prune", "orders.tasks.prune", "D", None, -1, None),
        ("sweep", "orders.tasks.sweep", "I", 1, -1, None),
        ("sync", "orders.tasks.sync_all", "I", 1, -1, None),
    ]


@pytest.mark.django_db
def test_schedule_mends_a_job_that_was_changed_by_hand() -> None:
    call("schedule")
    Schedule.objects.filter(name="sync").update(func="os.abort", args="(1,)", repeats=0)
    call("schedule")
    job = Schedule.objects.get(name="sync")
    assert (job.func, job.args, job.repeats) == ("orders.tasks.sync_all", None, -1)


# The workers


def environment() -> dict[str, str]:
    """The workers' environment: this test's database, and waits as short as may be."""
    found = connection.settings_dict
    address = f"sqlite:///{Path(found['NAME']).resolve()}"
    if connection.vendor == "postgresql":
        host = f"{found['USER']}@{found['HOST']}:{found['PORT']}"
        address = f"postgresql://{host}/{found['NAME']}"
    return {
        **{k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"},
        "DATABASE_URL": address,
        "TREPSTAR_TIMEOUT": "0.2",
        "LEASE_SECONDS": "1",
        "SWEEP_SECONDS": "0.5",
        "HEARTBEAT_SECONDS": "20.2",
        # Whatever else runs beside the tests is no web server that goes first.
        "WORKER_NICE": "0",
        "Q_WORKERS": "2",
    }


class Workers:
    """``manage.py qworker`` in a process of its own."""

    def __init__(self, log: Path) -> None:
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "qworker"],
                cwd=ROOT,
                env=environment(),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.log = log

    def family(self) -> dict[int, int]:
        """Return the descendants of the process, each with its parent."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                after = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if after[0] != "Z":
                parents[int(stat.parent.name)] = int(after[1])
        found: dict[int, int] = {}
        fresh = {self.process.pid}
        while fresh:
            fresh = {pid for pid, parent in parents.items() if parent in fresh and pid not in found}
            found |= {pid: parents[pid] for pid in fresh}
        return found

    def clusters(self) -> dict[str, int]:
        """Return the clusters by name, each with its first process."""
        found = {}
        for pid in (p for p, parent in self.family().items() if parent == self.process.pid):
            try:
                held = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            found |= {h[13:].decode(): pid for h in held if h.startswith(b"CLUSTER_NAME=")}
        return found

    def idle_worker(self, cluster: int) -> int:
        """Return the worker of a cluster: the first that its guard, its only child, forks."""
        (guard,) = (pid for pid, parent in self.family().items() if parent == cluster)
        return min(pid for pid, parent in self.family().items() if parent == guard)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def until(true: Callable[[], Any], seconds: float, log: Path) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} seconds; {log.read_text()[-2000:]}")


def beats(since: Any = None) -> set[str]:
    rows = Heartbeat.objects.all() if since is None else Heartbeat.objects.filter(beat_at__gt=since)
    return set(rows.values_list("name", flat=True))


def both_beat(workers: Workers) -> set[str]:
    """Return the names of the two clusters once each has finished a task."""
    names = beats() & set(workers.clusters())
    return names if len(names) == 2 else set()


@pytest.fixture
def workers(transactional_db: None, tmp_path: Path) -> Iterator[Workers]:
    running = Workers(tmp_path / "log")
    yield running
    for pid in [running.process.pid, *running.family()]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    running.process.wait()


@pytest.mark.cluster
def test_a_cluster_with_a_killed_worker_comes_back_and_a_stop_leaves_nothing(
    workers: Workers,
) -> None:
    until(lambda: both_beat(workers), 120, workers.log)
    assert {job.name for job in Schedule.objects.all()} == set(tasks.SCHEDULES)
    # An idle worker that is killed freezes its cluster for good, unless somebody replaces it.
    name, first = min(workers.clusters().items())
    os.kill(workers.idle_worker(first), signal.SIGKILL)
    killed = timezone.now() + timedelta(seconds=1)
    until(lambda: name in beats(since=killed) or (name not in workers.clusters()), 120, workers.log)
    # A cluster that took another's place has inherited its heartbeat; only a new one counts.
    until(lambda: len(set(workers.clusters()) & beats(since=killed)) == 2, 120, workers.log)
    family = workers.family()
    assert len(family) >= 10
    assert workers.stop() == 0
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), 10, workers.log)


@pytest.mark.cluster
def test_a_cluster_that_died_as_a_whole_is_started_again(workers: Workers) -> None:
    names = set(until(lambda: workers.clusters(), 60, workers.log))
    name, first = min(workers.clusters().items())
    os.killpg(first, signal.SIGKILL)
    until(lambda: len(workers.clusters()) == 2 and name not in workers.clusters(), 60, workers.log)
    until(lambda: beats() - names, 120, workers.log)
    assert f"Cluster {name} ended and is started again." in workers.log.read_text()


@pytest.mark.cluster
def test_the_children_die_with_a_killed_parent(workers: Workers) -> None:
    until(lambda: len(workers.clusters()) == 2, 60, workers.log)
    clusters = list(workers.clusters().values())
    os.kill(workers.process.pid, signal.SIGKILL)
    workers.process.wait()
    until(lambda: not any(Path(f"/proc/{p}").exists() for p in clusters), 10, workers.log)


@pytest.mark.cluster
def test_an_unreachable_database_is_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "qworker"],
        cwd=ROOT,
        env={
            **{k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"},
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        },
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("CommandError: The database is not reachable: ")
