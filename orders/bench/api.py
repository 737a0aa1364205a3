"""The REST API: a page of a hundred orders, pages at any depth, and an order that is made."""

from __future__ import annotations

from collections.abc import Iterator

from orders.bench.probe import Probe
from orders.bench.report import Figure
from orders.bench.run import Bench
from orders.bench.timing import interleaved, ratio

INSIDE = "orders.bench.inside_api:"


def run(bench: Bench) -> Iterator[Figure]:
    for vendor in bench.vendors:
        # A copy of its own, since orders are made in it.
        with bench.scratch(vendor, bench.sizes_on(vendor)[-1]) as url, Probe(url) as probe:
            yield from _of(bench, vendor, probe)


def _of(bench: Bench, vendor: str, probe: Probe) -> Iterator[Figure]:
    counted = probe.call(f"{INSIDE}counted")
    seconds = interleaved(
        bench.more_rounds,
        page=lambda: float(probe.call(f"{INSIDE}page")),
        by_hand=lambda: float(probe.call(f"{INSIDE}by_hand")),
        deep=lambda: float(probe.call(f"{INSIDE}page", deep=True)),
    )
    yield Figure(
        "api",
        f"list of 100 orders with lines / values() + orjson ({vendor})",
        ratio(seconds, "page", "by_hand"),
        bar=1.5,
        statements=counted["list"],
        note="the whole request, CPU of Python and of the database",
    )
    yield Figure(
        "api", f"page in the depth / first page ({vendor})", ratio(seconds, "deep", "page"), 1.3
    )
    for name, bar in (("list", 3), ("create", 8), ("create, all told, with a key", None)):
        yield Figure("api", f"{name} ({vendor})", counted[name], bar, unit="statements")
