"""What the mapping desk says of what was done, and what it writes into the admin's history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from orders.mapping import Replayed
from orders.models import Order
from products.models import SkuAlias

SHOWN_INVOICES = 10


def log(request: HttpRequest, written: Sequence[SkuAlias], replaced: set[str]) -> None:
    """Write who mapped what into the history that Django's admin shows on a SKU's page."""
    user_id = cast(int, request.user.pk)
    for alias in written:
        told = f"Stands for {alias.product}." if alias.product else "Not ours to make."
        flag = CHANGE if alias.key in replaced else ADDITION
        LogEntry.objects.log_actions(user_id, [alias], flag, told, single_object=True)


def mapped(written: Sequence[SkuAlias]) -> str:
    """Return what these SKUs stand for now."""
    if len(written) > 3:
        return f"{len(written)} SKUs are mapped now."
    return " ".join(
        f"The SKU {alias.sku} stands for {alias.product} now."
        if alias.product
        else f"The SKU {alias.sku} is known now and is not ours to make."
        for alias in written
    )


def replayed(done: Replayed, orders: Sequence[Order]) -> SafeString:
    """Return how many deliveries were read again, with links to their orders."""
    read = "1 delivery was" if done.deliveries == 1 else f"{done.deliveries} deliveries were"
    if not orders:
        return format_html("{} read again. No order came of it.", read)
    links = format_html_join(
        ", ",
        '<a href="{}">{}</a> {}',
        (
            (reverse("admin:orders_order_change", args=[one.pk]), one, one.get_status_display())
            for one in orders[:SHOWN_INVOICES]
        ),
    )
    rest = len(orders) - SHOWN_INVOICES
    more = f" and {rest} more" if rest > 0 else ""
    return format_html("{} read again. The orders: {}{}.", read, links, more)


def waits(number: int) -> str:
    """Return that so many deliveries wait."""
    return "1 delivery waits" if number == 1 else f"{number} deliveries wait"
