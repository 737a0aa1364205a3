"""Rows of a spreadsheet as orders that are wanted, or what is wrong with them. Pure.

Each problem names its row and column and says what to do. Cells that the desk or Shopify guarded
with an apostrophe, against being taken for a formula or a number, are read without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from orders.recipient import DEFAULT_LIMIT, LIMITS, Recipient, recipient
from orders.spreadsheet.columns import FIELDS, LINES, Plan
from orders.spreadsheet.reading import Row
from orders.trepstar.wire import MAX_INVOICE_LENGTH, MAX_SPECIAL_TEXT, decode_items

MAX_QUANTITY = 10_000
MAX_REFERENCE = 64
MAX_EMAIL = 254
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
MAIL_METHODS = {
    "standard": "standard",
    "rtrackstandard": "rtrackstandard",
    "standard+tracking": "rtrackstandard",
    "standard with tracking": "rtrackstandard",
    "priority": "priority",
    "express": "express",
}
_INVOICE = re.compile(r"[A-Z0-9-]{1,50}")
# What the desk's own invoices look like; one that came from outside could stand in their way.
_OWN_INVOICE = re.compile(r"(?:T-)?[A-Z0-9]{1,10}-(?:M\d+|(?:[A-Z0-9]{1,12}-)?S\d+-\d+)|.*-[PR]\d+")
_PRODUCT_IDS = re.compile(r"\d+(?:x\d+)+", re.ASCII)
_WHOLE = re.compile(r"(\d{1,6})(?:\.0*)?", re.ASCII)
_PRICE = re.compile(r"\$?\s*(\d{1,6}(?:\.\d{1,2})?)", re.ASCII)
# States whose ZIP codes begin with a zero, which spreadsheet programs take away.
_ZERO_STATES = frozenset({"CT", "MA", "ME", "NH", "NJ", "PR", "RI", "VI", "VT", "AE"})


@dataclass(frozen=True)
class Problem:
    """What is wrong with a row; ``order_id`` is the order that stands in its way."""

    row: int
    column: str
    text: str
    order_id: int | None = None

    def __str__(self) -> str:
        where = f", column “{self.column}”" if self.column else ""
        return f"Row {self.row}{where}: {self.text}"


@dataclass(frozen=True)
class Line:
    """So many of what a SKU or project id stands for, and the row that says so."""

    key: str
    quantity: int
    row: int


@dataclass
class Wanted:
    """An order as the file wants it. ``left_out`` says why it is none of ours, as a sentence."""

    rows: list[Row]
    recipient: Recipient = field(default_factory=Recipient)
    lines: list[Line] = field(default_factory=list)
    invoice: str = ""
    reference: str = ""
    email: str = ""
    mail_method: str = ""
    shipping: str = ""
    price: Decimal | None = None
    special_text: str = ""
    left_out: str = ""
    problems: list[Problem] = field(default_factory=list)

    @property
    def row(self) -> int:
        """The first row, by which the order is called."""
        return self.rows[0].number


class RowReader:
    """Turns the rows of one file into orders, by its header and the plan of its columns."""

    def __init__(self, header: Sequence[str], plan: Plan) -> None:
        self.header = header
        self.plan = plan
        self.columns = dict(plan.columns)

    def orders(self, rows: Iterable[Row]) -> Iterator[Wanted]:
        """Yield the orders in the order of the file."""
        for group in self._groups(rows):
            yield self._order(group)

    def column(self, name: str) -> str:
        """Return the name of a field's column in the file, or the desk's word for the field."""
        column = self.columns.get(name)
        named = self.header[column] if column is not None else ""
        return named or FIELDS[name].label

    def problem(self, row: int, name: str, text: str, order_id: int | None = None) -> Problem:
        """Return a problem with the cell of a field."""
        return Problem(row, self.column(name), text, order_id)

    def _groups(self, rows: Iterable[Row]) -> Iterator[list[Row]]:
        if self.plan.layout != LINES:
            yield from ([row] for row in rows)
            return
        shared = "reference" if "reference" in self.columns else "invoice"
        group: list[Row] = []
        for row in rows:
            key = self._cell(row, shared)
            if group and (not key or key != self._cell(group[0], shared)):
                yield group
                group = []
            group.append(row)
        if group:
            yield group

    def _cell(self, row: Row, name: str) -> str:
        column = self.columns.get(name)
        if column is None or column >= len(row.cells):
            return ""
        text = row.cells[column]
        if len(text) > 1 and text[0] == "'" and (text[1] in FORMULA or name == "zip"):
            return text[1:]
        return text

    def _order(self, group: list[Row]) -> Wanted:
        first = group[0]
        wanted = Wanted(group, shipping=self._cell(first, "shipping"))
        wanted.left_out = self._left_out(first)
        if wanted.left_out:
            return wanted
        for row in group:
            self._lines(wanted, row)
        if not wanted.lines and not wanted.problems:
            wanted.left_out = "Nothing in it needs shipping."
            return wanted
        self._recipient(wanted, first)
        self._numbers(wanted, first)
        self._rest(wanted, first)
        return wanted

    def _left_out(self, row: Row) -> str:
        if self._cell(row, "cancelled"):
            return "The shop cancelled it."
        payment = self._cell(row, "payment").casefold()
        if payment in ("voided", "refunded"):
            return f"Its payment is {payment}."
        return ""

    def _lines(self, wanted: Wanted, row: Row) -> None:
        if self._cell(row, "ships").casefold() in ("false", "no", "0"):
            return
        key, amount = self._cell(row, "product"), self._cell(row, "quantity")
        if not key:
            text = "The product is missing. Write its SKU or TrepStar project id."
            wanted.problems.append(self.problem(row.number, "product", text))
            return
        if _PRODUCT_IDS.fullmatch(key):
            try:
                items = decode_items(key, amount)
            except ValueError:
                items = ((key, 0),)
        else:
            whole = _WHOLE.fullmatch(amount or "1")
            items = ((key, int(whole[1]) if whole else 0),)
        if not all(1 <= quantity <= MAX_QUANTITY for _, quantity in items):
            text = f"“{amount}” is no quantity. Write a whole number from 1 to {MAX_QUANTITY:,}."
            wanted.problems.append(self.problem(row.number, "quantity", text))
            return
        wanted.lines += [Line(one, quantity, row.number) for one, quantity in items]

    def _recipient(self, wanted: Wanted, row: Row) -> None:
        first_and_last = f"{self._cell(row, 'first_name')} {self._cell(row, 'last_name')}"
        country = self._cell(row, "country")
        found, cut = recipient(
            name=self._cell(row, "name") or first_and_last,
            company=self._cell(row, "company"),
            street=self._cell(row, "address"),
            street2=self._cell(row, "address2"),
            city=self._cell(row, "city"),
            state=self._cell(row, "state"),
            zip_code=self._cell(row, "zip"),
            country=country or "US",
        )
        if country and not found.country:
            text = f"“{country}” is no country. Write its name or two-letter code."
            wanted.problems.append(self.problem(row.number, "country", text))
        for name in cut:
            text = f"It has more than {LIMITS.get(name, DEFAULT_LIMIT)} characters. Shorten it."
            wanted.problems.append(self.problem(row.number, name, text))
        wanted.recipient = _with_zeros(found)

    def _numbers(self, wanted: Wanted, row: Row) -> None:
        wanted.invoice, wanted.reference = self._cell(row, "invoice"), self._cell(row, "reference")
        invoice = wanted.invoice
        if invoice and not _INVOICE.fullmatch(invoice):
            text = (
                f"“{invoice}” is no invoice. Use at most {MAX_INVOICE_LENGTH} capital letters, "
                "digits and hyphens, or leave it blank and the desk makes one."
            )
            wanted.problems.append(self.problem(row.number, "invoice", text))
        if len(wanted.reference) > MAX_REFERENCE:
            text = f"It has more than {MAX_REFERENCE} characters. Shorten it."
            wanted.problems.append(self.problem(row.number, "reference", text))

    def _rest(self, wanted: Wanted, row: Row) -> None:
        number = row.number
        wanted.email = self._cell(row, "email")
        if wanted.email and ("@" not in wanted.email or len(wanted.email) > MAX_EMAIL):
            text = f"“{wanted.email[:60]}” is no e-mail address. Correct it or leave it blank."
            wanted.problems.append(self.problem(number, "email", text))
        method = self._cell(row, "mail_method")
        wanted.mail_method = MAIL_METHODS.get(method.casefold(), "")
        if method and not wanted.mail_method:
            text = (
                f"“{method}” is no mail method. Write standard, rtrackstandard, priority or "
                "express, or leave it blank."
            )
            wanted.problems.append(self.problem(number, "mail_method", text))
        price = self._cell(row, "price")
        if price:
            amount = _PRICE.fullmatch(price)
            wanted.price = Decimal(amount[1]) if amount else None
            if not amount:
                text = f"“{price}” is no price. Write US dollars with a point, such as 19.99."
                wanted.problems.append(self.problem(number, "price", text))
        wanted.special_text = self._cell(row, "special_text")
        if len(wanted.special_text) > MAX_SPECIAL_TEXT:
            text = f"It has more than {MAX_SPECIAL_TEXT} characters. Shorten it."
            wanted.problems.append(self.problem(number, "special_text", text))


def is_own_invoice(invoice: str) -> bool:
    """Say whether an invoice looks like one that the desk makes by itself."""
    return bool(_OWN_INVOICE.fullmatch(invoice))


def _with_zeros(found: Recipient) -> Recipient:
    """Give a ZIP code back the zeros that a spreadsheet program took from it."""
    short = found.zip.isascii() and found.zip.isdigit() and len(found.zip) in (3, 4)
    if found.country == "US" and found.state in _ZERO_STATES and short:
        return Recipient(**{**found.as_dict(), "zip": found.zip.zfill(5)})
    return found
