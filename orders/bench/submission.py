"""Handing orders to TrepStar: how near the ideal a gateway of 200 ms is kept busy, and webhooks
meanwhile."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import requests

from orders.bench import data_body
from orders.bench.load import delivery
from orders.bench.probe import Probe, environment
from orders.bench.report import Figure
from orders.bench.run import Bench
from orders.bench.slow_gateway import SECONDS
from orders.chaos.processes import MANAGE, Family, free_port

INSIDE = "orders.bench.inside_submission:"
WEBHOOKS_A_SECOND = 10
WEBHOOKS = 600
GIVE_UP = 600.0


@dataclass(frozen=True)
class Width:
    """So many calls in flight: clusters of one worker, each with so many places."""

    clusters: int
    places: int
    orders: int
    bar: float

    @property
    def in_flight(self) -> int:
        return self.clusters * self.places

    @property
    def ideal(self) -> float:
        """Orders per second if nothing but the gateway took time."""
        return self.in_flight / SECONDS


WIDTHS = (Width(2, 4, 2_600, 0.90), Width(2, 16, 10_000, 0.50))


def run(bench: Bench) -> Iterator[Figure]:
    if "postgresql" not in bench.vendors:
        return
    with bench.scratch("postgresql", bench.sizes[0]) as url, ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="desk-bench-")))
        web, gateway = free_port(), free_port()
        family = Family(folder, environment(url, TREPSTAR_URL=f"http://127.0.0.1:{gateway}"))
        open_.callback(family.stop_all)
        probe = open_.enter_context(Probe(url))
        probe.call(f"{INSIDE}backlog", orders=0)
        family.run("gateway", sys.executable, "-m", "orders.bench.slow_gateway", str(gateway))
        family.gunicorn("web", web)
        family.listens(gateway)
        family.listens(web)
        webhooks = Webhooks(web)
        webhooks.p99(WEBHOOKS_A_SECOND * 3)
        alone = webhooks.p99()
        yield Figure("submission", "webhooks alone, p99", alone * 1000, unit="ms")
        for width in WIDTHS:
            yield from _drain(bench, width, probe, url, gateway, webhooks, alone)


def _drain(
    bench: Bench,
    width: Width,
    probe: Probe,
    url: str,
    gateway: int,
    webhooks: Webhooks,
    alone: float,
) -> Iterator[Figure]:
    before = len(_log(gateway))
    probe.call(f"{INSIDE}backlog", orders=width.orders)
    with _workers(width, url, gateway):
        while len(_log(gateway)) < before + width.orders // 20:
            time.sleep(0.1)
        busy = webhooks.p99()
        _wait_for(probe)
    calls = _log(gateway)[before:]  # those of the webhooks' orders among them
    backlog = [invoice for _, invoice in calls if invoice.startswith("BACKLOG-")]
    named = f"{width.in_flight} in flight, " + "{}"
    rates = _rates([at for at, _ in calls], bench.rounds)
    note = f"orders/s ÷ {width.ideal:.0f}; {width.orders:,} orders, {median(rates):.0f}/s"
    share = median(rates) / width.ideal
    yield Figure("submission", named.format("of the ideal"), share, width.bar, True, note=note)
    note = f"p99 {busy * 1000:.0f} ms at {WEBHOOKS_A_SECOND} webhooks/s ÷ {alone * 1000:.0f} alone"
    yield Figure("submission", named.format("webhooks"), busy / alone, 2.0, note=note)
    twice = len(calls) - len({invoice for _, invoice in calls})
    yield Figure("submission", named.format("made twice"), twice, 0, unit="orders")
    lost = width.orders - len(set(backlog))
    yield Figure("submission", named.format("lost"), lost, 0, unit="orders")


@contextmanager
def _workers(width: Width, url: str, gateway: int) -> Iterator[None]:
    """Run the workers meanwhile, with as many places as the width has."""
    more = {
        "TREPSTAR_URL": f"http://127.0.0.1:{gateway}",
        "Q_WORKERS": str(width.clusters),
        "SUBMIT_IN_FLIGHT": str(width.places),
        "SUBMIT_IN_FLIGHT_PER_PUBLISHER": str(width.in_flight),
        "SYNC_SECONDS": "86400",
    }
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        family = Family(Path(folder), environment(url, **more))
        family.run("qworker", *MANAGE, "qworker")
        try:
            yield
        finally:
            family.stop_all()


def _wait_for(probe: Probe) -> None:
    give_up = time.monotonic() + GIVE_UP
    while probe.call(f"{INSIDE}waiting"):
        if time.monotonic() > give_up:
            raise RuntimeError(f"The backlog was not sent within {GIVE_UP:.0f} seconds.")
        time.sleep(0.5)


def _log(gateway: int) -> list[tuple[float, str]]:
    found: list[Any] = requests.get(f"http://127.0.0.1:{gateway}/log", timeout=30).json()
    return [(at, invoice) for at, invoice in found]


def _rates(calls: list[float], windows: int) -> list[float]:
    """Return the calls per second in so many windows, start and end left out."""
    edge = len(calls) // 20
    steady = sorted(calls)[edge : len(calls) - edge]
    size = len(steady) // windows
    starts = [steady[number * size] for number in range(windows)] + [steady[windows * size - 1]]
    return [size / (after - before) for before, after in zip(starts, starts[1:], strict=False)]


class Webhooks:
    """Shopify at a steady pace, each delivery an order of its own."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}/webhooks/shopify/"
        self.session = requests.Session()
        self.base = data_body.template()
        self.number = 5_000_000

    def p99(self, count: int = WEBHOOKS) -> float:
        """Post so many deliveries and return the 99th percentile of their seconds."""
        took = []
        next_at = time.perf_counter()
        for _ in range(count):
            self.number += 1
            query, headers, body = delivery(self.number, self.base)
            time.sleep(max(0.0, next_at - time.perf_counter()))
            began = time.perf_counter()
            answer = self.session.post(
                f"{self.address}?{query}", data=body, headers=headers, timeout=30
            )
            took.append(time.perf_counter() - began)
            next_at = max(next_at + 1 / WEBHOOKS_A_SECOND, began)
            if answer.json().get("outcome") != "created":
                raise RuntimeError(f"A delivery was answered with {answer.text[:400]}.")
        return quantiles(took, n=100)[98]
