"""Why an order or a delivery waits for a person: each reason, who waits for it, and the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from orders import status
from orders.models import Order, OrderEvent
from orders.models.order_indexes import NOT_KNOWN
from orders.models.shopify import Outcome
from orders.preflight import Finding
from orders.trepstar.errors import REFUSALS, UNKNOWN_REFUSAL


@dataclass(frozen=True)
class Reason:
    """Why something waits: its name in addresses, in words, and what a person does about it.

    ``waits`` is false for what is only listed: an order that goes on by itself.
    """

    slug: str
    label: str
    advice: str
    waits: bool = True


_REASONS = (
    Reason("staff", "Held by staff", "Release it when it may go out, or cancel it."),
    Reason("customer", "The customer waits", "Release it once the customer says so, or cancel it."),
    Reason("payment", "Payment not settled", "Release it once it is paid, or cancel it."),
    Reason("stock", "Cannot be made now", "Release it once the product can be made again."),
    Reason("policy", "Waits for a release", "Look it over, then release it or cancel it."),
    Reason(
        "unknown_sku",
        "Unknown SKU",
        "Map the SKUs and replay the delivery; the order goes on by itself then. Or release it to "
        "send the known lines only.",
    ),
    Reason("address", "Address", "Mend the address, then save and release it."),
    Reason("quantity", "Quantity", "Open the order, change its quantities, and release it."),
    Reason("preflight", "Not fit to send", "Mend what is named here, then save and release it."),
    Reason(
        "collision",
        "Invoice collision",
        "Look the invoice up on TrepStar's dashboard before anything is sent again. If the box "
        "there is not this one, cancel this order and make a new one, which gets its own invoice.",
    ),
    Reason(
        "internal",
        "The desk failed",
        "Open the order and read its timeline; release it to try again, or cancel it.",
    ),
    Reason("refused", "Refused", "Mend what TrepStar named, then release it; or cancel it."),
    Reason(
        "problem",
        "Trouble at TrepStar",
        "Mend it on TrepStar's dashboard and ask again, or have the box made again.",
    ),
    Reason(
        "unclear",
        "Unclear for long",
        "Nobody may touch it until TrepStar has answered. Have TrepStar asked now, or look the "
        "invoice up on its dashboard.",
    ),
    Reason(
        "not_known",
        "TrepStar does not know it",
        "Look the invoice up on TrepStar's dashboard. If it was deleted there, say so here.",
    ),
    Reason("flagged", "Note", "Do what the note asks, then say that you have seen it."),
    Reason(
        "unmatched",
        "Unmatched delivery",
        "Map each SKU to a product or mark it as not ours, then replay the delivery.",
    ),
    Reason(
        "quarantined",
        "Delivery set aside",
        "Replay it once its cause is mended. If it cannot be used, make the order by hand and put "
        "the delivery away.",
    ),
    Reason("later", "Held until a date", "Nothing: it is released by itself then.", waits=False),
)
REASONS = {reason.slug: reason for reason in _REASONS}
OF_DELIVERIES = (Outcome.QUARANTINED, Outcome.UNMATCHED)


def made_again() -> Exists:
    """Return whether a box was made again, as an expression on orders."""
    return Exists(OrderEvent.objects.filter(order=OuterRef("pk"), kind="order.reshipped"))


def conditions(now: datetime) -> dict[str, Q]:
    """Return for each reason of orders which orders wait for it.

    An order is unclear for long once TrepStar's second answer is overdue, or when it is unclear
    anew after it was sent again. Trouble that was answered by a new box waits no longer.
    """
    overdue = now - timedelta(seconds=settings.ASK_AFTER_SECONDS[1])
    held = {
        reason: Q(status=status.HELD, hold_reason=reason, hold_until=None)
        for reason in status.HOLD_REASONS
    }
    return {
        **held,
        "refused": Q(status=status.REFUSED),
        "problem": Q(status=status.PROBLEM) & Q(~made_again()),
        "unclear": Q(status=status.UNCLEAR)
        & (Q(unclear_since__lte=overdue) | Q(unclear_rounds__gt=1)),
        "not_known": NOT_KNOWN,
        "flagged": ~Q(flag=""),
        "later": Q(status=status.HELD, hold_until__isnull=False),
    }


def any_condition(now: datetime) -> Q:
    """Return which orders wait for a person, for whatever reason."""
    any_hold = Q(status=status.HELD, hold_until=None)
    known = conditions(now).items()
    others = [q for slug, q in known if slug not in (*status.HOLD_REASONS, "later")]
    return reduce(or_, others, any_hold)


def reasons_of(order: Any, now: datetime) -> list[Reason]:
    """Return why an order waits, what keeps it first; ``order.made_again`` tells of a new box."""
    found = []
    overdue = now - timedelta(seconds=settings.ASK_AFTER_SECONDS[1])
    if order.status == status.HELD:
        found.append("later" if order.hold_until else order.hold_reason)
    elif order.status == status.REFUSED or (
        order.status == status.PROBLEM and not order.made_again
    ):
        found.append(order.status)
    elif order.status == status.UNCLEAR and (
        (order.unclear_since or now) <= overdue or order.unclear_rounds > 1
    ):
        found.append("unclear")
    if order.not_known:
        found.append("not_known")
    if order.flag:
        found.append("flagged")
    return [REASONS[slug] for slug in found]


def why(order: Order, reason: Reason, findings: Sequence[Finding] = ()) -> str:
    """Return in plain words why an order waits; ``findings`` are shown beside this."""
    if reason.slug in status.HOLD_REASONS or reason.slug == "later":
        told = status.HOLD_REASONS[order.hold_reason]
        # What was found when it was held is out of date as soon as part of it is mended.
        shown = reason.slug in ("address", "quantity", "preflight") and findings
        if shown or order.hold_note in ("", told):
            return told
        return order.hold_note if reason.slug == "staff" else f"{told} {order.hold_note}"
    if reason.slug == "refused":
        advice = REFUSALS.get(order.gateway_error_number, UNKNOWN_REFUSAL).advice
        said = " ".join(filter(None, (order.gateway_error_number, order.gateway_error_text)))
        return f"TrepStar refused it: {said.rstrip(' .') or 'it gave no reason'}. {advice}"
    if reason.slug == "problem":
        return f"TrepStar reports: {order.gateway_error_text or order.gateway_status or 'ERROR'}"
    if reason.slug == "not_known":
        return (
            f"TrepStar accepted it, and did not know it the {order.not_found} times it was asked."
        )
    if reason.slug == "unclear":
        again = " again" if order.unclear_rounds > 1 else ""
        return f"It was sent{again}, and it is not known whether it arrived."
    return order.flag
