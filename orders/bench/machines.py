"""Several machines on one database: does a second one help, and does anything happen twice.

All of them are this machine, so what is shown is that they do not stand in each other's way. The
gateway is the sandbox, which answers as slowly as TrepStar does; each machine of workers may have
four calls under way.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

from orders.bench import data_body
from orders.bench.inside_webhook import ADDRESS
from orders.bench.probe import Probe, environment
from orders.bench.report import Figure
from orders.bench.run import Bench
from orders.bench.timing import interleaved, median, ratio
from orders.bench.webhook import Shooter
from orders.chaos.processes import MANAGE, Family, free_port

WEBS, WORKERS = 2, 3
LATENCY = 0.5
COUNT = 60
SPARE = 60
"""So many more orders than are counted are sent while workers start and stop."""
INSIDE = "orders.bench.inside_machines:"
TIMES = {
    "TREPSTAR_TIMEOUT": "5",
    "LEASE_SECONDS": "15",
    "SWEEP_SECONDS": "1",
    "SYNC_SECONDS": "600",
    "ASK_AFTER_SECONDS": "2,4",
    "Q_WORKERS": "1",
    "SUBMIT_IN_FLIGHT": "4",
    "SUBMIT_IN_FLIGHT_PER_PUBLISHER": "16",
}


def run(bench: Bench) -> Iterator[Figure]:
    """Only where PostgreSQL is measured: SQLite is for one machine."""
    if "postgresql" not in bench.vendors:
        return
    with bench.scratch("postgresql", bench.sizes[0]) as url, ExitStack() as open_:
        inside = open_.enter_context(Probe(url))
        shooter = Shooter(open_.enter_context(Probe(url)))
        inside.call(f"{INSIDE}quiet")
        machines = open_.enter_context(running(url))
        webhooks = machines.receive(bench.rounds, shooter)
        needed = (bench.rounds + 1) * 2 * (COUNT + SPARE)
        if shooter.answered < needed:
            shooter.fire(ADDRESS, *machines.webs, mine=True, most=needed - shooter.answered)
        submission = machines.submit(bench.rounds, inside)
        machines.finish(inside)
        calls = machines.submit_calls()
        made = inside.call("orders.bench.inside_webhook:made")
        sent = inside.call(f"{INSIDE}sent")
    yield from _speed("webhooks", webhooks, WEBS, "web servers")
    yield from _speed("submission", submission, WORKERS, "machines of workers")
    yield from _once(calls, lost=shooter.answered - made, sent=sent)


def _speed(
    what: str, seconds: dict[str, list[float]], machines: int, named: str
) -> Iterator[Figure]:
    for name, number in (("one", 1), ("all", machines)):
        yield Figure("machines", f"{what}, {number}", 1 / median(seconds[name]), unit="/s")
    note = f"throughput of {machines} {named} ÷ of one, all on this machine"
    yield Figure("machines", f"{what}, gain", ratio(seconds, of="one", to="all"), note=note)


def _once(calls: list[dict[str, Any]], *, lost: int, sent: int) -> Iterator[Figure]:
    """Judge the sandbox's log: each invoice sent once, accepted once, and known to the desk."""
    tried = Counter(invoice for call in calls for invoice in call["invoices"])
    accepted = Counter(
        invoice for call in calls for invoice in call["invoices"] if call["verdict"] == "accepted"
    )
    note = f"{len(accepted)} invoices accepted, by the sandbox's log"
    twice = sum(accepted.values()) - len(accepted)
    yield Figure("machines", "accepted twice", twice, 0, unit="orders", note=note)
    yield Figure("machines", "sent twice", sum(tried.values()) - len(tried), 0, unit="calls")
    note = "accepted by the sandbox, less what the desk knows as accepted"
    astray = abs(len(accepted) - sent)
    yield Figure("machines", "not known as accepted", astray, 0, unit="orders", note=note)
    yield Figure("machines", "webhooks lost", lost, 0, unit="orders")


class Machines:
    """Web servers that run all the time, workers that come and go, and the sandbox."""

    def __init__(self, url: str, folder: Path) -> None:
        port = free_port()
        self.sandbox = f"http://127.0.0.1:{port}"
        accounts = folder / "accounts.json"
        accounts.write_text(json.dumps(_accounts()), encoding="utf-8")
        self.family = Family(folder, environment(url, TREPSTAR_URL=self.sandbox, **TIMES))
        self.family.run(
            "sandbox", *MANAGE, "sandbox", "--port", str(port), "--accounts", str(accounts),
            "--latency", str(LATENCY), "--balance", "10000000", "--pace", "100000",
        )  # fmt: skip
        self.webs = [free_port() for _ in range(WEBS)]
        for number, web in enumerate(self.webs, start=1):
            self.family.gunicorn(f"web{number}", web)

    def start(self) -> None:
        self.family.answers(f"{self.sandbox}/log.json?since=999999999")
        for port in self.webs:
            self.family.answers(f"http://127.0.0.1:{port}/healthz")

    def receive(self, rounds: int, shooter: Shooter) -> dict[str, list[float]]:
        """Return the seconds of a webhook with one web server and with all."""
        return interleaved(
            rounds,
            one=lambda: shooter.fire(ADDRESS, self.webs[0], mine=True),
            all=lambda: shooter.fire(ADDRESS, *self.webs, mine=True),
        )

    def submit(self, rounds: int, inside: Probe) -> dict[str, list[float]]:
        """Return the seconds of a submission with the workers of one machine and of all."""

        def with_workers(number: int) -> Callable[[], float]:
            def measure() -> float:
                with self.workers(number):
                    args = {"count": COUNT, "machines": number}
                    return float(inside.call(f"{INSIDE}seconds_each", **args))

            return measure

        return interleaved(rounds, one=with_workers(1), all=with_workers(WORKERS))

    @contextmanager
    def workers(self, number: int) -> Iterator[None]:
        names = [f"qworker{one}" for one in range(1, number + 1)]
        for name in names:
            self.family.run(name, *MANAGE, "qworker")
        try:
            yield
        finally:
            for name in names:
                self.family.stop(name)

    def finish(self, inside: Probe) -> None:
        """Have the outcome of every call known; those of workers that were ended may not be."""
        if inside.call(f"{INSIDE}in_doubt"):
            with self.workers(1):
                inside.call(f"{INSIDE}settle")

    def submit_calls(self) -> list[dict[str, Any]]:
        """Return the submit calls as the sandbox logged them."""
        log = requests.get(f"{self.sandbox}/log.json", timeout=60).json()
        return [call for call in log if call["kind"] == "submit"]


@contextmanager
def running(url: str) -> Iterator[Machines]:
    """Have the machines run on a database meanwhile."""
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        machines = Machines(url, Path(folder))
        try:
            machines.start()
            yield machines
        finally:
            machines.family.stop_all()


def _accounts() -> dict[str, Any]:
    """Return the publishers in the form that the sandbox reads."""
    return {
        "publishers": [
            {
                "publisher_id": data_body.publisher_id(number),
                "name": f"Bench Films {number}",
                "login_email": data_body.login(number),
                "login_password": data_body.password(number),
                "products": [
                    {"project_id": data_body.project_id(number, place), "title": f"Film {place}"}
                    for place in range(1, data_body.PRODUCTS_EACH + 1)
                ],
            }
            for number in range(1, data_body.PUBLISHERS + 1)
        ]
    }
