"""News from TrepStar: which orders are asked for, and a batch of a hundred answers written down."""

from __future__ import annotations

from collections.abc import Iterator

from orders.bench.data_body import PUBLISHERS
from orders.bench.probe import Probe
from orders.bench.report import Figure
from orders.bench.run import Bench
from orders.bench.timing import interleaved, ratio
from orders.trepstar.status_xml import MAX_INVOICES

SWEPT, MOST_MB = 100_000, 10
INSIDE = "orders.bench.inside_sync:"


def run(bench: Bench) -> Iterator[Figure]:
    for vendor in bench.vendors:
        with bench.scratch(vendor, bench.sizes_on(vendor)[-1]) as url, Probe(url) as probe:
            yield from _batch(bench, vendor, probe)
            chosen = probe.call(f"{INSIDE}choosing", times=bench.rounds)
            name = f"choose the due batch of {bench.sizes_on(vendor)[-1]:,} orders ({vendor})"
            yield Figure("sync", name, chosen * 1000, 5, unit="ms")
    if "postgresql" in bench.vendors:
        yield from _sweep(bench)


def _sweep(bench: Bench) -> Iterator[Figure]:
    """Ask for many orders at once, as many as a size has, up to 100,000."""
    orders = max((n for n in bench.sizes if n <= SWEPT), default=bench.sizes[0])
    bench.tell(f"  a sweep of {orders:,} open orders")
    with bench.scratch("postgresql", orders) as url, Probe(url) as probe:
        found = probe.call(f"{INSIDE}sweep", orders=min(SWEPT, orders))
    name = f"sweep of {found['asked']:,} open orders"
    # One that is not full for each publisher.
    fewest = orders / MAX_INVOICES + PUBLISHERS
    yield Figure("sync", name, found["calls"], fewest, unit="calls")
    yield Figure("sync", f"{name}: answers", found["asked"] / found["seconds"], unit="orders/s")
    yield Figure("sync", f"{name}: memory", found["mb"], MOST_MB, unit="MB")


def _batch(bench: Bench, vendor: str, probe: Probe) -> Iterator[Figure]:
    counted = probe.call(f"{INSIDE}statements_of_a_batch")
    seconds = interleaved(
        bench.more_rounds,
        batch=lambda: float(probe.call(f"{INSIDE}batch")),
        update=lambda: float(probe.call(f"{INSIDE}update")),
    )
    yield Figure(
        "sync",
        f"100 statuses with their events / one UPDATE … FROM (VALUES) ({vendor})",
        ratio(seconds, "batch", "update"),
        1.5,
        statements=counted,
        note="read, locked, decided and written; the base writes the same columns and no event",
    )
    yield Figure(
        "sync", f"batch of 100 with its timeline ({vendor})", counted, 4, unit="statements"
    )
