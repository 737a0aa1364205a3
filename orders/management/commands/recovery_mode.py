"""``manage.py recovery_mode on|off|status``: after a restore, ask before sending."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders import breaker, clock


class Command(BaseCommand):
    help = (
        "After the database was restored from a backup: with recovery mode on, TrepStar is asked "
        "for every order before it is sent, since it may have been sent after the backup."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mode", choices=("on", "off", "status"))

    def handle(self, *args: Any, **options: Any) -> None:
        if options["mode"] != "status":
            breaker.note(recovery_since=clock.now() if options["mode"] == "on" else None)
        since = breaker.state().recovery_since
        if since is None:
            self.stdout.write("Recovery mode is off.")
        else:
            self.stdout.write(f"Recovery mode is on since {since:%Y-%m-%d %H:%M:%S} UTC.")
