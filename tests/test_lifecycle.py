"""The only writers of status and timeline: what they write, what they refuse, and that they are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from orders import clock, lifecycle, status
from orders.lifecycle import SHOP, WORKER, Change, Changed, NotNow
from orders.models import Order, OrderEvent
from orders.recipient import FIELDS
from products.models import Product, Publisher
from tests import base
from tests.gateway_cast import fresh, last_event, nothing_changes

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def north(db: Any) -> Publisher:
    return base.northlight()


@pytest.fixture
def order(north: Publisher, film: Product) -> Order:
    return fresh(base.place(north, (film, 2)))


def in_status(order: Order, wanted: str) -> Order:
    Order.objects.filter(pk=order.pk).update(status=wanted, hold_reason="staff")
    return fresh(order)


class TestMove:
    @pytest.mark.parametrize("before", status.MEANING)
    @pytest.mark.parametrize("to", status.MEANING)
    def test_it_goes_along_the_map_and_nowhere_else(
        self, order: Order, before: str, to: str
    ) -> None:
        order = in_status(order, before)
        fields = {"hold_reason": "staff"} if to == status.HELD else {}
        if to in status.TRANSITIONS[before]:
            lifecycle.move(order, to, "order.tried", actor=WORKER, fields=fields)
            event = last_event(order)
            assert (fresh(order).status, order.status) == (to, to)
            assert (event.from_status, event.to_status) == (before, to)
        else:
            with nothing_changes(), pytest.raises(NotNow) as refused:
                lifecycle.move(order, to, "order.tried", actor=WORKER, fields=fields)
            assert str(refused.value) == (
                f"Order NORTH-M1 {status.MEANING[before]}, so it cannot become {to}."
            )

    def test_it_writes_one_event_with_actor_and_data(self, order: Order, db: Any) -> None:
        ana = get_user_model().objects.create(username="ana")
        moved = lifecycle.move(
            order,
            status.HELD,
            "order.held",
            actor=lifecycle.person(ana),
            data={"note": "Wait"},
            fields={"hold_reason": "staff"},
        )
        event = last_event(order)
        assert (event.kind, event.actor_kind, event.actor_user) == ("order.held", "person", ana)
        assert (event.data, order.events.count()) == ({"note": "Wait"}, 2)
        assert (moved.version, fresh(order).version) == (2, 2)
        assert fresh(order).hold_reason == "staff"

    def test_a_row_that_changed_meanwhile_is_left_alone(self, order: Order) -> None:
        stale = fresh(order)
        lifecycle.record(order, "order.noted", actor=WORKER)
        with nothing_changes(), pytest.raises(Changed, match="was changed meanwhile"):
            lifecycle.move(stale, status.CANCELLED, "order.cancelled", actor=SHOP)
        assert stale.status == status.READY

    def test_an_event_that_cannot_be_written_undoes_the_move(self, order: Order) -> None:
        with nothing_changes(), pytest.raises(TypeError), transaction.atomic():
            lifecycle.move(
                order, status.CANCELLED, "order.cancelled", actor=WORKER, data={"x": object()}
            )

    @pytest.mark.parametrize(
        ("before", "to", "ended"),
        [
            ("held", "ready", {"hold_reason": "", "hold_note": "", "hold_until": None}),
            ("submitting", "unclear", {"lease_token": None, "lease_until": None}),
            ("submitting", "ready", {"stop_request": "", "lease_token": None}),
            ("unclear", "accepted", {"question": "", "unclear_since": None, "stop_request": ""}),
            ("unclear", "ready", {"not_found": 0, "stop_request": ""}),
            ("ready", "cancelled", {"next_attempt_at": None, "next_ask_at": None}),
            ("submitting", "refused", {"next_attempt_at": None, "next_ask_at": None}),
            ("accepted", "tested", {"next_ask_at": None}),
        ],
    )
    def test_leaving_a_status_clears_what_belonged_to_it(
        self, order: Order, before: str, to: str, ended: dict[str, Any]
    ) -> None:
        now = clock.now()
        Order.objects.filter(pk=order.pk).update(
            status=before,
            hold_reason="staff",
            hold_note="n",
            hold_until=now,
            lease_token="6d9e2a1c-0000-4000-8000-000000000001",
            lease_until=now,
            stop_request="hold",
            question="outcome",
            unclear_since=now,
            not_found=1,
            next_attempt_at=now,
            next_ask_at=now,
        )
        lifecycle.move(fresh(order), to, "order.tried", actor=WORKER)
        found = fresh(order)
        assert {name: getattr(found, name) for name in ended} == ended

    def test_a_stop_request_outlives_the_step_to_unclear(self, order: Order) -> None:
        order = in_status(order, status.SUBMITTING)
        lifecycle.record(order, "order.noted", actor=WORKER, fields={"stop_request": "cancel"})
        lifecycle.move(order, status.UNCLEAR, "order.unclear", actor=WORKER)
        assert fresh(order).stop_request == "cancel"


class TestMoveMany:
    def test_only_what_is_worth_telling_becomes_an_event(
        self, north: Publisher, film: Product
    ) -> None:
        orders = [in_status(base.place(north, (film, 1)), status.ACCEPTED) for _ in range(3)]
        now = clock.now()
        changes = [
            Change(orders[0], status.SHIPPED, "order.shipped", {"word": "SHIPPED"}),
            Change(orders[1], status.ACCEPTED, fields={"asked_at": now}),
            Change(orders[2], status.ACCEPTED, "order.flagged", fields={"flag": "Look."}),
        ]
        with transaction.atomic():
            assert lifecycle.move_many(changes, actor=WORKER) == 2
        found = [fresh(one) for one in orders]
        assert [one.status for one in found] == ["shipped", "accepted", "accepted"]
        assert [one.version for one in found] == [2, 1, 2]
        assert [one.events.count() for one in found] == [2, 1, 2]
        assert (found[1].asked_at, found[2].flag) == (now, "Look.")

    def test_one_forbidden_move_writes_nothing_at_all(
        self, north: Publisher, film: Product
    ) -> None:
        good, bad = (in_status(base.place(north, (film, 1)), "accepted") for _ in range(2))
        changes = [Change(good, "shipped", "order.shipped"), Change(bad, "ready", "order.x")]
        with nothing_changes(), pytest.raises(NotNow), transaction.atomic():
            lifecycle.move_many(changes, actor=WORKER)


class TestLock:
    def test_a_stale_version_is_refused(self, order: Order) -> None:
        with nothing_changes(), pytest.raises(Changed):
            lifecycle.lock(order.pk, version=order.version + 1)
        assert lifecycle.lock(order.pk, version=order.version) == order

    @pytest.mark.django_db(transaction=True)
    def test_it_takes_a_transaction(self, order: Order) -> None:
        with pytest.raises(transaction.TransactionManagementError, match="within a transaction"):
            lifecycle.lock(order.pk)
        with transaction.atomic():
            assert lifecycle.lock(order.pk) == order

    def test_an_order_that_is_not_there_is_said_to_be_none(self, order: Order) -> None:
        with pytest.raises(Order.DoesNotExist, match=f"no order with the id {order.pk + 1}"):
            lifecycle.lock(order.pk + 1)

    def test_a_new_order_is_held_or_ready(self, order: Order) -> None:
        with nothing_changes(), pytest.raises(ValueError, match="held or ready"):
            lifecycle.create(Order(status="accepted"), [], actor=WORKER, data={})
        many = [(Order(status="ready"), [], {}), (Order(status="accepted"), [], {})]
        with nothing_changes(), pytest.raises(ValueError, match="held or ready"):
            lifecycle.create_many(many, actor=WORKER)

    def test_events_are_only_ever_added(self) -> None:
        assert {field.name for field in OrderEvent._meta.fields} >= {"from_status", "to_status"}


MAY_WRITE = {
    # The order is not in the database yet and has no timeline.
    "orders/intake.py:decide assigns status",
    # Its dictionary holds the recipient's fields, see ``test_erasing_touches_no_status``.
    "orders/privacy.py:erase_closed updates status",
    # What a batch of statuses costs by itself is measured on rows that go with their database.
    "orders/bench/inside_writes.py:_ship updates status",
    # A run of the bench begins with nothing to send, or with a backlog.
    "orders/bench/inside_submission.py:backlog saves an order",
    "orders/bench/inside_submission.py:backlog updates status",
    "orders/bench/inside_machines.py:quiet updates status",
    "orders/bench/inside_sync.py:sweep updates status",
    # What a batch of news is measured against, rolled back at once.
    "orders/bench/inside_sync.py:_update assigns status",
    "orders/bench/inside_sync.py:_update saves an order",
}


def writes(source: str, where: str) -> Iterator[str]:
    """Yield each place that gives an order a status, or saves it past ``lifecycle``."""
    tree = ast.parse(source)
    homes = {n: f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        place = f"{where}:{homes[node].name}" if node in homes else where
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            assigned = {n for t in targets for n in ast.walk(t) if isinstance(n, ast.Attribute)}
            if any(one.attr == "status" for one in assigned):
                yield f"{place} assigns status"
        if isinstance(node, ast.Call):
            yield from (f"{place} {what}" for what in _written_by(node))


def _written_by(call: ast.Call) -> Iterator[str]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    receiver = ast.unparse(getattr(call.func, "value", ast.Name("")))
    an_order = re.search(r"\b(Order\.objects|[a-z_.]*\border(s|_set)?)\b", receiver)
    given = {word.arg for word in call.keywords}
    if name == "update" and ("status" in given or (None in given and an_order)):
        yield "updates status"
    if name == "setattr" and "'status'" in ast.unparse(call):
        yield "assigns status"
    if name in ("save", "asave", "bulk_update", "bulk_create") and an_order:
        yield "saves an order"
    if name == "insert_many" and re.search(r"\border\b", ast.unparse(call)):
        yield "saves an order"
    if name == "update_each":
        yield "saves an order"


def test_nothing_else_gives_an_order_a_status_or_saves_it() -> None:
    found = set()
    for folder in ("orders", "products", "fulfillment"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            where = str(path.relative_to(ROOT))
            if not re.search("migrations|sandbox|orders/(lifecycle|chaos/mutants).py", where):
                found |= set(writes(path.read_text(), where))
    assert found - MAY_WRITE == set()


def test_erasing_touches_no_status() -> None:
    assert "status" not in FIELDS


@pytest.mark.parametrize(
    "code",
    [
        "def f(order):\n    order.status = 'held'",
        "def f(order):\n    order.flag, order.status = '', 'held'",
        "order.save()",
        "self.order.save(update_fields=['status'])",
        "Order.objects.filter(pk=1).update(status='held')",
        "Order.objects.filter(pk=1).update(**values)",
        "setattr(order, 'status', 'held')",
        "Order.objects.bulk_update(orders, ['status'])",
        "update_each(orders, ['status'])",
    ],
)
def test_control_the_walk_finds_every_kind_of_write(code: str) -> None:
    assert len(list(writes(code, "orders/somewhere.py"))) == 1
