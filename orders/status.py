"""The life of an order on one page: statuses, what each means, and which may follow which.

Imports nothing of ours, so that everything else may import it.
"""

from __future__ import annotations

HELD = "held"
READY = "ready"
SUBMITTING = "submitting"
UNCLEAR = "unclear"
REFUSED = "refused"
ACCEPTED = "accepted"
AWAITING_PAYMENT = "awaiting_payment"
PROCESSING = "processing"
SHIPPED = "shipped"
PROBLEM = "problem"
TESTED = "tested"
CANCELLED = "cancelled"

MEANING: dict[str, str] = {
    HELD: "waits for a person",
    READY: "may be sent now",
    SUBMITTING: "is being sent by a worker",
    UNCLEAR: "was sent, and TrepStar is being asked whether it arrived",
    REFUSED: "was refused by TrepStar and must be mended",
    ACCEPTED: "was accepted by TrepStar",
    AWAITING_PAYMENT: "waits at TrepStar for a payment",
    PROCESSING: "is being made",
    SHIPPED: "has been shipped",
    PROBLEM: "is in trouble at TrepStar",
    TESTED: "was a test order and will never be made",
    CANCELLED: "is cancelled and will not be made",
}

CHOICES = [(status, status.replace("_", " ")) for status in MEANING]

AT_GATEWAY = frozenset({ACCEPTED, AWAITING_PAYMENT, PROCESSING, SHIPPED, PROBLEM, TESTED})
"""TrepStar has it: nothing we do can stop or change it."""

IN_DOUBT = frozenset({SUBMITTING, UNCLEAR})
"""A call is under way or its outcome is not known: nobody may touch the order."""

EDITABLE = frozenset({HELD, REFUSED})
"""Staff may change recipient and contents."""

ASKED = frozenset({ACCEPTED, AWAITING_PAYMENT, PROCESSING, SHIPPED, PROBLEM})
"""Statuses in which TrepStar is still asked for news."""

ASKABLE = ASKED | {UNCLEAR}
"""A person may have TrepStar asked for it now."""

NEEDS_ATTENTION = frozenset({HELD, REFUSED, PROBLEM})

BEFORE_GATEWAY = (HELD, READY, SUBMITTING, UNCLEAR, REFUSED)
"""TrepStar has not accepted it yet: the customer's box waits for us."""

OPEN = (*BEFORE_GATEWAY, ACCEPTED, AWAITING_PAYMENT, PROCESSING, PROBLEM)
"""Work is left to do; few orders at a time, however many there have been."""

FINAL = frozenset({TESTED, CANCELLED})

_GATEWAY_NEWS = frozenset({AWAITING_PAYMENT, PROCESSING, SHIPPED, PROBLEM, TESTED, CANCELLED})

TRANSITIONS: dict[str, frozenset[str]] = {
    HELD: frozenset({READY, CANCELLED}),
    READY: frozenset({HELD, SUBMITTING, CANCELLED}),
    SUBMITTING: frozenset({ACCEPTED, REFUSED, UNCLEAR, READY, HELD, CANCELLED}),
    UNCLEAR: AT_GATEWAY | {READY, HELD, REFUSED, CANCELLED},
    REFUSED: frozenset({READY, HELD, CANCELLED}),
    ACCEPTED: _GATEWAY_NEWS,
    AWAITING_PAYMENT: _GATEWAY_NEWS - {AWAITING_PAYMENT},
    PROCESSING: _GATEWAY_NEWS - {PROCESSING},
    # SHIPPED does not go back: an earlier word after it is flagged, and only trouble moves it.
    SHIPPED: frozenset({PROBLEM}),
    PROBLEM: _GATEWAY_NEWS - {PROBLEM},
    TESTED: frozenset(),
    CANCELLED: frozenset(),
}

HOLD_REASONS: dict[str, str] = {
    "staff": "Held by a member of staff.",
    "policy": "This publisher's new orders wait for a release.",
    "unknown_sku": "Not every SKU of the shop's order is known here.",
    "address": "The address is missing or incomplete.",
    "quantity": "The quantity cannot be made as it stands.",
    "preflight": "TrepStar would refuse it as it stands.",
    "collision": "TrepStar knows this invoice for something else.",
    "internal": "The desk could not finish it by itself.",
    "customer": "The customer asked to wait.",
    "payment": "The customer's payment is not settled.",
    "stock": "A product of it cannot be made at present.",
}

STAFF_HOLD_REASONS = ("staff", "customer", "address", "payment", "stock")
"""The reasons that a person may choose; the others are the desk's own."""

HOLD_CHOICES = [(reason, reason.replace("_", " ")) for reason in HOLD_REASONS]


def may_move(current: str, target: str) -> bool:
    """Say whether an order in status ``current`` may get status ``target``."""
    return target in TRANSITIONS[current]
