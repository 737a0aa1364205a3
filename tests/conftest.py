"""Fixtures that every test may use."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from orders import clock


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs PostgreSQL where the database is another one."""
    if "postgresql" in settings.DATABASES["default"]["ENGINE"]:
        return
    skip = pytest.mark.skip(reason="needs PostgreSQL; make test runs it there")
    for item in items:
        if item.get_closest_marker("postgres"):
            item.add_marker(skip)


class Clock:
    """The desk's clock, which a test may move forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def forward(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def desk_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The database's clock, moved by ``desk_clock.forward(seconds)``."""
    moved = Clock()
    real = clock.now

    def now() -> object:
        return (real() if connection.connection else timezone.now()) + moved.ahead

    monkeypatch.setattr(clock, "now", now)
    return moved
