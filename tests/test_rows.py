"""Rows read by SQL of our own are what Django would have read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import Model

from orders.models import Order
from products.models import Publisher
from products.rows import columns, made_of, with_one, without
from tests import base
from tests.admin_cast import statements

pytestmark = pytest.mark.django_db
MOMENT = datetime(2026, 11, 22, 18, 58, 55, 84_300, UTC)
FULL = {
    "next_ask_at": MOMENT,
    "accepted_at": MOMENT - timedelta(days=400, microseconds=84_300),
    "ship_date": date(2026, 11, 20),
    "price": Decimal("12.50"),
    "redact": True,
    "lease_token": uuid4(),
    "payload": {"name": "Zoë “É” 😀", "deep": [1, 2.5, None, {"x": True}], "id": 2**63 - 1},
    "tracking_history": ["9400", ""],
}


@pytest.fixture(params=["full", "empty"])
def order(request: pytest.FixtureRequest) -> Order:
    north = base.northlight()
    order = base.place(north, (base.product(north), 2))
    if request.param == "full":
        Order.objects.filter(pk=order.pk).update(**FULL)
    return Order.objects.get(pk=order.pk)


def values(row: Model, *left_out: str) -> dict[str, Any]:
    return {
        name: (type(value), value)
        for name, value in row.__dict__.items()
        if name != "_state" and name not in left_out
    }


def test_a_row_is_what_django_reads(order: Order) -> None:
    (found,) = without(Order, frozenset(), "this.id = %s", order.pk)
    assert values(found) == values(order)
    assert found == order
    assert (found._state.adding, found._state.db) == (False, order._state.db)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns(Order, 'o')} FROM orders_order o")
        assert values(made_of(Order, cursor.fetchone())) == values(order)


def test_what_it_is_linked_to_comes_with_it(order: Order) -> None:
    (found,) = with_one("publisher", Order, "this.id = %s", order.pk)
    with statements() as done:
        assert values(found.publisher) == values(Publisher.objects.get(pk=order.publisher_id))
    assert len(done) == 1
    assert values(found) == values(order)


def test_a_column_that_was_left_out_is_read_when_it_is_asked_for(order: Order) -> None:
    left_out = frozenset({"payload", "price", "shop_order_id"})
    (found,) = without(Order, left_out, "this.id = %s", order.pk)
    assert values(found) == values(order, *left_out)
    assert found.get_deferred_fields() == left_out
    for name in sorted(left_out):
        with statements() as done:
            assert getattr(found, name) == getattr(order, name)
        assert len(done) == 1
    assert values(found) == values(order)


def test_what_nothing_meets_is_nothing(order: Order) -> None:
    assert without(Order, frozenset(), "this.id = %s", -1) == []
    assert with_one("publisher", Order, "this.id = %s", -1) == []
