"""Rows that cannot be made: each is told with its row, its column and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from orders.models import Order
from tests import base
from tests.spreadsheet_cast import (
    FORM,
    Desk,
    csv_of,
    form_csv,
    form_row,
    state,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"State": ""}, "“State”: This country needs a state or province. Enter it."),
        ({"Zip": ""}, "“Zip”: An address in the USA needs a ZIP code. Enter it."),
        ({"City": ""}, "“City”: The city is blank. Enter it."),
        ({"Address": "", "Address2": ""}, "“Address”: The street address is blank. Enter it."),
        (
            {"ProductID": "66750x66760", "Quantity": "6000x5000"},
            "“Quantity”: The order has 11,000 pieces. One may have at most 10,000.",
        ),
        (
            {"Quantity": 251, "Invoice": "A" * 47},
            "“Invoice”: The order has 251 pieces and is split into boxes, for whose numbers the "
            "invoice is too long. Use at most 46 characters.",
        ),
        (
            {"Invoice": "NORTH-M5"},
            "“Invoice”: “NORTH-M5” looks like an invoice that the desk makes by itself. Write "
            "another one, or leave it blank and the desk makes one.",
        ),
    ],
)
def test_a_row_that_cannot_be_made_is_told(north: Desk, changes: Any, told: str) -> None:
    assert north.problems(form_csv(changes)) == [f"Row 2, column {told}"]


def test_products_that_cannot_be_made_are_told(north: Desk) -> None:
    base.product(base.southwind(), "44100", skus=["SW-1"])
    base.product(north.publisher, "66770", active=False, title="Old", skus=["OLD-1"])
    alias = north.film.aliases.create(publisher=north.publisher, sku="MUG")
    alias.product = None
    alias.save()
    rows = ({"ProductID": sku} for sku in ("SW-1", "44100", "OLD-1", "MUG", "vtd234-100 "))
    assert north.problems(form_csv(*rows)) == [
        "Row 2, column “ProductID”: “SW-1” is no SKU or project id of Northlight Films. Correct "
        "it, or add it under SKUs.",
        "Row 3, column “ProductID”: “44100” is no SKU or project id of Northlight Films. Correct "
        "it, or add it under SKUs.",
        "Row 4, column “ProductID”: “OLD-1” stands for Old (66770), which is switched off. Mend "
        "that under SKUs.",
        "Row 5, column “ProductID”: “MUG” is marked as not ours to make. Take the row out.",
    ]


def test_what_was_ordered_before_is_not_made_twice(north: Desk) -> None:
    header = (*FORM, "Order No")
    rows = [{**form_row(n), "Order No": f"#{n}"} for n in (1, 2)]
    north.import_all(csv_of(rows, header))
    before = state()
    again = [
        {**form_row(1), "Order No": ""},
        {**form_row(2), "Order No": "#2"},
        {**form_row(3), "Order No": "#1"},
    ]
    file = north.check(csv_of(again, header))
    first, second = Order.objects.order_by("pk")
    assert [(one["text"], one["order"]) for one in file.report["problems"]] == [
        (
            "Row 2, column “Invoice”: Order NL-00001 has this invoice, so it is not made twice. "
            "Take the row out.",
            first.pk,
        ),
        (
            "Row 3, column “Invoice”: Order NL-00002 has this invoice, so it is not made twice. "
            "Take the row out.",
            second.pk,
        ),
        (
            "Row 4, column “Order No”: Order NL-00001 was made for “#1”, so it is not made twice. "
            "Take the row out.",
            first.pk,
        ),
    ]
    assert state() == before


def test_a_split_order_is_known_again(north: Desk) -> None:
    north.import_all(form_csv({"Quantity": 300}))
    assert north.problems(form_csv({"Quantity": 1})) == [
        "Row 2, column “Invoice”: Order NL-00001-P1 has this invoice, so it is not made twice. "
        "Take the row out."
    ]


def test_anothers_invoice_is_taken_and_its_order_is_not_named(north: Desk) -> None:
    south = base.southwind()
    order = base.place(south, (base.product(south, "44100"), 1), invoice="NL-00001")
    Order.objects.filter(pk=order.pk).update(reference="#1")
    file = north.check(csv_of([{**form_row(1), "Order No": "#1"}], (*FORM, "Order No")))
    assert [(one["text"], one["order"]) for one in file.report["problems"]] == [
        ("Row 2, column “Invoice”: The invoice “NL-00001” is taken. Write another one.", None)
    ]


def test_a_number_that_comes_again_further_down_is_told(north: Desk) -> None:
    text = (
        b"Name,Lineitem sku,Shipping Name,Shipping Address1,Shipping City,Shipping Province,"
        b"Shipping Zip\n"
        b"#1,VTD234-100,Ana,1 Main St,Portland,ME,04101\n"
        b"#2,VTD234-100,Bo,1 Main St,Portland,ME,04101\n"
        b"#1,VTD333-200,Ana,1 Main St,Portland,ME,04101\n"
    )
    assert north.problems(text) == [
        "Row 4, column “Name”: “#1” stands in row 2 already. Put the rows of one order together."
    ]
