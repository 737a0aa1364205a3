"""What the API section does inside a probe: the whole request through Django's own test client."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orders.bench.timing import cpu_seconds
from orders.models import Order, OrderLine
from products import tokens
from products.models import Product, Publisher

LIST = "/api/v1/orders/?limit=100"
TIMES = 10
# Made once: a client loads the middleware with its first request, static files and all.
_client = cache(Client)
_OTHERS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@cache
def _caller() -> tuple[Publisher, dict[str, str]]:
    settings.API_RATE = 1_000_000
    publisher = Publisher.objects.order_by("pk")[0]
    _, token = tokens.issue(publisher, "Bench", ("orders:read", "orders:write"))
    return publisher, {"Authorization": f"Bearer {token.reveal()}"}


def _ask(where: str) -> Any:
    return _client().get(where, headers=_caller()[1]).json()


def _create(**headers: str) -> None:
    publisher, mine = _caller()
    product = Product.objects.filter(publisher=publisher, active=True)[0]
    body = {
        "name": "Ana Peña",
        "address": "12 Harbour Street",
        "city": "Portland",
        "state": "ME",
        "zip": "04101",
        "country": "US",
        "lines": [{"project_id": product.project_id, "quantity": 2}],
    }
    answer = _client().post(
        "/api/v1/orders/", json.dumps(body), "application/json", headers={**mine, **headers}
    )
    assert answer.status_code == 201, answer.content


def _statements(do: Callable[[], object]) -> list[str]:
    do()
    with CaptureQueriesContext(connection) as seen:
        do()
    return [one["sql"] for one in seen.captured_queries]


def counted() -> dict[str, int]:
    """Return how many statements a list takes, and an order that is made.

    Making one counts no transaction control, no look for the time, and not what the bench itself
    reads; with a key, everything is counted but the last.
    """
    made = _statements(_create)[1:]
    keys = iter(("first", "second"))
    keyed = _statements(lambda: _create(**{"Idempotency-Key": next(keys)}))[1:]
    data = [sql for sql in made if not sql.startswith(_OTHERS) and "clock_timestamp" not in sql]
    return {
        "list": len(_statements(lambda: _ask(LIST))),
        "create": len(data),
        "create, all told, with a key": len(keyed),
    }


@cache
def _deep() -> str:
    """Return the address of a page in the middle of the publisher's orders."""
    mine = Order.objects.filter(publisher=_caller()[0])
    middle = mine.order_by("-id").values_list("pk", flat=True)[mine.count() // 2]
    cursor = base64.urlsafe_b64encode(json.dumps(["-id", "", middle]).encode()).decode()
    return f"{LIST}&cursor={cursor.rstrip('=')}"


def page(deep: bool = False) -> float:
    """Return the CPU seconds of a page of a hundred orders, the first or one in the depth."""
    where = _deep() if deep else LIST
    _ask(where)
    return _measured(lambda: _client().get(where, headers=_caller()[1]))


def by_hand() -> float:
    """Return the CPU seconds of the same rows by ``values()``, put together and written."""
    _by_hand()
    return _measured(_by_hand)


@cache
def _columns() -> list[str]:
    """Return the columns that an order's answer shows."""
    shown = _ask(LIST)["results"][0].keys() - {"publisher", "reship_of"}
    mine = [one.name for one in Order._meta.concrete_fields if one.name in shown]
    return [*mine, "publisher__publisher_id", "reship_of__invoice"]


def _by_hand() -> bytes:
    orders = Order.objects.filter(publisher=_caller()[0]).order_by("-id")
    rows = {row["pk"]: {**row, "lines": []} for row in orders.values("pk", *_columns())[:100]}
    names = ("product_id", "product__project_id", "product__title", "quantity", "sku")
    for line in OrderLine.objects.filter(order__in=rows).values("order_id", *names):
        rows[line["order_id"]]["lines"].append(line)
    return orjson.dumps({"results": list(rows.values())}, default=str)


def _measured(do: Callable[[], object]) -> float:
    began = cpu_seconds()
    for _ in range(TIMES):
        do()
    return cpu_seconds() - began
