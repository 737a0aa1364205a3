"""Fixtures that every test may use."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, connections
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django.test import SimpleTestCase
from django.utils import timezone

from orders import clock
from orders.models import Order
from products.models import Product, Publisher
from products.roles import make_groups
from tests import base
from tests.gateway_cast import fresh


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs PostgreSQL where the database is another one.

    On PostgreSQL only what meets the database is run: the run on SQLite has proved the rest, and
    the pages in a browser as well.
    """
    _each_has_its_own_id(items)
    if "postgresql" in settings.DATABASES["default"]["ENGINE"]:
        proved = [item for item in items if not _meets_the_database(item)]
        config.hook.pytest_deselected(items=proved)
        items[:] = [item for item in items if item not in set(proved)]
        return
    skip = pytest.mark.skip(reason="needs PostgreSQL; make test runs it there")
    for item in items:
        if item.get_closest_marker("postgres"):
            item.add_marker(skip)


def _each_has_its_own_id(items: list[pytest.Item]) -> None:
    """Fail tests that share an id: ``--dist loadgroup`` runs one of them and drops the rest."""
    times = Counter(item.nodeid for item in items)
    for item in items:
        if times[item.nodeid] > 1:
            told = f"{times[item.nodeid]} tests share this id, so only one of them would be run."
            item.runtest = partial(pytest.fail, told, pytrace=False)


def _meets_the_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("browser"):
        return False
    marked = any(item.get_closest_marker(name) for name in ("django_db", "postgres", "cluster"))
    of_django = issubclass(getattr(item, "cls", None) or object, SimpleTestCase)
    return marked or of_django or bool({"db", "transactional_db"} & set(item.fixturenames))


@receiver(post_migrate)
def _give_the_groups_back(sender: Any, using: str, apps: Any = apps, **_: Any) -> None:
    """Make the roles' groups again, which a test that empties the tables takes with it."""
    if sender.label == "orders":
        make_groups(apps, SimpleNamespace(connection=connections[using]))


@pytest.fixture
def north() -> Publisher:
    """Northlight, which a module's own ``north`` may stand in for."""
    return base.northlight()


@pytest.fixture
def film(north: Publisher) -> Product:
    """A DVD of Northlight's."""
    return base.product(north)


@pytest.fixture
def order(north: Publisher, film: Product) -> Order:
    """An order for one of it, as it stands in the database."""
    return fresh(base.place(north, (film, 1)))


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

    def now() -> Any:
        return (real() if connection.connection else timezone.now()) + moved.ahead

    for name, told in base.clock_of(now).items():
        monkeypatch.setattr(clock, name, told)
    return moved
