"""``manage.py recovery_mode on|off|status``: after a restore, ask before sending."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders import breaker, clock
from orders.models import Gateway


class Command(BaseCommand):
    help = (
        "After the database was restored from a backup: with recovery mode on, TrepStar is asked "
        "for every older order before it is sent, since it may have been sent after the backup."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mode", choices=("on", "off", "status"))

    def handle(self, *args: Any, **options: Any) -> None:
        row = breaker.state()
        if options["mode"] != "status":
            since = clock.now() if options["mode"] == "on" else None
            Gateway.objects.filter(pk=row.pk).update(recovery_since=since)
            row.recovery_since = since
        if row.recovery_since is None:
            self.stdout.write("Recovery mode is off.")
        else:
            self.stdout.write(
                f"Recovery mode is on since {row.recovery_since:%Y-%m-%d %H:%M:%S} UTC."
            )
