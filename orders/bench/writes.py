"""What the indexes of orders cost: the same writes to a table with two indexes, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from orders.bench.inside_writes import BARE, BATCH, DESK, INSERTED
from orders.bench.probe import Probe
from orders.bench.report import Figure
from orders.bench.run import Bench
from orders.bench.timing import interleaved, ratio

BAR = 1.5
ENOUGH = 100_000
"""So many orders have enough of each status to change."""
INSIDE = "orders.bench.inside_writes"
WAYS = {
    "place": ("orders made, as intake does", BAR),
    "insert": ("rows of orders, inserted one by one", BAR),
    "move": (f"a status answer for {BATCH} orders", BAR),
    "update": (f"the bare UPDATE of the status of {BATCH} orders", None),
    "insert_many": (f"{INSERTED:,} rows by one statement", None),
}


def run(bench: Bench) -> Iterator[Figure]:
    """Measure writes to the desk's table against those to a bare one, in one database."""
    if "postgresql" not in bench.vendors:
        return
    orders = min([n for n in bench.sizes if n >= ENOUGH] or bench.sizes[-1:])
    with bench.scratch("postgresql", orders) as url, Probe(url) as probe:
        probe.call(f"{INSIDE}:prepare")
        for way, (name, bar) in WAYS.items():
            bench.tell(f"  {name}")
            seconds = interleaved(
                bench.rounds,
                desk=partial(probe.call, f"{INSIDE}:{way}", table=DESK),
                bare=partial(probe.call, f"{INSIDE}:{way}", table=BARE),
            )
            value = ratio(seconds, of="desk", to="bare")
            note = f"postgresql, {orders:,} orders, ÷ two indexes"
            yield Figure("writes", name, value, bar, note=note)
