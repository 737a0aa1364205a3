"""The first delivery of a shop's order by one statement: just what it is step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from orders import arrival, hooks
from orders.inserting import insert
from orders.models import (
    Delivery,
    DeliveryLine,
    HookMessage,
    Order,
    OrderEvent,
    OrderLine,
    ShopOrder,
    TurnedAwayMinute,
)
from products.models import Publisher, SkuAlias
from tests import base, hooks_cast
from tests.base import step_by_step
from tests.gateway_cast import Elsewhere, run_before

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

TABLES = (ShopOrder, Order, OrderLine, OrderEvent, Delivery, DeliveryLine)
TIMES = {"created_at", "updated_at", "received_at"}
ABROAD = {**base.ADDRESS, "country_code": "NO", "country": "Norway", "province_code": None}


@pytest.fixture
def north() -> Publisher:
    return base.connected(p66751="VTD333-200")


@contextmanager
def watched() -> Iterator[list[bool]]:
    """Give what the one statement says of each delivery: whether it was written by it."""
    told: list[bool] = []
    real = arrival._write

    def write(rows: Any) -> bool:
        told.append(real(rows))
        return told[-1]

    with patch.object(arrival, "_write", write):
        yield told


def rows_of(model: Any) -> list[dict[str, Any]]:
    """Return all rows, what is named by keys by its own name, times as far as they must agree."""
    found = []
    for row in model.objects.order_by("pk"):
        values = {
            field.name: getattr(row, field.name)
            for field in model._meta.concrete_fields
            if not field.primary_key and field.name not in TIMES
        }
        found.append({name: _named(value) for name, value in values.items()})
        if model is Order and row.next_attempt_at:
            waits = (row.next_attempt_at - row.created_at).total_seconds()
            found[-1]["next_attempt_at"] = abs(waits - settings.COOL_OFF_SECONDS) < 5
    return found


def _named(value: Any) -> Any:
    if isinstance(value, memoryview):
        return bytes(value)
    return str(value) if hasattr(value, "_meta") else value


def written(deliver: Callable[[], Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the answer and all rows, and take it all back."""
    with transaction.atomic():
        answer = deliver()
        rows: dict[str, Any] = {model.__name__: rows_of(model) for model in TABLES}
        rows["tasks"] = OrmQ.objects.count()
        transaction.set_rollback(True)
    assert answer.status_code == 200
    return answer.json(), rows


