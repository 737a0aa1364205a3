"""What one section of a status answer means for one order. Decides; writes nothing.

Follows the field definitions of "getOrderStatusByInvoice" in the gateway document.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from orders import status
from orders.lifecycle import Change
from orders.models import Order
from orders.models.order_indexes import MISSES_UNTIL_FLAG
from orders.privacy import ERASED
from orders.settlement import reason_asked_for, too_late
from orders.trepstar.status_xml import (
    ADDRESS_ERROR,
    NOT_FOUND,
    OK,
    TEST_ORDER,
    Section,
    read_ship_date,
)
from products.models import Mode

WORDS = {
    "HOLD": status.AWAITING_PAYMENT,
    "PROCESSING": status.PROCESSING,
    "SHIPPED": status.SHIPPED,
}
EARLIER = ("HOLD", "PROCESSING")
BACK_UNTIL_FLAG = 2
MAX_UNCLEAR_ROUNDS = 3
MISS_WAITS = (timedelta(hours=1), timedelta(hours=6))
PROBLEM_WAIT = timedelta(hours=6)
OLD_DEBT = timedelta(days=30)
DEBT_WAIT = timedelta(days=1)
TRACKING_WAIT = timedelta(days=14)
NOT_KNOWN = (
    "TrepStar does not know this order, although it accepted it. "
    "Look at the dashboard: it may have been deleted there."
)


def same_name(ours: str, theirs: str) -> bool:
    """Say whether two customer names are the same but for case, spaces, accents and garbling."""
    return ours == theirs or _plain(ours) in (_plain(theirs), _plain(_ungarbled(theirs)))


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    return "".join(c for c in letters.casefold() if c.isalnum())


def _ungarbled(name: str) -> str:
    """Undo UTF-8 that was read as windows-1252, as in ``JosÃ©``."""
    try:
        return name.encode("cp1252").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return name


def _is_garbled(ours: str, theirs: str) -> bool:
    """Say whether a name came back the same but for UTF-8 that was read as windows-1252."""
    return ours != theirs and _plain(ours) == _plain(_ungarbled(theirs)) != _plain(theirs)


def read(order: Order, section: Section, *, now: datetime, interval: timedelta) -> Change:
    """Return the change that ``section`` makes to ``order``.

    ``interval`` is the publisher's present wait between two questions for one order.
    """
    asked = {"asked_at": now, "next_ask_at": now + interval, "missed": 0}
    if order.redact and order.name == ERASED:
        # The answer names the customer, who asked to be forgotten while it was on its way.
        return Change(order, order.status, fields={"asked_at": now, "next_ask_at": None})
    if section.error_number == NOT_FOUND:
        unclear = order.status == status.UNCLEAR
        return _not_found_unclear(order, now) if unclear else _not_found(order, now, asked)
    if section.error_number not in (OK, ""):
        note = f"TrepStar answered with the unknown error {section.error_number}."
        return _flagged(order, note, asked | {"gateway_error_text": section.error_text})
    if order.status == status.UNCLEAR and not (section.error_number and section.status):
        # Nothing but an echo: it settles nothing.
        return Change(order, order.status, fields=asked)
    if order.status == status.UNCLEAR and not _ours(order, section):
        return _collision(order, section, asked)
    return _found(order, section, now, asked)


def _ours(order: Order, section: Section) -> bool:
    """Say whether the customer is ours. A missing name settles a lost call, but no duplicate."""
    if not section.customer:
        return order.question != Order.Question.DUPLICATE
    return same_name(_sent_name(order), section.customer)


def _sent_name(order: Order) -> str:
    return str((order.payload or {}).get("name", order.name))


def _not_found(order: Order, now: datetime, asked: dict[str, Any]) -> Change:
    accepted = order.accepted_at or now
    known_from = accepted + timedelta(seconds=settings.ASK_AFTER_SECONDS[0])
    waited = order.not_found == 0 or (order.next_ask_at or now) <= now
    if now < known_from or not waited:
        # Asked before its time, as where a batch was filled up with it: it counts for nothing.
        again = max(known_from, order.next_ask_at or now)
        return Change(order, order.status, fields={"asked_at": now, "next_ask_at": again})
    misses = order.not_found + 1
    wait = MISS_WAITS[min(misses, len(MISS_WAITS)) - 1]
    fields = asked | {"not_found": misses, "next_ask_at": now + wait}
    if misses == MISSES_UNTIL_FLAG:
        return _flagged(order, NOT_KNOWN, fields)
    return Change(order, order.status, fields=fields)


def _not_found_unclear(order: Order, now: datetime) -> Change:
    """Count a "not found" only once enough time has passed for the order to have shown up."""
    first, second = (timedelta(seconds=s) for s in settings.ASK_AFTER_SECONDS)
    since = order.unclear_since or now
    if now < since + first:
        return Change(order, order.status, fields={"asked_at": now, "next_ask_at": since + first})
    if order.question == Order.Question.REFUSAL and order.stop_request != Order.Stop.CANCEL:
        data = {"code": order.gateway_error_number, "text": order.gateway_error_text}
        return Change(order, status.REFUSED, "order.refused", data, {"asked_at": now})
    if order.question == Order.Question.REFUSAL:
        return _not_found_twice(order, now)
    apart = second - first
    if order.not_found == 0:
        again = max(since + second, now + apart)
        fields = {"not_found": 1, "asked_at": now, "next_ask_at": again}
        return Change(order, order.status, "order.not_found", fields=fields)
    again = max(since + second, (order.asked_at or since) + apart)
    if now < again:
        # Asked too soon after the first, as by staff: it proves nothing, and ``asked_at`` stays.
        return Change(order, order.status, fields={"next_ask_at": again})
    return _not_found_twice(order, now)


def _not_found_twice(order: Order, now: datetime) -> Change:
    if order.question == Order.Question.DUPLICATE:
        note = "TrepStar calls this invoice a duplicate, yet does not find it."
        return _held(order, "collision", note, now)
    if order.stop_request == Order.Stop.CANCEL:
        return Change(order, status.CANCELLED, "order.cancelled", fields={"asked_at": now})
    if order.stop_request == Order.Stop.HOLD:
        change = _held(order, reason_asked_for(order), order.hold_note, now)
        change.fields["hold_until"] = order.hold_until
        return change
    if order.unclear_rounds >= MAX_UNCLEAR_ROUNDS:
        note = "TrepStar's answer was lost three times, and it does not know the order."
        return _held(order, "internal", note, now)
    fields = {"asked_at": now, "next_ask_at": None, "next_attempt_at": now}
    return Change(order, status.READY, "order.send_again", fields=fields)


def _held(order: Order, reason: str, note: str, now: datetime) -> Change:
    if order.stop_request == Order.Stop.CANCEL:
        note = f"{note} It was to be cancelled."
    held = {"hold_reason": reason, "hold_note": note}
    return Change(order, status.HELD, "order.held", held, {**held, "asked_at": now})


def _collision(order: Order, section: Section, asked: dict[str, Any]) -> Change:
    note = (
        f"TrepStar knows this invoice for “{section.customer}”, and we sent “{_sent_name(order)}”. "
        "Find out whose order that is before anything is sent again."
    )
    change = _held(order, "collision", note, asked["asked_at"])
    change.fields["gateway_customer"] = section.customer[:255]
    return change


def _flagged(order: Order, note: str, fields: dict[str, Any]) -> Change:
    if order.flag == note:
        return Change(order, order.status, fields=fields)
    return Change(order, order.status, "order.flagged", {"note": note}, {**fields, "flag": note})


def _found(order: Order, section: Section, now: datetime, asked: dict[str, Any]) -> Change:
    to = _target(order, section)
    fields = (
        asked | _verbatim(order, section) | {"not_found": 0, "went_back": _back(order, section)}
    )
    notes = list(_notes(order, section, to))
    data: dict[str, Any] = {"word": section.status, **_said(section)}
    if order.status == status.UNCLEAR:
        fields |= {"accepted_at": now, "not_sent": 0}
        if order.stop_request:
            notes.append(too_late(order))
    if to == status.SHIPPED and order.shipped_at is None:
        fields["shipped_at"] = now
    fields["next_ask_at"] = _next_ask(order, to, fields, now)
    kind = _kind(order, to, fields)
    if notes and " ".join(notes) != order.flag:
        fields["flag"] = data["note"] = " ".join(notes)
        kind = kind or "order.flagged"
    return Change(order, to, kind, data if kind else {}, fields)


def _target(order: Order, section: Section) -> str:
    word = section.status.upper()
    to = WORDS.get(word, "")
    if word == "ERROR":
        test = section.status_error_number == TEST_ORDER
        to = status.TESTED if test else status.PROBLEM
    current = status.ACCEPTED if order.status == status.UNCLEAR else order.status
    if not to or not status.may_move(current, to):
        return current
    return to


def _kind(order: Order, to: str, fields: dict[str, Any]) -> str:
    if order.status == status.UNCLEAR:
        return "order.found"
    if to != order.status:
        return f"order.{to}"
    if fields["tracking_id"] != order.tracking_id:
        return "order.tracking_changed" if order.tracking_id else "order.tracking_added"
    if fields["gateway_status"] != order.gateway_status and order.gateway_status:
        return "order.word_changed"
    return ""


def _back(order: Order, section: Section) -> int:
    """Return how often running an order that was shipped has had an earlier word."""
    earlier = order.status == status.SHIPPED and section.status.upper() in EARLIER
    return order.went_back + 1 if earlier else 0


def _verbatim(order: Order, section: Section) -> dict[str, Any]:
    """Return what TrepStar says, as it says it; a blank never erases a tracking id or a date."""
    tracking = section.tracking_id[:100] or order.tracking_id
    history = order.tracking_history
    if tracking and tracking not in history:
        history = [*history, tracking]
    return {
        "gateway_status": section.status[:100],
        "gateway_error_number": section.status_error_number[:20],
        "gateway_error_text": section.status_error_text,
        "gateway_customer": section.customer[:255],
        "ship_date": read_ship_date(section.ship_date) or order.ship_date,
        "ship_date_text": section.ship_date[:50] or order.ship_date_text,
        "shipping_method": section.shipping_method[:50] or order.shipping_method,
        "tracking_id": tracking,
        "tracking_history": history,
    }


def _said(section: Section) -> dict[str, str]:
    said = {"tracking": section.tracking_id, "date": section.ship_date}
    if section.status_error_number not in (OK, ""):
        said |= {"code": section.status_error_number, "text": section.status_error_text}
    return {key: value for key, value in said.items() if value}


def _notes(order: Order, section: Section, to: str) -> list[str]:
    notes = []
    word = section.status.upper()
    new_word = section.status[:100] != order.gateway_status or order.status == status.UNCLEAR
    if word not in WORDS and word != "ERROR" and (new_word or not order.asked_at):
        notes.append(f"TrepStar says “{section.status}”, a word that this desk does not know.")
    if _back(order, section) == BACK_UNTIL_FLAG:
        notes.append(f"TrepStar went back to {word} after it had shipped the box.")
    if to == status.TESTED and order.mode == Mode.PROD:
        notes.append("TrepStar took this for a test order, so it will never be made.")
    new_error = new_word or section.status_error_text != order.gateway_error_text
    if to == status.PROBLEM and section.status_error_number != ADDRESS_ERROR and new_error:
        notes.append(f"TrepStar reports: {section.status_error_text or section.status}.")
    new_name = section.customer[:255] != order.gateway_customer
    if section.customer and new_name and not same_name(_sent_name(order), section.customer):
        notes.append(f"TrepStar now names the customer “{section.customer}”.")
    elif new_name and _is_garbled(_sent_name(order), section.customer):
        notes.append(
            f"TrepStar reads the name as “{section.customer}”, so its accents are spoilt. "
            "Change the charset of TrepStar's forms on the publisher's page."
        )
    return notes


def _next_ask(order: Order, to: str, fields: dict[str, Any], now: datetime) -> datetime | None:
    """Return when to ask again, or None where there is nothing more to learn."""
    soon: datetime = fields["next_ask_at"]
    if to == status.TESTED:
        return None
    if to == status.PROBLEM:
        return max(soon, now + PROBLEM_WAIT)
    if to == status.AWAITING_PAYMENT and now - (order.accepted_at or now) > OLD_DEBT:
        return max(soon, now + DEBT_WAIT)
    if to == status.SHIPPED:
        shipped = order.shipped_at or now
        done = fields["tracking_id"] or order.is_letter_mail() or now - shipped > TRACKING_WAIT
        return None if done else soon
    return soon
