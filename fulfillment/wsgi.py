"""gunicorn's door to the web process."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from fulfillment.memory import keep_loaded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fulfillment.settings")
# Shopify hangs up after five seconds; a statement that takes longer answers nobody.
os.environ.setdefault("STATEMENT_SECONDS", "5")
application = get_wsgi_application()
# Read with the rest of the code, and not while the first request waits.
get_resolver().url_patterns  # noqa: B018
keep_loaded()
