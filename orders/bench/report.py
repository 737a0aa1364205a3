"""Figures and how they are shown: a table for people, JSON for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

HEADINGS = ("section", "figure", "value", "bar", "", "statements", "note")


@dataclass(frozen=True)
class Figure:
    """One result. ``bar`` is the most it may be, or the least with ``at_least``; None informs only.

    ``unit`` is blank for a ratio, else "ms", "rows/s", "statements" and the like. ``statements``
    is how many SQL statements what was measured took, where they were counted.
    """

    section: str
    name: str
    value: float
    bar: float | None = None
    at_least: bool = False
    unit: str = ""
    note: str = ""
    statements: int | None = None

    @property
    def passed(self) -> bool:
        """Whether the bar is kept; a figure without one passes."""
        if self.bar is None:
            return True
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def row(self) -> tuple[str, ...]:
        """Return what the table shows of it, under ``HEADINGS``."""
        bar = "" if self.bar is None else f"{'>=' if self.at_least else '<='} {short(self.bar)}"
        verdict = "" if self.bar is None else "ok" if self.passed else "FAILED"
        counted = "" if self.statements is None else str(self.statements)
        value = f"{short(self.value)} {self.unit}".rstrip()
        return (self.section, self.name, value, bar, verdict, counted, self.note)


def short(value: float) -> str:
    """Return a number in as many digits as mean something."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


@dataclass
class Report:
    """The figures of a run, in the order in which they came, and of which machine they are."""

    figures: list[Figure] = field(default_factory=list)
    databases: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> list[Figure]:
        return [figure for figure in self.figures if not figure.passed]

    def table(self) -> str:
        """Return the figures as columns, and a last line that sums up those with a bar."""
        rows = [HEADINGS, *(figure.row() for figure in self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        judged = [figure for figure in self.figures if figure.bar is not None]
        passed = len(judged) - len(self.failed)
        return "\n".join([*lines, "", f"{passed} passed, {len(self.failed)} failed"])

    def as_dict(self) -> dict[str, Any]:
        """Return the run as ``{"machine": …, "figures": […]}``, every value one of JSON's."""
        return {
            "machine": machine(self.databases),
            "figures": [{**asdict(one), "passed": one.passed} for one in self.figures],
        }

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.as_dict(), indent=2) + "\n", encoding="utf-8")


def machine(databases: Mapping[str, str]) -> dict[str, Any]:
    """Return what the figures depend on; ``databases`` are versions by vendor."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "django": django.get_version(),
        "databases": dict(databases),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
