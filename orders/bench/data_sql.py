"""The statements that fill the large tables, for PostgreSQL and SQLite. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orders.bench.data_body import ID, NUMBER, SKU, TOPIC, template
from orders.bench.data_dialect import Dialect

SPACING = 250
"""Seconds between two orders."""
WAITING, WITH_BODY, WITH_PAYLOAD = 10_000, 10_000, 60_000
FIRST_SHOP_ORDER = 5_000_000_000_000
FIRST_NAMES = (
    "Anna Bruno Carla David Elena Frank Greta Hugo Irene Jonas Karin Louis Maria Nils Olga Paul "
    "Rosa Simon Tessa Viktor"
)
LAST_NAMES = (
    "Keller Jensen Torres Lund Brandt Okafor Silva Novak Rossi Dubois Larsen Meyer Kowalski Haas "
    "Lindqvist Moreau Peters Quinn Ruiz Stein Tanaka Ueda Vogel Weber Xu Young Zimmer"
)


def inserts(speak: Dialect, *, orders: int, now: int) -> Iterator[str]:
    """Yield one INSERT for each large table. ``now`` is in seconds since 1970.

    ``p`` counts orders from the newest, 0; ``pub`` is the publisher, and the shop as well.
    """
    base = f"{speak.numbers(orders)}, {_base(orders, now)}"
    yield _insert("orders_shoporder", f"WITH RECURSIVE {base}", _shop_order(speak), "base")
    first, last = FIRST_NAMES.split(), LAST_NAMES.split()
    names = f"{_names('first', first)}, {_names('last', last)}"
    named = (
        f"base JOIN first ON first.k = i % {len(first)} JOIN last ON last.k = i / 3 % {len(last)}"
    )
    order = {**_box(), **_course(speak, now)}
    yield _insert("orders_order", f"WITH RECURSIVE {base}, {names}", order, named)
    lines = f"{base}, line(k) AS (VALUES (1), (2), (3))"
    each = "base CROSS JOIN line"
    yield _insert("orders_orderline", f"WITH RECURSIVE {lines}", _line(), each)
    steps = f"{base}, step(k) AS (VALUES (1), (2), (3), (4), (5))"
    told = _event(speak)
    yield _insert("orders_orderevent", f"WITH RECURSIVE {steps}", told, "base CROSS JOIN step")
    sent = f"base WHERE {_SENT}"
    yield _insert("orders_attempt", f"WITH RECURSIVE {base}", _attempt(speak), sent)
    yield _insert("orders_delivery", f"WITH RECURSIVE {base}", _delivery(speak), "base")
    yield _insert("orders_deliveryline", f"WITH RECURSIVE {lines}", _delivery_line(), each)


def settle(speak: Dialect, tables: tuple[str, ...]) -> Iterator[str]:
    """Yield what comes after the rows: where ids go on, and the planner's statistics."""
    for table in tables:
        yield speak.after(table)
    yield speak.analyze


def _insert(table: str, with_: str, values: dict[str, str], source: str) -> str:
    columns = ", ".join(f'"{name}"' for name in values)
    chosen = ", ".join(values.values())
    return f"INSERT INTO {table} ({columns}) {with_} SELECT {chosen} FROM {source}"  # noqa: S608


def _names(table: str, names: Sequence[str]) -> str:
    rows = ", ".join(f"({place}, '{name}')" for place, name in enumerate(names))
    return f"{table}(k, v) AS (VALUES {rows})"


_SENT = "status NOT IN ('held', 'ready', 'cancelled')"
_ACCEPTED = "status NOT IN ('held', 'ready', 'cancelled', 'unclear', 'refused')"
_SHOP_ORDER_ID = f"{FIRST_SHOP_ORDER} + i"
_INVOICE = f"'B' || pub || '-' || (1000 + i) || '-S' || ({_SHOP_ORDER_ID}) || '-1'"
_PLACE = "(1 + (i + k * 41) % 125)"
_SKU = f"'B' || pub || '-' || (100 + {_PLACE})"
_PRODUCT = f"(pub - 1) * 125 + {_PLACE}"


def _base(orders: int, now: int) -> str:
    """Return the CTE with what all tables say of order ``i``."""
    return f"""
        spread AS (
            SELECT i, {orders} - i AS p, {now} - ({orders} - i + 1) * {SPACING} AS born,
                CASE WHEN i / 7 % 10 < 5 THEN 1 WHEN i / 7 % 10 < 8 THEN 2
                    WHEN i / 7 % 10 = 8 THEN 3 ELSE 4 END AS pub
            FROM n
        ),
        base AS (
            SELECT i, p, born, pub, CASE WHEN p < 20 THEN {now} ELSE born + 3600 END AS done,
                p < {WAITING} AND p % 100 = 4 AS flagged,
                CASE
                    WHEN p < {WAITING} AND p % 25 = 0 THEN 'held'
                    WHEN p < {WAITING} AND p % 50 = 1 THEN 'ready'
                    WHEN p < {WAITING} AND p % 200 = 2 THEN 'unclear'
                    WHEN p < {WAITING} AND p % 400 = 3 THEN 'problem'
                    WHEN p < {WAITING} AND p % 400 = 203 THEN 'refused'
                    WHEN p % 40 = 7 THEN 'accepted'
                    WHEN p % 40 = 27 THEN 'processing'
                    WHEN p % 50 = 9 THEN 'cancelled'
                    WHEN p % 50 = 11 THEN 'tested'
                    ELSE 'shipped'
                END AS status
            FROM spread
        )
    """  # noqa: S608


