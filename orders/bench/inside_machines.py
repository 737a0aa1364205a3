"""What the machines section does inside a probe: it looks at the tables while others work."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db.models import QuerySet

from orders import clock, status
from orders.bench.load import FIRST_SHOP_ORDER
from orders.models import Order
from products.models import Publisher

PATIENCE = 120.0


def quiet() -> None:
    """Leave nothing to ask for and nothing to send but what the run itself will bring."""
    Order.objects.filter(next_ask_at__isnull=False).update(next_ask_at=None)
    Order.objects.filter(status=status.READY).update(
        status=status.HELD, hold_reason="staff", next_attempt_at=None
    )


def _loaded() -> QuerySet[Order]:
    return Order.objects.filter(shop_order__shop_order_id__gte=FIRST_SHOP_ORDER)


def sent() -> int:
    """Return how many of the run's orders TrepStar has accepted."""
    return _loaded().filter(accepted_at__isnull=False).count()


def in_doubt() -> int:
    """Return of how many of the run's orders it is not known whether they arrived."""
    return _loaded().filter(status__in=status.IN_DOUBT).count()


def settle() -> None:
    """Send nothing more, and wait until the outcome of everything that was sent is known."""
    Publisher.objects.update(paused_at=clock.now())
    _until(lambda: not in_doubt())


def seconds_each(count: int, machines: int) -> float:
    """Wait until ``count`` more orders are accepted; return the seconds that each took.

    What is accepted while the machines come up does not count. Raises ``RuntimeError`` where
    nothing is accepted for long.
    """
    before = sent() + 5 * machines
    _until(lambda: sent() >= before)
    began, first = time.perf_counter(), sent()
    _until(lambda: sent() >= first + count)
    return (time.perf_counter() - began) / (sent() - first)


def _until(reached: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > give_up:
            raise RuntimeError(f"The workers did not come so far within {PATIENCE:.0f} seconds.")
        time.sleep(0.1)
