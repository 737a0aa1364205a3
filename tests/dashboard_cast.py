"""What the dashboard's tests share: many orders and deliveries at once, and the page's numbers."""

from __future__ import annotations

import itertools
import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

from django.test import Client
from django.utils import timezone

from orders.models import Call, Delivery, Gateway, Heartbeat, Order, Store
from products.models import Publisher
from tests import admin_cast as cast
from tests import base

_serial = itertools.count(1)
NUMBER = re.compile(
    r'<a (?:class="board-figure" )?href="([^"]+)">(?:<b>)?(\d+)\+?'
    r"(?:</b> <span>([^<]*)</span>)?</a>"
)


def orders(publisher: Publisher, count: int, status: str, **fields: Any) -> None:
    """Put so many orders into the table as they would stand there; ``made`` is their age."""
    made = fields.pop("made", None)
    if status == "held":
        fields.setdefault("hold_reason", "staff")
    rows = [
        Order(
            publisher=publisher, source="admin", invoice=f"BULK-{next(_serial)}", mode="prod",
            status=status, mail_method="standard", **fields,
        )
        for _ in range(count)
    ]  # fmt: skip
    keys = [row.pk for row in Order.objects.bulk_create(rows)]
    if made is not None:
        at = made if isinstance(made, datetime) else timezone.now() - made
        Order.objects.filter(pk__in=keys).update(created_at=at)


def deliveries(store: Store, *moments: datetime, outcome: str = "created") -> None:
    """Deliveries that came at these moments."""
    for at in moments:
        row = Delivery.objects.create(
            store=store, webhook_id=f"w-{next(_serial)}", body_hash="0", topic="orders/fulfilled",
            matched_secret=1, outcome=outcome, body=b"{}",
        )  # fmt: skip
        Delivery.objects.filter(pk=row.pk).update(received_at=at)


SECRETS = {"northlight.myshopify.com": base.SECRET, "southwind.myshopify.com": "their-secret"}


def busy(publisher: Publisher, store: Store, times: int = 1) -> None:
    """A publisher's working day, with something for each number of the dashboard."""
    now, hour = timezone.now(), timedelta(hours=1)
    day = 24 * hour
    for reason in ("staff", "policy", "unknown_sku", "address", "quantity", "preflight"):
        orders(publisher, times, "held", hold_reason=reason, made=3 * day)
    orders(publisher, times, "held", hold_reason="collision", made=2 * day)
    orders(publisher, 2 * times, "held", hold_reason="internal", made=40 * day)
    orders(publisher, times, "refused", made=9 * day)
    orders(publisher, times, "problem", made=9 * day, flag="TrepStar's word is new.")
    orders(publisher, times, "unclear", made=5 * day, unclear_since=now - 2 * hour)
    orders(publisher, 2 * times, "unclear", unclear_since=now)
    orders(publisher, 3 * times, "ready")
    orders(publisher, times, "submitting")
    orders(publisher, 4 * times, "accepted", made=1 * day)
    orders(publisher, 2 * times, "awaiting_payment", made=1 * day)
    orders(publisher, 5 * times, "processing", made=6 * day, flag="Look at the name.")
    orders(publisher, 6 * times, "shipped", made=20 * day, shipped_at=now)
    orders(publisher, 7 * times, "shipped", made=50 * day, shipped_at=now - 3 * day)
    orders(publisher, times, "cancelled", made=2 * day)
    deliveries(store, *[now] * times)
    deliveries(store, *[now - 2 * day] * times, outcome="quarantined")
    deliveries(store, *[now - 3 * day] * 2 * times, outcome="ignored")
    for sku in ("MUG-1", "MUG-2", "MUG-1", "POSTER"):
        for _ in range(times):
            body = base.order_body(base.line(sku, variant_id=None), name="#9")
            domain, secret = store.domain, SECRETS[store.domain]
            base.deliver(body, idpub=publisher.publisher_id, domain=domain, secret=secret)
    for purpose, outcome in (("sweep", "answered"), ("staff", "reserved"), ("sweep", "not_sent")):
        Call.objects.create(
            publisher=publisher, purpose=purpose, outcome=outcome, invoices=1, reserved_at=now
        )
    Call.objects.create(
        publisher=publisher, purpose="sweep", invoices=1, reserved_at=now - 25 * hour
    )


class World:
    """Both publishers on a busy day, and a colleague who may see everything of ours."""

    def __init__(self) -> None:
        self.ours, self.theirs = base.northlight(), base.southwind()
        self.our_store = base.store(self.ours)
        self.their_store = base.store(
            self.theirs,
            domain="southwind.myshopify.com",
            webhook_secrets=[SECRETS["southwind.myshopify.com"]],
        )
        busy(self.ours, self.our_store)
        busy(self.theirs, self.their_store, 2)
        Gateway.objects.update_or_create(pk=Gateway.THE_ONE)
        Heartbeat.objects.create(name="worker-1", beat_at=timezone.now())
        self.client = cast.signed_in(cast.colleague("vera", self.ours, may="view"))
        self.boss = cast.signed_in(cast.colleague("boss", superuser=True))


def board(client: Client, wanted: object = "") -> Any:
    """Return what the page shows, as Python sees it."""
    response = client.get("/admin/", {"publisher": wanted} if wanted else {})
    assert response.status_code == 200
    return response.context["board"]


def numbers(client: Client, wanted: object = "") -> list[tuple[str, int, str]]:
    """Return every number of the page that is a link: (label, number, address)."""
    response = client.get("/admin/", {"publisher": wanted} if wanted else {})
    assert response.status_code == 200
    found = NUMBER.findall(cast.html(response))
    return [(unescape(label), int(number), unescape(href)) for href, number, label in found]


def rows_behind(client: Client, address: str) -> int:
    """Open a list, or the queue, and return how many rows it has."""
    response = client.get(address)
    assert response.status_code == 200, address
    if address.startswith("/admin/attention/"):
        more = response.context["next_page"]
        return len(response.context["cards"]) + (rows_behind(client, more) if more else 0)
    return response.context["cl"].queryset.count()
