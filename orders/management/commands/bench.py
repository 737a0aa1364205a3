"""``manage.py bench``: how fast the desk is, against baselines of the same run."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.bench.databases import VENDORS
from orders.bench.run import NAMES, Bench, run, sections

SIZES = "10000,100000,1000000"


class Command(BaseCommand):
    help = (
        "Measure the desk on databases of its own, generated once and kept in $BENCH_FOLDER. "
        "Exits with 1 where a figure misses its bar. Touches nothing of a real installation."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--list", action="store_true", help="name the sections, and end")
        parser.add_argument("--only", nargs="+", metavar="SECTION", choices=NAMES, default=NAMES)
        parser.add_argument("--database", choices=[*VENDORS, "both"], default="both")
        parser.add_argument(
            "--rounds",
            type=int,
            default=5,
            help="of each measurement (5); twice as many of what takes a moment",
        )
        parser.add_argument("--orders", default=SIZES, help=f"sizes to compare ({SIZES})")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")

    def handle(self, *args: Any, **options: Any) -> None:
        # Whatever ends the run has to drop its copies and stop its processes.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        known = sections()
        if options["list"]:
            for name, section in known.items():
                about = (sys.modules[section.__module__].__doc__ or "").splitlines()
                self.stdout.write(f"{name:14}{about[0] if about else ''}")
            return
        bench = Bench(
            vendors=VENDORS if options["database"] == "both" else (options["database"],),
            sizes=_sizes(options["orders"]),
            rounds=options["rounds"],
            tell=self._tell,
        )
        if bench.rounds < 1:
            raise CommandError("At least one round is needed.")
        report = run(bench, {name: known[name] for name in options["only"] if name in known})
        self.stdout.write("\n" + report.table())
        if options["json"]:
            report.write(options["json"])
        if report.failed:
            sys.exit(1)

    def _tell(self, text: str) -> None:
        self.stderr.write(text)
        self.stderr.flush()


def _sizes(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise CommandError("--orders takes whole numbers joined by commas, such as 10000,1000000.")
    return found
