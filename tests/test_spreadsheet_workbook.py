"""XLSX files as rows of text, and those that are made to do harm."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from datetime import date, datetime
from unittest.mock import patch

import pytest
from openpyxl import Workbook

from orders.spreadsheet import workbook
from orders.spreadsheet.limits import Unreadable
from orders.spreadsheet.reading import Row
from tests.spreadsheet_cast import cells, changed, table, xlsx_of

ROWS = [("Ana", "Peña"), ("Bo", "“B”")]


def test_a_workbook_is_read_as_text_whatever_the_types() -> None:
    content = xlsx_of(
        [
            ["Name", "Zip", "Price", "Sent", "When", "Gift", "Note"],
            ["Ana", 4101, 19.99, date(2026, 11, 20), datetime(2026, 11, 20, 8, 30), True, None],
            [],
            ["Bo", "04101", 3.0, None, None, False, "a\tb"],
        ],
        title="März",
    )
    found = table(content)
    assert found.told == "XLSX, sheet “März”"
    assert list(found.rows()) == [
        Row(2, ("Ana", "4101", "19.99", "2026-11-20T00:00:00", "2026-11-20T08:30:00", "TRUE")),
        Row(4, ("Bo", "04101", "3", "", "", "FALSE", "a\tb")),
    ]


def test_a_formula_is_its_last_value_and_never_its_text() -> None:
    content = xlsx_of([["Name"], ["=1+1"], ['=HYPERLINK("http://x","y")'], ["Ana"]])
    assert cells(content) == [("Ana",)]
    with_value = changed(
        content, "xl/worksheets/sheet1.xml", b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>"
    )
    assert cells(with_value) == [("2",), ("Ana",)]


def test_hidden_sheets_are_passed_over() -> None:
    book = Workbook()
    book.active.append(["Secret"])
    book.active.sheet_state = "hidden"
    book.create_sheet("Shown").append(["Name"])
    target = io.BytesIO()
    book.save(target)
    assert table(target.getvalue()).header == ("Name",)


def test_a_files_own_word_on_its_size_is_not_believed() -> None:
    content = xlsx_of([["Name"], ["Ana"], ["Bo"]])
    wrong = changed(content, "xl/worksheets/sheet1.xml", b'ref="A1:A3"', b'ref="A1:A2"')
    assert cells(wrong) == [("Ana",), ("Bo",)]


def test_a_row_far_below_is_refused_and_does_not_hang() -> None:
    content = changed(
        xlsx_of([["Name"], ["Ana"]]), "xl/worksheets/sheet1.xml",
        b'<row r="2">', b'<row r="99999999999">',
    )  # fmt: skip
    with pytest.raises(Unreadable, match="1,048,576 rows"):
        cells(content)


def test_what_grows_beyond_measure_when_unpacked_is_refused() -> None:
    bomb = io.BytesIO()
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("xl/worksheets/sheet1.xml", "w") as part,
    ):
        for _ in range(301):
            part.write(b"0" * 1024 * 1024)
    assert len(bomb.getvalue()) < 400_000
    tracemalloc.start()
    with pytest.raises(Unreadable, match=r"^This \.xlsx file is too large when it is unpacked"):
        cells(bomb.getvalue())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000


@pytest.mark.parametrize("limit", ["MAX_PART", "MAX_PARTS", "MAX_UNPACKED"])
def test_each_limit_of_a_workbook_holds(limit: str) -> None:
    content = xlsx_of([["Name"], ["Ana"]])
    with patch.object(workbook, limit, 5), pytest.raises(Unreadable, match="too large when"):
        cells(content)


def test_a_row_without_an_end_is_refused_before_it_is_built() -> None:
    row = b'<row r="2">'
    endless = row + b"<c/>" * 1_500_000
    content = changed(xlsx_of([["Name"], ["Ana"]]), "xl/worksheets/sheet1.xml", row, endless)
    tracemalloc.start()
    with pytest.raises(Unreadable, match="too large when it is unpacked"):
        cells(content)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 15_000_000


def test_shared_strings_by_another_name_are_measured_too() -> None:
    content = xlsx_of([["Name"], ["Ana"]])
    kinds = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    spoilt = changed(
        content, "[Content_Types].xml", b"</Types>",
        b'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="' + kinds + b'"/></Types>',
    )  # fmt: skip
    with patch.object(workbook, "MAX_PART", 20_000), pytest.raises(Unreadable, match="too large"):
        cells(
            changed(
                spoilt, "xl/worksheets/sheet1.xml", b"<sheetData>", b" " * 20_000 + b"<sheetData>"
            )
        )


def test_entities_and_document_types_are_refused() -> None:
    content = xlsx_of([["Name"], ["Ana"]])
    evil = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    spoilt = changed(content, "xl/worksheets/sheet1.xml", b"<worksheet", evil + b"<worksheet")
    with pytest.raises(Unreadable, match=r"^This \.xlsx file cannot be read"):
        cells(spoilt)
