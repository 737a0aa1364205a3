"""What the sandbox remembers: accounts' balances, orders and every call, in one SQLite file.

Knows no rules and no HTTP. A transaction is on disk before its call is answered, so a killed
sandbox has forgotten nothing that it acknowledged.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from typing import Any

from orders.trepstar.sandbox_rules import Order

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (publisher_id TEXT PRIMARY KEY, balance INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, account TEXT, invoice TEXT, email TEXT, productid TEXT, quantity TEXT,
    mode TEXT, method TEXT, name TEXT, address TEXT, zip TEXT, country TEXT, price INTEGER,
    tracked INTEGER, accepted_at REAL, paid_at REAL, deleted INTEGER);
CREATE INDEX IF NOT EXISTS orders_by_invoice ON orders (account, invoice);
CREATE INDEX IF NOT EXISTS orders_unpaid ON orders (account) WHERE paid_at IS NULL;
CREATE TABLE IF NOT EXISTS order_products (
    order_id INTEGER, product TEXT, PRIMARY KEY (order_id, product)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, at REAL, path TEXT, method TEXT, kind TEXT, invoices TEXT, account TEXT,
    fields TEXT, verdict TEXT, code TEXT, fault TEXT, payload_hash TEXT, order_id INTEGER);
"""
_ORDER_COLUMNS = ", ".join(f"o.{field.name}" for field in fields(Order))
_ORDER_PLACES = ", ".join("?" for _ in fields(Order))


@dataclass(frozen=True)
class LoggedCall:
    """One call as it was logged. ``fields`` and ``invoices`` are without the password.

    ``kind`` is submit, status or other; ``verdict`` is accepted, refused, answered, unprocessed
    (a fault came first) or unknown (no such address); ``code`` is the ERRCODE or ErrorNum;
    ``fault`` is the fault played, or blank.
    """

    id: int
    at: float
    path: str
    method: str
    kind: str
    invoices: Sequence[str]
    account: str
    fields: Mapping[str, str]
    verdict: str
    code: str
    fault: str
    payload_hash: str
    order_id: int | None


class Store:
    """One SQLite database, one connection, used by one thread at a time."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # WAL with synchronous NORMAL survives kill -9; a power cut is not what a sandbox is for.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block alone, and keep all of its writes or none."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the database once the transaction under way has ended."""
        with self._lock:
            self._connection.close()

    def open_account(self, publisher_id: str, balance: int) -> None:
        """Give an account its first balance in cents; one that is known keeps its own."""
        self._write("INSERT OR IGNORE INTO accounts VALUES (?, ?)", publisher_id, balance)

    def balance(self, publisher_id: str) -> int:
        """Return an account's balance in cents."""
        return int(
            self._rows("SELECT balance FROM accounts WHERE publisher_id = ?", publisher_id)[0][0]
        )

    def add_balance(self, publisher_id: str, cents: int) -> None:
        """Add ``cents``, which may be negative."""
        self._write(
            "UPDATE accounts SET balance = balance + ? WHERE publisher_id = ?", cents, publisher_id
        )

    def next_order_id(self) -> int:
        """Return the id of the next order; call it in the transaction that adds the order."""
        return int(self._rows("SELECT coalesce(max(id), 0) + 1 FROM orders")[0][0])

    def add_order(self, order: Order, products: Sequence[str]) -> None:
        """Store an order with the project ids that it holds."""
        self._write(f"INSERT INTO orders VALUES ({_ORDER_PLACES})", *astuple(order))  # noqa: S608
        for product in set(products):
            self._write("INSERT INTO order_products VALUES (?, ?)", order.id, product)

    def set_paid(self, order_id: int, at: float) -> None:
        """Note when an order was paid for."""
        self._write("UPDATE orders SET paid_at = ? WHERE id = ?", at, order_id)

    def set_deleted(self, order_id: int) -> None:
        """Note that an order was deleted on the dashboard."""
        self._write("UPDATE orders SET deleted = 1 WHERE id = ?", order_id)

    def orders(self) -> list[Order]:
        """Return every order that was ever taken, oldest first."""
        return self._orders("ORDER BY o.id")

    def unpaid(self, publisher_id: str) -> list[Order]:
        """Return an account's orders that wait for a payment, oldest first."""
        where = "WHERE o.account = ? AND o.paid_at IS NULL AND NOT o.deleted AND o.mode = 'prod'"
        return self._orders(f"{where} ORDER BY o.id", publisher_id)

    def order_by_id(self, order_id: int) -> Order | None:
        """Return the order with that id, if it was not deleted."""
        found = self._orders("WHERE o.id = ? AND NOT o.deleted", order_id)
        return found[0] if found else None

    def newest(self, publisher_id: str, invoice: str) -> Order | None:
        """Return an account's newest order with that invoice that was not deleted."""
        where = "WHERE o.account = ? AND o.invoice = ? AND NOT o.deleted ORDER BY o.id DESC LIMIT 1"
        found = self._orders(where, publisher_id, invoice)
        return found[0] if found else None

    def same_invoice(self, publisher_id: str, invoice: str, product: str) -> Order | None:
        """Return an account's order of ``product`` with that invoice, if there is one."""
        found = self._orders(
            "JOIN order_products p ON p.order_id = o.id WHERE o.account = ? AND o.invoice = ? "
            "AND p.product = ? AND NOT o.deleted LIMIT 1",
            publisher_id,
            invoice,
            product,
        )
        return found[0] if found else None

    def same_email(
        self, publisher_id: str, email: str, product: str, *, after: float
    ) -> Order | None:
        """Return an account's order of ``product`` without invoice for that e-mail since then."""
        found = self._orders(
            "JOIN order_products p ON p.order_id = o.id WHERE o.account = ? AND o.invoice = '' "
            "AND lower(o.email) = lower(?) AND p.product = ? AND o.accepted_at > ? "
            "AND NOT o.deleted LIMIT 1",
            publisher_id,
            email,
            product,
            after,
        )
        return found[0] if found else None

    def add_call(self, call: LoggedCall) -> None:
        """Log one call; the ``id`` of ``call`` is ignored."""
        values = {**vars(call), "id": None}
        for name in ("invoices", "fields"):
            values[name] = json.dumps(values[name])
        places = ", ".join("?" for _ in values)
        self._write(f"INSERT INTO calls VALUES ({places})", *values.values())  # noqa: S608

    def calls(self, *, since: int = 0, newest: int = -1) -> list[LoggedCall]:
        """Return the calls after id ``since``, oldest first; only the ``newest`` so many."""
        rows = self._rows(
            "SELECT * FROM calls WHERE id > ? ORDER BY id DESC LIMIT ?", since, newest
        )
        return [_call(row) for row in reversed(rows)]

    def _orders(self, where: str, *values: object) -> list[Order]:
        rows = self._rows(f"SELECT {_ORDER_COLUMNS} FROM orders o {where}", *values)  # noqa: S608
        return [_order(row) for row in rows]

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _write(self, sql: str, *values: object) -> None:
        with self._lock:
            self._connection.execute(sql, values)


def _order(row: tuple[Any, ...]) -> Order:
    values = dict(zip((field.name for field in fields(Order)), row, strict=True))
    values["tracked"], values["deleted"] = bool(values["tracked"]), bool(values["deleted"])
    return Order(**values)


def _call(row: tuple[Any, ...]) -> LoggedCall:
    values = dict(zip((field.name for field in fields(LoggedCall)), row, strict=True))
    for name in ("invoices", "fields"):
        values[name] = json.loads(str(values[name]))
    return LoggedCall(**values)
