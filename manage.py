#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

from fulfillment.demo import environment

if __name__ == "__main__":
    if sys.argv[1:2] == ["demo"]:
        # Before the settings are read: the demo touches nothing of a real installation.
        os.environ.update(environment())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fulfillment.settings")
    execute_from_command_line(sys.argv)
