"""``manage.py qworker``: the workers, under a watchdog."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from orders.watchdog import Watchdog


class Command(BaseCommand):
    help = (
        "Run the worker clusters, restart any that freezes, and sweep the tables for what is due. "
        "May run on as many machines as share the database."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            Watchdog().run()
        except OperationalError as error:
            reason = str(error).strip().splitlines()[0]
            raise CommandError(f"The database is not reachable: {reason}") from None
