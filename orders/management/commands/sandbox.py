"""``manage.py sandbox``: a TrepStar gateway on this computer, for trying things out."""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.trepstar import sandbox_faults
from orders.trepstar.sandbox import Account, Sandbox
from orders.trepstar.sandbox_accounts import (
    DEFAULT_ACCOUNT,
    DEFAULT_PASSWORD,
    AccountsError,
    read_accounts,
)
from orders.trepstar.sandbox_faults import FaultSpecError
from orders.trepstar.sandbox_server import SandboxServer

_FAULTS_HELP = f"""
--faults: entries joined by commas, for the submit function or, after status:, for the other one.
  hang-accept=4%            4 % of the calls, drawn with --seed
  hang-accept@NORTH-7       the next call with that invoice; :3 after it the next three, :all all
  hang-accept@NORTH-*       the next call whose invoice starts so; @* any call
{sandbox_faults.describe()}
"""


class Command(BaseCommand):
    help = "Run a TrepStar gateway that keeps the documented rules, on 127.0.0.1 only."
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, its epilog kept in lines: it explains the faults."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = _FAULTS_HELP
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8800, help="0 takes any free port (8800)")
        parser.add_argument("--state", default=":memory:", help="SQLite file that survives the run")
        parser.add_argument(
            "--accounts", type=Path, help="accounts in the form of provision's file"
        )
        parser.add_argument("--faults", default="", help="what goes wrong, see below")
        parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
        parser.add_argument("--seed", type=int, default=0, help="of the drawn faults (0)")
        parser.add_argument("--balance", type=float, default=100_000, help="dollars at the start")
        parser.add_argument("--pace", type=float, default=20.0, help="seconds to SHIPPED (20)")
        parser.add_argument(
            "--bad-address", default="BADADDRESS", help="a word in an address that means ERROR 10"
        )

    def handle(self, **options: Any) -> None:
        accounts = self._accounts(options["accounts"])
        sandbox = self._sandbox(accounts, options)
        try:
            server = SandboxServer(sandbox, port=options["port"])
        except (OSError, OverflowError):
            sandbox.close()
            raise CommandError(
                f"Port {options['port']} cannot be used on 127.0.0.1; choose another with --port."
            ) from None
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with server:
            self.stdout.write(_ready(server, sandbox, options))
            self.stdout.flush()
            stop.wait()
        sandbox.close()

    def _accounts(self, path: Path | None) -> Sequence[Account]:
        if path is None:
            return (DEFAULT_ACCOUNT,)
        try:
            return read_accounts(path.read_text(encoding="utf-8"), os.environ)
        except (OSError, UnicodeDecodeError):
            raise CommandError(f"The accounts file {path} cannot be read.") from None
        except AccountsError as error:
            raise CommandError(str(error)) from None

    def _sandbox(self, accounts: Sequence[Account], options: dict[str, Any]) -> Sandbox:
        try:
            return Sandbox(
                accounts,
                state=options["state"],
                balance=options["balance"],
                pace=options["pace"],
                faults=options["faults"],
                seed=options["seed"],
                latency=options["latency"],
                bad_address=options["bad_address"],
            )
        except FaultSpecError as error:
            raise CommandError(str(error)) from None
        except sqlite3.Error as error:
            raise CommandError(
                f"The state in {options['state']} cannot be used: {error}."
            ) from None


def _ready(server: SandboxServer, sandbox: Sandbox, options: dict[str, Any]) -> str:
    parts = [f"TrepStar sandbox on {server.url}/", f"orders ship after {sandbox.pace:g} s"]
    if options["accounts"] is None:
        products = ", ".join(DEFAULT_ACCOUNT.products)
        login = f"{DEFAULT_ACCOUNT.email} / {DEFAULT_PASSWORD}"
        parts.append(f"account {DEFAULT_ACCOUNT.publisher_id}: {login}, products {products}")
    if sandbox.faults:
        parts.append(f"faults {sandbox.faults}")
    return " · ".join(parts)
