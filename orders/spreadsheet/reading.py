"""A spreadsheet's bytes as rows of text: CSV, pasted cells or XLSX. Pure; knows no database.

Rows come one by one, whatever the size. What cannot be read raises ``Unreadable``, be it at once
or at the row where it shows.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase

from orders.spreadsheet import workbook
from orders.spreadsheet.limits import MAX_COLUMNS, MAX_LINE, MAX_ROWS, MAX_SHEET_ROWS, Unreadable

Opener = Callable[[], BufferedIOBase]
Record = tuple[int, list[str]]

SAMPLE = 64 * 1024
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Row:
    """A row that is not blank; ``number`` is the one that a spreadsheet shows beside it."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A header and the rows below it; ``told`` says how the file was read, as a phrase."""

    header: tuple[str, ...]
    told: str
    _records: Callable[[], Iterator[Record]]

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header, blank ones left out. Raises ``Unreadable``."""
        rows = _bounded(self._records())
        next(rows)
        for count, row in enumerate(rows):
            if count >= MAX_ROWS:
                raise Unreadable(
                    f"The file has more than {MAX_ROWS:,} rows. Split it and import the parts."
                )
            yield row


def read(opener: Opener) -> Table:
    """Read the header of the file that ``opener`` opens, once for each look at it.

    Raises ``Unreadable`` for what is no spreadsheet, or one beyond the limits.
    """
    with opener() as stream:
        start = stream.read(8)
    if start.startswith(OLD_EXCEL):
        raise Unreadable(
            "This is an old or a protected Excel file. Save it as .xlsx without a password, or as "
            "CSV, and import that."
        )
    if start.startswith(b"PK"):
        title = workbook.title(opener)
        return _table(f"XLSX, sheet “{title}”", lambda: workbook.records(opener))
    encoding, name = _encoding(opener)
    separator = _separator(opener, encoding)
    told = f"text in {name}, separated by {SEPARATORS[separator]}"
    return _table(told, lambda: _records(opener, encoding, separator))


def _table(told: str, records: Callable[[], Iterator[Record]]) -> Table:
    first = next(_bounded(records()), None)
    if first is None:
        raise Unreadable("The file is empty. Its first row must name the columns.")
    return Table(first.cells, told, records)


def _bounded(records: Iterable[Record]) -> Iterator[Row]:
    """Yield the rows that are not blank, trimmed, as long as they keep to the limits."""
    for number, cells in records:
        if number > MAX_SHEET_ROWS:
            raise Unreadable(
                f"The file has more than {MAX_SHEET_ROWS:,} rows, blank ones among them. "
                "Split it and import the parts."
            )
        trimmed = [cell.strip() for cell in cells]
        while trimmed and not trimmed[-1]:
            trimmed.pop()
        if len(trimmed) > MAX_COLUMNS:
            raise Unreadable(
                f"Row {number} has more than {MAX_COLUMNS} columns. Take out those that are not "
                "needed."
            )
        if trimmed:
            yield Row(number, tuple(trimmed))


# Text


def _encoding(opener: Opener) -> tuple[str, str]:
    """Return the codec of a text file and how people call it."""
    with opener() as stream:
        start = stream.read(SAMPLE)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", "UTF-8"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "UTF-16"
    if b"\0" in start:
        raise Unreadable("This is no spreadsheet. Import a CSV file in UTF-8, or an .xlsx file.")
    for codec, name in (("utf-8", "UTF-8"), ("cp1252", "windows-1252")):
        if _decodes(opener, codec):
            return codec, name
    raise Unreadable(
        "The file is neither UTF-8 nor windows-1252. Save it as “CSV UTF-8” and import that."
    )


def _decodes(opener: Opener, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    with opener() as stream:
        try:
            while chunk := stream.read(SAMPLE):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _separator(opener: Opener, encoding: str) -> str:
    """Return the separator that makes the most columns of the first row."""
    with opener() as stream:
        text = stream.read(SAMPLE).decode(encoding, "replace").lstrip()

    def columns(separator: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), []))
        except csv.Error:
            return 0

    return max(SEPARATORS, key=columns)


def _records(opener: Opener, encoding: str, separator: str) -> Iterator[Record]:
    with opener() as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, newline="")  # type: ignore[type-var]
        # Strict, or a quotation mark that is never closed would swallow rows without a word.
        reader = csv.reader(_lines(text), delimiter=separator, strict=True)
        number = 0
        while True:
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                raise Unreadable(
                    f"Row {number} cannot be read: a quotation mark is never closed, stands within "
                    "a quoted cell, or a cell is too long. Correct it and import the file again."
                ) from None
            except UnicodeDecodeError:
                raise Unreadable(
                    f"Row {number} holds bytes that are no text in the file's encoding. Save the "
                    "file as “CSV UTF-8” and import that."
                ) from None
            yield number, cells


def _lines(text: io.TextIOBase) -> Iterator[str]:
    """Yield lines without control characters; none may be as long as a whole file."""
    while line := text.readline(MAX_LINE):
        if len(line) >= MAX_LINE:
            raise Unreadable(
                f"The file has a line of more than {MAX_LINE:,} characters. It is no spreadsheet, "
                "or its rows do not stand on lines of their own."
            )
        yield _CONTROL.sub(" ", line)
