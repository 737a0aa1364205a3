"""Letters have no tracking by design: which orders of a batch may be some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Prefetch, prefetch_related_objects

from orders import status
from orders.models import Order, OrderLine
from orders.trepstar.status_xml import Section


def read_lines(orders: Sequence[Order], sections: Mapping[str, Section]) -> None:
    """Read the lines of those orders, in one statement, for which ``news`` will ask for them.

    ``sections`` are what TrepStar says, by invoice. In most batches there are none of them.
    """
    letters = [order for order in orders if _may_be_letter(order, sections[order.invoice])]
    lines = OrderLine.objects.select_related("product")
    prefetch_related_objects(letters, Prefetch("lines", lines))


def _may_be_letter(order: Order, section: Section) -> bool:
    shipped = section.status.upper() == "SHIPPED" or order.status == status.SHIPPED
    untracked = not (section.tracking_id or order.tracking_id)
    return shipped and untracked and order.goes_as_letters_do
