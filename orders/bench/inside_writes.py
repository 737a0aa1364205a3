"""What the section ``writes`` does inside a probe: the same writes to two tables of orders.

One is the desk's; the other has the same rows, checks and foreign keys, but no more indexes than
its primary key and the invoice's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from orders import intake, lifecycle, status
from orders.lifecycle import WORKER, Change
from orders.models import Order
from orders.recipient import Recipient
from products.models import Product, Publisher

DESK, BARE = "public", "bare"
"""The schemas in which the two tables stand; which is meant is a matter of the search path."""
PLACED, BATCH, BATCHES = 20, 100, 3
INSERTED = 1_000
_made = 0


_PREPARE = """
CREATE SCHEMA bare;
CREATE TABLE bare.orders_order (LIKE public.orders_order INCLUDING ALL EXCLUDING INDEXES);
INSERT INTO bare.orders_order OVERRIDING SYSTEM VALUE SELECT * FROM public.orders_order;
ALTER TABLE bare.orders_order ADD PRIMARY KEY (id), ADD UNIQUE (invoice),
    ADD FOREIGN KEY (publisher_id) REFERENCES products_publisher DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (shop_order_id) REFERENCES orders_shoporder DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (reship_of_id) REFERENCES bare.orders_order DEFERRABLE INITIALLY DEFERRED;
SELECT setval(pg_get_serial_sequence('bare.orders_order', 'id'), max(id)) FROM bare.orders_order;
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT conrelid::regclass AS place, conname FROM pg_constraint WHERE contype = 'f'
        AND confrelid = 'public.orders_order'::regclass AND conrelid <> confrelid
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.place, one.conname); END LOOP;
END $$;
"""


def prepare() -> None:
    """Make the bare table; what points to orders no longer asks whether the order is there."""
    with connection.cursor() as cursor:
        cursor.execute(_PREPARE)
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def _table(schema: str) -> Iterator[None]:
    """Have ``orders_order`` mean the table in this schema."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {schema}, public")
        try:
            yield
        finally:
            cursor.execute("SET search_path TO public")


def place(table: str) -> float:
    """Make orders as intake does, each in a transaction of its own; return the seconds."""
    publisher = Publisher.objects.get(pk=1)
    products = list(Product.objects.filter(publisher=publisher).order_by("pk")[:3])
    units = tuple(intake.Units(one, 1, sku=f"B1-{one.pk}") for one in products)
    requests = [
        intake.Request(
            publisher, "api", _recipient(), units, email=f"anna.{number}@example.com",
            reference=f"#{number}", invoice=f"BENCH-{number}",
        )
        for number in _numbers(PLACED)
    ]  # fmt: skip
    with _table(table):
        began = time.perf_counter()
        for request in requests:
            intake.place(request, actor=WORKER)
        return time.perf_counter() - began


def insert(table: str) -> float:
    """Insert rows of orders alone, each in a transaction of its own; return the seconds."""
    rows = [_row(number) for number in _numbers(PLACED)]
    with _table(table):
        began = time.perf_counter()
        for row in rows:
            row.save(force_insert=True)
        return time.perf_counter() - began


def insert_many(table: str) -> float:
    """Insert many rows by one statement of the database's own; return the seconds."""
    every = [str(f.column) for f in Order._meta.concrete_fields]
    columns = [column for column in every if column not in ("id", "invoice")]
    names, first = ", ".join(columns), _numbers(INSERTED)[0]
    rows = Order.objects.filter(status=status.READY)[:1].values_list(*columns)
    with _table(table), connection.cursor() as cursor:
        ready, parameters = rows.query.sql_with_params()
        made = f"SELECT 'BENCH-' || n, one.* FROM ({ready}) one, generate_series(%s, %s) n"  # noqa: S608
        began = time.perf_counter()
        cursor.execute(
            f"INSERT INTO orders_order (invoice, {names}) {made}",
            [*parameters, first, first + INSERTED - 1],
        )
        return time.perf_counter() - began


def move(table: str) -> float:
    """Write batches of a status answer, as tracking does: locked, moved, told; seconds."""
    return _in_batches(table, status.ACCEPTED, _apply)


def _apply(ids: list[int]) -> None:
    rows = Order.objects.select_for_update(of=("self",), no_key=True)
    now = timezone.now()
    news = {
        "gateway_status": "PROCESSING",
        "asked_at": now,
        "next_ask_at": now + timedelta(hours=1),
    }
    with transaction.atomic():
        changes = [
            Change(one, status.PROCESSING, "order.processing", fields=dict(news))
            for one in rows.filter(pk__in=ids).order_by("id")
        ]
        lifecycle.move_many(changes, actor=WORKER)


def update(table: str) -> float:
    """Change the status of batches by one bare UPDATE each; return the seconds."""
    return _in_batches(table, status.PROCESSING, _ship)


def _ship(ids: list[int]) -> None:
    rows = Order.objects.filter(pk__in=ids)
    rows.update(status=status.SHIPPED, updated_at=timezone.now())


def _in_batches(table: str, wanted: str, write: Callable[[list[int]], None]) -> float:
    with _table(table):
        ids = _in_status(wanted)
        began = time.perf_counter()
        for start in range(0, len(ids), BATCH):
            write(ids[start : start + BATCH])
        return time.perf_counter() - began


def _in_status(wanted: str) -> list[int]:
    """Return the ids of the oldest orders in a status; each call leaves fewer in it."""
    rows = Order.objects.filter(status=wanted).order_by("pk")
    ids = list(rows.values_list("pk", flat=True)[: BATCH * BATCHES])
    if len(ids) < BATCH * BATCHES:
        raise ValueError(f"Too few orders are left to be changed: {len(ids)}.")
    return ids


def _recipient() -> Recipient:
    return Recipient(
        name="Anna Keller", address="12 Harbour Street", city="Portland", state="ME", zip="04101",
        country="US",
    )  # fmt: skip


def _row(number: int) -> Order:
    return Order(
        publisher_id=1, source="shopify", shop_order_id=1, invoice=f"BENCH-{number}", mode="prod",
        status=status.READY, mail_method="standard", reference=f"#{number}",
        email=f"anna.{number}@example.com", next_attempt_at=timezone.now(),
        **_recipient().as_dict(),
    )  # fmt: skip


def _numbers(count: int) -> range:
    """Return numbers that no invoice has yet."""
    global _made
    _made += count
    return range(5_000_000 + _made - count, 5_000_000 + _made)
