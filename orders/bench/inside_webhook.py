"""What the webhook section does inside a probe: deliveries through the desk's own endpoint."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache

from django.db import connection
from django.test import Client

from orders.bench import rivals
from orders.bench.data_body import template
from orders.bench.load import FIRST_SHOP_ORDER, delivery
from orders.bench.timing import cpu_seconds, statements
from orders.models import Order

ADDRESS = "/webhooks/shopify/"
# Made once: a client loads the middleware with its first request, static files and all.
_client = cache(Client)


def make_table() -> None:
    """Make the table of the bare rival."""
    with connection.cursor() as cursor:
        cursor.execute(rivals.TABLE)


def made() -> int:
    """Return how many orders the load generator's deliveries made at the desk's endpoint."""
    loaded = Order.objects.filter(shop_order__shop_order_id__gte=FIRST_SHOP_ORDER)
    return loaded.exclude(invoice__startswith="USUAL-").count()


def deliver(count: int) -> float:
    """Make ``count`` new deliveries of three lines; return the CPU seconds of all."""
    base = template()
    waiting = [delivery(number, base) for number in itertools.islice(_numbers(), count)]
    began = cpu_seconds()
    for one in waiting:
        _post(one, "created")
    return cpu_seconds() - began


def count_statements(lines: int) -> dict[str, int]:
    """Return the statements of a ``new`` delivery of so many lines and of its ``repeat``."""
    base = template(lines)
    _post(delivery(next(_numbers()), base, lines), "created")  # opens the connection
    one = delivery(next(_numbers()), base, lines)
    return {
        "new": statements(lambda: _post(one, "created")),
        "repeat": statements(lambda: _post(one, "repeat")),
    }


@cache
def _numbers() -> Iterator[int]:
    """Count on from the newest order, as shops do: what comes next stands next in the indexes."""
    newest = Order.objects.order_by("-pk")[0].reference
    return itertools.count(int(newest.removeprefix("#")) + 1)


def _post(one: tuple[str, dict[str, str], bytes], outcome: str) -> None:
    query, headers, body = one
    answer = _client().post(
        f"{ADDRESS}?{query}", body, content_type="application/json", headers=headers
    )
    if answer.status_code != 200 or answer.json()["outcome"] != outcome:
        raise RuntimeError(f"A delivery was answered with {answer.content!r}, not {outcome}.")
