"""Why something may not be done with an order now, in whole sentences."""

from __future__ import annotations

from dataclasses import dataclass

from orders import status

_SENDING = dict.fromkeys(status.IN_DOUBT, "It is being sent, or TrepStar is asked whether it came.")
_THERE = dict.fromkeys(status.AT_GATEWAY, "TrepStar has it and prints what it was sent.")
_CANCELLED = {status.CANCELLED: "A cancelled order stays so. Duplicate it to have one like it."}


@dataclass(frozen=True)
class Act:
    """Something that staff do with orders, and in which statuses it is refused for what reason."""

    name: str
    label: str
    permission: str
    refused: dict[str, str]


ACTS = (
    Act(
        "change",
        "Change it",
        "orders.change_order",
        {
            status.READY: "It goes out as it stands. Hold it, then change it.",
            **_SENDING,
            **_THERE,
            **_CANCELLED,
        },
    ),
    Act(
        "release",
        "Release",
        "orders.release_order",
        {
            status.READY: "It is released and goes out by itself.",
            **_SENDING,
            **dict.fromkeys(status.AT_GATEWAY, "TrepStar has it already."),
            **_CANCELLED,
        },
    ),
    Act(
        "hold",
        "Hold",
        "orders.hold_order",
        {
            **dict.fromkeys(status.AT_GATEWAY, "TrepStar has it and takes no call to wait."),
            **_CANCELLED,
        },
    ),
    Act(
        "cancel",
        "Cancel",
        "orders.cancel_order",
        {
            **dict.fromkeys(
                status.AT_GATEWAY,
                "TrepStar has it and takes no cancel call. "
                "Delete it on TrepStar's dashboard while it is on HOLD.",
            ),
            status.SHIPPED: "It has been shipped.",
            status.TESTED: "A test order is never made, so there is nothing to cancel.",
            status.CANCELLED: "It is cancelled.",
        },
    ),
    Act(
        "ask",
        "Ask TrepStar now",
        "orders.refresh_order",
        {
            **dict.fromkeys(
                (status.HELD, status.READY, status.REFUSED), "TrepStar does not have it."
            ),
            status.SUBMITTING: "A worker is talking to TrepStar about it at this moment.",
            status.TESTED: "TrepStar has said its last word on this test order.",
            status.CANCELLED: "TrepStar is not to make it.",
        },
    ),
    Act(
        "reship",
        "Make it again",
        "orders.reship_order",
        dict.fromkeys(
            set(status.MEANING) - {status.SHIPPED, status.PROBLEM},
            "Only a box that was shipped, or that failed at TrepStar, is made again.",
        ),
    ),
)
