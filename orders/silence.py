"""Stores that used to send deliveries and have gone silent.

Shopify drops a webhook that failed for too long without telling anybody; that nothing comes is
then the only sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from orders.models import Delivery, Store
from products.models import Publisher

USUAL_DAYS = timedelta(days=30)
LEAST_SILENCE = timedelta(days=1)
TIMES_ITS_GAP = 4
LEAST_DELIVERIES = 3


def silent_stores(
    publishers: Iterable[Publisher], now: datetime
) -> list[tuple[Store, datetime, timedelta]]:
    """Return (store, its last delivery, its usual gap) of the stores that are silent for too long.

    Too long is more than four times its usual gap and more than a day. The gap is that of the
    thirty days before its last delivery, so that the silence itself does not stretch it; a store
    with fewer than three deliveries in them has no usual gap.
    """
    found = []
    for store in Store.objects.filter(publisher__in=publishers).select_related("publisher"):
        sent = Delivery.objects.filter(store=store).order_by("-received_at")
        last = sent.values_list("received_at", flat=True).first()
        if last is None or now - last <= LEAST_SILENCE:
            continue
        usual = sent.filter(received_at__gte=last - USUAL_DAYS)
        number = usual.count()
        if number < LEAST_DELIVERIES:
            continue
        first = usual.order_by("received_at").values_list("received_at", flat=True)[0]
        gap = (last - first) / (number - 1)
        if now - last > TIMES_ITS_GAP * gap:
            found.append((store, last, gap))
    return found
