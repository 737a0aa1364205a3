"""The first delivery of a shop's order, written by one statement where PostgreSQL is the database.

``orders.deliveries`` writes every delivery statement by statement, under the lock of its shop's
order. Most are the first that is heard of that order, and for these nothing can stand in the way
but the very same at the same moment: the statement begins with the shop's order, and where that is
there already it writes nothing at all.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any
from weakref import WeakSet

import orjson
from django.conf import settings
from django.db import (
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.models import Model, Value
from django_q.models import OrmQ

from orders import status, waking
from orders.hooks import NAMES
from orders.inserting import collected, fields_of, moments_of
from orders.lifecycle import SHOP
from orders.models import Delivery, DeliveryLine, Order, OrderEvent, OrderLine, ShopOrder
from orders.reading import Reading

log = logging.getLogger(__name__)

# What the statement itself fills in: keys of rows that it inserts, the body, and a time.
_FILLED = {
    Order: ("shop_order_id", "next_attempt_at"),
    OrderLine: ("order_id",),
    OrderEvent: ("order_id",),
    Delivery: ("shop_order_id", "body"),
    DeliveryLine: ("delivery_id", "shop_order_id", "order_id"),
}
_TABLES = frozenset((ShopOrder, *_FILLED, OrmQ))
# Planned once for each connection, since its text never changes.
_STATEMENT = """
WITH shop_order AS (
    INSERT INTO orders_shoporder ({ShopOrder}) SELECT {ShopOrder}
    FROM json_to_record($1) AS given({ShopOrder_typed})
    ON CONFLICT DO NOTHING RETURNING id
), placed AS (
    INSERT INTO orders_order ({Order}, shop_order_id, next_attempt_at)
    SELECT {Order}, shop_order.id, CASE given.status WHEN '{ready}' THEN
        coalesce(given.due, clock_timestamp() + make_interval(secs => $2)) END
    FROM shop_order, json_to_recordset($3) AS given(place int, due timestamptz, {Order_typed})
    ORDER BY given.place RETURNING id, invoice
), line AS (
    INSERT INTO orders_orderline ({OrderLine}, order_id) SELECT {OrderLine}, placed.id
    FROM json_to_recordset($4) AS given(place int, of varchar, {OrderLine_typed})
    JOIN placed ON placed.invoice = given.of ORDER BY given.place
), event AS (
    INSERT INTO orders_orderevent ({OrderEvent}, order_id) SELECT {OrderEvent}, placed.id
    FROM json_to_recordset($5) AS given(of varchar, {OrderEvent_typed})
    JOIN placed ON placed.invoice = given.of
), delivery AS (
    INSERT INTO orders_delivery ({Delivery}, shop_order_id, body)
    SELECT {Delivery}, shop_order.id, $6
    FROM shop_order, json_to_record($7) AS given({Delivery_typed})
    RETURNING id
), delivery_line AS (
    INSERT INTO orders_deliveryline ({DeliveryLine}, delivery_id, shop_order_id, order_id)
    SELECT {DeliveryLine}, delivery.id, shop_order.id, placed.id
    FROM shop_order CROSS JOIN delivery CROSS JOIN
        json_to_recordset($8) AS given(place int, of varchar, {DeliveryLine_typed})
    LEFT JOIN placed ON placed.invoice = given.of ORDER BY given.place
), task AS (
    INSERT INTO django_q_ormq ({OrmQ}) SELECT {OrmQ}
    FROM shop_order, json_to_recordset($9) AS given({OrmQ_typed}) WHERE {TOO_FEW}
)
SELECT count(*) FROM shop_order
"""


_prepared: WeakSet[Any] = WeakSet()
"""The connections on which the statement is prepared."""


class _Writes(Exception):
    """Something is written otherwise than by inserting, so it takes a transaction."""


def write(delivery: Delivery, wake: Callable[[], None]) -> bool:
    """Do what a new delivery asks and store it, if it is the first of its shop's order.

    Says whether it did; if not, nothing was written, and ``delivery`` is to be thrown away. Raises
    only what the database raises where it cannot work now.
    """
    publisher = delivery.store.publisher
    if connection.vendor != "postgresql" or delivery.topic not in delivery.store.create_on:
        return False
    if publisher.hook_routes.get(NAMES["order.placed"]):
        return False  # a message to a client names its event by key
    try:
        # A single statement is a transaction by itself, but within another it needs a savepoint.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            rows = _rows_of(delivery, wake)
            return bool(rows[ShopOrder]) and _write(rows)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        # Whatever it is, a delivery that is written step by step tells it in the place it is at.
        log.info("A delivery is written step by step (%s).", type(error).__name__)
        return False


def _rows_of(delivery: Delivery, wake: Callable[[], None]) -> dict[type[Model], list[Model]]:
    """Return all that a delivery has to be written, by its table."""
    with collected() as rows, connection.execute_wrapper(_only_reads):
        reading = Reading(delivery, SHOP)
        reading.run()
        if reading.ready:
            wake()
    found: dict[type[Model], list[Model]] = defaultdict(list)
    for row in (*rows, *reading.lines, delivery):
        found[type(row)].append(row)
    if strange := found.keys() - _TABLES:
        raise _Writes(strange)
    return found


def _only_reads(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    if not sql.lstrip(" \n(").startswith("SELECT"):
        raise _Writes(sql)
    return execute(sql, params, many, context)


def _write(rows: dict[type[Model], list[Model]]) -> bool:
    """Insert everything by one statement, or nothing where the shop's order is there already."""
    (shop_order,), (delivery,) = rows[ShopOrder], rows[Delivery]
    params = [
        _json(_record(shop_order)),
        settings.COOL_OFF_SECONDS,
        _json([_placed(n, order) for n, order in enumerate(rows[Order])]),
        _json(_of_orders(rows[OrderLine])),
        _json(_of_orders(rows[OrderEvent])),
        delivery.body,  # type: ignore[attr-defined]
        _json(_record(delivery)),
        _json(_of_orders(rows[DeliveryLine])),
        _json([_record(task) for task in rows[OrmQ]]),
    ]
    with connection.cursor() as cursor:
        _prepare(cursor)
        try:
            cursor.execute(f"EXECUTE {_name()} ({', '.join(['%s'] * len(params))})", params)
        except ProgrammingError:
            _prepared.discard(connection.connection)
            raise
        return bool(cursor.fetchone()[0])


