"""The timeline in sentences: one template for each kind of event, filled when it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from orders.models import OrderEvent

SENTENCES: dict[str, str] = {
    "order.placed": "The order was made, with {pieces}. {note}",
    "order.lines_added": "Lines were added: {added}.",
    "order.held": "The order was held ({reason}). {note} {until}",
    "order.released": "The order was released.",
    "order.edited": "The order was changed: {fields}.",
    "order.address_changed": "The shop changed the address: {fields}.",
    "order.cancelled": "The order was cancelled. {note}",
    "order.stop_requested": (
        "A stop was asked for: it will be {stop_request} if not yet sent. {note}"
    ),
    "order.claimed": "A worker took the order.",
    "order.attempted": "Attempt {attempt} was begun.",
    "order.accepted": "TrepStar accepted the order (attempt {attempt}).",
    "order.refused": "TrepStar refused the order: {code} {text}",
    "order.not_sent": "Attempt {attempt} could not be sent, so it is tried again. {text}",
    "order.login_refused": "TrepStar refused the login, so sending stopped. {text}",
    "order.unclear": "The outcome of attempt {attempt} is not known. {text}",
    "order.recovering": "The order may have been sent before. {text}",
    "order.duplicate": "TrepStar calls this invoice a duplicate; it is being asked whose it is.",
    "order.refusal_doubted": "TrepStar said no; it is asked once more. {code} {text}",
    "order.lease_ended": "The worker stopped before anything was sent.",
    "order.late_result": "Attempt {attempt} ended after its time with: {outcome}. It was ignored.",
    "order.not_found": "TrepStar does not know the order yet; it is asked once more.",
    "order.send_again": "TrepStar does not know the order, so the same order is sent again.",
    "order.found": "TrepStar was asked and has the order: {word}.",
    "order.awaiting_payment": "TrepStar waits for a payment.",
    "order.processing": "TrepStar is making the order.",
    "order.shipped": "TrepStar shipped the order on {date}. {tracking}",
    "order.problem": "TrepStar is in trouble with the order: {text}",
    "order.tested": "TrepStar took it as a test order; it will never be made.",
    "order.tracking_added": "The tracking id came: {tracking}.",
    "order.tracking_changed": "The tracking id changed: {tracking}.",
    "order.word_changed": "TrepStar's word changed: {word}.",
    "order.flagged": "Look at this: {note}",
    "order.flag_seen": "The note was seen: {note}",
    "order.reshipped": "The order is made again as {invoices}. {note} {payer}",
    "order.note": "{note}",
}

_STOPS = {"hold": "held", "cancel": "cancelled"}
PAYERS = {
    "us": "We pay for it.",
    "customer": "The customer pays for it.",
    "trepstar": "TrepStar pays for it.",
}
ERASED = "What was written here is erased."


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def sentence(event: OrderEvent) -> str:
    """Return what happened as a sentence; an unknown kind is shown by its name."""
    template = SENTENCES.get(event.kind)
    if template is None:
        return event.kind
    if event.kind == "order.note":
        # The words of a colleague are shown as they were written.
        return str(event.data.get("note") or ERASED)
    filled = template.format_map(_Blank({k: _text(k, v) for k, v in event.data.items()}))
    return " ".join(filled.split()).replace(" .", ".").replace("()", "").strip()


def _text(key: str, value: Any) -> str:
    if key == "stop_request":
        return _STOPS.get(value, str(value))
    if key == "payer":
        return PAYERS.get(value, str(value))
    if key == "until":
        return _until(str(value))
    if key == "pieces":
        return "1 piece" if value == 1 else f"{value} pieces"
    if isinstance(value, list):
        return ", ".join(str(item).replace("_", " ") for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return str(value).replace("_", " ") if key == "reason" else str(value)


def _until(text: str) -> str:
    try:
        found = timezone.localtime(datetime.fromisoformat(text))
    except ValueError:
        return ""
    return f"It is released by itself on {found:%Y-%m-%d %H:%M}."


def actor(event: OrderEvent) -> str:
    """Return who did it: the person's name, or the kind of actor."""
    if event.actor_kind == OrderEvent.ActorKind.PERSON:
        return str(event.actor_user) if event.actor_user else "a former colleague"
    if event.data.get("client"):
        return f"{event.data['client']} (API)"
    return {"worker": "the desk", "shop": "the shop", "client": "an API client"}[event.actor_kind]
