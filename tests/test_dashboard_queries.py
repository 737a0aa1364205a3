"""The dashboard takes the same queries however many orders there are, and reads few rows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders import attention, clock, dashboard, figures, silence
from orders.models import Gateway, Heartbeat, Order
from tests import admin_cast as cast
from tests import base
from tests import dashboard_cast as day

pytestmark = pytest.mark.django_db

NUMBERS = 12
"""Publishers, stores; open, per day, shipped, oldest; what needs attention; deliveries today, SKUs;
status calls; gateway, workers."""
PAGE = NUMBERS + 8
"""Session, person, permissions (two), and the gateway, publishers and workers of the banners."""


def queries(act: Any) -> int:
    with CaptureQueriesContext(connection) as seen:
        act()
    told = [one["sql"] for one in seen if "clock_timestamp" not in one["sql"]]
    return len(told)


def test_three_orders_and_three_hundred_take_the_same_queries() -> None:
    publisher = base.northlight()
    store = base.store(publisher)
    Gateway.objects.create(pk=Gateway.THE_ONE)
    Heartbeat.objects.create(name="worker-1", beat_at=timezone.now())
    user = cast.colleague("vera", publisher, may="view")
    client = cast.signed_in(user)
    for status in ("held", "shipped", "ready"):
        day.orders(publisher, 1, status)
    assert Order.objects.count() == 3
    day.deliveries(store, timezone.now())
    fresh = type(user).objects.get(pk=user.pk)
    fresh.get_all_permissions()
    assert queries(lambda: dashboard.board(fresh)) == NUMBERS
    assert queries(lambda: client.get("/admin/")) == PAGE
    day.busy(publisher, store, 5)
    day.orders(publisher, 300 - Order.objects.count(), "ready", made=timedelta(days=4))
    assert Order.objects.count() == 300
    assert queries(lambda: dashboard.board(fresh)) == NUMBERS
    assert queries(lambda: client.get("/admin/")) == PAGE


def test_another_publisher_and_a_superuser_take_no_more() -> None:
    world = day.World()
    assert queries(lambda: world.boss.get("/admin/")) == PAGE - 2  # no permissions to look up
    where = {"publisher": world.theirs.pk}
    assert queries(lambda: world.boss.get("/admin/", where)) == PAGE - 2


@pytest.mark.postgres
def test_the_counts_read_what_is_open_or_recent_and_no_more() -> None:
    """Of 20,000 old orders and deliveries, the plans of all counts read only the few others."""
    publisher = base.northlight()
    store = base.store(publisher)
    with connection.cursor() as cursor:
        base.place(publisher, (base.product(publisher), 1))
        columns = [f.column for f in Order._meta.concrete_fields]
        new = {
            "id": "10000000 + n", "invoice": "'OLD-' || n", "status": "'shipped'",
            "created_at": "now() - interval '100 days' - n * interval '1 minute'",
            "shipped_at": "now() - interval '90 days' - n * interval '1 minute'",
        }  # fmt: skip
        chosen = ", ".join(new.get(name, name) for name in columns)
        cursor.execute(
            f"INSERT INTO orders_order ({', '.join(columns)}) SELECT {chosen} "
            "FROM orders_order, generate_series(1, 20000) n"
        )
        day.deliveries(store, timezone.now())
        cursor.execute(
            "INSERT INTO orders_delivery (store_id, webhook_id, body_hash, event_id, topic,"
            " api_version, test_header, matched_secret, outcome, reason, invoices, repeats,"
            " failures, received_at) SELECT store_id, 'old-' || n, body_hash, '', topic, '', false,"
            " 1, 'created', '', '[]', 0, 0, now() - interval '40 days' - n * interval '1 minute'"
            " FROM orders_delivery, generate_series(1, 20000) n"
        )
        cursor.execute("ANALYZE orders_order")
        cursor.execute("ANALYZE orders_delivery")
    user = cast.colleague("vera", publisher, may="view")
    scope = figures.Scope([publisher], None, clock.now())
    found = figures.open_orders(scope)
    with CaptureQueriesContext(connection) as seen:
        figures.open_orders(scope)
        figures.oldest_waiting(scope, found)
        figures.orders_per_day(scope)
        figures.shipped_today(scope)
        figures.deliveries_today(scope, [store.pk])
        attention.counts(user, [publisher.pk], scope.now)
        silence.heard([publisher])
    assert len(seen) == 7
    for one in seen:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, TIMING OFF) " + one["sql"].replace("%", "%%"), [])
            plan = "\n".join(row[0] for row in cursor.fetchall())
        # The tables that were filled; a small one beside them is soonest read through.
        assert re.findall(r"Seq Scan on (orders_order|orders_delivery)\b", plan) == [], plan
        # A bitmap of an index still has the rows of tests that were rolled back; its heap has not.
        heaps = "\n".join(line for line in plan.split("\n") if "Bitmap Index Scan" not in line)
        read = [int(n) for n in re.findall(r"actual rows=(\d+)", heaps)]
        dropped = [int(n) for n in re.findall(r"Rows Removed by \w+: (\d+)", plan)]
        assert max(read + dropped) <= 5, plan
