"""``manage.py provision FILE.json``: the catalogue and the stores as code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.provision import ProvisionError, provision


class Command(BaseCommand):
    help = (
        "Make or change publishers, products, SKUs and stores from a JSON file (or - for standard "
        "input). Safe to repeat; on any error nothing changes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="path of the JSON file, or - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = sys.stdin.read() if options["file"] == "-" else Path(options["file"]).read_text()
            document = json.loads(text)
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}.") from None
        except ValueError as error:
            raise CommandError(f"The file is not JSON: {error}.") from None
        try:
            lines = provision(document)
        except ProvisionError as error:
            raise CommandError(f"{error} Nothing was changed.") from None
        for line in lines:
            self.stdout.write(line)