def _shop_order(speak: Dialect) -> dict[str, str]:
    return {
        "id": "i",
        "store_id": "pub",
        "shop_order_id": _SHOP_ORDER_ID,
        "name": "'#' || (1000 + i)",
        "shop_updated_at": speak.at("born"),
        "boxes": "1",
    }


def _box() -> dict[str, str]:
    """Return what an order is: whose, in which status, what goes where."""
    blank = "''"
    return {
        "id": "i",
        "publisher_id": "pub",
        "source": "'shopify'",
        "shop_order_id": "i",
        "reference": "'#' || (1000 + i)",
        "invoice": _INVOICE,
        "caller_invoice": blank,
        "mode": "CASE WHEN status = 'tested' THEN 'test' ELSE 'prod' END",
        "status": "status",
        "hold_reason": "CASE WHEN status <> 'held' THEN '' WHEN p % 50 = 0 THEN 'policy'"
        " WHEN p % 75 = 0 THEN 'address' ELSE 'staff' END",
        "hold_note": "CASE WHEN status = 'held' THEN 'The customer asked to wait.' ELSE '' END",
        "mail_method": "'standard'",
        "name": "first.v || ' ' || last.v",
        "company": blank,
        "address": "(1 + i % 900) || ' Harbour Street'",
        "city": "'Portland'",
        "state": "'ME'",
        "zip": "'04101'",
        "country": "'US'",
        "email": "lower(first.v) || '.' || (1000 + i) || '@example.com'",
        "special_text": blank,
        "price_on_customs": "FALSE",
        "notify_customer": "FALSE",
    }


def _course(speak: Dialect, now: int) -> dict[str, str]:
    """Return how far an order came: what TrepStar said, what was sent and asked, and when."""
    accepted, shipped = f"CASE WHEN {_ACCEPTED} THEN", "CASE WHEN status = 'shipped' THEN"
    asked = "status IN ('accepted', 'processing', 'unclear', 'problem')"
    tracking = "'94001' || (10000000000000000 + i)"
    blank, zero = "''", "0"
    return {
        "edited_fields": speak.json("'[]'"),
        "gateway_status": f"{accepted} upper(status) ELSE '' END",
        "gateway_error_number": "CASE WHEN status = 'refused' THEN '10' ELSE '' END",
        "gateway_error_text": "CASE WHEN status IN ('refused', 'problem')"
        " THEN 'The address cannot be delivered to.' ELSE '' END",
        "gateway_customer": blank,
        "ship_date_text": blank,
        "shipping_method": blank,
        "tracking_id": f"{shipped} {tracking} ELSE '' END",
        "tracking_history": speak.json("'[]'"),
        "flag": "CASE WHEN flagged THEN 'The shop changed the address.' ELSE '' END",
        "attempts": f"CASE WHEN {_SENT} THEN 1 ELSE 0 END",
        "not_sent": zero,
        "next_attempt_at": f"CASE WHEN status = 'ready' THEN {speak.at('born')} END",
        "payload": f"CASE WHEN {_SENT} AND p < {WITH_PAYLOAD} THEN {speak.json(_PAYLOAD)} END",
        "stop_request": blank,
        "question": "CASE WHEN status = 'unclear' THEN 'outcome' ELSE '' END",
        "unclear_since": f"CASE WHEN status = 'unclear' THEN {speak.at('done')} END",
        "unclear_rounds": "CASE WHEN status = 'unclear' THEN 1 ELSE 0 END",
        "not_found": zero,
        "missed": zero,
        "went_back": zero,
        "asked_at": f"{accepted} {speak.at('done')} END",
        "next_ask_at": f"CASE WHEN {asked} THEN {speak.at(f'{now} - p % 3600')} END",
        "redact": "FALSE",
        "accepted_at": f"{accepted} {speak.at('born + 60')} END",
        "shipped_at": f"{shipped} {speak.at('done')} END",
        "version": "4",
        "created_at": speak.at("born"),
        "updated_at": speak.at("done"),
    }


_PAYLOAD = (
    '\'{"idpub": "\' || (80000 + pub) || \'", "invoice": "\' || ' + _INVOICE + " || '\","
    ' "name": "\' || first.v || \' \' || last.v || \'", "address": "1 Harbour Street",'
    ' "city": "Portland", "state": "ME", "zip": "04101", "country": "US",'
    ' "typeMailMethod": "standard", "line1": "10001;1", "line2": "10042;1"}\''
)


