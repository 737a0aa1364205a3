"""Erasing a customer against workers and news: each race is forced, each beside its control."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest

from orders import (
    answers,
    clock,
    lifecycle,
    privacy,
)
from orders.models import Order, ShopOrder
from tests import test_races_shop
from tests.gateway_cast import (
    YES,
    Elsewhere,
    Told,
    during,
    fresh,
    section,
    submit_next,
)
from tests.test_races_staff import unguarded

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
north, order = test_races_shop.north, test_races_shop.order


def erase() -> int:
    return privacy.redact(ShopOrder.objects.all())


class TestErasure:
    def names_sent(self, order: Order) -> list[str]:
        """Erase while a call is under way that gets lost, and send again; return what was sent."""
        gateway = Told(lambda fields: Elsewhere(erase).end() and (500, b""), YES)
        submit_next(gateway)
        Order.objects.update(status="ready", next_attempt_at=clock.now())
        submit_next(gateway)
        return [call["name"] for call in gateway.calls]

    def test_during_a_call_it_leaves_what_may_be_sent_again(self, order: Order) -> None:
        assert self.names_sent(order) == ["Ana Peña", "Ana Peña"]
        assert fresh(order).redact

    def test_control_where_it_does_not_wait_the_order_cannot_be_sent_again(
        self, order: Order
    ) -> None:
        with patch.object(privacy, "CLOSED", privacy.CLOSED | {"submitting"}):
            assert self.names_sent(order) == ["Ana Peña"]
        assert (fresh(order).status, fresh(order).name) == ("held", "erased")

    def sync(self, order: Order) -> Order:
        submit_next(Told(YES))
        Order.objects.update(status="shipped", shipped_at=clock.now())
        found = {order.invoice: section(order, "SHIPPED")}
        wait = timedelta(seconds=900)
        during(
            lifecycle, "move_many", erase, lambda: answers.apply(found, [fresh(order)], wait)
        ).end()
        return fresh(order)

    def test_while_news_of_a_shipped_order_is_written_it_waits_and_erases_it(
        self, order: Order
    ) -> None:
        found = self.sync(order)
        assert (found.name, found.gateway_customer) == ("erased", "")

    def test_control_without_guards_the_news_writes_the_customer_back(self, order: Order) -> None:
        with unguarded():
            assert self.sync(order).gateway_customer == "Ana Peña"

    def test_news_after_it_does_not_write_the_customer_back(self, order: Order) -> None:
        submit_next(Told(YES))
        Order.objects.update(status="shipped", shipped_at=clock.now())
        erase()
        theirs = {order.invoice: section(order, "SHIPPED")}
        answers.apply(theirs, [fresh(order)], timedelta(seconds=900))
        assert fresh(order).gateway_customer == ""
