"""That the workers have stopped is told although they have: by the process that minds them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from orders import clock, watchdog
from orders.models import Heartbeat
from orders.watchdog import Cluster, Watchdog
from tests import alerts_cast as cast

# In one thread: SQLite would let a second one wait for the transaction of the test.
pytestmark = pytest.mark.django_db


class Inline:
    """A thread that has ended when it was started."""

    def __init__(self, *, target: Callable[[], None], daemon: bool) -> None:
        self.target = target

    def start(self) -> None:
        self.target()

    def is_alive(self) -> bool:
        return False


@pytest.fixture
def dog(monkeypatch: pytest.MonkeyPatch) -> Watchdog:
    monkeypatch.setattr(watchdog.threading, "Thread", Inline)
    monkeypatch.setattr(watchdog.connection, "close", lambda: None)
    one = Watchdog()
    one.next_sweep = one.next_canary = float("inf")
    one.next_alert = 0.0
    cast.told_person("root", superuser=True)
    return one


def test_it_tells_where_all_workers_are_silent_and_only_once(dog: Watchdog) -> None:
    cast.beat(200)
    for _ in range(3):
        dog.next_alert = 0.0
        dog._turn()
    assert cast.subjects() == ["The workers have stopped"]


def test_while_any_worker_works_it_leaves_that_to_them(dog: Watchdog) -> None:
    cast.beat(200, "first")
    cast.beat(10, "second")
    dog._turn()
    assert mail.outbox == []
    cast.a_minute()
    assert cast.subjects() == ["A worker has stopped"]


def test_a_failure_to_tell_stops_nothing(dog: Watchdog, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("spoilt")

    monkeypatch.setattr(watchdog.tasks, "alert", fail)
    cast.beat(200)
    dog._turn()


def test_clusters_that_never_come_to_work_show_as_silent(
    dog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start() -> Cluster:
        process: Any = subprocess.Popen(["true"], start_new_session=True)
        return Cluster(f"new-{len(started)}", process, clock.now())

    started: list[int] = []
    monkeypatch.setattr(dog, "_start", start)
    cast.beat(170, "old")
    dead: Any = subprocess.Popen(["true"], start_new_session=True)
    dead.wait()
    dog.clusters = [Cluster("old", dead, clock.now() - timedelta(hours=1))]
    dog._check()
    (beat,) = Heartbeat.objects.all()
    assert beat.name == "new-0"
    assert clock.now() - beat.beat_at > timedelta(seconds=169)


def test_workers_that_ended_as_they_should_are_not_missed(dog: Watchdog) -> None:
    process: Any = subprocess.Popen(["true"], start_new_session=True)
    cast.beat(5, "mine")
    cast.beat(5, "another's")
    dog.clusters = [Cluster("mine", process, clock.now())]
    dog._end()
    assert list(Heartbeat.objects.values_list("name", flat=True)) == ["another's"]