def both_ways(body: dict[str, Any], **how: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Deliver a body either way; return what both wrote."""
    deliver = lambda: base.deliver(body, webhook_id="hook-1", **how)  # noqa: E731
    with watched() as at_once:
        one = written(deliver)
    with step_by_step():
        other = written(deliver)
    assert at_once == [True]
    assert one == other
    return one


def paid(**values: Any) -> dict[str, Any]:
    return base.order_body(base.line(quantity=2), base.line("VTD333-200"), **values)


BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "two lines": paid,
    "the same SKU twice": lambda: base.order_body(base.line(), base.line()),
    "more than a box holds": lambda: base.order_body(base.line(quantity=600), base.line()),
    "one SKU that is not known": lambda: base.order_body(base.line(), base.line("NEW-1")),
    "no SKU that is known": lambda: base.order_body(base.line("NEW-1"), base.line(None)),
    "a line that is not ours": lambda: base.order_body(base.line("NOT-OURS"), base.line()),
    "nothing to ship": lambda: base.order_body(base.line(requires_shipping=False)),
    "abroad": lambda: paid(shipping_address=ABROAD),
    "no address": lambda: paid(shipping_address=None),
    "no ZIP code": lambda: paid(shipping_address={**base.ADDRESS, "zip": ""}),
    "a test": lambda: paid(test=True),
    "quotes and more": lambda: paid(
        shipping_address={**base.ADDRESS, "last_name": 'O\'Neil \\ "x" {$1} %s é 漢 🎧'}
    ),
}


class TestTheSameRows:
    @pytest.mark.parametrize("name", BODIES)
    def test_whatever_the_body_is(self, north: Publisher, name: str) -> None:
        SkuAlias.objects.create(publisher=north, sku="NOT-OURS")
        both_ways(BODIES[name]())

    def test_of_an_order_that_is_ready(self, north: Publisher) -> None:
        answer, rows = both_ways(paid(id=77))
        assert answer == {"outcome": "created", "orders": ["NORTH-1001-S77-1"], "reason": None}
        (order,) = rows["Order"]
        assert (order["status"], order["next_attempt_at"], order["name"]) == (
            "ready",
            True,
            "Ana Peña",
        )
        assert [(one["sku"], one["quantity"]) for one in rows["OrderLine"]] == [
            ("VTD234-100", 2),
            ("VTD333-200", 1),
        ]
        assert [one["kind"] for one in rows["OrderEvent"]] == ["order.placed"]
        assert rows["tasks"] == 1

    def test_of_one_that_is_held_nobody_is_woken(self, north: Publisher) -> None:
        Publisher.objects.update(auto_submit=False)
        _, rows = both_ways(paid())
        assert (rows["Order"][0]["hold_reason"], rows["tasks"]) == ("policy", 0)

    def test_where_enough_tasks_wait_nobody_is_woken_either(self, north: Publisher) -> None:
        for number in range(10):
            with step_by_step():
                base.deliver(paid(name=f"#{number}"))
        _, rows = both_ways(paid())
        assert rows["tasks"] == 10

    def test_of_parts_each_with_its_own_lines(self, north: Publisher) -> None:
        answer, rows = both_ways(base.order_body(base.line(quantity=600), id=77))
        assert answer["orders"] == [f"NORTH-1001-S77-1-P{n}" for n in (1, 2, 3)]
        assert [(one["order"], one["quantity"]) for one in rows["OrderLine"]] == [
            ("NORTH-1001-S77-1-P1", 250),
            ("NORTH-1001-S77-1-P2", 250),
            ("NORTH-1001-S77-1-P3", 100),
        ]

    def test_the_connection_is_not_looked_at_meanwhile(self, north: Publisher) -> None:
        """As django-q2's queue would, which closes what is obsolete wherever it is asked."""
        with patch("django_q.brokers.orm.db.close_old_connections", side_effect=AssertionError):
            both_ways(paid())

    def test_of_a_fulfillment(self, north: Publisher) -> None:
        base.topics("fulfillments/create")
        whole = paid(id=77)
        (body,) = whole["fulfillments"]
        body |= {"order_id": 77, "destination": base.ADDRESS, "name": "#1001.1"}
        both_ways(body, topic="fulfillments/create")

    @tries(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        names=st.lists(st.text(max_size=30), min_size=2, max_size=2),
        zip_code=st.text(max_size=10),
        title=st.text(max_size=40),
        sku=st.sampled_from(["VTD234-100", "vtd333-200 ", "66750", "NEW", ""]),
        quantity=st.integers(0, 300),
    )
    def test_of_any_texts(
        self,
        north: Publisher,
        names: list[str],
        zip_code: str,
        title: str,
        sku: str,
        quantity: int,
    ) -> None:
        address = {
            **base.ADDRESS,
            "first_name": names[0],
            "last_name": names[1],
            "zip": zip_code,
        }
        body = base.order_body(
            base.line(sku, quantity, title=title), base.line(), shipping_address=address
        )
        deliver = lambda: base.deliver(body, webhook_id="hook-1")  # noqa: E731
        at_once = written(deliver)
        with step_by_step():
            assert written(deliver) == at_once


class TestWhatIsInTheWay:
    """Nothing is written by the statement; step by step it goes as ever."""

    def test_a_shop_order_that_is_known(self, north: Publisher) -> None:
        body = paid(id=77)
        base.deliver(body)
        with watched() as at_once:
            assert base.deliver(body).json()["outcome"] == "linked"
        assert at_once == [False]
        assert (Order.objects.count(), ShopOrder.objects.get().boxes) == (1, 1)

    def test_the_very_same_delivery(self, north: Publisher) -> None:
        body = paid(id=77)
        base.deliver(body, webhook_id="hook-1")
        assert base.deliver(body, webhook_id="hook-1").json()["outcome"] == "repeat"
        assert (Order.objects.count(), Delivery.objects.get().repeats) == (1, 1)

    def test_an_invoice_that_is_taken(self, north: Publisher) -> None:
        film = north.products.get(project_id="66750")
        base.place(north, (film, 1), invoice="NORTH-1001-S77-1")
        with watched() as at_once:
            answer = base.deliver(paid(id=77)).json()
        assert (answer["outcome"], at_once) == ("quarantined", [])
        assert (Order.objects.count(), ShopOrder.objects.count()) == (1, 0)

    def test_a_clients_webhook_is_told(self, north: Publisher) -> None:
        hooks_cast.subscribed(north)
        with watched() as at_once:
            base.deliver(paid())
        assert at_once == []
        assert [one.kind for one in HookMessage.objects.all()] == ["order.created"]

    def test_control_one_that_is_told_of_other_events_is_in_no_ones_way(
        self, north: Publisher
    ) -> None:
        hooks_cast.subscribed(north, events=("order.shipped",))
        with watched() as at_once:
            base.deliver(paid())
        assert (at_once, HookMessage.objects.count()) == ([True], 0)

    def test_an_order_that_the_shop_has_cancelled(self, north: Publisher) -> None:
        with watched() as at_once:
            answer = base.deliver(paid(cancelled_at="2026-11-20T10:00:00Z")).json()
        assert (answer["outcome"], at_once) == ("ignored", [])
        assert ShopOrder.objects.get().cancelled_at is not None

    def test_a_row_of_a_table_that_it_does_not_know(self, north: Publisher) -> None:
        minute = timezone.now().replace(second=0, microsecond=0)

        def write(happened: Any) -> None:
            insert(TurnedAwayMinute(minute=minute, publisher=north))

        with watched() as at_once, patch.object(hooks, "write", write):
            assert base.deliver(paid()).json()["outcome"] == "created"
        assert (at_once, TurnedAwayMinute.objects.count()) == ([], 1)

    def test_a_body_that_is_no_order(self, north: Publisher) -> None:
        with watched() as at_once:
            assert base.deliver([1]).json()["outcome"] == "quarantined"
        assert at_once == []

    def test_a_pooler_that_forgot_the_statement(self, north: Publisher) -> None:
        base.deliver(paid())
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
        with watched() as at_once:
            assert base.deliver(paid()).json()["outcome"] == "created"
            assert base.deliver(paid()).json()["outcome"] == "created"
        assert at_once == [True]
        assert Order.objects.count() == 3

    def test_another_text_has_another_name(self) -> None:
        name = arrival._name()
        with patch.object(arrival, "_text", lambda: "SELECT 1"):
            assert arrival._name.__wrapped__() != name
        assert name == arrival._name.__wrapped__()

    def test_a_pooler_that_has_the_statement_already(self, north: Publisher) -> None:
        base.deliver(paid())
        arrival._prepared.discard(connection.connection)
        with watched() as at_once:
            assert base.deliver(paid()).json()["outcome"] == "created"
            assert base.deliver(paid()).json()["outcome"] == "created"
        assert at_once == [True]
        assert Order.objects.count() == 3


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    """The same order of the shop by two deliveries, the second just before the first is written."""

    def race(self, first: dict[str, Any], second: dict[str, Any]) -> list[str]:
        outcomes: list[str] = []

        def other() -> None:
            outcomes.append(Elsewhere(lambda: base.deliver(second)).end().json()["outcome"])

        with run_before(arrival, "_write", other):
            outcomes.append(base.deliver(first).json()["outcome"])
        return outcomes

    def test_its_units_are_made_once(self, north: Publisher) -> None:
        body = paid(id=77)
        assert self.race(body, body) == ["created", "linked"]
        assert [one.invoice for one in Order.objects.all()] == ["NORTH-1001-S77-1"]

    def test_control_of_two_orders_both_are_made(self, north: Publisher) -> None:
        assert self.race(paid(id=77), paid(id=78)) == ["created", "created"]
        assert Order.objects.count() == 2

    def test_one_that_waits_for_another_that_fails_makes_them(self, north: Publisher) -> None:
        """The other has inserted the shop's order and not yet committed, and never does."""
        body = paid(id=77)
        mine: list[Elsewhere] = []
        with transaction.atomic():
            with step_by_step():
                base.deliver(body)
            mine.append(Elsewhere(lambda: base.deliver(body).json()["outcome"]))
            assert mine[0].waits
            transaction.set_rollback(True)
        assert mine[0].end() == "created"
        assert Order.objects.count() == 1
