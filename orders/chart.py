"""The drawing of orders per day: where each bar stands. Pure; the template draws it as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

HEIGHT = 100
BAR, STEP = 16, 20


@dataclass(frozen=True)
class Bar:
    """One day: its number, the link to its rows, and its bar."""

    day: date
    count: int
    link: str
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Chart:
    """Bars in a drawing of ``width`` by ``height``, and what a screen reader says of it."""

    bars: list[Bar]
    total: int
    most: int
    summary: str
    width: int
    height: int = HEIGHT
    bar_width: int = BAR


def chart(days: Sequence[tuple[date, int]], link: Callable[[date], str]) -> Chart:
    """Return the bars of ``days`` (at least one), each day's number linked by ``link``.

    A day with orders has a bar that can be seen, however many another day had.
    """
    best, most = max(days, key=lambda one: one[1])
    bars = []
    for place, (day, count) in enumerate(days):
        height = max(2, round(HEIGHT * count / most)) if count else 0
        bars.append(Bar(day, count, link(day), place * STEP, HEIGHT - height, height))
    total = sum(count for _, count in days)
    noun = "order" if total == 1 else "orders"
    summary = f"{total} {noun} in {len(days)} days"
    if total:
        summary += f", most of them on {best:%A}, {best.day} {best:%B}: {most}"
    width = len(days) * STEP - (STEP - BAR)
    return Chart(bars, total, most, f"{summary}.", width)
