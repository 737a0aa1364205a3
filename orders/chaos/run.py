"""One chaos run: start everything, let it loose, let it drain, and collect what is left."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, connection

from orders.chaos import collect, plan
from orders.chaos.history import History, Limits
from orders.chaos.kills import Killer, Mix
from orders.chaos.processes import Processes, send
from orders.chaos.senders import Senders
from orders.chaos.staff import Clerk, Program, Stranger, hire
from orders.chaos.windows import REFUSED, Windows
from orders.models import Order
from orders.provision import provision
from products import tokens
from products.models import Publisher

CLERKS = 2
ACTS_A_SECOND = 5.0
DRAIN_SECONDS, UNTIMED_DRAIN_SECONDS = 90.0, 480.0
SENDING_SHARE = 0.9


@dataclass(frozen=True)
class Options:
    """What a run is asked for; ``seconds`` is how long things are killed.

    An ``untimed`` run has all the time it needs to finish what is due.
    """

    seed: int
    seconds: float
    orders: int
    folder: Path
    web_port: int
    sandbox_port: int
    mix: Mix = field(default_factory=Mix)
    faults: str = ""
    sql: tuple[str, ...] = ()
    untimed: bool = False


class Run:
    """The whole of one run; ``go`` returns its history."""

    def __init__(self, options: Options, tell: Callable[[str], None]) -> None:
        self.options, self.tell = options, tell
        self.address = f"http://127.0.0.1:{options.web_port}"
        self.faults = ",".join(
            filter(None, (options.faults, plan.SUBMIT_FAULTS, plan.STATUS_FAULTS))
        )
        self.processes = Processes(
            options.folder, web_port=options.web_port, sandbox_port=options.sandbox_port
        )
        self.history = History(
            limits=Limits(
                lease=settings.LEASE_SECONDS,
                sweep=settings.SWEEP_SECONDS,
                status_calls=settings.STATUS_CALLS_PER_DAY,
                in_flight=settings.SUBMIT_IN_FLIGHT * settings.Q_WORKERS * self.processes.workers,
                orders=options.orders,
            )
        )

    def go(self) -> History:
        began = time.time()
        try:
            self._prepare()
            self._start()
            self.tell(f"ready after {time.time() - began:.0f} s")
            self._storm()
            self._drain()
            self._collect()
        finally:
            self.processes.stop_all()
        return self.history

    def _prepare(self) -> None:
        """Make the tables, the catalogue and the people."""
        call_command("migrate", verbosity=0)
        catalogue = plan.catalogue(self.options.seed)
        path = self.options.folder / "catalogue.json"
        path.write_text(json.dumps(catalogue), encoding="utf-8")
        provision(catalogue)
        with connection.cursor() as cursor:
            for statement in self.options.sql:
                cursor.execute(statement)
        self.secrets = [plan.password(self.options.seed, account) for account in plan.ACCOUNTS]
        self.secrets += [shop.secret for shop in plan.shops(self.options.seed)]
        self.own_password = plan.canary(self.options.seed, "staff")
        self.secrets.append(self.own_password)
        for number in range(CLERKS + 1):
            hire(f"clerk{number}", self.own_password)
        first = Publisher.objects.get(publisher_id=plan.ACCOUNTS[0].publisher_id)
        hire("stranger", self.own_password, first)
        _, token = tokens.issue(first, "chaos", ["orders:read", "orders:write"])
        self.token = token.reveal()
        self.secrets.append(self.token)

    def _start(self) -> None:
        self.processes.start(
            [
                "--accounts", str(self.options.folder / "catalogue.json"),
                "--state", str(self.options.folder / "sandbox.sqlite3"),
                "--faults", self.faults, "--seed", str(self.options.seed), "--pace", "10",
            ]
        )  # fmt: skip

    def _storm(self) -> None:
        """Send, kill and press buttons, until the time is over and every delivery is answered."""
        options, history = self.options, self.history
        self._hire_everybody()
        planned = plan.deliveries(options.seed, options.orders)
        senders = Senders(planned, options.web_port, options.seconds * SENDING_SHARE)
        killer = Killer(self.processes, options.mix, options.seed, seconds=options.seconds)
        windows = Windows(
            self.processes, self.clerks[0].browser, self.faults, seconds=options.seconds
        )
        history.begun = time.time()
        senders.start()
        for thread in (self.sampler, self.stranger, *self.clerks[1:]):
            thread.start()
        give_up = time.time() + options.seconds + 60
        while not (senders.done() and killer.done() and windows.done()) and time.time() < give_up:
            killer.turn(settings.LEASE_SECONDS + 2)
            windows.turn()
            time.sleep(0.05)
        senders.stop.set()
        killer.wake_all()
        for clerk in self.clerks:
            clerk.stop.set()
        history.quiet = time.time()
        history.sent, history.refusals = senders.log, windows.refusals
        history.kills = sorted([*killer.log, *windows.kills], key=lambda kill: kill.at)
        self.window_acts = windows.acts
        self.tell(f"quiet after {history.quiet - history.begun:.0f} s of storm")
        unsent = len(planned) - senders.answered
        if unsent:
            self.tell(f"{unsent} of {len(planned)} deliveries found no time to be sent")

    def _hire_everybody(self) -> None:
        self.clerks = [
            Clerk(
                self.address,
                f"clerk{number}",
                self.own_password,
                seed=self.options.seed + number,
                pace=CLERKS / ACTS_A_SECOND,
            )
            for number in range(CLERKS + 1)
        ]
        self.clerks.append(
            Program(
                self.address,
                self.token,
                plan.ACCOUNTS[0].prefix,
                seed=self.options.seed,
                pace=CLERKS / ACTS_A_SECOND,
            )
        )
        # The first one only mends the login, in the main thread.
        if not self.clerks[0].browser.sign_in("clerk0", self.own_password):
            raise RuntimeError("Nobody could sign in at the admin.")
        prefix = REFUSED.prefix
        self.stranger = Stranger(
            self.address, "stranger", self.own_password, prefix=prefix, foreign=_orders_of_refused
        )
        self.sampler = collect.Sampler()

    def _drain(self) -> None:
        connection.close()  # the one of before the database's restarts
        give_up = time.time() + (UNTIMED_DRAIN_SECONDS if self.options.untimed else DRAIN_SECONDS)
        while time.time() < give_up:
            try:
                if not collect.unsettled():
                    self.history.drained = time.time()
                    break
            except (DatabaseError, InterfaceError):
                connection.close()
            time.sleep(0.5)
        if not self.history.drained:
            for pid in self.processes.cluster_processes():
                send(pid, signal.SIGUSR1)
            time.sleep(1)
        ended = self.processes.ended()
        if ended:
            self.tell(f"these ended by themselves: {', '.join(ended)}")
        self.tell(f"drained after {time.time() - self.history.quiet:.0f} s")

    def _collect(self) -> None:
        """Stop the workers first, so that both sides are read at rest."""
        history = self.history
        self.stranger.look()
        self.sampler.stop.set()
        self.stranger.stop.set()
        for thread in (self.sampler, self.stranger, *self.clerks[1:]):
            thread.join(15)
        history.acts = [act for clerk in self.clerks for act in clerk.log] + self.window_acts
        history.peeks, history.samples = self.stranger.log, self.sampler.log
        for name in [name for name in self.processes.running if name.startswith("qworker")]:
            if not self.processes.stop(name, settings.TREPSTAR_TIMEOUT + 20):
                self.tell(f"{name} did not end within {settings.TREPSTAR_TIMEOUT + 20:.0f} s")
        collect.read_tables(history)
        collect.read_gateway(history, settings.TREPSTAR_URL)
        secrets = [*self.secrets, *collect.secrets_of_settings()]
        texts = [sent.reason for sent in history.sent] + [act.said for act in history.acts]
        history.leaks = collect.find_leaks(secrets, self.options.folder, texts)


def _orders_of_refused() -> list[int]:
    rows = Order.objects.filter(publisher__publisher_id=REFUSED.publisher_id)
    return list(rows.order_by("-pk").values_list("pk", flat=True)[:1])
