"""That the workers have stopped is told although they have: by the process that minds them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from orders import clock, watchdog
from orders.models import Heartbeat
from orders.watchdog import Cluster, Watchdog
from tests import alerts_cast as cast
from tests.conftest import Clock

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


def process(*command: str) -> Any:
    return subprocess.Popen(command, start_new_session=True)


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
    def start(patience: float) -> Cluster:
        return Cluster("new-0", process("true"), clock.now(), patience)

    monkeypatch.setattr(dog, "_start", start)
    cast.beat(170, "old")
    dead = process("true")
    dead.wait()
    dog.clusters = [Cluster("old", dead, clock.now() - timedelta(hours=1), 90)]
    dog._check()
    (beat,) = Heartbeat.objects.all()
    assert beat.name == "new-0"
    assert clock.now() - beat.beat_at > timedelta(seconds=169)


def test_workers_that_ended_as_they_should_are_not_missed(dog: Watchdog) -> None:
    cast.beat(5, "mine")
    cast.beat(5, "another's")
    dog.clusters = [Cluster("mine", process("true"), clock.now(), 90)]
    dog._end()
    assert list(Heartbeat.objects.values_list("name", flat=True)) == ["another's"]


class TestPatience:
    """How long a cluster may be silent: ``HEARTBEAT_SECONDS``, which are 90 here."""

    @pytest.fixture
    def given(
        self, dog: Watchdog, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[list[float]]:
        """The patience with each cluster that is started; every one of them runs on."""
        settings.HEARTBEAT_SECONDS, given = 90, []

        def start(patience: float) -> Cluster:
            given.append(patience)
            return Cluster(f"cluster-{len(given)}", process("sleep", "600"), clock.now(), patience)

        monkeypatch.setattr(dog, "_start", start)
        dog.clusters = [start(90)]
        yield given
        watchdog._kill(dog.clusters[0])

    def silent(self, dog: Watchdog, desk_clock: Clock, seconds: float) -> None:
        desk_clock.forward(seconds)
        dog._check()

    def test_one_that_never_came_to_work_gets_twice_the_time_up_to_eight_times(
        self, dog: Watchdog, given: list[float], desk_clock: Clock
    ) -> None:
        self.silent(dog, desk_clock, 89)
        assert given == [90]
        self.silent(dog, desk_clock, 2)
        assert given == [90, 180]
        self.silent(dog, desk_clock, 179)
        assert given == [90, 180]
        self.silent(dog, desk_clock, 2)
        assert given == [90, 180, 360]
        for _ in range(3):
            self.silent(dog, desk_clock, 721)
        assert given == [90, 180, 360, 720, 720, 720]

    def test_one_that_has_worked_gets_the_usual_time(
        self, dog: Watchdog, given: list[float], desk_clock: Clock
    ) -> None:
        self.silent(dog, desk_clock, 91)
        self.silent(dog, desk_clock, 170)
        Heartbeat.objects.create(name="cluster-2", beat_at=clock.now())
        self.silent(dog, desk_clock, 89)
        assert given == [90, 180]
        self.silent(dog, desk_clock, 2)
        assert given == [90, 180, 90]

    def test_one_that_ended_gets_the_usual_time(
        self, dog: Watchdog, given: list[float], desk_clock: Clock
    ) -> None:
        self.silent(dog, desk_clock, 91)
        watchdog._kill(dog.clusters[0])
        self.silent(dog, desk_clock, 1)
        assert given == [90, 180, 90]
