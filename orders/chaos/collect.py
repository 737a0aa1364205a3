"""Reads the histories at the end of a run: our tables, the sandbox's log, and what leaked."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import requests
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Q
from django_q.models import OrmQ

from orders import status
from orders.chaos.history import (
    AttemptRow,
    DeliveryRow,
    EventRow,
    GatewayCall,
    History,
    LedgerRow,
    OrderRow,
    Sample,
)
from orders.deliveries import MAX_TRIES
from orders.models import (
    Attempt,
    Call,
    Delivery,
    Gateway,
    Heartbeat,
    Order,
    OrderEvent,
    ShopOrder,
)
from orders.models.shopify import Outcome
from products.models import Publisher

UNSETTLED = (status.READY, status.SUBMITTING, status.UNCLEAR)


def unsettled() -> int:
    """Return how many orders and deliveries the desk has yet to bring to an end by itself."""
    waiting = Q(outcome=Outcome.QUARANTINED, failures__gt=0, failures__lt=MAX_TRIES)
    orders = Order.objects.filter(status__in=UNSETTLED).count()
    return orders + Delivery.objects.filter(waiting).count()


class Sampler(threading.Thread):
    """Looks at the tables once a second while the run goes on."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.log: list[Sample] = []
        self.stop = threading.Event()
        self._locked: dict[int, float] = {}

    def run(self) -> None:
        while not self.stop.wait(1.0):
            try:
                self.log.append(self._sample())
            except (DatabaseError, InterfaceError):
                connection.close()
        connection.close()

    def _sample(self) -> Sample:
        with connection.cursor() as cursor:
            cursor.execute("SELECT status, count(*) FROM orders_order GROUP BY status")
            counts = dict(cursor.fetchall())
            late = dict(_leases(cursor, OVERDUE))
            # Nobody can settle a row that a frozen process has locked until its lock has ended.
            free = dict(_leases(cursor, f"{OVERDUE} FOR NO KEY UPDATE SKIP LOCKED"))
        now = time.time()
        self._locked |= dict.fromkeys(late.keys() - free.keys(), now)
        since = (min(over, now - self._locked.get(one, 0.0)) for one, over in free.items())
        return Sample(now, counts, max(since, default=0.0))


OVERDUE = (
    "SELECT id, extract(epoch FROM clock_timestamp() - lease_until)::float "
    "FROM orders_order WHERE lease_until < clock_timestamp()"
)


def _leases(cursor: Any, sql: str) -> list[tuple[int, float]]:
    cursor.execute(sql)
    found: list[tuple[int, float]] = cursor.fetchall()
    return found


def read_tables(history: History) -> None:
    """Add the rows of our tables to the history."""
    history.deliveries = [
        DeliveryRow(*row[:-1], shop_order_id=row[-1] or 0)
        for row in Delivery.objects.order_by("pk").values_list(
            "store__domain",
            "webhook_id",
            "body_hash",
            "outcome",
            "reason",
            "failures",
            "shop_order__shop_order_id",
        )
    ]
    history.shop_orders = list(
        ShopOrder.objects.order_by("pk").values_list("store__domain", "shop_order_id")
    )
    history.orders, history.state = _orders(), _state()
    history.events = [
        EventRow(
            e.pk,
            e.order_id,
            e.kind,
            e.from_status,
            e.to_status,
            e.actor_kind,
            e.created_at.timestamp(),
            e.data,
        )
        for e in OrderEvent.objects.order_by("pk")
    ]
    attempts = Attempt.objects.order_by("pk").values_list("order_id", "number", "outcome", "late")
    history.attempts = [AttemptRow(*row) for row in attempts]
    history.ledger = [
        LedgerRow(c.publisher.publisher_id, c.purpose, c.invoices, c.outcome, _epoch(c))
        for c in Call.objects.select_related("publisher").order_by("pk")
    ]


def _state() -> dict[str, Any]:
    """Return what helps to find the cause where a desk does not drain."""
    return {
        "gateway": list(Gateway.objects.values()),
        "publishers": list(Publisher.objects.values("name", "login_refused_at", "sync_until")),
        "clusters": list(Heartbeat.objects.values()),
        "queued": OrmQ.objects.count(),
        "unsettled": list(
            Order.objects.filter(status__in=UNSETTLED).values(
                "invoice", "status", "next_attempt_at", "next_ask_at", "lease_until", "not_found"
            )
        ),
    }


def _epoch(call: Call) -> float:
    return call.reserved_at.timestamp()


def _orders() -> list[OrderRow]:
    rows = Order.objects.select_related("publisher", "shop_order__store").order_by("pk")
    return [
        OrderRow(
            id=o.pk,
            invoice=o.invoice,
            account=o.publisher.publisher_id,
            store=o.shop_order.store.domain if o.shop_order else "",
            shop_order_id=o.shop_order.shop_order_id if o.shop_order else 0,
            email=o.email,
            status=o.status,
            hold_reason=o.hold_reason,
            version=o.version,
            attempts=o.attempts,
            accepted=o.accepted_at is not None,
        )
        for o in rows
    ]


def read_gateway(history: History, url: str) -> None:
    """Add the sandbox's own log to the history."""
    rows = requests.get(f"{url}/log.json", timeout=60).json()
    history.gateway = [
        GatewayCall(
            id=row["id"],
            at=row["at"],
            kind=row["kind"],
            account=row["account"],
            invoices=tuple(row["invoices"]),
            verdict=row["verdict"],
            code=row["code"],
            fault=row["fault"],
            payload_hash=row["payload_hash"],
            email=row["fields"].get("email", ""),
        )
        for row in rows
    ]


def find_leaks(secrets: Iterable[str], folder: Path, texts: Sequence[str]) -> list[str]:
    """Return where a secret is found: in a log, a table's row, or an answer of the desk."""
    spellings = {form for secret in secrets for form in spellings_of(secret)}
    found = []
    for path in sorted(folder.glob("*.log")):
        log = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.name} holds a secret" for form in spellings if form in log][:1]
    answers = "\n".join(texts)
    found += ["an answer of the desk holds a secret" for form in spellings if form in answers][:1]
    return [*found, *_leaking_tables(sorted(spellings))]


def _leaking_tables(spellings: Sequence[str]) -> list[str]:
    found = []
    hexed = [form.encode().hex() for form in spellings]
    patterns = [f"%{_plain(form)}%" for form in (*spellings, *hexed)]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            name = connection.ops.quote_name(table)
            cursor.execute(
                f"SELECT count(*) FROM {name} AS line WHERE line::text LIKE ANY (%s)",  # noqa: S608
                [patterns],
            )
            count = cursor.fetchone()[0]
            if count:
                found.append(f"{count} rows of {table} hold a secret")
    return found


def _plain(text: str) -> str:
    """Return a text as a LIKE pattern that means just it."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def spellings_of(secret: str) -> set[str]:
    """Return a secret as it is, URL-encoded, escaped for HTML, and inside base64."""
    octets = secret.encode()
    inside = set()
    for before in range(3):
        # Base64 takes three bytes at a time: the middle part is the same wherever it begins.
        coded = base64.b64encode(b"x" * before + octets).decode()
        inside.add(coded[4 if before else 0 : -4])
    plain = {secret, escape(secret), json.dumps(secret)[1:-1]}
    return plain | {quote(secret), quote(secret, safe=""), quote_plus(secret)} | inside


def secrets_of_settings() -> list[str]:
    """Return the installation's own keys."""
    return [str(settings.SECRET_KEY), *settings.FIELD_KEYS]
