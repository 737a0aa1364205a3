"""The outbox of clients' webhooks: every told event, in its own transaction, at one statement."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from orders import clock, desk, hook_desk, hooks, lifecycle, status
from orders.lifecycle import WORKER, Change, NotNow
from orders.models import HookMessage, HookSubscription, Order, OrderEvent
from orders.models.hooks import EVENTS
from orders.outgoing import NotAllowed
from products.models import Product, Publisher
from tests import base, hooks_cast
from tests.admin_cast import statements
from tests.gateway_cast import fresh, last_event

pytestmark = pytest.mark.django_db


def seen(order: Order) -> Order:
    """The order as a worker locks it."""
    return lifecycle.lock(order.pk)


def test_an_event_is_told_in_its_own_transaction(north: Publisher, film: Product) -> None:
    hooks_cast.subscribed(north)
    with transaction.atomic():
        base.place(north, (film, 1))
        assert HookMessage.objects.count() == 1
        transaction.set_rollback(True)
    assert (Order.objects.count(), HookMessage.objects.count()) == (0, 0)
    order = base.place(north, (film, 1))
    message = HookMessage.objects.get()
    assert (message.kind, message.invoice, message.event) == (
        "order.created",
        order.invoice,
        last_event(order),
    )
    assert message.next_attempt_at <= clock.now()


def test_the_body_is_compact_and_holds_nothing_of_the_customer(
    north: Publisher, film: Product
) -> None:
    hooks_cast.subscribed(north)
    order = base.place(north, (film, 1), reference="#1001")
    event = last_event(order)
    body = json.loads(HookMessage.objects.get().body)
    assert body == {
        "type": "order.created",
        "timestamp": event.created_at.isoformat(),
        "data": {
            "invoice": order.invoice,
            "publisher": "66870",
            "source": "admin",
            "reference": "#1001",
            "caller_invoice": "",
            "mode": order.mode,
            "status": "ready",
            "hold_reason": "",
            "gateway_status": "",
            "gateway_error_number": "",
            "shipping_method": "",
            "ship_date": None,
            "tracking_id": "",
            "tracking_url": "",
            "version": 1,
        },
    }


def test_every_writer_of_the_lifecycle_tells(north: Publisher, film: Product) -> None:
    hooks_cast.subscribed(north)
    order = base.place(north, (film, 1))
    desk.hold(order.pk, actor=WORKER, note="Wait.", until=None)
    desk.release(order.pk, actor=WORKER)
    with transaction.atomic():
        lifecycle.move(seen(order), status.SUBMITTING, "order.claimed", actor=WORKER)
        lifecycle.move(seen(order), status.ACCEPTED, "order.accepted", actor=WORKER)
        change = Change(seen(order), status.SHIPPED, "order.shipped", {}, {"tracking_id": "94001"})
        lifecycle.move_many([change], actor=WORKER)
    assert hooks_cast.kinds() == [
        "order.created",
        "order.held",
        "order.released",
        "order.accepted",
        "order.shipped",
    ]
    data = json.loads(HookMessage.objects.first().body)["data"]  # type: ignore[union-attr]
    assert (data["status"], data["tracking_id"], data["version"]) == ("shipped", "94001", 6)
    assert data["tracking_url"].endswith("pic=94001")


def test_an_order_found_at_trepstar_is_told_by_its_status(north: Publisher, film: Product) -> None:
    hooks_cast.subscribed(north)
    order = base.place(north, (film, 1))
    Order.objects.filter(pk=order.pk).update(status=status.UNCLEAR)
    lifecycle.move(seen(order), status.PROCESSING, "order.found", actor=WORKER)
    assert hooks_cast.kinds() == ["order.created", "order.processing"]


def test_every_outward_name_is_one_that_can_be_asked_for() -> None:
    found = {f"order.{word}" for word in status.AT_GATEWAY}  # what ``order.found`` may lead to
    assert found | set(hooks.NAMES.values()) == set(EVENTS)


def test_every_kind_that_is_told_is_one_that_the_desk_writes() -> None:
    written = {f"order.{word}" for word in status.MEANING}
    for path in Path(hooks.__file__).parent.glob("*.py"):
        if path.name == "hooks.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and str(node.value).startswith("order."):
                written.add(str(node.value))
    assert set(hooks.NAMES) - written == set()


def test_what_is_nobodys_business_is_not_told(north: Publisher, film: Product) -> None:
    hooks_cast.subscribed(north)
    order = base.place(north, (film, 1))
    desk.note(order.pk, "She called.", actor=WORKER)
    lifecycle.record(seen(order), "order.attempted", actor=WORKER)
    assert hooks_cast.kinds() == ["order.created"]


def test_each_webhook_is_told_what_it_asked_for(north: Publisher, film: Product) -> None:
    every = hooks_cast.subscribed(north)
    cancelled = hooks_cast.subscribed(north, events=("order.cancelled",))
    south = base.southwind()
    hooks_cast.subscribed(south)
    order = base.place(north, (film, 1))
    desk.cancel(order.pk, actor=WORKER, note="")
    told = list(HookMessage.objects.order_by("pk").values_list("subscription", "kind"))
    assert told == [
        (every.pk, "order.created"),
        (every.pk, "order.cancelled"),
        (cancelled.pk, "order.cancelled"),
    ]


def test_it_costs_one_statement_and_none_without_webhooks(north: Publisher, film: Product) -> None:
    order = base.place(north, (film, 1))

    def flagged() -> int:
        with statements() as done, transaction.atomic():
            lifecycle.record(locked, "order.edited", actor=WORKER)
        return len(done)

    locked = seen(order)
    without = flagged()
    hooks_cast.subscribed(north, events=("order.cancelled",))
    locked = seen(order)
    assert flagged() == without
    hooks_cast.subscribed(north)
    hooks_cast.subscribed(north)
    locked = seen(order)
    assert flagged() == without + 1
    assert HookMessage.objects.count() == 2


def test_a_batch_of_news_costs_one_statement_more(north: Publisher, film: Product) -> None:
    orders = [base.place(north, (film, 1)) for _ in range(6)]
    Order.objects.update(status=status.ACCEPTED)

    def news(word: str) -> int:
        changes = [Change(seen(one), word, f"order.{word}") for one in orders]
        with statements() as done, transaction.atomic():
            lifecycle.move_many(changes, actor=WORKER)
        return len(done)

    without = news(status.PROCESSING)
    hooks_cast.subscribed(north)
    assert news(status.SHIPPED) == without + 1
    assert hooks_cast.kinds() == ["order.shipped"] * 6


def test_a_change_that_came_too_late_tells_nobody(north: Publisher, film: Product) -> None:
    hooks_cast.subscribed(north)
    order = base.place(north, (film, 1))
    old, _ = seen(order), desk.note(order.pk, "She called.", actor=WORKER)
    with pytest.raises(lifecycle.Changed):
        lifecycle.record(old, "order.edited", actor=WORKER)
    assert hooks_cast.kinds() == ["order.created"]
    assert OrderEvent.objects.filter(order=order).count() == 2


class TestDesk:
    def test_a_new_webhook_has_a_secret_of_its_own(self, north: Publisher) -> None:
        one, two = hooks_cast.subscribed(north), hooks_cast.subscribed(north)
        assert one.secret != two.secret
        assert one.secret.reveal().startswith("whsec_")
        with connection.cursor() as cursor:
            cursor.execute("SELECT secret FROM orders_hooksubscription")
            assert not [row for row in cursor.fetchall() if "whsec_" in row[0]]

    def test_routes_follow_every_change(self, north: Publisher) -> None:
        def routes() -> Any:
            north.refresh_from_db()
            return north.hook_routes

        one = hooks_cast.subscribed(north, events=("order.shipped", "order.held"))
        two = hooks_cast.subscribed(north, events=("order.held",))
        assert routes() == {"order.held": [one.pk, two.pk], "order.shipped": [one.pk]}
        hook_desk.change(one, active=False)
        assert routes() == {"order.held": [two.pk]}
        hook_desk.change(two, events=["order.problem"])
        hook_desk.change(one, active=True)
        assert routes() == {
            "order.held": [one.pk],
            "order.shipped": [one.pk],
            "order.problem": [two.pk],
        }
        hook_desk.end(one)
        hook_desk.switch_off(two, "It failed.")
        assert routes() == {}

    def test_a_private_address_is_refused_and_nothing_is_made(self, north: Publisher) -> None:
        with pytest.raises(NotAllowed, match="private network"):
            hooks_cast.subscribed(north, "https://127.0.0.1/x")
        with pytest.raises(NotAllowed, match="https://"):
            hooks_cast.subscribed(north, "http://shop.example/x")
        assert HookSubscription.objects.count() == 0

    def test_twenty_are_enough(self, north: Publisher) -> None:
        for _ in range(hook_desk.MOST):
            hooks_cast.subscribed(north)
        with pytest.raises(NotNow, match="at most 20 webhooks"):
            hooks_cast.subscribed(north)
        assert HookSubscription.objects.count() == 20

    def test_an_event_after_the_end_does_not_fail_the_order(
        self, north: Publisher, film: Product
    ) -> None:
        one = hooks_cast.subscribed(north)
        order = base.place(north, (film, 1))
        locked = seen(order)  # knows of the webhook
        hook_desk.end(one)
        lifecycle.record(locked, "order.edited", actor=WORKER)
        assert fresh(order).version == 2
        assert hooks_cast.send() == 0

    def test_the_nightly_prune_forgets_what_is_old(
        self, north: Publisher, film: Product, desk_clock: Any
    ) -> None:
        kept, ended = hooks_cast.subscribed(north), hooks_cast.subscribed(north)
        base.place(north, (film, 1))
        hook_desk.end(ended)
        HookMessage.objects.filter(subscription=kept).update(next_attempt_at=None)
        hook_desk.forget_old()
        assert HookMessage.objects.count() == 2
        desk_clock.forward(31 * 86400)
        hook_desk.forget_old()
        assert list(HookSubscription.objects.all()) == [kept]
        assert HookMessage.objects.count() == 0
