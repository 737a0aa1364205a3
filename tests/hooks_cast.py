"""Webhooks of clients as the tests meet them: a receiver on this machine, and what it was told."""

from __future__ import annotations

import json
import time
from typing import Any

from orders import hook_desk, hook_sending, lifecycle
from orders.models import HookMessage, HookSubscription
from orders.models.hooks import EVENTS
from products.models import Publisher
from tests.test_outgoing import Receiver

EVERYTHING = tuple(EVENTS)


def subscribed(
    publisher: Publisher,
    url: str = "https://shop.example/hook",
    events: tuple[str, ...] = EVERYTHING,
) -> HookSubscription:
    """A webhook of a client; the publisher knows of it from now on."""
    made: HookSubscription = hook_desk.make(
        publisher, url, events, actor=lifecycle.client("Webshop")
    )
    publisher.refresh_from_db()
    return made


def send(seconds: float = 20) -> int:
    return hook_sending.send_until(time.monotonic() + seconds)


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """Return (event, invoice) of what the receiver got, in its order."""
    bodies: list[Any] = [json.loads(body) for _, _, body in receiver.got]
    return [(one["type"], one["data"]["invoice"]) for one in bodies]


def kinds() -> list[str]:
    """Return the events in the outbox, the oldest first."""
    return list(HookMessage.objects.order_by("pk").values_list("kind", flat=True))
