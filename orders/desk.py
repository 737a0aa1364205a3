"""What staff and API clients may do with an order, each guarded by the version they looked at."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from orders import clock, intake, lifecycle, preflight, status
from orders.gateway import box_of
from orders.intake import Units
from orders.lifecycle import Actor, NotNow
from orders.models import Order, OrderLine
from orders.preflight import Finding
from orders.recipient import FIELDS, Recipient

log = logging.getLogger(__name__)

EDITABLE_FIELDS = (
    *FIELDS,
    "email",
    "mail_method",
    "special_text",
    "price",
    "price_on_customs",
    "notify_customer",
)


PAYERS = ("us", "customer", "trepstar")
MAX_NOTE = 2000


class Unfit(NotNow):
    """TrepStar would refuse the order as it stands; ``findings`` say why and how to mend it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(" ".join(finding.text for finding in findings))
        self.findings = findings


def hold(
    order_id: int,
    *,
    actor: Actor,
    note: str = "",
    until: datetime | None = None,
    version: int | None = None,
    reason: str = "staff",
) -> Order:
    """Hold an order for a person, or ask for that while it is being sent.

    ``reason`` is one of ``status.STAFF_HOLD_REASONS``. Raises ``NotNow`` for another one, and where
    TrepStar has the order already.
    """
    if reason not in status.STAFF_HOLD_REASONS:
        raise NotNow(f"Choose why it is held: {', '.join(status.STAFF_HOLD_REASONS)}.")
    with transaction.atomic():
        order = lifecycle.lock(order_id, version=version)
        fields = {
            "hold_reason": reason,
            "hold_note": note or status.HOLD_REASONS[reason],
            "hold_until": until,
        }
        data = {"reason": reason, "note": note}
        if until:
            data["until"] = until.isoformat()
        if order.status == status.HELD:
            return lifecycle.record(order, "order.held", actor=actor, data=data, fields=fields)
        if order.stop_request == Order.Stop.CANCEL:
            raise NotNow(f"Order {order.invoice} is to be cancelled already, so it is not held.")
        if order.status in status.IN_DOUBT:
            # Its reason stands in the event until the hold comes into force.
            kept = {"hold_note": fields["hold_note"], "hold_until": until}
            return _ask_to_stop(order, Order.Stop.HOLD, actor, kept, data)
        return lifecycle.move(
            order, status.HELD, "order.held", actor=actor, data=data, fields=fields
        )


def cancel(order_id: int, *, actor: Actor, note: str = "", version: int | None = None) -> Order:
    """Cancel an order that TrepStar does not have, or ask for that while it is being sent."""
    with transaction.atomic():
        order = lifecycle.lock(order_id, version=version)
        if order.status in status.IN_DOUBT:
            return _ask_to_stop(order, Order.Stop.CANCEL, actor, {}, {"note": note})
        if order.status in status.AT_GATEWAY and not order.not_known:
            raise NotNow(
                f"TrepStar has order {order.invoice} and takes no cancel call. "
                "Delete it on TrepStar's dashboard while it is on HOLD."
            )
        data = {"note": note} if note else {}
        return lifecycle.move(order, status.CANCELLED, "order.cancelled", actor=actor, data=data)


def _ask_to_stop(
    order: Order, stop: str, actor: Actor, fields: Mapping[str, Any], told: Mapping[str, Any]
) -> Order:
    values = {**fields, "stop_request": stop}
    data = {"stop_request": stop, **{key: value for key, value in told.items() if value}}
    return lifecycle.record(order, "order.stop_requested", actor=actor, data=data, fields=values)


def release(order_id: int, *, actor: Actor, version: int | None = None) -> Order:
    """Let a held or refused order go out now. Raises ``Unfit`` where TrepStar would refuse it."""
    with transaction.atomic():
        order = lifecycle.lock(order_id, version=version)
        if order.status not in status.EDITABLE:
            raise NotNow(f"Order {order.invoice} {order.meaning}, so there is nothing to release.")
        findings = findings_of(order)
        if findings:
            raise Unfit(findings)
        fields: dict[str, Any] = {"next_attempt_at": clock.now(), "not_sent": 0}
        # One round stays counted for an order that was ever unclear: its lines stay locked.
        fields["unclear_rounds"] = min(order.unclear_rounds, 1)
        if not order.unclear_rounds:
            fields["payload"] = None
        return lifecycle.move(order, status.READY, "order.released", actor=actor, fields=fields)


def findings_of(order: Order) -> list[Finding]:
    """Return what TrepStar would refuse about the order as it stands."""
    lines = list(order.lines.select_related("product"))
    return preflight.check(order, lines, box_of(order, lines))


def edit(
    order_id: int,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    version: int,
    units: Sequence[Units] | None = None,
) -> Order:
    """Change a held or refused order. ``changes`` are fields of ``EDITABLE_FIELDS``.

    ``units`` replace its lines, where they are given and differ. Raises ``Changed`` if the order is
    no longer at ``version``, and ``NotNow`` where it may not be edited.
    """
    unknown = set(changes) - set(EDITABLE_FIELDS)
    if unknown:
        raise ValueError(f"These fields cannot be edited: {', '.join(sorted(unknown))}.")
    with transaction.atomic():
        order = lifecycle.lock(order_id, version=version)
        changed = {k: v for k, v in changes.items() if getattr(order, k) != v}
        new_lines = units is not None and _shape(units) != _shape(_units_of(order))
        if not changed and not new_lines:
            return order
        if order.status not in status.EDITABLE:
            raise NotNow(f"Order {order.invoice} {order.meaning}, so it cannot be changed.")
        data: dict[str, Any] = {"fields": sorted(changed)}
        if new_lines and units is not None:
            data["lines"] = _replace_lines(order, units)
        edited = sorted({*order.edited_fields, *changed} & set(FIELDS))
        fields = {**changed, "edited_fields": edited, "payload": None}
        return lifecycle.record(order, "order.edited", actor=actor, data=data, fields=fields)


