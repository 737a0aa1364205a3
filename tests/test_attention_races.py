"""The queue on a real PostgreSQL: two people at one row, and what the database reads for it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from orders import attention, deliveries
from orders.attention import Place
from orders.lifecycle import WORKER, NotNow
from orders.models import Delivery, Order, OrderEvent
from products.models import SkuAlias
from tests import attention_cast as queue
from tests.attention_cast import Desk
from tests.gateway_cast import during
from tests.test_races import no_row_locks

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

MANY = 4000


@pytest.fixture
def room() -> Desk:
    return Desk()


@pytest.fixture
def delivery(room: Desk) -> Delivery:
    """A delivery that was set aside and can be used by now."""
    found = queue.unmatched("NEW-1")
    SkuAlias.objects.create(publisher=room.publisher, sku="NEW-1", product=room.film)
    Delivery.objects.filter(pk=found.pk).update(outcome="quarantined", reason="It failed.")
    return found


class TestPuttingAwayWhileItIsReplayed:
    def race(self, delivery: Delivery) -> Any:
        return during(
            deliveries,
            "process",
            lambda: attention.put_away(delivery.pk, who="ana", note="Made by hand."),
            lambda: deliveries.replay(delivery.pk, actor=WORKER),
        )

    def test_the_replay_counts_and_nothing_is_put_away(self, delivery: Delivery) -> None:
        other = self.race(delivery)
        with pytest.raises(NotNow, match="The delivery is created by now"):
            other.end()
        delivery.refresh_from_db()
        assert (delivery.outcome, delivery.reason) == ("created", "")
        assert Order.objects.get().status == "ready"

    def test_control_without_locks_one_is_told_what_is_not_so(self, delivery: Delivery) -> None:
        with no_row_locks():
            other = self.race(delivery)
            assert other.end().outcome == "ignored"
        delivery.refresh_from_db()
        assert delivery.outcome == "created"


@pytest.fixture
def busy(room: Desk) -> list[Order]:
    """Three orders that wait, among thousands that do not, each with a past."""
    waiting = [queue.held(room.publisher, room.film, "staff") for _ in range(3)]
    values = Order.objects.filter(pk=room.ready().pk).values().get() | {"status": "shipped"}
    del values["id"]
    many = (Order(**{**values, "invoice": f"N-{n}"}) for n in range(MANY))
    Order.objects.bulk_create(many, batch_size=1000)
    event = {"kind": "order.shipped", "to_status": "shipped", "actor_kind": "worker"}
    shipped = Order.objects.filter(status="shipped")
    OrderEvent.objects.bulk_create(
        (OrderEvent(order=order, **event) for order in shipped for _ in range(5)), batch_size=1000
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return waiting


@pytest.mark.parametrize(
    ("reason", "indexes"),
    [
        ("", {"order_waits"}),
        ("address", {"order_held", "order_list", "order_open", "order_waits"}),
        ("refused", {"order_list", "order_open", "order_waits"}),
        ("problem", {"order_list", "order_open", "order_waits"}),
        ("unclear", {"order_list", "order_open", "order_unclear", "order_waits"}),
        ("flagged", {"order_noted", "order_waits"}),
        ("not_known", {"order_not_known", "order_waits"}),
        ("later", {"order_holds_end", "order_waits"}),
    ],
)
def test_only_orders_that_may_wait_are_read(
    room: Desk, busy: list[Order], reason: str, indexes: set[str]
) -> None:
    now = timezone.now()
    place = Place([room.publisher.pk], reason)
    plan = attention.orders(place, now).order_by("created_at", "pk")[:26].explain()
    assert set(re.findall(r"(order_\w+) on orders_order ", plan)) <= indexes, plan
    assert re.findall(r"Seq Scan on (orders_order|orders_orderevent)\b", plan) == [], plan
    assert attention.page(place, now, 25) == ([] if reason else busy, False)
