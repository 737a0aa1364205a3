"""Orders that TrepStar leaves out of its answers: counted, and flagged the third time running."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F

from orders import lifecycle, status
from orders.lifecycle import WORKER
from orders.models import Order

UNTIL_FLAG = 3
LEFT_OUT = (
    "TrepStar left this order out of its answer three times in a row, so its status may be old. "
    "Look for it on TrepStar's dashboard."
)


def count(order_ids: Sequence[int]) -> None:
    """Count the orders that an answer had no section for; ``news`` starts the count anew."""
    rows = Order.objects.filter(pk__in=order_ids, status__in=status.ASKED | {status.UNCLEAR})
    rows.update(missed=F("missed") + 1)
    for order_id in rows.filter(missed=UNTIL_FLAG).values_list("pk", flat=True):
        with transaction.atomic():
            order = lifecycle.lock(order_id)
            data = {"note": LEFT_OUT}
            fields = {"flag": LEFT_OUT}
            lifecycle.record(order, "order.flagged", actor=WORKER, data=data, fields=fields)
