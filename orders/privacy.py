"""Erasing a customer's data: everywhere it is kept, as soon as the order no longer needs it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from orders import status
from orders.models import (
    Attempt,
    Call,
    Delivery,
    IdempotencyKey,
    ImportFile,
    JobRow,
    Order,
    OrderEvent,
    ShopOrder,
)
from orders.models.conditions import one_of
from orders.recipient import FIELDS

ERASED = "erased"
CLOSED = status.FINAL | {status.SHIPPED}
STEP = 500


def redact(shop_orders: QuerySet[ShopOrder]) -> int:
    """Erase the customer data of these shop orders; return how many orders that concerns.

    Orders under way keep their address until they are closed; the nightly job erases it then.
    """
    ids = list(shop_orders.values_list("pk", flat=True))
    with transaction.atomic():
        # The shop's orders first: a delivery that is being read locks in this order too.
        ShopOrder.objects.filter(pk__in=ids).update(address=None)
        count = Order.objects.filter(shop_order__in=ids).update(redact=True)
        _erase_bodies(ids)
        erase_closed()
        return count


def _erase_bodies(shop_order_ids: list[int]) -> None:
    """Erase the raw bodies of shop orders of which nothing is under way."""
    waiting = Order.objects.filter(shop_order__in=shop_order_ids).exclude(status__in=CLOSED)
    settled = Delivery.objects.filter(shop_order__in=shop_order_ids)
    settled.exclude(shop_order__in=waiting.values("shop_order")).update(body=None, reason="")


def _erase_answers(invoices: list[str]) -> None:
    """Erase the saved answers of the API that hold these orders; their keys stay used."""
    for invoice in invoices:
        saved = IdempotencyKey.objects.filter(body__contains=f'"{invoice}"')
        saved.update(body="", erased=True)


@transaction.atomic
def erase_closed() -> int:
    """Erase the data of closed orders that are marked for it; return how many were erased."""
    rows = Order.objects.select_for_update(no_key=True).filter(redact=True, status__in=CLOSED)
    ids = list(rows.exclude(email=ERASED).values_list("pk", flat=True))
    if not ids:
        return 0
    blank = dict.fromkeys(FIELDS, "") | {"name": ERASED, "email": ERASED}
    orders = Order.objects.filter(pk__in=ids)
    orders.update(
        **blank,
        special_text="",
        payload=None,
        gateway_customer="",
        gateway_error_text="",
        hold_note="",
        flag="",
    )
    Attempt.objects.filter(order__in=ids).update(excerpt="", text="")
    for event in OrderEvent.objects.filter(order__in=ids).exclude(data={}):
        event.data = {k: v for k, v in event.data.items() if k in ("pieces", "source", "reason")}
        event.save(update_fields=["data"])
    # An answer to a status call names many customers, so the cleaned excerpts go as a whole.
    Call.objects.filter(publisher__orders__in=ids).exclude(excerpt="").update(excerpt="")
    _erase_answers(list(orders.values_list("invoice", flat=True)))
    # So does a file of orders; what it was checked for is in the orders.
    jobs = JobRow.objects.filter(order__in=ids).values("job")
    ImportFile.objects.filter(job__in=jobs).update(content=b"", report={})
    _erase_bodies(list(orders.exclude(shop_order=None).values_list("shop_order", flat=True)))
    return len(ids)


def forget_old(now: datetime) -> int:
    """Erase customers from orders that were closed ``KEEP_ADDRESS_DAYS`` before ``now``.

    What was made, under which invoice, and what became of it is kept. Works in steps, each a
    transaction of its own; returns how many orders were erased.
    """
    before = now - timedelta(days=settings.KEEP_ADDRESS_DAYS)
    old = Order.objects.filter(one_of("status", CLOSED), redact=False, updated_at__lt=before)
    erased = 0
    while ids := list(old.order_by("updated_at").values_list("pk", flat=True)[:STEP]):
        with transaction.atomic():
            _forget(ids)
            erased += erase_closed()
    return erased


def _forget(order_ids: list[int]) -> None:
    """Mark orders for erasure, and take the address from shop orders of which nothing is left."""
    kept = Order.objects.filter(redact=False).exclude(pk__in=order_ids)
    shop_orders = ShopOrder.objects.filter(orders__in=order_ids)
    done = list(
        shop_orders.exclude(pk__in=kept.filter(shop_order__in=shop_orders).values("shop_order"))
        .order_by("pk")
        .values_list("pk", flat=True)
        .distinct()
    )
    ShopOrder.objects.filter(pk__in=done).update(address=None)
    Order.objects.filter(pk__in=order_ids).update(redact=True)
