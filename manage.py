#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

from fulfillment import bench, chaos, demo

OWN_SETTINGS = {
    "demo": demo.environment,
    "chaos": chaos.environment,
    "bench": bench.environment,
}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in OWN_SETTINGS:
        # Before the settings are read: these runs touch nothing of a real installation.
        os.environ.update(OWN_SETTINGS[sys.argv[1]]())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fulfillment.settings")
    execute_from_command_line(sys.argv)
