"""The settings of the tests: the desk's own, with fixed keys and short waits."""

import os

os.environ.update(
    {
        "SECRET_KEY": "only-for-tests-" * 5,
        "FIELD_KEYS": "7nYr8SWXcY5l9DCZMXl2mlVv2w9d3f1gB1u7mH3z0uE=",
        "DEBUG": "false",
        "HTTPS": "false",
        "TREPSTAR_URL": "http://127.0.0.1:9",
        "TREPSTAR_TIMEOUT": "5",
        "LEASE_SECONDS": "90",
        "LOG_LEVEL": "ERROR",
    }
)
os.environ.setdefault("DATABASE_URL", "sqlite:///var/test.sqlite3")

from fulfillment.settings import *  # noqa: F403
from fulfillment.settings import DATABASES, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage",
}
# Else every test client scans all static files.
WHITENOISE_AUTOREFRESH = True
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
if "sqlite" in DATABASES["default"]["ENGINE"]:
    # A file, not memory: threads and worker processes see the same database.
    DATABASES["default"]["TEST"] = {"NAME": f"var/test-{os.getpid()}.sqlite3"}
