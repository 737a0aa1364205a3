"""The brakes: sending pauses for one publisher or for all, until somebody lets it go on.

Deliveries are still taken and TrepStar is still asked for news; orders stay ``ready``.

A claim holds the row of its publisher and reads what is due after that; so a pause, which writes
to that row (or, for all, has locked every such row), is waited for by no claim and followed by
none: once it is committed, no new claim is made. Calls that are under way are finished.
"""

from __future__ import annotations

from django.db import transaction

from orders import breaker, clock
from orders.models import Gateway
from products.models import Publisher

MAX_NOTE = 200


def pause(publisher_id: int, note: str = "") -> None:
    """Pause the sending of a publisher's orders; one that is paused keeps its time."""
    with transaction.atomic():
        publisher = _locked(publisher_id)
        publisher.paused_at = publisher.paused_at or clock.now()
        publisher.paused_note = note[:MAX_NOTE]
        publisher.save(update_fields=["paused_at", "paused_note"])


def resume(publisher_id: int) -> None:
    """Let a publisher's orders go out again; the caller wakes a worker."""
    with transaction.atomic():
        publisher = _locked(publisher_id)
        publisher.paused_at, publisher.paused_note = None, ""
        publisher.save(update_fields=["paused_at", "paused_note"])


def pause_all(note: str = "") -> None:
    """Pause all sending; when this returns no new claim is made for any publisher."""
    with transaction.atomic():
        # As for one publisher, but of each: whoever claims now is waited for.
        list(Publisher.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        gateway = breaker.locked_state()
        gateway.paused_at = gateway.paused_at or clock.now()
        gateway.paused_note = note[:MAX_NOTE]
        gateway.save(update_fields=["paused_at", "paused_note"])


def resume_all() -> None:
    """Let orders go out again, those of paused publishers apart."""
    with transaction.atomic():
        gateway = breaker.locked_state()
        gateway.paused_at, gateway.paused_note = None, ""
        gateway.save(update_fields=["paused_at", "paused_note"])


def sentence(publisher: Publisher | None, gateway: Gateway | None = None) -> str:
    """Say since when and why a publisher's orders (None: all) wait; blank where they do not."""
    gateway = gateway or breaker.state()
    if gateway.paused_at:
        return f"All sending is paused since {_since(gateway)}"
    if publisher is not None and publisher.paused_at:
        return f"Sending is paused since {_since(publisher)}"
    return ""


def _since(row: Gateway | Publisher) -> str:
    note = row.paused_note.rstrip(".")
    return f"{row.paused_at:%Y-%m-%d %H:%M} UTC{': ' + note if note else ''}."


def _locked(publisher_id: int) -> Publisher:
    return Publisher.objects.select_for_update(no_key=True).get(pk=publisher_id)