def _line() -> dict[str, str]:
    return {
        "id": "(i - 1) * 3 + k",
        "order_id": "i",
        "product_id": _PRODUCT,
        "quantity": "1",
        "sku": _SKU,
        "source_line_id": f"({_SHOP_ORDER_ID}) * 10 + k",
    }


def _event(speak: Dialect) -> dict[str, str]:
    """Return five events: made, noted or sent, and at last what gave the order its status."""
    early = "CASE WHEN k = 2 THEN 'order.claimed' ELSE 'order.attempted' END"
    taken = "CASE WHEN status IN ('unclear', 'refused') THEN 'order.note' ELSE 'order.accepted' END"
    last = "CASE WHEN status = 'ready' THEN 'order.note' WHEN status = 'accepted' THEN"
    last += " 'order.word_changed' ELSE 'order.' || status END"
    middle = f"CASE WHEN NOT {_SENT} THEN 'order.note' WHEN k < 4 THEN {early} ELSE {taken} END"
    reached = "CASE WHEN status IN ('unclear', 'refused') THEN 'submitting' ELSE 'accepted' END"
    before = f"CASE WHEN NOT {_SENT} THEN 'ready' WHEN k = 2 THEN 'ready'"
    before += f" WHEN k < 5 THEN 'submitting' ELSE {reached} END"
    after = f"CASE WHEN k = 5 THEN status WHEN NOT {_SENT} THEN 'ready'"
    after += f" WHEN k < 4 THEN 'submitting' ELSE {reached} END"
    return {
        "id": "(i - 1) * 5 + k",
        "order_id": "i",
        "kind": f"CASE k WHEN 1 THEN 'order.placed' WHEN 5 THEN {last} ELSE {middle} END",
        "from_status": f"CASE k WHEN 1 THEN '' ELSE {before} END",
        "to_status": f"CASE k WHEN 1 THEN 'ready' ELSE {after} END",
        "actor_kind": "CASE k WHEN 1 THEN 'shop' ELSE 'worker' END",
        "data": speak.json(
            """CASE k WHEN 1 THEN '{"pieces": 3, "source": "shopify"}' ELSE '{"attempt": 1}' END"""
        ),
        "created_at": speak.at("CASE WHEN k < 5 THEN born + k * 10 ELSE done END"),
    }


def _attempt(speak: Dialect) -> dict[str, str]:
    known = "CASE WHEN status IN ('unclear', 'refused') THEN status ELSE 'accepted' END"
    return {
        "id": "i",
        "order_id": "i",
        "number": "1",
        "token": speak.uuid("i"),
        "credential_version": "1",
        "payload_hash": f"'{'0' * 64}'",
        "outcome": known,
        "late": "FALSE",
        "error_code": "CASE WHEN status = 'refused' THEN '10' ELSE '' END",
        "text": "''",
        "http_status": "200",
        "excerpt": "'[SUCCESS]'",
        "started_at": speak.at("born + 30"),
        "finished_at": speak.at("born + 31"),
    }


def _delivery(speak: Dialect) -> dict[str, str]:
    text = f"'{template()}'"
    for mark, value in (
        (ID, f"CAST({_SHOP_ORDER_ID} AS text)"),
        (NUMBER, "CAST(1000 + i AS text)"),
        *((SKU.format(k), _SKU.replace("k", str(k))) for k in (1, 2, 3)),
    ):
        text = f"replace({text}, '{mark}', {value})"
    return {
        "id": "i",
        "store_id": "pub",
        "shop_order_id": "i",
        "webhook_id": "'bench-' || i",
        "body_hash": "'bench-' || i",
        "event_id": "''",
        "topic": f"'{TOPIC}'",
        "api_version": "'2026-01'",
        "test_header": "FALSE",
        "matched_secret": "1",
        "body": f"CASE WHEN p < {WITH_BODY} THEN {speak.binary(text)} END",
        "shop_updated_at": speak.at("born"),
        "outcome": "'created'",
        "reason": "''",
        "invoices": speak.json(f"""'["' || {_INVOICE} || '"]'"""),
        "repeats": "0",
        "failures": "0",
        "received_at": speak.at("born"),
    }


def _delivery_line() -> dict[str, str]:
    return {
        "id": "(i - 1) * 3 + k",
        "delivery_id": "i",
        "shop_order_id": "i",
        "line_id": f"({_SHOP_ORDER_ID}) * 10 + k",
        "fulfillment_active": "TRUE",
        "sku": _SKU,
        "key": f"lower({_SKU})",
        "title": f"'Item ' || {_SKU}",
        "quantity": "1",
        "units": "1",
        "outcome": "'ordered'",
        "reason": "''",
        "product_id": _PRODUCT,
        "order_id": "i",
    }
