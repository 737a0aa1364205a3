"""A batch of answers reads the columns that it needs once, whatever is answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from orders import answers, status
from orders.models import Order
from orders.trepstar.status_xml import Section
from tests import base, hooks_cast
from tests.admin_cast import statements
from tests.gateway_cast import fresh, not_found, section

pytestmark = pytest.mark.django_db
WAIT = timedelta(seconds=900)
SAID: dict[str, Callable[[Order], Section]] = {
    "on hold": lambda one: section(one, "HOLD"),
    "made": section,
    "shipped": lambda one: section(one, "SHIPPED", tracking_id="9400", ship_date="11/20/2026"),
    "shipped without tracking": lambda one: section(one, "SHIPPED"),
    "another name": lambda one: section(one, customer="Somebody Else"),
    "a spoilt name": lambda one: section(one, customer="JosÃ©"),
    "no name": lambda one: section(one, customer=""),
    "an address error": lambda one: section(one, "ERROR", status_error_number="10"),
    "a test order": lambda one: section(one, "ERROR", status_error_number="20"),
    "an unknown word": lambda one: section(one, "LOST"),
    "an unknown error": lambda one: section(one, error_number="999"),
    "not known": not_found,
    "an echo": lambda one: Section(invoice=one.invoice),
}
CASES = [
    *({"status": one} for one in sorted(status.ASKED)),
    *({"status": status.UNCLEAR, "question": one} for one in Order.Question.values),
    *({"status": status.UNCLEAR, "stop_request": one} for one in Order.Stop.values),
    {"status": status.PROCESSING, "redact": True},
]


@pytest.mark.parametrize("said", SAID)
def test_no_order_is_read_again(said: str) -> None:
    north = base.northlight()
    hooks_cast.subscribed(north)
    film = base.product(north)
    long_ago = timezone.now() - timedelta(days=3)
    orders = []
    for case in CASES:
        order = base.place(north, (film, 1))
        since = {"unclear_since": long_ago, "accepted_at": long_ago, "next_ask_at": long_ago}
        Order.objects.filter(pk=order.pk).update(**since, asked_at=long_ago, not_found=1, **case)
        orders.append(fresh(order))
    found = {order.invoice: SAID[said](order) for order in orders}
    with statements() as done:
        assert answers.apply(found, orders, WAIT) == set(found)
    read = [
        one["sql"]
        for one in done.captured_queries
        if one["sql"].startswith("SELECT") and "orders_order" in one["sql"].split("WHERE")[0]
    ]
    of_orders = [sql for sql in read if 'FROM "orders_order"' in sql]
    assert len(of_orders) == 1
    assert all("asked_at" in sql for sql in of_orders)
    for order in orders:
        assert fresh(order).asked_at != order.asked_at or order.status == status.UNCLEAR
