"""``manage.py schedule``: register the recurring jobs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from orders.tasks import register_schedules


class Command(BaseCommand):
    help = "Register the recurring jobs of the worker. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        for name in register_schedules():
            self.stdout.write(f"registered {name}")