def _prepare(cursor: Any) -> None:
    """Have the statement planned, once for a connection.

    A pooler may lay several connections of the database's under one of ours; what was planned is
    then missing, or there already, and the delivery is written step by step.
    """
    if connection.connection not in _prepared:
        _prepared.add(connection.connection)
        cursor.execute(_statement())


def _placed(place: int, order: Any) -> dict[str, Any]:
    """Return an order, numbered, with the time at which it is due where that is known already."""
    due = order.next_attempt_at
    return {"place": place, "due": due.value if isinstance(due, Value) else None, **_record(order)}


def _of_orders(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return rows that belong to orders, numbered, each with its order's invoice."""
    return [
        {"place": place, "of": row.order and row.order.invoice, **_record(row)}
        for place, row in enumerate(rows)
    ]


def _record(row: Model) -> dict[str, Any]:
    for field in moments_of(type(row)):
        field.pre_save(row, add=True)
    return {column: row.__dict__[name] for column, name in _columns(type(row))}


def _json(value: Any) -> str:
    return orjson.dumps(value, default=_decimal).decode()


def _decimal(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that a row holds.")


@cache
def _columns(model: type[Model]) -> tuple[tuple[str, str], ...]:
    """Return the columns that a row brings along, each with its attribute's name."""
    filled = _FILLED.get(model, ())
    return tuple(
        (str(field.column), field.attname)
        for field in fields_of(model)
        if field.column not in filled
    )


@cache
def _name() -> str:
    """Return the statement's name, another one for every text: a pooler may keep older ones."""
    return f"desk_arrival_{sha256(_text().encode()).hexdigest()[:12]}"


@cache
def _statement() -> str:
    return (
        f"PREPARE {_name()} (json, float, json, json, json, bytea, json, json, json) AS {_text()}"
    )


@cache
def _text() -> str:
    quote = connection.ops.quote_name
    words = {"ready": status.READY, "TOO_FEW": waking.TOO_FEW.format(now="given.lock")}
    for model in _TABLES:
        types = {str(field.column): field.db_type(connection) for field in fields_of(model)}
        names = [quote(column) for column, _ in _columns(model)]
        typed = [f"{quote(column)} {types[column]}" for column, _ in _columns(model)]
        words[model.__name__] = ", ".join(names)
        words[f"{model.__name__}_typed"] = ", ".join(typed)
    return _STATEMENT.format(**words)
