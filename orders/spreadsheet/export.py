"""A list of orders as CSV or XLSX, row by row, whatever its length; no cell is ever a formula."""

from __future__ import annotations

import csv
import io
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import IO, Any

from django.db.models import QuerySet
from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from orders.countries import COUNTRIES
from orders.models import Order, OrderLine
from orders.models.order import Source
from orders.spreadsheet.rows import FORMULA
from orders.status import CHOICES, HOLD_CHOICES

CHUNK = 1_000
MAX_XLSX_ROWS = 100_000
MAX_CELL = 32_767  # what a cell of Excel holds
BOM = "\ufeff"  # without it Excel takes UTF-8 for windows-1252

COLUMNS = (
    ("Invoice", "invoice"),
    ("Status", "status"),
    ("Reason", "hold_reason"),
    ("Publisher", "publisher__name"),
    ("Shop's number", "reference"),
    ("Source", "source"),
    ("Mode", "mode"),
    ("Created", "created_at"),
    ("Name", "name"),
    ("Company", "company"),
    ("Address", "address"),
    ("City", "city"),
    ("State or province", "state"),
    ("Postal code", "zip"),
    ("Country", "country"),
    ("Customer's e-mail", "email"),
    ("Pieces", ""),
    ("SKUs", ""),
    ("TrepStar's word", "gateway_status"),
    ("Tracking id", "tracking_id"),
    ("Ship date", "ship_date"),
)
HEADER = tuple(title for title, _ in COLUMNS)
_FIELDS = [name for _, name in COLUMNS if name]
_WORDS: dict[str, dict[str, str]] = {
    "status": dict(CHOICES),
    "hold_reason": dict(HOLD_CHOICES),
    "source": dict(Source.choices),
    "country": COUNTRIES,
}
# Where they stand among the fields, which are read without their names for speed.
_WORDS_AT = [(_FIELDS.index(name), words) for name, words in _WORDS.items()]
_CREATED = _FIELDS.index("created_at")
_CONTENTS = HEADER.index("Pieces")


class TooMany(Exception):
    """The list is longer than a sheet may be; the message is a whole sentence."""


def rows(orders: QuerySet[Order]) -> Iterator[list[str | int]]:
    """Yield a row for each order, the newest first, in chunks of two queries.

    Chunks go by key, not by offset, so that the last costs what the first does.
    """
    wanted = orders.order_by("-pk")
    last = None
    while True:
        found = wanted if last is None else wanted.filter(pk__lt=last)
        chunk = list(found.values_list("pk", *_FIELDS)[:CHUNK])
        lines = _lines([pk for pk, *_ in chunk])
        for pk, *values in chunk:
            yield _row(values, lines[pk])
        if len(chunk) < CHUNK:
            return
        last = chunk[-1][0]


def _lines(order_ids: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    lines = OrderLine.objects.filter(order__in=order_ids).order_by("pk")
    for order_id, sku, project, quantity in lines.values_list(
        "order_id", "sku", "product__project_id", "quantity"
    ):
        found[order_id].append((sku or project, quantity))
    return found


def _row(values: Sequence[Any], lines: Sequence[tuple[str, int]]) -> list[str | int]:
    cells: list[str | int] = ["" if value is None else str(value) for value in values]
    for at, words in _WORDS_AT:
        cells[at] = words.get(values[at], cells[at])
    # To the second, without the zone.
    cells[_CREATED] = timezone.localtime(values[_CREATED]).isoformat(" ")[:19]
    pieces = sum(quantity for _, quantity in lines)
    skus = ", ".join(sku if n == 1 else f"{n} x {sku}" for sku, n in lines)
    return [*cells[:_CONTENTS], pieces, skus, *cells[_CONTENTS:]]


def safe(cell: str | int) -> str | int:
    """Return a cell that no spreadsheet program takes for a formula."""
    if isinstance(cell, str) and cell.startswith(FORMULA):
        return f"'{cell}"
    return cell


def csv_lines(header: Sequence[str], cells: Iterator[Sequence[str | int]]) -> Iterator[str]:
    """Yield the lines of a CSV file, in pieces of some hundred rows."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    target.write(BOM)
    writer.writerow([safe(cell) for cell in header])
    for count, row in enumerate(cells, 1):
        writer.writerow([safe(cell) for cell in row])
        if count % 200 == 0:
            yield target.getvalue()
            target.seek(0)
            target.truncate()
    yield target.getvalue()


def write_xlsx(orders: QuerySet[Order]) -> tuple[IO[bytes], int]:
    """Write orders as XLSX to a temporary file; return it, at its start, and its number of rows.

    Raises ``TooMany`` beyond ``MAX_XLSX_ROWS``.
    """
    count = orders.order_by()[: MAX_XLSX_ROWS + 1].count()
    if count > MAX_XLSX_ROWS:
        raise TooMany(
            f"More than {MAX_XLSX_ROWS:,} orders are too many for an .xlsx file. Choose CSV, or "
            "filter the list."
        )
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Orders")
    sheet.append(HEADER)
    count = 0
    for row in rows(orders):
        sheet.append([_xlsx_cell(sheet, cell) for cell in row])
        count += 1
    target = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the response that sends it
    book.save(target)
    target.seek(0)
    return target, count


def _xlsx_cell(sheet: Any, cell: str | int) -> Any:
    if not isinstance(cell, str):
        return cell
    text = ILLEGAL_CHARACTERS_RE.sub(" ", cell)[:MAX_CELL]
    if not text.startswith("="):
        return text
    # Typed as a text, else the library makes a formula of it.
    typed = WriteOnlyCell(sheet, text)
    typed.data_type = "s"
    return typed
