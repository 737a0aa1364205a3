"""What TrepStar answers for up to a hundred orders, written down: all of it, or each by itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from django.db import transaction

from orders import clock, letters, lifecycle, news, status
from orders.lifecycle import WORKER
from orders.models import Order
from orders.trepstar.status_xml import Section
from products.models import Publisher
from products.rows import lock_clause, without

log = logging.getLogger(__name__)

UNREAD = frozenset(
    {
        *("shop_order_id", "company", "address", "city", "state", "zip", "email", "special_text"),
        *("price", "price_on_customs", "notify_customer", "edited_fields", "attempts"),
        *("lease_token", "lease_until", "reship_of_id", "created_at", "updated_at"),
    }
)
"""Columns of an order that no news depends on, and no webhook that tells of them."""


class Asked(Protocol):
    """What is to be known of an order that was asked for; it is locked and read here."""

    @property
    def pk(self) -> int: ...
    @property
    def publisher_id(self) -> int: ...
    @property
    def invoice(self) -> str: ...


def apply(found: Mapping[str, Section], orders: Sequence[Asked], interval: timedelta) -> set[str]:
    """Write a batch of sections down in one transaction; if that fails, one by one.

    The orders are of one publisher. Returns the invoices that were written down.
    """
    known = [order for order in orders if order.invoice in found]
    if _try(found, known, interval):
        return {order.invoice for order in known}
    return {order.invoice for order in known if _try(found, [order], interval)}


def _try(found: Mapping[str, Section], orders: Sequence[Asked], interval: timedelta) -> bool:
    try:
        if orders:
            _apply(found, orders, interval)
    except Exception:
        log.exception("%s sections could not be written down together.", len(orders))
        return False
    return True


def _apply(found: Mapping[str, Section], orders: Sequence[Asked], interval: timedelta) -> None:
    with transaction.atomic():
        publisher, now = clock.row_and_now(Publisher, orders[0].publisher_id)
        assert publisher is not None
        rows = _locked(publisher, [order.pk for order in orders])
        letters.read_lines(rows, found)
        changes = [
            news.read(order, found[order.invoice], now=now, interval=interval) for order in rows
        ]
        lifecycle.move_many(changes, actor=WORKER)


def _locked(publisher: Publisher, order_ids: Sequence[int]) -> list[Order]:
    """Lock those of the orders that are still to be asked for, and return them by their ids.

    They share the ``publisher``: a join would make one for each.
    """
    asked = sorted(status.ASKED | {status.UNCLEAR})
    marks = [", ".join(["%s"] * len(some)) for some in (order_ids, asked)]
    where = (
        f"this.id IN ({marks[0]}) AND this.publisher_id = %s AND this.status IN ({marks[1]}) "
        f"ORDER BY this.id {lock_clause()}"
    )
    rows = without(Order, UNREAD, where, *order_ids, publisher.pk, *asked)
    for row in rows:
        Order.publisher.field.set_cached_value(row, publisher)
    return rows
