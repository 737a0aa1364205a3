"""The app by which every process of a chaos run learns which guard is switched off."""

from __future__ import annotations

import faulthandler
import os
import signal
from importlib import import_module

from django.apps import AppConfig


class ChaosConfig(AppConfig):
    name = "orders.chaos"
    label = "chaos"

    def ready(self) -> None:
        # A desk that does not drain is asked where each of its threads stands.
        faulthandler.register(signal.SIGUSR1)
        letter = os.environ.get("CHAOS_MUTANT", "")
        if letter:
            # Only now: the models that the mutants name must have been loaded.
            import_module("orders.chaos.mutants").switch_off(letter)
