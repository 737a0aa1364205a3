"""The desk and its model side by side, and what workers, shop and staff do to both."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from django.db import transaction

from orders import (
    clock,
    deliveries,
    desk,
    settlement,
    submission,
)
from orders.lifecycle import WORKER, NotNow
from orders.models import Attempt, Order, Store
from orders.trepstar.errors import GatewayError
from products.models import Publisher
from products.secret import Secret
from tests import base
from tests.desk_model import AT_TREPSTAR, IN_DOUBT, REPLIES, Box
from tests.gateway_cast import (
    Told,
)


@dataclass
class Worker:
    """A worker with a claim, and, once it has called, with what it will come back with."""

    box: Box
    claim: submission.Claim
    attempt: Attempt | None = None
    reply: str = ""
    result: GatewayError | None = None
    excerpt: str = ""


@dataclass
class Desk:
    """The virtual clock of one life."""

    at: float = 0
    start: datetime = field(default=datetime(2026, 11, 20, tzinfo=UTC))

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.at)


class Life:
    """The desk and its model through one life; ``boxes`` is by the shop's order number."""

    def __init__(self) -> None:
        self.savepoint = transaction.savepoint()
        self.clock = Desk()
        self.patch = patch.multiple(clock, **base.clock_of(self.clock.now))
        self.patch.start()
        self.north = base.northlight(status_calls_per_day=100_000)
        base.product(self.north, skus=["VTD234-100"])
        self.store = Store.objects.get(pk=base.store(self.north).pk)
        self.boxes: dict[int, Box] = {}
        self.workers: list[Worker] = []
        self.cancelled: set[int] = set()
        self.refused = False
        self.version = 1
        self.lines: dict[int, Any] = {}

    def order(self, number: int) -> Order:
        return Order.objects.select_related("publisher").get(shop_order__shop_order_id=number)

    def at(self) -> float:
        return self.clock.at

    def is_obeyed(self, act: Callable[[], Any], *, allowed: bool) -> bool:
        """Do what staff want; the desk must allow it if and only if the model does."""
        try:
            act()
        except NotNow:
            assert not allowed
        else:
            assert allowed
        return allowed

    def stop(self, number: int, box: Box, how: str) -> None:
        if box.status in IN_DOUBT:
            box.stop = how
        else:
            box.to({"hold": "held", "cancel": "cancelled"}[how])

    def body(self, number: int, **values: Any) -> bytes:
        line = self.lines.setdefault(number, base.line())
        body = base.order_body(line, id=number, name=f"#{number}", **values)
        body["fulfillments"][0]["id"] = number  # the shop's number for what it says again
        return json.dumps(body).encode()

    def receive(self, topic: str, body: bytes) -> deliveries.Answer:
        headers = deliveries.Headers(topic=topic, webhook_id=f"hook-{next(base._ids)}")
        return deliveries.receive(self.store, headers, body, matched_secret=1)

    def deliver_one(self, number: int) -> None:
        told = self.receive("orders/fulfilled", self.body(number))
        if number in self.cancelled:
            assert told.outcome == "ignored"
        elif number in self.boxes:
            assert told.outcome == "linked"
        else:
            assert told.outcome == "created"
            self.boxes[number] = Box(due=self.at())

    def claim_up_to(self, most: int) -> None:
        due = [b for b in self.boxes.values() if b.status == "ready" and b.due <= self.at()]
        free = 2 - sum(box.status == "submitting" for box in self.boxes.values())
        claims = submission.claim(most)
        assert len(claims) == (0 if self.refused else max(0, min(most, free, len(due))))
        for claim in claims:
            number = Order.objects.get(pk=claim.order_id).shop_order.shop_order_id
            box = self.boxes[number]
            assert box in due
            box.status, box.token, box.attempted = "submitting", claim.token, False
            box.until = self.at() + 90
            self.workers.append(Worker(box, claim))

    def call_by(self, worker: Worker, reply: str) -> None:
        """The attempt is written, and the call leaves at once; its answer waits in the worker."""
        box, mine = worker.box, worker.box.token == worker.claim.token
        prepared = submission._prepare(worker.claim)
        if not mine or box.until <= self.at() or box.stop:
            assert prepared is None
            self.workers.remove(worker)
            if mine and box.until > self.at():
                box.not_made(self.at())
            return
        assert prepared is not None
        worker.attempt, fields, login = prepared
        said, taken = REPLIES[reply]
        taken = taken or reply == "yes"
        box.taken += taken
        box.attempted, box.until = True, self.at() + 90
        digest = worker.attempt.payload_hash
        assert box.frozen in ("", digest)
        box.frozen, worker.reply = digest, reply
        try:
            worker.excerpt = Told(said).submit(fields, login).excerpt
        except GatewayError as error:
            worker.result = error

    def come_back_with(self, worker: Worker) -> None:
        self.workers.remove(worker)
        assert worker.attempt is not None
        settlement.settle(worker.attempt, worker.result, worker.excerpt)
        if worker.reply == "login" and worker.attempt.credential_version == self.version:
            self.refused = True
        if worker.box.token == worker.claim.token:
            worker.box.settle(worker.reply, self.at())

    def sweep(self) -> None:
        for order_id in Order.objects.filter(status="submitting").values_list("pk", flat=True):
            settlement.settle_lost(order_id)
        for box in self.boxes.values():
            if box.status == "submitting" and box.until <= self.at():
                if box.attempted:
                    box.doubt("outcome", self.at())
                else:
                    box.not_made(self.at())

    def mend_login(self) -> None:
        row = Publisher.objects.get()
        row.set_login(row.login_email, Secret(f"password-{self.version}"))
        row.save()
        self.refused, self.version = False, row.credential_version

    def settle_all(self) -> None:
        """Let every lease end, and the login be right, so that the next order may be sent."""
        self.clock.at += 91
        self.sweep()
        if self.refused:
            self.mend_login()

    def send(self, reply: str, how: str) -> None:
        """Claim one order and call; the answer is read at once, after the lease, or never.

        Or staff stop the order before the call.
        """
        before = len(self.workers)
        self.claim_up_to(1)
        for worker in self.workers[before:]:
            if how == "stopped":
                desk.hold(worker.claim.order_id, actor=WORKER)
                worker.box.stop = "hold"
            self.call_by(worker, reply)
            if how == "late":
                self.settle_all()
            if worker in self.workers and how != "never":
                self.come_back_with(worker)

    def cancel_by_shop(self, number: int) -> None:
        body = self.body(number, cancelled_at="2026-11-20T12:00:00-05:00")
        assert self.receive("orders/cancelled", body).outcome == "recorded"
        self.cancelled.add(number)
        box = self.boxes.get(number)
        if box and box.status not in AT_TREPSTAR | {"cancelled"}:
            self.stop(number, box, "cancel")
