"""The weight of a box, where the shop gives every line's."""

from __future__ import annotations

from typing import Any

import pytest

from orders.models import Delivery, Order
from orders.weight import grams_of
from tests import admin_cast as cast
from tests import base

pytestmark = pytest.mark.django_db


def made(*lines: dict[str, Any]) -> Order:
    base.connected(p66751="VTD333-200")
    base.deliver(base.order_body(*lines))
    return Order.objects.get()


def weight(order: Order) -> int | None:
    return grams_of(order, list(order.lines.all()))


def test_it_is_the_sum_of_the_lines() -> None:
    order = made(base.line(grams=90, quantity=2), base.line("VTD333-200", grams=120))
    assert weight(order) == 300


@pytest.mark.parametrize("grams", [None, "90", -1, 0, True, 1.5])
def test_a_weight_that_is_none_is_not_told(grams: Any) -> None:
    assert weight(made(base.line(grams=grams))) is None


def test_half_a_weight_is_not_told() -> None:
    assert weight(made(base.line(grams=90), base.line("VTD333-200"))) is None


def test_without_its_body_it_is_not_known() -> None:
    order = made(base.line(grams=90))
    Delivery.objects.update(body=None)
    assert weight(order) is None
    Delivery.objects.update(body=b"no JSON")
    assert weight(order) is None


def test_an_order_by_hand_has_none() -> None:
    publisher = base.northlight()
    assert weight(base.place(publisher, (base.product(publisher), 1))) is None


def test_the_page_shows_it() -> None:
    order = made(base.line(grams=90, quantity=2))
    client = cast.signed_in(cast.colleague("ana", order.publisher, role="viewer"))
    assert "180 g" in cast.html(client.get(cast.page(order)))
