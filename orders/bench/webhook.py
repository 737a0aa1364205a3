"""Shopify's webhooks: requests per second against two rivals, statements, and growth."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from orders.bench.data_body import PRODUCTS_EACH, PUBLISHERS
from orders.bench.inside_webhook import ADDRESS
from orders.bench.probe import Probe, ProbeError, environment
from orders.bench.report import Figure
from orders.bench.run import Bench
from orders.bench.timing import interleaved, median, ratio
from orders.chaos.processes import Family, free_port

SECONDS = 3.0
MOST_PER_SECOND = 1500
EACH_ROUND = 40
INSIDE = "orders.bench.inside_webhook:"


def run(bench: Bench) -> Iterator[Figure]:
    if "postgresql" in bench.vendors:
        yield from over_http(bench)
    for vendor in bench.vendors:
        yield from in_process(bench, vendor)


def over_http(bench: Bench) -> Iterator[Figure]:
    """Compare requests per second over eight kept connections, each server with two workers."""
    with bench.scratch("postgresql", bench.sizes[0]) as url, ExitStack() as open_:
        inside = open_.enter_context(Probe(url))
        load = open_.enter_context(Probe(url))
        inside.call(f"{INSIDE}make_table")
        desk = open_.enter_context(served(url))
        rivals = open_.enter_context(served(url, "orders.bench.rivals_settings"))
        shooter = Shooter(load)
        seconds = interleaved(
            bench.rounds,
            desk=lambda: shooter.fire(ADDRESS, desk, mine=True),
            bare=lambda: shooter.fire("/bare", rivals),
            usual=lambda: shooter.fire("/usual", rivals),
        )
        lost = shooter.answered - inside.call(f"{INSIDE}made")
    for name, each in seconds.items():
        yield Figure("webhook", f"{name}, requests", 1 / median(each), unit="/s")
    of_bare, of_usual = (ratio(seconds, of=one, to="desk") for one in ("bare", "usual"))
    note = "requests/s of the desk ÷ of a view that checks the signature and inserts the body"
    yield Figure("webhook", "of a bare insert", of_bare, 0.2, at_least=True, note=note)
    note = "÷ of a receiver with a get_or_create for each row"
    yield Figure("webhook", "of the usual receiver", of_usual, 1.0, at_least=True, note=note)
    note = f"{shooter.answered:.0f} deliveries answered 200, less the orders there are"
    yield Figure("webhook", "orders lost", lost, 0, unit="orders", note=note)


class Shooter:
    """Fires the load generator, every time with deliveries that were never sent."""

    def __init__(self, load: Probe) -> None:
        self.load, self.answered = load, 0
        self._round = itertools.count(1)

    def fire(self, path: str, *ports: int, mine: bool = False, most: int = 0) -> float:
        """Post for some seconds, or ``most`` deliveries; return the seconds for each.

        ``mine`` counts them as ``answered``.
        """
        room = int(SECONDS * MOST_PER_SECOND)
        told = self.load.call(
            "orders.bench.load:fire",
            path=path,
            ports=ports,
            first=1_000_000 + next(self._round) * room,
            most=most or room,
            seconds=3600.0 if most else SECONDS,
        )
        if mine:
            self.answered += told["answered"]
        return float(told["seconds"] / told["answered"])


@contextmanager
def served(url: str, settings: str = "orders.bench.settings") -> Iterator[int]:
    """Run a web server on a database meanwhile and give its port."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        web = Family(Path(folder), environment(url, DJANGO_SETTINGS_MODULE=settings))
        try:
            web.gunicorn("web", port)
            web.listens(port)
            yield port
        except ProbeError as error:
            error.add_note((web.folder / "web.log").read_text()[-2000:])
            raise
        finally:
            web.stop_all()


def in_process(bench: Bench, vendor: str) -> Iterator[Figure]:
    """Count the statements of a delivery, and compare its CPU time at two sizes."""
    small, large = bench.sizes[0], bench.sizes[-1]
    with ExitStack() as open_:

        def probe(orders: int) -> Probe:
            return open_.enter_context(Probe(open_.enter_context(bench.scratch(vendor, orders))))

        one, other = probe(small), probe(large)
        for fresh in (one, other):
            # Indexes that were just built are packed: the first line of each SKU splits a page.
            fresh.call(f"{INSIDE}deliver", count=PUBLISHERS * PRODUCTS_EACH)
        counted = {n: one.call(f"{INSIDE}count_statements", lines=n) for n in (1, 3, 100)}
        seconds = interleaved(bench.rounds, small=_delivers(one), large=_delivers(other))
    new, repeat = counted[3]["new"], counted[3]["repeat"]
    more = max(found["new"] for found in counted.values()) - counted[1]["new"]
    named = f"{vendor}, " + "{}"
    unit = "statements"
    yield Figure("webhook", named.format("new delivery"), new, 12, unit=unit)
    yield Figure("webhook", named.format("repeat"), repeat, unit=unit)
    note = "1, 3 and 100 lines"
    yield Figure("webhook", named.format("more for more lines"), more, 0, unit=unit, note=note)
    grown = ratio(seconds, of="large", to="small")
    note = f"CPU time of a delivery, {large:,} orders ÷ {small:,}"
    yield Figure("webhook", named.format("growth"), grown, 1.2, note=note, statements=new)


def _delivers(probe: Probe) -> Callable[[], float]:
    return lambda: float(probe.call(f"{INSIDE}deliver", count=EACH_ROUND))
