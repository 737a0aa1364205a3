"""``manage.py chaos``: the whole desk under load while everything around it breaks."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders.chaos.checker import check, failed, summary
from orders.chaos.figures import figures
from orders.chaos.mutants import MUTANTS, Mutant
from orders.chaos.processes import descendants, free_port, send
from orders.chaos.run import Options, Run
from tests.postgres import running_postgres

DURABLE = "-c max_connections=200"
HARD_STOP, UNTIMED_STOP = 300.0, 900.0
ORDERS, MINUTES = 3000, 2.0
MUTANT_ORDERS, MUTANT_MINUTES = 250, 0.5


class Command(BaseCommand):
    help = (
        "Run the desk with a PostgreSQL, a sandbox and shops of its own while processes are "
        "killed, answers get lost and staff press buttons; then check that nothing was lost and "
        "nothing was made twice. Touches nothing of a real installation."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=lambda text: int(text, 16), help="hexadecimal; drawn")
        parser.add_argument("--minutes", type=float, help=f"of kills ({MINUTES})")
        parser.add_argument("--orders", type=int, help=f"distinct orders ({ORDERS})")
        parser.add_argument(
            "--untimed",
            action="store_true",
            help="give it time, and do not judge speed: for a machine that does other things too",
        )
        parser.add_argument(
            "--runs", type=int, default=1, help="one after another, each with the next seed (1)"
        )
        parser.add_argument("--keep", action="store_true", help="keep the histories of a good run")
        parser.add_argument(
            "--mutant",
            choices=[*MUTANTS, "all"],
            help="switch one guard off; the run must turn red: "
            + "; ".join(f"{m.letter} {m.title}" for m in MUTANTS.values()),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if os.environ.get("CHAOS_FOLDER"):
            sys.exit(self._inside(options))
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        first = secrets.randbits(32) if options["seed"] is None else options["seed"]
        chosen = options["mutant"]
        letters = list(MUTANTS) if chosen == "all" else [chosen] if chosen else [""]
        codes = [
            self._outside(letter, {**options, "seed": seed})
            for seed in range(first, first + options["runs"])
            for letter in letters
        ]
        if len(codes) > 1:
            self.stdout.write(f"\n{codes.count(0)} of {len(codes)} runs ended as they must.")
        if any(codes):
            sys.exit(1)

    # The outer process: a database, a folder, a hard stop

    def _outside(self, letter: str, options: dict[str, Any]) -> int:
        """Run once in a process of its own; return its exit status, kept histories named."""
        folder = Path(tempfile.mkdtemp(prefix="desk-chaos-"))
        mutant = MUTANTS.get(letter)
        with running_postgres(options=DURABLE) as url:
            environment = {
                **os.environ,
                "CHAOS_FOLDER": str(folder),
                "CHAOS_WEB_PORT": str(free_port()),
                "CHAOS_MUTANT": letter,
                "DATABASE_URL": url,
                "TREPSTAR_URL": f"http://127.0.0.1:{free_port()}",
                **(mutant.environment if mutant else {}),
            }
            seconds = UNTIMED_STOP if options["untimed"] else HARD_STOP
            code = self._within(seconds, _again(letter, options), environment)
        if options["keep"] or (code and not mutant):
            self.stdout.write(f"The histories are in {folder}.")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        return code

    def _within(self, seconds: float, command: list[str], environment: dict[str, str]) -> int:
        """Run a command, and end it and all its children at the hard stop."""
        process = subprocess.Popen(command, env=environment)  # noqa: S603
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stdout.write(f"The run was stopped after {seconds:.0f} seconds.")
            return 1
        finally:
            family = [*descendants(process.pid), process.pid] if process.poll() is None else []
            for pid in family:
                send(pid, signal.SIGKILL)
            process.wait()

    # The inner process: the run and its verdict

    def _inside(self, options: dict[str, Any]) -> int:
        mutant = MUTANTS.get(os.environ["CHAOS_MUTANT"])
        folder = Path(os.environ["CHAOS_FOLDER"])
        wanted = Options(
            seed=options["seed"],
            seconds=60 * options["minutes"],
            orders=options["orders"],
            folder=folder,
            web_port=int(os.environ["CHAOS_WEB_PORT"]),
            sandbox_port=int(os.environ["TREPSTAR_URL"].rpartition(":")[2]),
            untimed=options["untimed"],
        )
        if mutant:
            wanted = _with(wanted, mutant)
            self.stdout.write(f"\nMutant {mutant.letter}: {mutant.title}.")
        began = time.time()
        history = Run(wanted, self._tell).go()
        verdicts = check(history, untimed=options["untimed"])
        history.save(folder / "history.json")
        lines = [line for verdict in verdicts for line in verdict.lines()]
        self.stdout.write("\n".join([*figures(history), "", *lines, ""]))
        self.stdout.write(summary(verdicts))
        self.stdout.write(f"seed {options['seed']:08x}, {time.time() - began:.0f} s in all")
        red = failed(verdicts)
        return self._judge(mutant, red) if mutant else int(bool(red))

    def _judge(self, mutant: Mutant, red: list[str]) -> int:
        wanted = " or ".join(mutant.red)
        if set(red) & set(mutant.red):
            self.stdout.write(f"Mutant {mutant.letter} turned red for {wanted}, as it must.")
            return 0
        self.stdout.write(
            f"Mutant {mutant.letter} had to turn red for {wanted}, and {', '.join(red) or 'none'} "
            "failed: the run cannot see this fault."
        )
        return 1

    def _tell(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _with(options: Options, mutant: Mutant) -> Options:
    return Options(
        **{**vars(options), "mix": mutant.mix, "faults": mutant.faults, "sql": mutant.sql}
    )


def _again(letter: str, options: dict[str, Any]) -> list[str]:
    """Return this command with every option spelled out."""
    orders = options["orders"] or (MUTANT_ORDERS if letter else ORDERS)
    minutes = options["minutes"] or (MUTANT_MINUTES if letter else MINUTES)
    return [
        sys.executable, sys.argv[0], "chaos", "--seed", f"{options['seed']:x}",
        "--orders", str(orders), "--minutes", str(minutes),
        *(["--untimed"] if options["untimed"] else []),
    ]  # fmt: skip
