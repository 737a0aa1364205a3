"""Bytes as rows of text: encodings, separators, quotes, XLSX, and whatever is no spreadsheet."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import tracemalloc
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.spreadsheet import workbook
from orders.spreadsheet.limits import Unreadable
from orders.spreadsheet.reading import Row, read
from tests.spreadsheet_cast import cells, changed, sample, table, xlsx_of

ROWS = [("Ana", "Peña"), ("Bo", "“B”")]


@pytest.mark.parametrize("separator", ["\t", ";", ","])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("encoding", "bom", "told"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8", codecs.BOM_UTF8, "UTF-8"),
        ("cp1252", b"", "windows-1252"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "UTF-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "UTF-16"),
    ],
)
def test_text_is_read_in_each_encoding_with_each_separator_and_line_end(
    separator: str, end: str, encoding: str, bom: bytes, told: str
) -> None:
    text = end.join(separator.join(row) for row in [("First", "Last"), *ROWS, ("", "")]) + end
    found = table(bom + text.encode(encoding))
    names = {"\t": "tabs", ";": "semicolons", ",": "commas"}
    assert found.header == ("First", "Last")
    assert found.told == f"text in {told}, separated by {names[separator]}"
    assert [row.cells for row in found.rows()] == ROWS


def test_the_samples_are_what_they_are_called() -> None:
    windows = table(sample("semicolons-windows-1252.csv"))
    assert windows.told == "text in windows-1252, separated by semicolons"
    assert [row.cells[2:5] for row in windows.rows()] == [
        ("Jürgen Müller", "Hauptstraße 5", "München")
    ]
    assert table(sample("trepstar-form.tsv")).told == "text in UTF-8, separated by tabs"
    shopify = table(sample("shopify-orders.csv"))
    assert (len(shopify.header), len(list(shopify.rows()))) == (79, 8)


def test_quoted_cells_hold_separators_quotes_and_lines() -> None:
    text = b'Name,Note\r\n"Pe\xc3\xb1a, Ana","She said ""hi"",\r\ntwice"\r\n'
    assert cells(text) == [("Peña, Ana", 'She said "hi",\r\ntwice')]


def test_rows_have_the_numbers_that_a_spreadsheet_shows() -> None:
    text = b'\nName,Note\n\nAna,"two\nlines"\n,\nBo,\n'
    assert list(table(text).rows()) == [Row(4, ("Ana", "two\nlines")), Row(6, ("Bo",))]


def test_control_characters_become_blanks() -> None:
    assert cells(b"Name,City\nA\x07na\x1b,\x7fPort\x08land\n") == [("A na", "Port land")]


def test_one_column_is_a_spreadsheet_too() -> None:
    assert cells(b"Name\nAna\nBo\n") == [("Ana",), ("Bo",)]


EMPTY = "The file is empty. Its first row must name the columns."
NONE = "This is no spreadsheet. Import a CSV file in UTF-8, or an .xlsx file."
OLD = (
    "This is an old or a protected Excel file. Save it as .xlsx without a password, or as CSV, and "
    "import that."
)
NEITHER = "The file is neither UTF-8 nor windows-1252. Save it as “CSV UTF-8” and import that."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", EMPTY),
        (b"\n\r\n , \n", EMPTY),
        (codecs.BOM_UTF8, EMPTY),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", NONE),
        (b"N\0a\0m\0e\0", NONE),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, OLD),
        (b"Name\nA\x81na\n", NEITHER),
        (b"PK\x03\x04 and nothing behind", workbook.BROKEN),
    ],
)
def test_what_is_no_spreadsheet_is_told_in_a_sentence(content: bytes, said: str) -> None:
    with pytest.raises(Unreadable) as told:
        cells(content)
    assert str(told.value) == said


QUOTES = (
    "Row 3 cannot be read: a quotation mark is never closed, stands within a quoted cell, or a "
    "cell is too long. Correct it and import the file again."
)


@pytest.mark.parametrize(
    "row",
    ['"Ana,1 Main St\nBo,2\nCy,3\n', '"An"a,1\n', f"{'x' * 140_000},1\n"],
    ids=["never closed", "within", "too long"],
)
def test_a_row_that_cannot_be_read_is_named(row: str) -> None:
    content = f"Name,Address\nAl,0\n{row}".encode()
    with pytest.raises(Unreadable) as told:
        cells(content)
    assert str(told.value) == QUOTES


def test_bytes_that_break_off_are_named_with_their_row() -> None:
    with pytest.raises(Unreadable) as told:
        cells(codecs.BOM_UTF8 + b"Name\nAna\n\xff\n")
    assert "holds bytes that are no text in the file's encoding" in str(told.value)


def test_more_rows_columns_or_letters_than_allowed_are_refused() -> None:
    many = b"Name\n" + b"Ana\n" * 100_000
    assert sum(1 for _ in table(many).rows()) == 100_000
    with pytest.raises(Unreadable, match=r"^The file has more than 100,000 rows\. Split it"):
        sum(1 for _ in table(many + b"Bo\n").rows())
    with pytest.raises(Unreadable, match=r"^Row 2 has more than 200 columns\. Take out"):
        cells(b"Name\n" + b"a," * 200 + b"b\n")
    assert len(cells(b"Name\n" + b"a," * 199 + b"b" + b"," * 900 + b"\n")[0]) == 200
    with pytest.raises(Unreadable, match="^The file has a line of more than 1,000,000 characters"):
        cells(b"Name\n" + b"a" * 1_000_001)


def test_a_million_blank_rows_come_to_an_end() -> None:
    with pytest.raises(Unreadable, match=r"1,048,576 rows, blank ones among them"):
        cells(b"Name\n" + b"\n" * 1_048_576)


# Whatever comes


def looked_at(content: bytes) -> None:
    """Read to the end: rows, or a sentence."""
    try:
        found = table(content)
        for row in found.rows():
            assert all(isinstance(cell, str) for cell in row.cells)
            assert not any("\0" in cell for cell in row.cells)
            "".join(row.cells).encode("utf-8")
    except Unreadable as problem:
        told = str(problem)
    else:
        return
    assert told[0].isupper()
    assert told.endswith(".")


WORKBOOK = xlsx_of([["Name", "City"], ["Ana", "Portland"], ["Bo", 5]])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_rows_or_a_sentence(content: bytes) -> None:
    looked_at(content)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500), st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-8-sig"]))
def test_any_text_is_rows_or_a_sentence(text: str, encoding: str) -> None:
    looked_at(text.encode(encoding, "ignore"))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_workbook_with_any_bytes_changed_is_rows_or_a_sentence(data: Any) -> None:
    content = bytearray(WORKBOOK)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    looked_at(bytes(content[: data.draw(st.integers(4, len(content)))]))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_workbook_whose_sheet_is_any_text_is_rows_or_a_sentence(data: Any) -> None:
    words = [
        b"<row>",
        b"<c ",
        b'r="ZZZ9"',
        b't="s"',
        b"<v>7</v>",
        b"</c>",
        b"</row>",
        b'r="-1"',
        b"&#0;",
    ]
    inside = b" ".join(data.draw(st.lists(st.sampled_from(words), max_size=12)))
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as packed:
        whole = packed.read("xl/worksheets/sheet1.xml")
    looked_at(
        changed(
            WORKBOOK, "xl/worksheets/sheet1.xml", whole, whole.replace(b"<row", inside + b"<row", 1)
        )
    )


@given(
    st.lists(
        st.lists(st.text("ab ,;\t\"'\n=é€", min_size=1).filter(str.strip), min_size=2, max_size=3),
        min_size=1,
        max_size=5,
    )
)
def test_what_a_csv_writer_writes_is_read_back(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["One", "Two", "Three", "Four"], *rows])
    assert cells(text.getvalue().encode()) == [tuple(c.strip() for c in row) for row in rows]


def test_memory_does_not_grow_with_the_rows() -> None:
    row = b"VTD234-100,1,ana@example.com,Ana,Pena,12 Harbour Street,Portland,ME,04101\n"
    header = b"ProductID,Quantity,Email,First,Last,Address,City,State,Zip\n"

    def most(rows: int) -> int:
        packed = gzip.compress(header + row * rows, 1)
        tracemalloc.start()
        for _ in read(lambda: gzip.GzipFile(fileobj=io.BytesIO(packed))).rows():
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    few, many = most(2_000), most(20_000)
    assert many < few * 1.5
