"""What is asked of orders is found by the index made for it, also by SQLite's planner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from orders import attention, status
from orders.admin.order_filters import VIEWS
from orders.attention import Place
from orders.models import Order
from orders.models.conditions import Unindexed, one_of
from orders.models.order_indexes import ABROAD
from tests import base
from tests import dashboard_cast as day

pytestmark = pytest.mark.django_db


def waiting(_: Any) -> QuerySet[Order]:
    return attention.orders(Place([1]), timezone.now()).order_by("created_at", "id")


ASKED: list[tuple[Callable[[Any], QuerySet[Any]], str]] = [
    (waiting, "order_waits"),
    (VIEWS["attention"].narrow, "order_waits"),
    (VIEWS["international"].narrow, "order_abroad"),
    (VIEWS["week"].narrow, "order_list_shipped"),
    (
        lambda rows: rows.among([1]).filter(one_of("status", status.OPEN)).values("status"),
        "order_open",
    ),
]
SHIPPED = {"status": "shipped", "country": "US"}


@pytest.fixture
def many() -> None:
    publisher = base.northlight()
    month = timezone.now() - timedelta(days=30)
    day.orders(publisher, 1500, **SHIPPED, shipped_at=month, made=timedelta(days=31))
    for one in status.OPEN:
        day.orders(publisher, 2, one, country="CA")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="It is SQLite's planner that is asked.")
@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("narrow", "index"), ASKED, ids=[index for _, index in ASKED])
def test_sqlite_reads_the_partial_index(narrow: Callable[[Any], QuerySet[Any]], index: str) -> None:
    plan = narrow(Order.objects.order_by()).explain()
    assert f"INDEX {index}" in plan, plan


@pytest.mark.skipif(connection.vendor != "sqlite", reason="It is SQLite's planner that is asked.")
@pytest.mark.usefixtures("many")
def test_control_sqlite_does_not_look_into_a_list() -> None:
    by_list, said = Order.objects.exclude(country__in=("US", "")), Order.objects.filter(ABROAD)
    assert "order_abroad" not in by_list.explain()
    assert "order_abroad" in said.explain()
    assert list(by_list) == list(said)


def test_one_of_finds_what_a_list_finds() -> None:
    publisher = base.northlight()
    for one in status.MEANING:
        day.orders(publisher, 1, one)
    wanted = (status.HELD, status.SHIPPED)
    found = Order.objects.filter(one_of("status", wanted)).order_by("pk")
    assert [order.status for order in found] == ["held", "shipped"]
    assert list(found) == list(Order.objects.filter(status__in=wanted).order_by("pk"))


def test_an_unindexed_column_finds_the_same_rows() -> None:
    ours, theirs = base.northlight(), base.southwind()
    day.orders(ours, 2, "ready")
    day.orders(theirs, 3, "ready")
    assert Order.objects.among([ours.pk]).count() == 2
    assert Order.objects.among([ours.pk, theirs.pk]).count() == 5
    assert Order.objects.among([]).count() == 0
    named = Order.objects.alias(name_of=Unindexed("publisher__name"))
    assert named.filter(name_of=theirs.name).count() == 3
