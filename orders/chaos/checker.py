"""The invariants, their checkers, and the verdict. Pure: reads a history, prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from orders.chaos import check_gateway, check_intake, check_orders
from orders.chaos.history import History

SHOWN = 5
Check = Callable[[History], Iterator[str]]


@dataclass(frozen=True)
class Invariant:
    """What must hold after a run; ``speed`` is what of it depends on how fast the machine is."""

    id: str
    title: str
    check: Check
    speed: Check | None = None


INVARIANTS = (
    Invariant(
        "I1",
        "every answered delivery leads to one order or one reason",
        check_intake.every_delivery_leads_somewhere,
    ),
    Invariant("I2", "no order out of nothing", check_intake.nothing_out_of_nothing),
    Invariant("I3", "nothing accepted twice", check_gateway.accepted_once),
    Invariant("I4", "one invoice and one payload an order", check_gateway.always_the_same),
    Invariant("I5", "accepted here if and only if there", check_gateway.both_sides_agree),
    Invariant(
        "I6",
        "nothing stays in doubt",
        check_orders.nothing_stays_in_doubt,
        check_orders.lost_ones_are_soon_noticed,
    ),
    Invariant("I7", "held is held", check_orders.held_is_held),
    Invariant("I8", "status calls within the budget", check_gateway.within_the_budget),
    Invariant("I9", "a refused login stops the account", check_gateway.a_refused_login_stops),
    Invariant("I10", "timelines are whole", check_orders.timelines_are_whole),
    Invariant("I11", "secrets stay secret", check_orders.secrets_stay_secret),
    Invariant("I12", "nobody sees another publisher's rows", check_intake.nobody_sees_others),
    Invariant(
        "I13",
        "shops are answered in time",
        check_intake.shops_are_answered,
        check_intake.in_time,
    ),
    Invariant("I14", "few attempts", check_gateway.few_attempts),
    Invariant(
        "I15",
        "work is finished once all is quiet",
        check_orders.work_is_finished,
        check_orders.soon_finished,
    ),
)


@dataclass(frozen=True)
class Verdict:
    """What one invariant came to; no problems means it held."""

    invariant: Invariant
    problems: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the verdict as a line, with the first problems below it."""
        word = "FAILED" if self.problems else "ok"
        lines = [f"{self.invariant.id:4} {word:7} {self.invariant.title}"]
        lines += [f"       {problem}" for problem in self.problems[:SHOWN]]
        more = len(self.problems) - SHOWN
        return [*lines, f"       … and {more} more"] if more > 0 else lines


def check(history: History, *, untimed: bool = False) -> list[Verdict]:
    """Return the verdict on every invariant, in their order; ``untimed`` does not judge speed."""
    return [Verdict(one, tuple(_problems(one, history, untimed))) for one in INVARIANTS]


def _problems(one: Invariant, history: History, untimed: bool) -> Iterator[str]:
    yield from one.check(history)
    if one.speed and not untimed:
        yield from one.speed(history)


def failed(verdicts: list[Verdict]) -> list[str]:
    """Return the ids of the invariants that did not hold."""
    return [verdict.invariant.id for verdict in verdicts if verdict.problems]


def summary(verdicts: list[Verdict]) -> str:
    bad = len(failed(verdicts))
    return f"{len(verdicts) - bad} passed, {bad} failed"
