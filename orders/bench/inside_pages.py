"""What the section ``pages`` does inside a probe: open pages of the admin as staff do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.bench.timing import cpu_seconds
from orders.models import Delivery, DeliveryLine, Order

LIST, DELIVERIES = "/admin/orders/order/", "/admin/orders/delivery/"
MAPPING = "/admin/mapping/"
UNMATCHED, TRIES = 200, 3
ENOUGH = 0.1
"""So many CPU seconds a page is opened for at least: one of 4 ms is soon disturbed."""
WHOLE_TABLE = re.compile(r'COUNT\([^)]*\)[^(]* FROM "orders_order"(?!.*\b(?:WHERE|LIMIT)\b)', re.S)


@cache
def client() -> Client:
    """Return a browser in which ``bench`` is signed in, who may do everything."""
    made = Client()
    made.force_login(User.objects.get(username="bench"))
    return made


def addresses() -> dict[str, str]:
    """Return what is looked at, by name: the same on every database, with equally many rows."""
    shipped = Order.objects.filter(status="shipped", publisher=1)
    newest = Order.objects.order_by("-pk").values_list("pk", flat=True)[0]
    one = shipped.filter(pk__lte=newest - 6_000).order_by("-pk")[0]
    return {
        **_lists(),
        **_searches(one),
        "order page": f"{LIST}{one.pk}/change/",
        "needs attention": "/admin/attention/",
        "needs attention: held by staff": "/admin/attention/?reason=staff",
        "dashboard": "/admin/",
        "dashboard of a publisher": "/admin/?publisher=1",
        "mapping desk": MAPPING,
        "mapping desk, one SKU": f"{MAPPING}choose/?publisher=1&sku=new-1",
        "deliveries": DELIVERIES,
    }


def _lists() -> dict[str, str]:
    """Return the order list, its filters and its views."""
    today = timezone.localdate()
    week = f"{today - timedelta(days=7)}&created_at_to={today - timedelta(days=1)}"
    views = ("attention", "payment", "silent", "international", "week")
    return {
        "order list": LIST,
        "order list, page 20": f"{LIST}?p=20",
        "order list, oldest first": f"{LIST}?o=7",
        "status shipped": f"{LIST}?status__exact=shipped",
        "status held": f"{LIST}?status__exact=held",
        "status processing": f"{LIST}?status__exact=processing",
        "flagged": f"{LIST}?flagged=yes",
        "waits for a person": f"{LIST}?flagged=attention",
        "hold reason": f"{LIST}?hold_reason__exact=staff",
        "publisher": f"{LIST}?publisher__id__exact=2",
        "publisher and status": f"{LIST}?publisher__id__exact=2&status__exact=shipped",
        "publisher and held": f"{LIST}?publisher__id__exact=1&status__exact=held",
        "day of arrival": f"{LIST}?created_at_from={week}",
        "day of shipping": f"{LIST}?shipped_at_from={week.replace('created', 'shipped')}",
        "mode test": f"{LIST}?mode__exact=test",
        "source csv": f"{LIST}?source__exact=csv",
        "source shopify": f"{LIST}?source__exact=shopify",
        **{f"view {view}": f"{LIST}?view={view}" for view in views},
    }


def _searches(one: Order) -> dict[str, str]:
    """Return searches that find ``one``, and some that find many, or nothing."""
    hit = f"{LIST}?q="
    return {
        "search: invoice": hit + one.invoice[:-3],
        "search: Shopify number": f"{hit}%23{one.reference[1:]}",
        "search: tracking id": hit + one.tracking_id[:-1],
        "search: tracking id, exact": hit + one.tracking_id,
        "search: e-mail": hit + one.email[:-8],
        "search: SKU": f"{hit}B1-101",
        "search: name": f"{hit}Anna",
        "search: nothing": f"{hit}nothing-like-it",
        "search: number, held": f"{hit}%231&status__exact=held",
    }


def look(address: str) -> float:
    """Open a page some times; return the least CPU seconds of ours and of the database's process.

    What else the machine does lengthens the time until the answer, and not that of the work.
    Raises ``ValueError`` for what is no page.
    """
    with _world(address):
        took = [_opened(address) for _ in range(TRIES)]
        while sum(took) < ENOUGH:
            took.append(_opened(address))
        return min(took)


@contextmanager
def _world(address: str) -> Iterator[None]:
    client()  # signed in for good, and not only until what is done here is undone
    with transaction.atomic():
        if address.startswith(MAPPING):
            unmatched()
        yield
        transaction.set_rollback(True)


def _opened(address: str) -> float:
    browser = client()
    began = cpu_seconds()
    response = browser.get(address)
    took = cpu_seconds() - began
    if response.status_code != 200 and not response.headers.get("Location", "").endswith("change/"):
        raise ValueError(f"{address} answers with {response.status_code}.")
    return took


def counted(address: str) -> dict[str, int]:
    """Return how many statements a page takes, and how many of them count all orders there are."""
    with _world(address), CaptureQueriesContext(connection) as captured:
        _opened(address)
    told = [one["sql"] for one in captured]
    return {"statements": len(told), "counts": sum(bool(WHOLE_TABLE.search(one)) for one in told)}


def last_page(address: str) -> str:
    """Return the address of a list's last page."""
    shown = client().get(address).content.decode()
    number = max(map(int, re.findall(r"[?&;]p=(\d+)", shown)))
    return f"{address}{'&' if '?' in address else '?'}p={number}"


def unmatched() -> None:
    """Have the newest deliveries of a publisher wait for SKUs that nobody knows."""
    newest = Delivery.objects.filter(store__publisher=1).order_by("-pk")
    ids = list(newest.values_list("pk", flat=True)[:UNMATCHED])
    Delivery.objects.filter(pk__in=ids).update(outcome="unmatched", body=b"{}")
    lines = DeliveryLine.objects.filter(delivery__in=ids).order_by("pk")
    for number in range(40):
        some = [pk for place, pk in enumerate(ids) if place % 40 == number]
        sku = f"NEW-{number}"
        lines.filter(delivery__in=some).update(
            outcome="unmatched", sku=sku, key=sku.lower(), order=None
        )
