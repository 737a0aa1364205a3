"""A model of an order's life by the rules in words, against which the desk itself is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orders.trepstar import wire
from tests.gateway_cast import (
    DUPLICATE,
    LOGIN_REFUSED,
    NO_CONNECTION,
    SILENCE,
    YES,
    broken,
)
from tests.test_lifecycle_property import MAP

AT_TREPSTAR = {"accepted", "awaiting_payment", "processing", "shipped", "problem", "tested"}
IN_DOUBT = {"submitting", "unclear"}
# What TrepStar does with a call -> what it answers, and whether it takes the order.
REPLIES: dict[str, tuple[Any, bool]] = {
    "yes": (YES, True),
    "silent": (SILENCE, False),
    "silent, taken": (SILENCE, True),
    "broken": (broken, False),
    "broken, taken": (broken, True),
    "not sent": (NO_CONNECTION, False),
    "duplicate": (DUPLICATE, False),
    "no name": (wire.write_failure("000013"), False),
    "doubtful": (b"[FAILURE] ?", False),
    "login": (LOGIN_REFUSED, False),
}
WORDS = {
    "HOLD": ("awaiting_payment", "0"),
    "PROCESSING": ("processing", "0"),
    "SHIPPED": ("shipped", "0"),
    "ERROR": ("problem", "10"),
    "TEST": ("tested", "20"),
    "BACKORDER": ("", "0"),
}


@dataclass(eq=False)
class Box:
    """The model of one order: what its status should be, by the rules in words."""

    status: str = "ready"
    due: float = 0
    stop: str = ""
    question: str = ""
    rounds: int = 0
    missed: int = 0
    not_sent: int = 0
    since: float = 0
    asked: float = 0
    token: Any = None
    until: float = 0
    attempted: bool = False
    taken: int = 0  # how often TrepStar took it
    frozen: str = ""

    def to(self, status: str) -> None:
        if status not in IN_DOUBT:
            self.stop = ""
        self.status, self.token = status, None

    def ready(self, due: float) -> None:
        self.to("ready")
        self.due = due

    def not_made(self, due: float) -> None:
        """Nothing was sent: what was to be stopped stops, else it waits for its next turn."""
        stopped = {"hold": "held", "cancel": "cancelled"}.get(self.stop)
        if stopped:
            self.to(stopped)
        else:
            self.ready(due)

    def doubt(self, question: str, now: float) -> None:
        self.status, self.token, self.question = "unclear", None, question
        self.since, self.missed = now, 0
        self.rounds += question != "refusal"

    def settle(self, reply: str, now: float) -> None:
        if reply == "yes":
            self.not_sent = 0
            self.to("accepted")
        elif reply == "not sent":
            wait = min(3600, 60 * 2**self.not_sent)
            self.not_sent += not self.stop
            self.not_made(now + wait)
        elif reply == "login":
            self.not_made(now)
        elif reply == "no name":
            self.to("cancelled" if self.stop == "cancel" else "refused")
        else:
            kinds = {"duplicate": "duplicate", "doubtful": "refusal"}
            self.doubt(kinds.get(reply, "outcome"), now)

    def hear_nothing(self, now: float) -> None:
        """TrepStar does not know it: believed twice, ten minutes on, five minutes apart."""
        if now < self.since + 300:
            self.asked = now
        elif self.question == "refusal":
            self.to("cancelled" if self.stop == "cancel" else "refused")
        elif not self.missed:
            self.missed, self.asked = 1, now
        elif now >= max(self.since + 600, self.asked + 300):
            stopped = {"hold": "held", "cancel": "cancelled"}.get(self.stop)
            if self.question == "duplicate" or (not stopped and self.rounds >= 3):
                self.to("held")
            elif stopped:
                self.to(stopped)
            else:
                self.ready(now)

    def hear(self, word: str) -> None:
        at = "accepted" if self.status == "unclear" else self.status
        target = WORDS[word][0]
        self.to(target if target in MAP[at].split() else at)
