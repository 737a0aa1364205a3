"""An XLSX file as rows of text: formulas by their last values, no links followed. Pure."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from io import BufferedIOBase, BytesIO
from typing import Any

from openpyxl import load_workbook
from openpyxl.reader.excel import ExcelReader
from openpyxl.xml.constants import ARC_CONTENT_TYPES, WORKSHEET_TYPE

from orders.spreadsheet.limits import (
    MAX_PART,
    MAX_PARTS,
    MAX_ROW_BYTES,
    MAX_UNPACKED,
    Unreadable,
)

Opener = Callable[[], BufferedIOBase]

CHUNK = 64 * 1024
TOO_LARGE = (
    "This .xlsx file is too large when it is unpacked. Save it as CSV and import that, or split it."
)
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
        content = BytesIO(stream.read())
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


def _check_size(content: BytesIO) -> None:
    """Refuse what would grow beyond measure when it is unpacked, before anything of it is."""
    with zipfile.ZipFile(content) as packed:
        parts = packed.infolist()
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
            raise Unreadable(TOO_LARGE)
        if packed.getinfo(ARC_CONTENT_TYPES).file_size > MAX_PART:
            raise Unreadable(TOO_LARGE)
        sheets = _sheets(content)
        for part in parts:
            if part.filename in sheets:
                _check_rows(packed, part)
            elif part.file_size > MAX_PART:
                raise Unreadable(TOO_LARGE)


def _sheets(content: BytesIO) -> set[str]:
    """Return the names of the parts that are sheets and are nothing else as well."""
    reader = ExcelReader(content, read_only=True)
    reader.read_manifest()
    said = [(one.PartName.lstrip("/"), one.ContentType) for one in reader.package.Override]
    return {name for name, kind in said if kind == WORKSHEET_TYPE} - {
        name for name, kind in said if kind != WORKSHEET_TYPE
    }


def _check_rows(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Refuse a sheet whose rows are endless, or that holds what could hide where they end."""
    since, before = 0, b""
    with packed.open(part) as sheet:
        while chunk := sheet.read(CHUNK):
            if b"<!" in before + chunk:
                raise Unreadable(BROKEN)
            since = 0 if b"row>" in before + chunk else since + len(chunk)
            if since > MAX_ROW_BYTES:
                raise Unreadable(TOO_LARGE)
            before = chunk[-3:]


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
