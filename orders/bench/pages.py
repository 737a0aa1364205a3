"""The admin's pages: the time of each among many orders against the same among few."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from orders.bench.report import Figure
from orders.bench.run import Bench
from orders.bench.timing import interleaved, ratio

BAR = 1.3
INSIDE = "orders.bench.inside_pages"
LISTS = ("order list", "status shipped", "publisher", "publisher and status", "deliveries")


def run(bench: Bench) -> Iterator[Figure]:
    """Measure each page on the largest database against the smallest, in turns."""
    for vendor in bench.vendors:
        sizes = bench.sizes_on(vendor)
        if len(sizes) > 1:
            yield from _grown(bench, vendor, sizes[0], sizes[-1])
            yield from _last_pages(bench, vendor, sizes[-1])


def _grown(bench: Bench, vendor: str, few: int, many: int) -> Iterator[Figure]:
    at_few, at_many = bench.probe(vendor, few), bench.probe(vendor, many)
    there = at_many.call(f"{INSIDE}:addresses")
    changed = counting = 0
    for name, here in at_few.call(f"{INSIDE}:addresses").items():
        bench.tell(f"  {vendor}: {name}")
        seconds = interleaved(
            bench.more_rounds,
            few=partial(at_few.call, f"{INSIDE}:look", address=here),
            many=partial(at_many.call, f"{INSIDE}:look", address=there[name]),
        )
        before = at_few.call(f"{INSIDE}:counted", address=here)
        after = at_many.call(f"{INSIDE}:counted", address=there[name])
        changed += after["statements"] != before["statements"]
        counting += after["counts"] > 0
        yield Figure(
            "pages",
            name,
            ratio(seconds, of="many", to="few"),
            BAR,
            note=f"{vendor}, {many:,} ÷ {few:,} orders, {min(seconds['many']) * 1000:.0f} ms CPU",
            statements=after["statements"],
        )
    note = f"{vendor}, {many:,} and {few:,} orders"
    yield Figure("pages", "pages whose statements change in number", changed, 0, note=note)
    yield Figure("pages", "pages that count all orders", counting, 0, note=note)


def _last_pages(bench: Bench, vendor: str, many: int) -> Iterator[Figure]:
    probe = bench.probe(vendor, many)
    known = probe.call(f"{INSIDE}:addresses")
    for name in LISTS:
        last = probe.call(f"{INSIDE}:last_page", address=known[name])
        seconds = interleaved(
            bench.more_rounds,
            first=partial(probe.call, f"{INSIDE}:look", address=known[name]),
            last=partial(probe.call, f"{INSIDE}:look", address=last),
        )
        value = ratio(seconds, of="last", to="first")
        note = f"{vendor}, {many:,} orders"
        yield Figure("pages", f"{name}: last page ÷ first", value, BAR, note=note)
