"""The desk's settings for the bench; static files are not collected for it."""

from fulfillment.settings import *  # noqa: F403
from fulfillment.settings import STORAGES

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
