"""How gunicorn serves the web process; it reads this by itself. Options on its command line win."""

import os

workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 4
# The code is read once, before the workers are forked, so that a new one answers at once.
preload_app = True
