"""A large file of orders in, checked and made, and a long list of orders out."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from orders.bench.probe import Probe
from orders.bench.report import Figure
from orders.bench.run import Bench

SECTION = "spreadsheets"
ROWS = 100_000
INSIDE = "orders.bench.inside_spreadsheets"
LEAST_ROWS, MOST_MB, MOST_MB_OUT = 3_000, 60, 10


def run(bench: Bench) -> Iterator[Figure]:
    """Measure a file of 100,000 rows, and its export, on each database.

    The files are few and long, so that an import is measured once, in a process of its own: what
    memory it adds is measured above what the process had before.
    """
    for vendor in bench.vendors:
        with bench.scratch(vendor, bench.sizes[0]) as url:
            with Probe(url) as probe:
                bench.tell(f"importing {ROWS:,} rows on {vendor}")
                yield from _imported(probe, vendor)
            with Probe(url) as probe:
                yield from _exported(probe, vendor, bench.rounds)


def _imported(probe: Probe, vendor: str) -> Iterator[Figure]:
    file = probe.call(f"{INSIDE}:take", rows=ROWS)
    checked = probe.call(f"{INSIDE}:check", file=file)
    pressed = probe.call(f"{INSIDE}:confirm", file=file)
    made = probe.call(f"{INSIDE}:make", rows=ROWS)
    yield _rate(f"check, {vendor}", checked, "rows checked")
    yield Figure(
        SECTION, f"the press that confirms, {vendor}", pressed["seconds"] * 1000, 1000, unit="ms",
        note="what is left of it in the request",
    )  # fmt: skip
    yield _rate(f"confirmed, {vendor}", made, "rows checked once more and made, by one worker")
    for name, found in (("check", checked), ("making", made)):
        yield Figure(SECTION, f"memory of the {name}, {vendor}", found["mb"], MOST_MB, unit="MB")


def _rate(name: str, found: dict[str, Any], note: str) -> Figure:
    rate = ROWS / found["seconds"]
    cpu = f"{found['cpu'] / ROWS * 1e6:.0f} µs of CPU each"
    return Figure(
        SECTION, name, rate, LEAST_ROWS, at_least=True, unit="rows/s", note=f"{note}; {cpu}"
    )


def _exported(probe: Probe, vendor: str, rounds: int) -> Iterator[Figure]:
    memory = probe.call(f"{INSIDE}:export_memory")
    found = [probe.call(f"{INSIDE}:export", backwards=n % 2 == 1) for n in range(rounds)]
    slower = statistics.median(one["export"] / one["plain"] for one in found)
    rate = statistics.median(one["rows"] / one["export"] for one in found)
    yield Figure(
        SECTION, f"export, {vendor}", slower, note="time of plain values_list().iterator()"
    )
    yield Figure(SECTION, f"exported, {vendor}", rate, unit="rows/s")
    yield Figure(SECTION, f"memory of the export, {vendor}", memory, MOST_MB_OUT, unit="MB")
