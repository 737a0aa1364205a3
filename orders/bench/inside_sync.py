"""What the section of news does inside a probe. Everything that is written is rolled back."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders import answers, clock, status, tracking
from orders.bench.timing import cpu_seconds, peak_rss_mb
from orders.models import Order
from orders.trepstar.client import Gateway, Login, Reply
from orders.trepstar.status_xml import MAX_INVOICES, Section
from products.models import Publisher

WAIT = timedelta(seconds=900)
TIMES = 5
SETTLED_IN = 20
# What a batch changes whose orders are found to be made now.
CHANGED = (
    *("status", "version", "updated_at", "asked_at", "next_ask_at", "gateway_status"),
    *("gateway_error_number", "gateway_customer", "shipping_method"),
)


def _orders() -> list[Order]:
    """Return a hundred open orders of the publisher that has most."""
    open_ = Order.objects.filter(status__in=(status.ACCEPTED, status.AWAITING_PAYMENT))
    publisher = statistics.mode(open_.values_list("publisher_id", flat=True))
    return list(open_.filter(publisher=publisher).order_by("id")[:MAX_INVOICES])


def _section(order: Order) -> Section:
    return Section(
        error_number="0",
        customer=order.name,
        invoice=order.invoice,
        status="PROCESSING",
        status_error_number="0",
        shipping_method="First Class",
    )


@contextmanager
def _undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _measured(do: Callable[[list[Order]], object]) -> float:
    seconds = 0.0
    for _ in range(TIMES):
        orders = _orders()
        with _undone():
            began = cpu_seconds()
            do(orders)
            seconds += cpu_seconds() - began
    return seconds


def _apply(orders: list[Order]) -> None:
    found = {one.invoice: _section(one) for one in orders}
    written = answers.apply(found, orders, WAIT)
    assert len(written) == len(orders) == MAX_INVOICES


def _update(orders: list[Order]) -> None:
    now = timezone.now()
    by_name = {field.name: field for field in Order._meta.concrete_fields}
    fields = [by_name[name] for name in ("id", *CHANGED)]
    rows: list[list[Any]] = [
        [order.pk, status.PROCESSING, order.version + 1, now, now, now + WAIT]
        + ["PROCESSING", "0", order.name, "First Class"]
        for order in orders
    ]
    marks = ["%s"] * len(fields)
    typed = marks
    if connection.vendor == "postgresql":
        typed = [f"%s::{field.rel_db_type(connection)}" for field in fields]
    else:
        rows = [
            [
                field.get_db_prep_save(value, connection)
                for field, value in zip(fields, row, strict=True)
            ]
            for row in rows
        ]
    given = ", ".join(f"({', '.join(one)})" for one in [typed, *[marks] * (len(rows) - 1)])
    new = ", ".join(f"{name} = given.column{n}" for n, name in enumerate(CHANGED, 2))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE orders_order SET {new} FROM (VALUES {given}) AS given"  # noqa: S608
            " WHERE orders_order.id = given.column1",
            [value for row in rows for value in row],
        )
        assert cursor.rowcount == len(orders)


def batch() -> float:
    """Return the CPU seconds of batches of a hundred that the desk writes down, events and all."""
    return _measured(_apply)


def update() -> float:
    """Return the CPU seconds of the same changes by one ``UPDATE … FROM (VALUES)``."""
    return _measured(_update)


def statements_of_a_batch() -> int:
    """Return how many statements a batch takes; savepoints and the transaction do not count."""
    orders = _orders()
    with _undone(), CaptureQueriesContext(connection) as seen:
        _apply(orders)
    told = [one["sql"] for one in seen.captured_queries]
    return sum(not sql.startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")) for sql in told)


class _Answers:
    """A gateway that knows every invoice and is still making each; it counts what it is asked."""

    def __init__(self) -> None:
        self.calls = self.asked = 0
        self.base = 0.0

    def statuses(self, invoices: Sequence[str], login: Login) -> tuple[Reply, list[Section]]:
        self.calls, self.asked = self.calls + 1, self.asked + len(invoices)
        if self.calls == SETTLED_IN:
            self.base = peak_rss_mb()
        known = [_section(Order(invoice=invoice, name="Anna Keller")) for invoice in invoices]
        return Reply(200, b"", ""), known


def sweep(orders: int) -> dict[str, float]:
    """Ask for so many orders that are being made, all of them due; return what that took.

    ``calls`` made, ``asked`` invoices in them, ``seconds``, and the ``mb`` by which the process
    grew after its first calls. What it changes stays.
    """
    now = clock.now()
    new = orders - Order.objects.filter(status__in=status.ASKED).count()
    shipped = Order.objects.filter(status=status.SHIPPED).order_by("-pk")
    Order.objects.filter(pk__in=list(shipped.values_list("pk", flat=True)[: max(0, new)])).update(
        status=status.PROCESSING, gateway_status="PROCESSING"
    )
    open_ = Order.objects.filter(status__in=status.ASKED)
    open_.update(next_ask_at=now - WAIT, asked_at=None)
    gateway = _Answers()
    began = time.perf_counter()
    for publisher in tracking.due_publishers():
        tracking.sync(publisher, cast(Gateway, gateway))
    seconds = time.perf_counter() - began
    assert not tracking.due_publishers()
    grown = peak_rss_mb() - gateway.base
    return {"calls": gateway.calls, "asked": gateway.asked, "seconds": seconds, "mb": grown}


def choosing(times: int) -> float:
    """Return the median seconds in which a batch is chosen for the publisher with most to ask."""
    ids = tracking.due(clock.now()).values_list("publisher", flat=True)[:1000]
    publisher = Publisher.objects.get(pk=statistics.mode(ids))
    seconds = []
    for _ in range(times + 1):
        began = time.perf_counter()
        tracking.choose(publisher)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])
