"""Addresses of the admin's lists, so that a number on a page leads to the rows behind it."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse


def rows(model: str, **filters: object) -> str:
    """Return the address of the list of ``model`` (such as ``orders_order``) with these filters.

    Moments are written so that the list compares with exactly the same one.
    """
    given = {key: _text(value) for key, value in filters.items()}
    return reverse(f"admin:{model}_changelist") + (f"?{urlencode(given)}" if given else "")


def row(model: str, pk: object) -> str:
    """Return the address of one row's page."""
    return reverse(f"admin:{model}_change", args=(pk,))


def queue(reason: str = "", publisher: object = "", **place: str) -> str:
    """Return the address of what needs attention: for one of ``reasons.REASONS``, of a publisher.

    ``place`` says from where on. What is blank stands for all, and not in the address.
    """
    asked = {"reason": reason, "publisher": publisher, **place}
    query = urlencode({name: value for name, value in asked.items() if value})
    return reverse("admin:attention") + (f"?{query}" if query else "")


def _text(value: object) -> str:
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)
