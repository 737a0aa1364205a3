"""Lists of orders as CSV and XLSX: what is in them, that no cell is a formula, and who may."""

from __future__ import annotations

import csv
import io
import tracemalloc
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from orders.admin.export import _counted
from orders.models import Order
from orders.recipient import Recipient
from orders.spreadsheet import export
from orders.spreadsheet.columns import guess
from orders.spreadsheet.export import HEADER, rows, safe
from orders.spreadsheet.rows import RowReader
from tests import admin_cast as cast
from tests import base
from tests.spreadsheet_cast import Desk, table

pytestmark = pytest.mark.django_db

WHERE = "/admin/orders/export/"


@pytest.fixture
def north() -> Desk:
    return Desk()


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def taken(client: Client, query: str = "", kind: str = "csv") -> list[list[str]]:
    """Export and return the rows below the header."""
    response = client.post(WHERE, {"format": kind, "query": query})
    assert response.status_code == 200
    raw = body(response)
    if kind == "xlsx":
        sheet = load_workbook(io.BytesIO(raw))["Orders"]
        found = [["" if v is None else str(v) for v in row] for row in sheet.values]
    else:
        assert raw.startswith(b"\xef\xbb\xbf")
        found = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert tuple(found[0]) == HEADER
    return found[1:]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_order_is_a_row_with_all_that_staff_ask_for(north: Desk, kind: str) -> None:
    order = base.place(north.publisher, (north.film, 2), (north.other, 1), reference="#1001")
    cast.put(
        order, "shipped", tracking_id="9400100000000000000000", ship_date="2026-11-20",
        gateway_status="SHIPPED", company="Ciné",
    )  # fmt: skip
    Order.objects.update(created_at="2026-11-18T10:00:05Z")
    assert taken(north.client, kind=kind) == [
        [
            "NORTH-M1", "shipped", "", "Northlight Films", "#1001", "Admin", "prod",
            "2026-11-18 10:00:05", "Ana Peña", "Ciné", "12 Harbour Street, Apt 3", "Portland",
            "ME", "04101", "United States", "ana@example.com", "3", "2 x 66750, 66760", "SHIPPED",
            "9400100000000000000000", "2026-11-20",
        ]
    ]  # fmt: skip


def test_the_list_is_exported_as_it_is_filtered_all_pages_of_it(north: Desk) -> None:
    for _ in range(60):
        base.place(north.publisher, (north.film, 1))
    held = cast.held(north.publisher, (north.film, 1))
    cast.held(north.publisher, (north.film, 1), recipient=Recipient(name="Zoe"))
    assert len(taken(north.client)) == 62
    assert len(taken(north.client, "p=2&all=")) == 62
    assert len(taken(north.client, "status__exact=held")) == 2
    assert [row[0] for row in taken(north.client, "status__exact=held&q=Peña")] == [held.invoice]
    assert taken(north.client, "q=nobody") == []


def test_the_newest_come_first_and_each_once_whatever_the_chunks(north: Desk) -> None:
    made = [base.place(north.publisher, (north.film, 1), (north.other, 2)) for _ in range(7)]
    with patch.object(export, "CHUNK", 3):
        found = [row[0] for row in rows(Order.objects.filter(lines__quantity__gt=1))]
    assert found == [order.invoice for order in reversed(made)]
    with patch.object(export, "CHUNK", 7):
        assert len(list(rows(Order.objects.all()))) == 7


# Formulas

FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x","y")',
    "=cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0",
]  # fmt: skip
PLAIN = ["Ana", "'t Hooft", "a=b", "1-2", "", " =1", "é@x"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_could_be_a_formula_is_guarded(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert safe(text) == text
    assert safe(7) == 7


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_an_export_is_a_formula(north: Desk, text: str) -> None:
    order = base.place(north.publisher, (north.film, 1))
    Order.objects.update(name=text, company=text, tracking_id=text, reference=text[:64])
    order.lines.update(sku=text)
    for cell in taken(north.client)[0]:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    response = north.client.post(WHERE, {"format": "xlsx"})
    sheet = load_workbook(io.BytesIO(body(response)))["Orders"]
    assert {cell.data_type for row in sheet for cell in row} <= {"s", "n", "inlineStr"}
    assert sheet.cell(2, HEADER.index("Name") + 1).value.strip() == text.strip()


def test_what_was_guarded_on_the_way_out_is_as_it_was_on_the_way_in(north: Desk) -> None:
    base.place(north.publisher, (north.film, 1))
    Order.objects.update(name="=Ana", city="-Bath", company="'t Hooft", email="+a@example.com")
    raw = body(north.client.post(WHERE, {"format": "csv"}))
    found = table(raw)
    (wanted,) = RowReader(found.header, guess(found.header)).orders(found.rows())
    to = wanted.recipient
    assert (to.name, to.city, to.company, wanted.email) == (
        "=Ana",
        "-Bath",
        "'t Hooft",
        "+a@example.com",
    )


def test_cells_that_a_workbook_cannot_hold_are_cleaned(north: Desk) -> None:
    base.place(north.publisher, (north.film, 1))
    Order.objects.update(name="A\x0bna\x1f")
    assert taken(north.client, kind="xlsx")[0][HEADER.index("Name")] == "A na "


# Limits and refusals


def test_a_workbook_has_a_limit_and_csv_has_none(north: Desk) -> None:
    for _ in range(3):
        base.place(north.publisher, (north.film, 1))
    with patch.object(export, "MAX_XLSX_ROWS", 2):
        response = north.client.post(WHERE, {"format": "xlsx", "query": "q=NORTH"}, follow=True)
        assert cast.said(response) == [
            "More than 2 orders are too many for an .xlsx file. Choose CSV, or filter the list."
        ]
        assert response.request["QUERY_STRING"] == "q=NORTH"
        assert len(taken(north.client)) == 3
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("kind", ["", "pdf", "CSV"])
def test_another_kind_of_file_is_refused(north: Desk, kind: str) -> None:
    response = north.client.post(WHERE, {"format": kind}, follow=True)
    assert cast.said(response) == ["Choose CSV or XLSX for the export."]
    assert LogEntry.objects.count() == 0


@pytest.mark.parametrize(
    "query", ["created_at__gte=x", "nonsense=1", "status__exact=\x00", "id__in=x"]
)
def test_a_filter_that_makes_no_sense_is_refused(north: Desk, query: str) -> None:
    base.place(north.publisher, (north.film, 1))
    response = north.client.post(WHERE, {"format": "csv", "query": query})
    assert response.status_code in (200, 302, 400)
    if response.status_code == 200:
        assert taken(north.client, query) == []


def test_a_filter_by_another_table_is_no_way_to_a_secret(north: Desk) -> None:
    base.place(north.publisher, (north.film, 1))
    query = "publisher__login_password__startswith=c"
    response = north.client.post(WHERE, {"format": "csv", "query": query})
    assert response.status_code == 400


def test_only_orders_of_ones_publishers_are_exported(north: Desk) -> None:
    south = base.southwind()
    base.place(south, (base.product(south, "44100"), 1))
    ours = base.place(north.publisher, (north.film, 1))
    for query in ("", f"publisher__id__exact={south.pk}", "q=SOUTH"):
        invoices = [row[0] for row in taken(north.client, query)]
        assert invoices in ([ours.invoice], [])
    boss = cast.signed_in(cast.colleague("boss", superuser=True))
    assert len(taken(boss)) == 2


def test_strangers_and_the_wrong_role_are_refused(north: Desk) -> None:
    base.place(north.publisher, (north.film, 1))
    sent = Client().post(WHERE, {"format": "csv"})
    assert (sent.status_code, sent.url) == (302, f"/admin/login/?next={WHERE}")
    for role, status in (
        ("viewer", 403), ("mapper", 403), ("clerk", 200), ("releaser", 200), ("manager", 200),
    ):  # fmt: skip
        user = cast.colleague(role, north.publisher, may=[])
        user.groups.add(Group.objects.get(name=role))
        client = cast.signed_in(user)
        assert client.post(WHERE, {"format": "csv"}).status_code == status
        shown = cast.html(client.get("/admin/orders/order/"))
        assert ("Export CSV" in shown) == (status == 200)


def test_an_export_is_a_post_with_its_token(north: Desk) -> None:
    for method in ("get", "head", "put", "delete", "options"):
        assert getattr(north.client, method)(WHERE).status_code == 405
    strict = cast.signed_in(north.user, enforce_csrf_checks=True)
    assert strict.post(WHERE, {"format": "csv"}).status_code == 403
    assert LogEntry.objects.count() == 0


# The record, and the cost


def test_each_export_is_noted_with_its_filter_and_number_and_without_names(north: Desk) -> None:
    for _ in range(2):
        base.place(north.publisher, (north.film, 1))
    taken(north.client, "q=Peña&status__exact=ready")
    taken(north.client, kind="xlsx")
    noted = LogEntry.objects.order_by("pk").values_list("user", "object_repr", "change_message")
    assert list(noted) == [
        (north.user.pk, "Export of orders", "CSV, q=*&status__exact=ready: 2 rows"),
        (north.user.pk, "Export of orders", "XLSX, all orders: 2 rows"),
    ]


def test_an_export_that_is_broken_off_is_noted_too(north: Desk) -> None:
    north.client.post(WHERE, {"format": "csv"})
    entry = LogEntry.objects.get()
    assert entry.change_message == "CSV, all orders: begun"
    cells = _counted(iter([["a"], ["b"], ["c"]]), entry)
    assert (next(cells), next(cells)) == (["a"], ["b"])
    cells.close()
    entry.refresh_from_db()
    assert entry.change_message == "CSV, all orders: 2 rows"


def test_queries_grow_with_chunks_and_not_with_rows(north: Desk) -> None:
    def count(number: int) -> int:
        for _ in range(number):
            base.place(north.publisher, (north.film, 1), (north.other, 1))
        with CaptureQueriesContext(connection) as queries:
            list(rows(Order.objects.all()))
        return len(queries)

    assert count(2) == count(30) == 2


def test_memory_of_an_export_does_not_grow_with_the_orders(north: Desk) -> None:
    def make(number: int) -> None:
        first = base.place(north.publisher, (north.film, 1))
        values = Order.objects.filter(pk=first.pk).values().get()
        del values["id"]
        Order.objects.bulk_create(
            Order(**{**values, "invoice": f"{first.invoice}-{n}"}) for n in range(number)
        )

    def most() -> int:
        tracemalloc.start()
        for _ in export.csv_lines(HEADER, rows(Order.objects.all())):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    with patch.object(export, "CHUNK", 100):
        make(600)
        few = most()
        make(3_000)
        # Six times the orders: what grows a little is garbage that waits for its collection.
        assert most() < few * 2.5
