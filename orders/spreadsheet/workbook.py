"""An XLSX file as rows of text: formulas by their last values, no links followed. Pure."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from io import BufferedIOBase
from typing import IO, Any

from openpyxl import load_workbook

from orders.spreadsheet.limits import MAX_PARTS, MAX_SHARED_STRINGS, MAX_UNPACKED, Unreadable

Opener = Callable[[], BufferedIOBase]

SHARED_STRINGS = "xl/sharedstrings.xml"
BROKEN = (
    "This .xlsx file cannot be read. Open it in your spreadsheet program, save it again as .xlsx "
    "or CSV, and import that."
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|_x[0-9A-F]{4}_")


def title(opener: Opener) -> str:
    """Return the name of the sheet that is read. Raises ``Unreadable``."""
    with _book(opener) as book:
        return str(_sheet(book).title)


def records(opener: Opener) -> Iterator[tuple[int, list[str]]]:
    """Yield the first visible sheet's rows with their numbers. Raises ``Unreadable``."""
    with _book(opener) as book:
        sheet = _sheet(book)
        # A file's own word on its size may be wrong, and rows would be cut off by it.
        sheet.reset_dimensions()
        for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
            yield number, [_text(value) for value in values]


@contextmanager
def _book(opener: Opener) -> Iterator[Any]:
    with opener() as stream:
        content = io.BytesIO(stream.read())
    book = None
    try:
        _check_size(content)
        book = load_workbook(content, read_only=True, data_only=True, keep_links=False)
        yield book
    except (Unreadable, GeneratorExit):
        raise
    except Exception as error:
        # A spoilt file fails anywhere in the library, with whatever it stumbles over.
        raise Unreadable(BROKEN) from error
    finally:
        if book is not None:
            book.close()


def _check_size(content: IO[bytes]) -> None:
    """Refuse what would grow beyond measure when it is unpacked."""
    with zipfile.ZipFile(content) as packed:
        parts = packed.infolist()
    whole = sum(part.file_size for part in parts)
    shared = sum(p.file_size for p in parts if p.filename.lower() == SHARED_STRINGS)
    if len(parts) > MAX_PARTS or whole > MAX_UNPACKED or shared > MAX_SHARED_STRINGS:
        raise Unreadable(
            "This .xlsx file is too large when it is unpacked. Save it as CSV and import that, or "
            "split it."
        )


def _sheet(book: Any) -> Any:
    if not book.worksheets:
        raise Unreadable("This .xlsx file has no sheet with cells. Import another one.")
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    return (visible or book.worksheets)[0]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _CONTROL.sub(" ", value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)
