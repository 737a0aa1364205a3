"""A cause of an alert, and what the finders of causes share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong. ``key`` tells it from others of its kind; ``link`` leads to it.

    ``text`` is one or two whole sentences: what is wrong, and what to do. It holds no secret and
    nothing of a customer.
    """

    kind: str
    key: str
    text: str
    publisher_id: int | None = None
    link: str = ""


def when(moment: datetime) -> str:
    """Return a moment as texts name it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def page(name: str, *args: object, query: str = "") -> str:
    """Return the path of a page of the admin."""
    return reverse(f"admin:{name}", args=args) + (f"?{query}" if query else "")


def orders_of(publisher_id: int, status: str) -> str:
    """Return the path of the list of a publisher's orders in a status."""
    query = f"publisher__id__exact={publisher_id}&status__exact={status}"
    return page("orders_order_changelist", query=query)