def _units_of(order: Order) -> list[Units]:
    lines = order.lines.select_related("product")
    return [Units(li.product, li.quantity, li.sku, li.source_line_id) for li in lines]


def _shape(units: Sequence[Units]) -> list[tuple[int, int]]:
    return [(unit.product.pk, unit.quantity) for unit in units]


def _replace_lines(order: Order, units: Sequence[Units]) -> list[str]:
    if order.unclear_rounds:
        raise NotNow(
            f"Order {order.invoice} was sent once with an unknown outcome, so its products and "
            "quantities stay as they are: TrepStar judges duplicates by invoice and product. "
            "Cancel it and make a new order instead."
        )
    if any(unit.product.publisher_id != order.publisher_id for unit in units):
        raise NotNow("An order can only hold products of its own publisher.")
    order.lines.all().delete()
    lines = intake.lines_of(units)
    for line in lines:
        line.order = order
    OrderLine.objects.bulk_create(lines)
    return [str(line) for line in lines]


def reship(
    order_id: int, *, actor: Actor, reason: str, version: int | None = None, payer: str = "us"
) -> list[Order]:
    """Make the same box again under a new invoice, held until it is released.

    Only for orders that were shipped or are in trouble at TrepStar; ``reason`` and who pays for it
    (one of ``PAYERS``) are kept. Raises ``NotNow`` where it may not be.
    """
    if payer not in PAYERS:
        raise NotNow(f"Choose who pays for the new box: {', '.join(PAYERS)}.")
    with transaction.atomic():
        first = Order.objects.values_list("reship_of", flat=True).get(pk=order_id) or order_id
        # The first box before its successors: all rows are locked in the order of their ids.
        root = lifecycle.lock(first)
        order = lifecycle.lock(order_id, version=version)
        if order.status not in (status.SHIPPED, status.PROBLEM):
            raise NotNow(f"Order {order.invoice} {order.meaning}, so it cannot be made again yet.")
        number = root.reships.count() + 1
        request = replace(
            _request_of(order),
            hold_reason="staff",
            hold_note=f"It is made again for {order.invoice}: {reason}",
            invoice=intake.invoice_again(root.invoice, number),
            reship_of=root,
        )
        made = intake.place(request, actor=actor)
        data = {"invoices": [one.invoice for one in made], "note": reason, "payer": payer}
        lifecycle.record(order, "order.reshipped", actor=actor, data=data)
        return made


def _request_of(order: Order) -> intake.Request:
    """Return what was asked for with an order, so that it can be asked for again."""
    return intake.Request(
        publisher=order.publisher,
        source=order.source,
        recipient=Recipient(**{name: getattr(order, name) for name in FIELDS}),
        units=tuple(Units(u.product, u.quantity, u.sku) for u in _units_of(order)),
        email=order.email,
        reference=order.reference,
        shop_order=order.shop_order,
        mode=order.mode,
        mail_method=order.mail_method,
        notify_customer=order.notify_customer,
        price_on_customs=order.price_on_customs,
        special_text=order.special_text,
        price=order.price,
    )


def clear_flag(order_id: int, *, actor: Actor, version: int | None = None) -> Order:
    """Take note of a flag, so that it is no longer shown."""
    with transaction.atomic():
        order = lifecycle.lock(order_id, version=version)
        if not order.flag:
            return order
        data = {"note": order.flag}
        return lifecycle.record(
            order, "order.flag_seen", actor=actor, data=data, fields={"flag": ""}
        )


def note(order_id: int, text: str, *, actor: Actor) -> Order:
    """Write a note of staff into the timeline, whatever the order's status and version.

    The same note by the same person as the last thing that happened is a second press of one
    button, and is not written again. Raises ``NotNow`` for a blank or an endless one.
    """
    text = text.strip()
    if not text:
        raise NotNow("Write the note first.")
    if len(text) > MAX_NOTE:
        raise NotNow(f"A note may have {MAX_NOTE} characters; this one has {len(text)}.")
    with transaction.atomic():
        order = lifecycle.lock(order_id)
        last = order.events.order_by("-id").values_list("kind", "actor_user", "data").first()
        if last and last[:2] == ("order.note", actor.user_id) and last[2].get("note") == text:
            return order
        return lifecycle.record(order, "order.note", actor=actor, data={"note": text})


def release_expired_holds() -> int:
    """Release the orders whose hold ends by now; return how many went on. Called by the sweep."""
    rows = Order.objects.filter(status=status.HELD, hold_until__lte=clock.now())
    return sum(_end_hold(order_id) for order_id in rows.values_list("pk", flat=True)[:100])


def _end_hold(order_id: int) -> bool:
    """End one hold, unless staff prolonged or settled it meanwhile."""
    with transaction.atomic():
        order = lifecycle.lock(order_id)
        if order.status != status.HELD or not order.hold_until or order.hold_until > clock.now():
            return False
        reason = "preflight"
        try:
            with transaction.atomic():
                release(order_id, actor=lifecycle.WORKER)
            return True
        except Unfit as problem:
            note = str(problem)
        except Exception as error:
            log.exception("The hold of order %s could not be ended.", order_id)
            reason, note = "internal", f"The desk failed on it ({type(error).__name__})."
        held = {"hold_reason": reason, "hold_note": note}
        fields = {**held, "hold_until": None}
        data = {"reason": reason, "note": note}
        lifecycle.record(order, "order.held", actor=lifecycle.WORKER, data=data, fields=fields)
        return False
