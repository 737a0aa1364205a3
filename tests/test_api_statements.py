"""How few statements the API takes, and that what is built by hand is what is declared."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.api.order_shapes import LineShape, OrderShape
from orders.models import IdempotencyKey, Order
from tests import admin_cast, api_cast, base
from tests.api_cast import Shop, form

POSTGRES = connection.vendor == "postgresql"
NOWHERE = replace(base.ANA, city="")
CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@pytest.fixture
def shop(transactional_db: Any) -> Shop:
    return Shop()


def statements(do: Any) -> list[str]:
    with CaptureQueriesContext(connection) as seen:
        do()
    return [one["sql"].split()[0] for one in seen.captured_queries]


def made(shop: Shop, **headers: str) -> None:
    assert shop.program.post("orders/", form(), **headers).status_code == 201


def test_an_order_is_made_in_eight_statements_and_its_transaction(shop: Shop) -> None:
    made(shop)  # the token's last use is noted once a minute
    found = statements(lambda: made(shop))
    assert found == [
        "SELECT",  # the token
        "INSERT",  # its rate
        "BEGIN",
        "SELECT",  # the SKU
        "UPDATE",  # the number
        "INSERT",  # the order
        "INSERT",  # its lines
        "INSERT",  # its event
        "INSERT",  # the nudge
        "COMMIT",
    ]
    assert len([one for one in found if one not in CONTROL]) == 8


def test_a_key_costs_two_statements_more(shop: Shop) -> None:
    made(shop)
    found = statements(lambda: made(shop, idempotency_key=api_cast.key()))
    assert len(found) == (13 if POSTGRES else 12)  # one of them looks for the time
    assert IdempotencyKey.objects.get().code == 201


def test_a_list_with_held_orders_takes_three_statements(shop: Shop) -> None:
    for _ in range(3):
        shop.held(recipient=NOWHERE)
        shop.placed()
    shop.program.get("orders/")
    assert len(statements(lambda: shop.program.get("orders/?limit=100"))) == 3


def test_a_new_order_is_told_as_it_is_read(shop: Shop) -> None:
    answers = [
        shop.program.post("orders/", body).json()["orders"]
        for body in (
            form(price="5", reference="#7"),
            form(name="Ann 中", special_text="To “Ann”.", hold=True),
            form({"sku": "VTD234-100", "quantity": 600}),
        )
    ]
    assert [len(one) for one in answers] == [1, 1, 3]
    assert answers[0][0]["price"] == "5.00"
    for order in (one for orders in answers for one in orders):
        assert shop.program.get(f"orders/{order['invoice']}/").json() == order


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_what_is_built_by_hand_is_what_is_declared(shop: Shop, zone: str) -> None:
    second = base.product(shop.publisher, "66751", price=Decimal("1.10"))
    base.place(shop.publisher, (second, 2), (shop.film, 1), price=Decimal("3"))
    held = shop.held(recipient=NOWHERE)
    Order.objects.filter(pk=held.pk).update(hold_until=timezone.now() + timedelta(days=1))
    shipped = admin_cast.shipped(shop.publisher, (shop.film, 1), tracking_id="94 00/1")
    Order.objects.filter(pk=shipped.pk).update(ship_date="2026-11-20", reship_of=shipped.pk)
    with override_settings(TIME_ZONE=zone):
        told = shop.program.get("orders/").json()["results"]
        assert len(told) == 3
        for one in told:
            order = Order.objects.get(invoice=one["invoice"])
            declared = OrderShape(order)
            names = [name for name in OrderShape.Meta.fields if name != "findings"]
            assert list(one) == list(OrderShape.Meta.fields)
            expected = {
                name: field.to_representation(field.get_attribute(order))
                if field.get_attribute(order) is not None
                else None
                for name, field in declared.fields.items()
                if name in names
            }
            assert {name: one[name] for name in names} == expected
            assert list(one["lines"][0]) == list(LineShape.Meta.fields)
        findings = {one["status"]: [each["field"] for each in one["findings"]] for one in told}
        assert findings == {"ready": [], "held": ["city"], "shipped": []}
