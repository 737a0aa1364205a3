"""gunicorn's door to the web process."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fulfillment.settings")
# Shopify hangs up after five seconds; a statement that takes longer answers nobody.
os.environ.setdefault("STATEMENT_SECONDS", "5")
application = get_wsgi_application()
