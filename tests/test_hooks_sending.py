"""Sending to clients' webhooks: signed, in order, at least once, and not for ever."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django_q.models import OrmQ

from orders import alerts, clock, desk, hook_desk, hook_sending, outgoing, tasks
from orders.lifecycle import WORKER, NotNow
from orders.models import Alert, HookMessage, HookSubscription, Order
from orders.outgoing import Sent
from products.models import Product, Publisher
from tests import base, hooks_cast
from tests.test_outgoing import Receiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.ALLOW_PRIVATE_TARGETS = True
    one = Receiver()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def hook(north: Publisher, receiver: Receiver) -> HookSubscription:
    return hooks_cast.subscribed(north, f"{receiver.url}/hook?shop=1")


def the_message() -> HookMessage:
    return HookMessage.objects.get()


def test_a_message_is_signed_after_standard_webhooks(
    north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver
) -> None:
    base.place(north, (film, 1))
    assert hooks_cast.send() == 1
    [(path, headers, body)] = receiver.got
    message = the_message()
    assert (path, body) == ("/hook?shop=1", message.body.encode())
    assert headers["Content-Type"] == "application/json"
    assert headers["webhook-id"] == f"msg_order_{message.pk}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    key = base64.b64decode(hook.secret.reveal().removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert (message.state, message.attempts, message.last_status) == ("delivered", 1, 200)
    assert hooks_cast.send() == 0


def test_events_arrive_in_their_order(
    north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver
) -> None:
    orders = [base.place(north, (film, 1)) for _ in range(3)]
    desk.cancel(orders[0].pk, actor=WORKER, note="")
    assert hooks_cast.send() == 4
    assert hooks_cast.told(receiver) == [
        *(("order.created", one.invoice) for one in orders),
        ("order.cancelled", orders[0].invoice),
    ]


def test_it_is_tried_eight_times_in_28_hours_under_one_id(
    north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver, desk_clock: Any
) -> None:
    assert sum(hook_sending.WAITS, timedelta()) == timedelta(hours=27, minutes=35, seconds=5)
    base.place(north, (film, 1))
    receiver.status = 500
    for wait in hook_sending.WAITS:
        assert hooks_cast.send() == 0
        left = the_message().next_attempt_at - clock.now()
        assert wait - timedelta(seconds=4) < left <= wait
        desk_clock.forward(wait.total_seconds() - 4)
        hooks_cast.send()
        desk_clock.forward(4.1)
    hooks_cast.send()
    message = the_message()
    assert (message.state, message.attempts, message.last_status) == ("failed", 8, 500)
    assert message.last_error == "The address answered with HTTP status 500."
    desk_clock.forward(86400)
    hooks_cast.send()
    assert len(receiver.got) == 8
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
    assert len({body for _, _, body in receiver.got}) == 1


def test_a_failure_rests_the_webhook_and_no_other(
    north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver, desk_clock: Any
) -> None:
    dead = hooks_cast.subscribed(north, "http://127.0.0.1:9/dead")
    first, second = base.place(north, (film, 1)), base.place(north, (film, 1))
    assert hooks_cast.send() == 2
    tries = HookMessage.objects.filter(subscription=dead).order_by("pk")
    assert list(tries.values_list("attempts", flat=True)) == [1, 0]
    assert [invoice for _, invoice in hooks_cast.told(receiver)] == [first.invoice, second.invoice]
    dead.refresh_from_db()
    assert dead.state == "failing"
    HookSubscription.objects.filter(pk=dead.pk).update(url=receiver.url)
    desk_clock.forward(6)
    assert hooks_cast.send() == 2
    dead.refresh_from_db()
    assert dead.state == "active"
    assert [invoice for _, invoice in hooks_cast.told(receiver)[2:]] == [
        first.invoice,
        second.invoice,
    ]


def test_after_five_days_of_failure_it_is_switched_off_and_staff_are_told(
    north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver, desk_clock: Any
) -> None:
    receiver.status = 503
    for _ in range(5):
        base.place(north, (film, 1))
        hooks_cast.send()
        desk_clock.forward(86400)
    hook.refresh_from_db()
    assert hook.active
    desk_clock.forward(60)
    hooks_cast.send()
    hook.refresh_from_db()
    north.refresh_from_db()
    assert (hook.active, hook.state, north.hook_routes) == (False, "failed", {})
    assert hook.disabled_note.endswith("Last: The address answered with HTTP status 503.")
    alerts.review()
    alert = Alert.objects.get(kind="hook")
    assert (alert.publisher, alert.link) == (
        north,
        f"/admin/orders/hooksubscription/{hook.pk}/change/",
    )
    base.place(north, (film, 1))
    assert HookMessage.objects.count() == 5
    receiver.status = 200
    hook_desk.change(hook, active=True)
    desk_clock.forward(86400)
    assert hooks_cast.send() > 0
    alerts.review()
    alert.refresh_from_db()
    assert alert.closed_at is not None


def test_410_switches_it_off_at_once(
    north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver
) -> None:
    receiver.status = 410
    base.place(north, (film, 1))
    hooks_cast.send()
    hook.refresh_from_db()
    assert (hook.active, hook.state) == (False, "failed")
    assert len(receiver.got) == 1


def test_a_redirect_is_a_failure_and_is_not_followed(
    north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver
) -> None:
    receiver.status, receiver.location = 302, f"{receiver.url}/elsewhere"
    base.place(north, (film, 1))
    assert hooks_cast.send() == 0
    assert len(receiver.got) == 1
    assert (the_message().state, the_message().last_status) == ("waiting", 302)


def test_a_private_address_is_refused_when_it_is_connected_to(
    north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_TARGETS = False
    HookSubscription.objects.update(url=receiver.url.replace("http://", "https://"))
    base.place(north, (film, 1))
    assert hooks_cast.send() == 0
    assert receiver.got == []
    assert "private network" in the_message().last_error


def test_no_transaction_is_open_while_it_posts(
    north: Publisher, film: Product, hook: HookSubscription, monkeypatch: Any
) -> None:
    depth = len(connection.savepoint_ids)
    seen = []

    def post(*args: Any) -> Sent:
        seen.append(len(connection.savepoint_ids) - depth)
        return Sent(True, 200)

    monkeypatch.setattr(outgoing, "post", post)
    base.place(north, (film, 1))
    hooks_cast.send()
    assert seen == [0]


def test_a_worker_that_dies_before_it_writes_down_is_followed_by_another(
    north: Publisher,
    film: Product,
    hook: HookSubscription,
    receiver: Receiver,
    desk_clock: Any,
    monkeypatch: Any,
) -> None:
    def die(*args: Any) -> None:
        raise SystemExit

    base.place(north, (film, 1))
    with monkeypatch.context() as killed:
        killed.setattr(hook_sending, "_note", die)
        killed.setattr(hook_sending, "_let_go", lambda one: None)
        with pytest.raises(SystemExit):
            hooks_cast.send()
    assert hooks_cast.send() == 0  # leased still
    desk_clock.forward(61)
    assert hooks_cast.send() == 1
    ids = [headers["webhook-id"] for _, headers, _ in receiver.got]
    assert (len(ids), len(set(ids))) == (2, 1)


def test_one_worker_at_a_time_is_at_a_webhook(
    north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver, monkeypatch: Any
) -> None:
    real, inner = outgoing.post, []

    def post(*args: Any) -> Sent:
        inner.append(hooks_cast.send())  # another worker comes meanwhile
        return real(*args)

    monkeypatch.setattr(outgoing, "post", post)
    base.place(north, (film, 1))
    assert hooks_cast.send() == 1
    assert (inner, len(receiver.got)) == ([0], 1)


class TestReplay:
    def test_a_message_is_sent_again_under_its_id(
        self, north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver
    ) -> None:
        base.place(north, (film, 1))
        hooks_cast.send()
        hook_desk.replay(the_message())
        assert the_message().state == "waiting"
        assert hooks_cast.send() == 1
        assert receiver.got[0][1]["webhook-id"] == receiver.got[1][1]["webhook-id"]

    def test_one_that_is_asked_for_while_it_is_sent_is_sent_again(
        self, north: Publisher, film: Product, hook: HookSubscription, monkeypatch: Any
    ) -> None:
        posted = []

        def post(*args: Any) -> Sent:
            posted.append(1)
            if len(posted) == 1:
                hook_desk.replay(the_message())
            return Sent(True, 200)

        monkeypatch.setattr(outgoing, "post", post)
        base.place(north, (film, 1))
        hooks_cast.send()
        assert len(posted) == 2
        assert the_message().state == "delivered"

    def test_not_while_the_webhook_is_off(
        self, north: Publisher, film: Product, hook: HookSubscription
    ) -> None:
        base.place(north, (film, 1))
        HookMessage.objects.update(next_attempt_at=None)
        hook_desk.change(hook, active=False)
        with pytest.raises(NotNow, match="Switch it on"):
            hook_desk.replay(the_message())
        assert the_message().next_attempt_at is None


def test_the_sweep_wakes_a_worker_for_it(
    north: Publisher, film: Product, hook: HookSubscription, receiver: Receiver
) -> None:
    order = base.place(north, (film, 1))
    desk.hold(order.pk, actor=WORKER, note="", until=None)
    tasks.sweep()
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["orders.tasks.deliver_hooks"]
    tasks.deliver_hooks()
    assert [name for name, _ in hooks_cast.told(receiver)] == ["order.created", "order.held"]
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert OrmQ.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_several_webhooks_are_served_at_once(
    north: Publisher, film: Product, receiver: Receiver
) -> None:
    for _ in range(3):
        hooks_cast.subscribed(north, receiver.url)
    receiver.pause = 1.0
    base.place(north, (film, 1))
    begun = time.monotonic()
    hook_sending.deliver(time.monotonic() + 20)
    assert time.monotonic() - begun < 2.7
    assert len(receiver.got) == 3
    assert Order.objects.count() == 1
    assert {one.state for one in HookMessage.objects.all()} == {"delivered"}
