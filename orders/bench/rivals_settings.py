"""The settings of the bench's own web server: the two rivals and nothing before them."""

from orders.bench.settings import *  # noqa: F403

ROOT_URLCONF = "orders.bench.rivals"
MIDDLEWARE = []
