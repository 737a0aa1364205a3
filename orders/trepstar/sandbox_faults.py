"""The ways in which the sandbox misbehaves on demand, and the small language that asks for them.

A specification is a list joined by commas; the first entry that fits a call wins, exact before
drawn. The word before the colon names the function: ``submit:`` (may be left out) or ``status:``.

    hang-accept=4%            4 % of the submit calls, drawn with the sandbox's seed
    status:bare-amp=2%        2 % of the status calls
    hang-accept@NORTH-7       the next submit call with the invoice NORTH-7
    500-after@NORTH-7:3       the next three of them
    hang-drop@NORTH-*         the next call whose invoice starts with NORTH-
    hang-drop@*:2             the next two calls, whatever their invoice
    status:login@NORTH-*:all  every status call with such an invoice among those asked for

Knows no socket: ``sandbox_server`` plays the faults.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass

SUBMIT = "submit"
STATUS = "status"

HANG, DROP, RESET, PAGE, BODY = "hang", "drop", "reset", "page", "body"
CUT, CUT_CLOSE, DRIP, REDIRECT, DELAY = "cut", "cut-close", "drip", "redirect", "delay"


@dataclass(frozen=True)
class Fault:
    """``play`` is what happens on the wire; ``processed`` says whether the rules run before it."""

    name: str
    play: str
    processed: bool
    meaning: str


def _table(*faults: Fault) -> dict[str, Fault]:
    return {fault.name: fault for fault in faults}


FAULTS: dict[str, dict[str, Fault]] = {
    SUBMIT: _table(
        Fault("hang-drop", HANG, False, "no answer, not stored"),
        Fault("hang-accept", HANG, True, "no answer, stored"),
        Fault("delay-accept", DELAY, True, "no answer, stored 3 seconds later"),
        Fault("drop-before", DROP, False, "connection closed, not stored"),
        Fault("drop-after", DROP, True, "connection closed, stored"),
        Fault("reset", RESET, False, "connection reset, not stored"),
        Fault("500-before", PAGE, False, "HTTP 500, not stored"),
        Fault("500-after", PAGE, True, "HTTP 500, stored"),
        Fault("html-before", PAGE, False, "HTTP 200 maintenance page, not stored"),
        Fault("html-after", PAGE, True, "HTTP 200 maintenance page, stored"),
        Fault("both", BODY, True, "both markers, stored"),
        Fault("neither", BODY, True, "neither marker, stored"),
        Fault("trunc", CUT, True, "answer shorter than its Content-Length, stored"),
        Fault("trunc-close", CUT_CLOSE, True, "answer ends inside its marker, stored"),
        Fault("slow", DRIP, True, "answer drips byte by byte, stored"),
        Fault("redirect", REDIRECT, False, "HTTP 307 to another address, not stored"),
        Fault("login", BODY, True, "refuses the login (000601), not stored"),
    ),
    STATUS: _table(
        Fault("timeout", HANG, True, "no answer"),
        Fault("500", PAGE, True, "HTTP 500"),
        Fault("html", PAGE, True, "HTTP 200 maintenance page"),
        Fault("bare-amp", BODY, True, "ampersands not escaped"),
        Fault("shuffled", BODY, True, "sections in reverse order"),
        Fault("missing", BODY, True, "one section left out"),
        Fault("twice", BODY, True, "one section twice with different contents"),
        Fault("cp1252", BODY, True, "windows-1252 that nothing declares"),
        Fault("no-root", BODY, True, "neither declaration nor root element"),
        Fault("login", BODY, True, "refuses the login (200)"),
        Fault("trunc", CUT, True, "answer shorter than its Content-Length"),
    ),
}


class FaultSpecError(ValueError):
    """A specification that cannot be read; its text is one sentence."""


@dataclass(frozen=True)
class _Rate:
    fault: Fault
    percent: float


@dataclass
class _Script:
    fault: Fault
    invoice: str
    left: float

    def fits(self, invoices: Sequence[str]) -> bool:
        if self.left < 1:
            return False
        if self.invoice == "*":
            return True
        if self.invoice.endswith("*"):
            return any(invoice.startswith(self.invoice[:-1]) for invoice in invoices)
        return self.invoice in invoices


class FaultPlan:
    """What a specification asks for, and what of it is still to come. Safe between threads."""

    def __init__(self, spec: str, generator: random.Random) -> None:
        self.spec = spec.strip()
        self._generator = generator
        self._lock = threading.Lock()
        self._rates: dict[str, list[_Rate]] = {SUBMIT: [], STATUS: []}
        self._scripts: dict[str, list[_Script]] = {SUBMIT: [], STATUS: []}
        for entry in filter(None, (part.strip() for part in self.spec.split(","))):
            self._read(entry)
        for function, rates in self._rates.items():
            if sum(rate.percent for rate in rates) > 100:
                raise FaultSpecError(f"The {function} faults add up to more than 100 %.")

    def draw(self, function: str, invoices: Sequence[str]) -> Fault | None:
        """Return the fault for the next call to ``function``, or None for a good answer."""
        with self._lock:
            for script in self._scripts[function]:
                if script.fits(invoices):
                    script.left -= 1
                    return script.fault
            point = self._generator.random() * 100
            for rate in self._rates[function]:
                point -= rate.percent
                if point < 0:
                    return rate.fault
        return None

    def _read(self, entry: str) -> None:
        match = re.fullmatch(r"(?:(submit|status):)?([a-z0-9-]+)(?:=(.*)|@(.+))", entry)
        if match is None:
            raise FaultSpecError(
                f"The fault '{entry}' cannot be read; write it like hang-drop=4% or "
                "hang-drop@INVOICE:1."
            )
        function = match[1] or SUBMIT
        fault = FAULTS[function].get(match[2])
        if fault is None:
            known = ", ".join(FAULTS[function])
            raise FaultSpecError(f"There is no {function} fault '{match[2]}'; there are {known}.")
        if match[4] is None:
            self._rates[function].append(_Rate(fault, _percent(entry, match[3])))
        else:
            self._scripts[function].append(_script(fault, match[4]))


def _percent(entry: str, text: str) -> float:
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", text, re.ASCII)
    if match is None or float(match[1]) > 100:
        raise FaultSpecError(f"The fault '{entry}' needs a percentage from 0% to 100%.")
    return float(match[1])


def _script(fault: Fault, text: str) -> _Script:
    match = re.fullmatch(r"(.+):([0-9]{1,9}|all)", text)
    if match is None:
        return _Script(fault, text, 1)
    return _Script(fault, match[1], float("inf") if match[2] == "all" else int(match[2]))


def describe() -> str:
    """Return every fault with its meaning, one a line, for the command's help."""
    lines = []
    for function, faults in FAULTS.items():
        prefix = "" if function == SUBMIT else f"{function}:"
        lines += [f"  {prefix + fault.name:<24} {fault.meaning}" for fault in faults.values()]
    return "\n".join(lines)
