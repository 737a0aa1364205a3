"""How large a spreadsheet may be, and the error for one that cannot be read. Pure."""

from __future__ import annotations

MAX_BYTES = 50 * 1024 * 1024
MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_LINE = 1_000_000
# What a sheet of Excel can hold, blank rows among it.
MAX_SHEET_ROWS = 1_048_576
MAX_UNPACKED = 300 * 1024 * 1024
# All parts of a workbook but its sheets are read as a whole, and of a sheet each row is.
MAX_PART = 64 * 1024 * 1024
MAX_ROW_BYTES = 4 * 1024 * 1024
MAX_PARTS = 2_000


class Unreadable(ValueError):
    """The file cannot be read as a spreadsheet; the message is a whole sentence with the remedy."""
