"""The desk's settings for a chaos run: its own, plus the app that can switch one guard off."""

from fulfillment.settings import *  # noqa: F403
from fulfillment.settings import INSTALLED_APPS, STORAGES

INSTALLED_APPS = [*INSTALLED_APPS, "orders.chaos.apps.ChaosConfig"]
# Not collected: a run touches nothing of an installation, var/static included.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
