"""A run of the bench: its sections, what they share, and the report they make."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from importlib import import_module
from importlib.util import find_spec
from types import TracebackType
from typing import Self

from orders.bench import databases
from orders.bench.probe import Probe
from orders.bench.report import Figure, Report

NAMES = (
    "sizes",
    "webhook",
    "pages",
    "writes",
    "sync",
    "submission",
    "api",
    "spreadsheets",
    "machines",
)
MOST_ON_SQLITE = 100_000
Section = Callable[["Bench"], Iterator[Figure]]


def sections() -> dict[str, Section]:
    """Return the sections by name, in the order in which they run."""
    modules = {name: f"orders.bench.{name}" for name in NAMES}
    return {
        name: import_module(module).run for name, module in modules.items() if find_spec(module)
    }


class Bench:
    """What every section is given: which databases, which sizes, how many rounds.

    ``sizes`` are numbers of orders, the smallest first. Copies and probes that are kept open go
    with the context.
    """

    def __init__(
        self,
        *,
        vendors: Sequence[str] = databases.VENDORS,
        sizes: Sequence[int] = (10_000, 100_000, 1_000_000),
        rounds: int = 5,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.vendors, self.sizes, self.rounds = tuple(vendors), tuple(sorted(sizes)), rounds
        self.tell = tell
        self._open = ExitStack()
        self._probes: dict[tuple[str, int], Probe] = {}

    def __enter__(self) -> Self:
        if "postgresql" in self.vendors:
            self._open.enter_context(databases.server())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def more_rounds(self) -> int:
        """How many rounds there are for what takes a moment, on which noise weighs more."""
        return 2 * self.rounds

    def probe(self, vendor: str, orders: int) -> Probe:
        """Return the probe on a copy of the database of that size; it stays open until the end.

        Sections share it: one that leaves something behind takes a ``scratch``.
        """
        if (vendor, orders) not in self._probes:
            url = self._open.enter_context(databases.scratch(vendor, orders))
            self._probes[vendor, orders] = self._open.enter_context(Probe(url))
        return self._probes[vendor, orders]

    def sizes_on(self, vendor: str) -> list[int]:
        """Return the sizes for a database: SQLite serves to try the desk out, not for a million."""
        fitting = [n for n in self.sizes if vendor == "postgresql" or n <= MOST_ON_SQLITE]
        return fitting or [self.sizes[0]]

    def scratch(self, vendor: str, orders: int) -> AbstractContextManager[str]:
        """Give the URL of a copy of the database of that size, dropped with the context."""
        return databases.scratch(vendor, orders)


def _measured(name: str, section: Section, bench: Bench) -> Iterator[Figure]:
    """Yield a section's figures; an error in it is a failed one, and the others are measured."""
    try:
        yield from section(bench)
    except Exception as error:
        bench.tell(traceback.format_exc())
        yield Figure(name, "ended by an error", 1, 0, unit="errors", note=f"{type(error).__name__}")


def run(bench: Bench, chosen: Mapping[str, Section]) -> Report:
    """Run sections one after another and return what they measured."""
    report = Report()
    with bench:
        report.databases = {vendor: databases.version(vendor) for vendor in bench.vendors}
        for name, section in chosen.items():
            bench.tell(f"measuring {name}")
            report.figures.extend(_measured(name, section, bench))
    return report
