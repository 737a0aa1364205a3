"""What the bench's databases hold: a desk with so many orders, as they would have come about.

An order arrives every 250 seconds at every size, so that a larger one is the same desk after a
longer time. What waits for somebody stands among the newest 10,000: 400 held, 200 ready, 50
unclear, 50 in trouble or refused, 100 flagged. Of all orders 5 % are being made and due to be
asked for, 4 % are cancelled or were tests; the others are shipped. ``fill`` runs inside a probe.
"""

from __future__ import annotations

import time

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection

from orders.bench import data_body
from orders.bench.data_dialect import Dialect, dialect
from orders.bench.data_sql import inserts, settle
from orders.models import Store
from products.models import Mode, Product, Publisher, SkuAlias
from products.roles import ROLES
from products.secret import Secret

PUBLISHERS = 4
PRODUCTS_EACH = 125
NOBODYS = make_password(None)
LOADED = (
    "orders_shoporder",
    "orders_order",
    "orders_orderline",
    "orders_orderevent",
    "orders_attempt",
    "orders_delivery",
    "orders_deliveryline",
)


def fill(orders: int) -> float:
    """Make the tables and fill them; return the seconds it took."""
    began = time.perf_counter()
    speak = dialect(connection.vendor)
    with connection.cursor() as cursor:
        for statement in speak.before:
            cursor.execute(statement)
        call_command("migrate", verbosity=0, skip_checks=True)
        catalogue()
        people()
        indexes = _drop_indexes(speak)
        for statement in inserts(speak, orders=orders, now=int(time.time())):
            cursor.execute(statement)
        for statement in (*indexes, *settle(speak, LOADED)):
            cursor.execute(statement)
    return time.perf_counter() - began


def catalogue() -> None:
    """Make the publishers, their products and SKUs, and a shop for each, numbered from 1."""
    for number in range(1, PUBLISHERS + 1):
        publisher = Publisher.objects.create(
            publisher_id=data_body.publisher_id(number),
            name=f"Bench Films {number}",
            login_email=f"desk@bench-{number}.example",
            login_password=Secret(f"bench-password-{number}"),
            mode=Mode.PROD,
            invoice_prefix=f"B{number}",
        )
        products = Product.objects.bulk_create(
            Product(
                publisher=publisher,
                project_id=str(number * 10_000 + place),
                title=f"Film {place:03} of Bench Films {number}",
                package="dvd_case",
                price="19.00",
            )
            for place in range(1, PRODUCTS_EACH + 1)
        )
        skus = [data_body.sku(number, place) for place in range(1, PRODUCTS_EACH + 1)]
        SkuAlias.objects.bulk_create(
            SkuAlias(publisher=publisher, sku=sku, key=sku.casefold(), product=product)
            for sku, product in zip(skus, products, strict=True)
        )
        Store.objects.create(
            publisher=publisher,
            domain=data_body.domain(number),
            webhook_secrets=[Secret(data_body.signing_secret(number))],
        )


def people() -> None:
    """Make ``bench``, who may do everything, and of each role one who serves two publishers."""
    User.objects.create(username="bench", is_staff=True, is_superuser=True, password=NOBODYS)
    for role in ROLES:
        user = User.objects.create(username=role, is_staff=True, password=NOBODYS)
        user.groups.add(Group.objects.get(name=role))
        user.publishers.add(*Publisher.objects.order_by("pk")[:2])


def _drop_indexes(speak: Dialect) -> list[str]:
    """Drop what is quicker to build at the end; return the statements that build it again."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for table in LOADED:
            cursor.execute(speak.indexes, [table])
            for name, definition in cursor.fetchall():
                found.append(definition)
                cursor.execute(f'DROP INDEX "{name}"')
    return found
