"""What staff may do with one order now, each a button on its page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.http import HttpRequest
from django.utils import timezone

from orders import desk, status, tasks
from orders.admin.buttons import Button, Field, WithButtons
from orders.admin.order_reasons import ACTS
from orders.lifecycle import NotNow, person
from orders.models import Order

NOTE = Field("note", "Why (shown to everybody)")
HOLD_CHOICES = (
    ("staff", "Another reason (say it below)"),
    ("customer", "The customer asked to wait"),
    ("address", "The address is in doubt (ends when the shop corrects it)"),
    ("payment", "The customer's payment is not settled"),
    ("stock", "A product cannot be made at present"),
)
PAYERS = (
    ("us", "We do"),
    ("customer", "The customer, who was told so"),
    ("trepstar", "TrepStar, who agreed to it"),
)


class OrderButtons(WithButtons):
    """A mixin for the order admin: its buttons, each done by ``orders.desk``."""

    button_permissions: ClassVar[dict[str, str]] = {
        "hold": "orders.hold_order",
        "release": "orders.release_order",
        "cancel": "orders.cancel_order",
        "ask": "orders.refresh_order",
        "reship": "orders.reship_order",
        "seen": "orders.note_order",
        "note": "orders.note_order",
    }

    def reasons_for(
        self, request: HttpRequest, row: Order, offered: list[str]
    ) -> list[tuple[str, str]]:
        """Return what else the user does with orders, and why this one does not allow it now."""
        return [
            (act.label, act.refused[row.status])
            for act in ACTS
            if row.status in act.refused
            and act.name not in offered
            and request.user.has_perm(act.permission)
        ]

    def buttons_for(self, request: HttpRequest, row: Order) -> list[Button]:
        here = row.status
        found = []
        if here in status.EDITABLE:
            partly = row.hold_reason == "unknown_sku"
            explains = f"{row.hold_note} Only the known lines are sent." if partly else ""
            found.append(Button("release", "Release", style="main", explains=explains))
        if here in status.EDITABLE | {status.READY} | status.IN_DOUBT:
            found.append(_hold_button(row))
            late = "TrepStar may have it already; then it cannot be stopped."
            explains = late if here in status.IN_DOUBT else "An order that is cancelled stays so."
            found.append(Button("cancel", "Cancel", (NOTE,), "grave", explains))
        if here in status.ASKABLE:
            found.append(Button("ask", "Ask TrepStar now"))
        if here in (status.SHIPPED, status.PROBLEM):
            why = Field("reason", "Why it is made again", required=True)
            payer = Field("payer", "Who pays for it", "select", options=PAYERS, value="us")
            explains = "TrepStar charges for the new box."
            found.append(Button("reship", "Make it again", (why, payer), explains=explains))
        if row.not_known:
            explains = "Only if it was deleted on TrepStar's dashboard."
            found.append(Button("cancel", "Deleted at TrepStar", (NOTE,), "grave", explains))
        if row.flag:
            found.append(Button("seen", "I have seen the note"))
        return found

    def do_hold(self, request: HttpRequest, row: Order) -> str:
        until = _moment(_text(request, "until"))
        note = _text(request, "note")
        order = desk.hold(
            row.pk,
            actor=person(request.user),
            note=note,
            until=until,
            version=_version(request),
            reason=_text(request, "hold_reason") or "staff",
        )
        if order.stop_request:
            return f"Order {order.invoice} is being sent; it is held if TrepStar does not get it."
        return f"Order {order.invoice} is held."

    def do_release(self, request: HttpRequest, row: Order) -> str:
        order = desk.release(row.pk, actor=person(request.user), version=_version(request))
        tasks.nudge()
        return f"Order {order.invoice} is released and goes out now."

    def do_cancel(self, request: HttpRequest, row: Order) -> str:
        note = _text(request, "note")
        order = desk.cancel(
            row.pk, actor=person(request.user), note=note, version=_version(request)
        )
        if order.stop_request:
            return (
                f"Order {order.invoice} is being sent; it is cancelled if TrepStar does not get it."
            )
        return f"Order {order.invoice} is cancelled."

    def do_ask(self, request: HttpRequest, row: Order) -> str:
        if row.status not in status.ASKABLE:
            raise NotNow(f"Order {row.invoice} {row.meaning}, so TrepStar is not asked for it.")
        tasks.async_ask_now(row.pk)
        return f"TrepStar is being asked about {row.invoice}; look again in a moment."

    def do_reship(self, request: HttpRequest, row: Order) -> str:
        reason = _text(request, "reason")
        if not reason:
            raise NotNow("Say why the box is made again; the reason is kept with the order.")
        made = desk.reship(
            row.pk,
            actor=person(request.user),
            reason=reason,
            version=_version(request),
            payer=_text(request, "payer") or "us",
        )
        names = ", ".join(order.invoice for order in made)
        return f"Order {names} was made and is held; release it when it may go out."

    def do_seen(self, request: HttpRequest, row: Order) -> str:
        desk.clear_flag(row.pk, actor=person(request.user), version=_version(request))
        return "The note is put away; it stays in the timeline."

    def do_note(self, request: HttpRequest, row: Order) -> str:
        desk.note(row.pk, _text(request, "note"), actor=person(request.user))
        return "The note is in the timeline."


def _hold_button(row: Order) -> Button:
    held = row.status == status.HELD
    now = row.hold_reason if row.hold_reason in dict(HOLD_CHOICES) else "staff"
    reason = Field("hold_reason", "Kind of reason", "select", options=HOLD_CHOICES, value=now)
    until = Field("until", "Until (released by itself then)", "datetime-local")
    return Button("hold", "Change the hold" if held else "Hold", (NOTE, reason, until))


def _text(request: HttpRequest, name: str) -> str:
    # PostgreSQL stores no NUL.
    return request.POST.get(name, "").replace("\x00", "").strip()


def _version(request: HttpRequest) -> int:
    """Return the version that was looked at; a spoilt one is nobody's, so nothing is done."""
    value = request.POST.get("version", "")
    return int(value) if value.isascii() and value.isdigit() else -1


def _moment(text: str) -> datetime | None:
    """Return a ``datetime-local`` value in the desk's time zone; raises ``NotNow`` for the past."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = found if timezone.is_aware(found) else timezone.make_aware(found)
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotNow("The date until which it is held cannot be read.") from None
    if found <= timezone.now():
        raise NotNow("The date until which it is held lies in the past.")
    return found
