"""What a check of a file found: numbers, the first problems, and the first orders."""

from __future__ import annotations

from collections import Counter
from typing import Any

from orders import intake, status
from orders.spreadsheet.checking import Checked

SHOWN_PROBLEMS = 200
SHOWN_ORDERS = 10
SHOWN_LINES = 5


class Report:
    """What a check found: numbers, the first problems, and the first orders."""

    def __init__(self) -> None:
        self.good = self.bad = self.pieces = self.boxes = self.nameless = 0
        self.held: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.problems: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []

    @classmethod
    def behind(cls, numbers: list[Any]) -> Report:
        """Return a report that goes on behind what ``numbers`` gave, without what it showed."""
        report = cls()
        if numbers:
            report.good, report.bad, report.pieces, left_out, held = numbers
            report.left_out, report.held = Counter(left_out), Counter(held)
        return report

    def add(self, checked: Checked) -> None:
        if checked.left_out:
            self.left_out[checked.left_out] += 1
        elif checked.request is None:
            self.bad += 1
            for one in checked.problems:
                if len(self.problems) < SHOWN_PROBLEMS:
                    shown = {"row": one.row, "text": str(one), "order": one.order_id}
                    self.problems.append(shown)
        else:
            self._add_good(checked, checked.request)

    def _add_good(self, checked: Checked, request: intake.Request) -> None:
        self.good += 1
        self.pieces += sum(unit.quantity for unit in request.units)
        self.boxes += len(intake.split(request.units))
        self.nameless += not (request.invoice or request.reference)
        if checked.held:
            self.held[checked.held] += 1
        if len(self.orders) < SHOWN_ORDERS:
            self.orders.append(_preview(checked, request))

    def numbers(self) -> list[Any]:
        """Return what two checks of an unchanged desk have in common."""
        return [self.good, self.bad, self.pieces, dict(self.left_out), dict(self.held)]

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "held": dict(self.held), "left_out": dict(self.left_out)}


def _preview(checked: Checked, request: intake.Request) -> dict[str, Any]:
    to = request.recipient
    lines = [f"{unit.quantity} x {unit.product.title}" for unit in request.units]
    more = len(lines) - SHOWN_LINES
    return {
        "row": checked.wanted.row,
        "number": request.invoice or request.reference,
        "name": to.name,
        "address": ", ".join(
            part for part in (to.company, to.address, to.city, to.state, to.zip, to.country) if part
        ),
        "lines": [*lines[:SHOWN_LINES], *([f"and {more} more"] if more > 0 else [])],
        "held": status.HOLD_REASONS.get(checked.held, ""),
    }
