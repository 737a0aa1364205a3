"""Columns by their names, rows as orders, and a sentence for each thing that is wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orders.spreadsheet.columns import (
    EXTRA,
    FIELDS,
    LINES,
    ROWS,
    Plan,
    guess,
    plan_of,
    signature,
)
from orders.spreadsheet.rows import RowReader, Wanted, is_own_invoice
from tests.spreadsheet_cast import FORM, csv_of, form_row, sample, table


def wanted(content: bytes, plan: Plan | None = None) -> list[Wanted]:
    found = table(content)
    return list(RowReader(found.header, plan or guess(found.header)).orders(found.rows()))


def one(header: tuple[str, ...] = FORM, **changes: Any) -> Wanted:
    (found,) = wanted(csv_of([{**form_row(1), **changes}], header))
    return found


def said(found: Wanted) -> list[str]:
    return [str(problem) for problem in found.problems]


# Columns


def test_the_columns_of_trepstars_form_are_known() -> None:
    plan = guess(FORM)
    assert plan.layout == ROWS
    assert plan.missing() == []
    assert {name: FORM[column] for name, column in plan.columns.items()} == {
        "product": "ProductID", "quantity": "Quantity", "email": "CustomerEmail",
        "invoice": "Invoice", "first_name": "FirstName", "last_name": "LastName",
        "price": "ProductPrice", "address": "Address", "address2": "Address2", "city": "City",
        "state": "State", "zip": "Zip", "country": "Country",
    }  # fmt: skip


def test_the_columns_of_shopifys_export_are_known() -> None:
    header = table(sample("shopify-orders.csv")).header
    plan = guess(header)
    assert plan.layout == LINES
    assert plan.missing() == []
    assert {name: header[column] for name, column in plan.columns.items()} == {
        "reference": "Name", "email": "Email", "payment": "Financial Status",
        "shipping": "Shipping Method", "quantity": "Lineitem quantity", "product": "Lineitem sku",
        "ships": "Lineitem requires shipping", "name": "Shipping Name",
        "address": "Shipping Address1", "address2": "Shipping Address2",
        "company": "Shipping Company", "city": "Shipping City", "zip": "Shipping Zip",
        "state": "Shipping Province", "country": "Shipping Country", "cancelled": "Cancelled at",
    }  # fmt: skip


def test_the_field_names_of_the_gateway_are_known() -> None:
    names = (
        "productid", "quantity", "Invoice", "typeMailMethod", "email", "nprice", "name", "co",
        "addr", "city", "st", "zip", "country", "SpecialText",
    )  # fmt: skip
    assert list(guess(names).columns) == [
        "product", "quantity", "invoice", "mail_method", "email", "price", "name", "company",
        "address", "city", "state", "zip", "country", "special_text",
    ]  # fmt: skip


def test_names_are_compared_by_letters_and_digits() -> None:
    assert guess(["  product-id ", "FULL NAME", "Zip_Code"]).columns == {
        "product": 0,
        "name": 1,
        "zip": 2,
    }


def test_the_better_of_two_names_wins() -> None:
    assert guess(["Shipping Street", "Shipping Address1"]).columns == {"address": 1}
    assert guess(["FirstName", "Name", "LastName"]).columns == {"name": 1}


def test_no_two_fields_share_a_name() -> None:
    names = [name.lower().replace(" ", "") for field in FIELDS.values() for name in field.names]
    assert sorted(set(names)) == sorted(names)


def test_what_a_plan_lacks_is_told() -> None:
    assert Plan({}, LINES).missing() == [
        "Say which column holds the product.",
        "Say which column holds the recipient's name.",
        "Say which column holds the street address.",
        "Say which column holds the city.",
        "Say which column holds the number that the rows of one order share.",
    ]


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"columns": {"name": 7, "city": -1, "nonsense": 0, "zip": "1"}, "layout": "x"},
    ],
)
def test_a_stored_plan_is_taken_as_far_as_it_fits(stored: dict[str, Any]) -> None:
    assert plan_of(stored, ["A", "B"]) == Plan({}, ROWS)


def test_files_with_the_same_columns_have_the_same_signature() -> None:
    assert signature(["Name", "City"]) == signature(["name ", "CITY"])
    assert signature(["Name", "City"]) == signature(["Name", "City", *EXTRA])
    assert signature(["Name", "City"]) != signature(["City", "Name"])


# Rows


def test_a_row_of_the_form_is_an_order() -> None:
    found = one(ProductPrice="$19.9", Quantity="2.0")
    assert said(found) == []
    assert found.recipient.as_dict() == {
        "name": "Ana Peña 1", "company": "", "address": "1 Harbour Street, Apt 3",
        "city": "Portland", "state": "ME", "zip": "04101", "country": "US",
    }  # fmt: skip
    assert [(line.key, line.quantity, line.row) for line in found.lines] == [("VTD234-100", 2, 2)]
    assert (found.invoice, found.email, found.price) == (
        "NL-00001",
        "ana1@example.com",
        Decimal("19.9"),
    )


def test_the_sample_of_the_form() -> None:
    found = wanted(sample("trepstar-form.tsv"))
    assert [said(one) for one in found] == [[], [], []]
    assert [(o.recipient.name, o.recipient.zip, o.recipient.country) for o in found] == [
        ("Ana Peña", "04101", "US"),
        ("Smith", "80202", "US"),
        ("Cy Young", "SW1A 1AA", "GB"),
    ]
    assert [[(line.key, line.quantity) for line in o.lines] for o in found] == [
        [("66750", 1)],
        [("VTD333-200", 1)],
        [("66750", 2), ("66760", 3)],
    ]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"ProductID": "66750x66760", "Quantity": "1x2x3"},
            "“Quantity”: “1x2x3” is no quantity. Write a whole number from 1 to 10,000.",
        ),
        (
            {"ProductID": ""},
            "“ProductID”: The product is missing. Write its SKU or TrepStar project id.",
        ),
        (
            {"Country": "Narnia"},
            "“Country”: “Narnia” is no country. Write its name or two-letter code.",
        ),
        ({"City": "x" * 201}, "“City”: It has more than 200 characters. Shorten it."),
        ({"Zip": "1" * 21}, "“Zip”: It has more than 20 characters. Shorten it."),
        (
            {"CustomerEmail": "ana"},
            "“CustomerEmail”: “ana” is no e-mail address. Correct it or leave it blank.",
        ),
        (
            {"ProductPrice": "-1"},
            "“ProductPrice”: “-1” is no price. Write US dollars with a point, such as 19.99.",
        ),
        (
            {"Invoice": "a b"},
            "“Invoice”: “a b” is no invoice. Use at most 50 capital letters, digits and hyphens, "
            "or leave it blank and the desk makes one.",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_row_and_column(changes: dict[str, Any], text: str) -> None:
    assert said(one(**changes)) == [f"Row 2, column {text}"]


@pytest.mark.parametrize("typed", ["0", "-1", "1.5", "10001", "١", "two", "1e3", "٢"])
def test_a_quantity_is_a_whole_number(typed: str) -> None:
    told = f"“{typed}” is no quantity. Write a whole number from 1 to 10,000."
    assert said(one(Quantity=typed)) == [f"Row 2, column “Quantity”: {told}"]


def test_all_that_is_wrong_with_a_row_is_told_at_once() -> None:
    assert len(said(one(Quantity="x", Country="Narnia", CustomerEmail="x", Invoice="ä"))) == 4


@pytest.mark.parametrize(
    ("method", "kept"),
    [
        ("", ""),
        ("Standard", "standard"),
        ("standard+tracking", "rtrackstandard"),
        ("RTRACKSTANDARD", "rtrackstandard"),
        ("priority", "priority"),
        ("Express", "express"),
    ],
)
def test_mail_methods_are_known_by_their_names(method: str, kept: str) -> None:
    found = one((*FORM, "MailMethod"), MailMethod=method)
    assert (found.mail_method, said(found)) == (kept, [])


def test_an_unknown_mail_method_and_long_texts_are_told() -> None:
    header = (*FORM, "MailMethod", "SpecialText", "Order No")
    long = {"SpecialText": "x" * 501, "Order No": "y" * 65}
    assert said(one(header, MailMethod="pigeon", **long)) == [
        "Row 2, column “Order No”: It has more than 64 characters. Shorten it.",
        "Row 2, column “MailMethod”: “pigeon” is no mail method. Write standard, rtrackstandard, "
        "priority or express, or leave it blank.",
        "Row 2, column “SpecialText”: It has more than 500 characters. Shorten it.",
    ]


@pytest.mark.parametrize(
    ("state", "country", "typed", "meant"),
    [
        ("ME", "US", "4101", "04101"),
        ("NJ", "", "7030", "07030"),
        ("PR", "US", "901", "00901"),
        ("TX", "US", "7870", "7870"),
        ("ME", "US", "04101-1234", "04101-1234"),
        ("", "Norway", "155", "155"),
    ],
)
def test_zip_codes_get_the_zeros_back_that_a_spreadsheet_took(
    state: str, country: str, typed: str, meant: str
) -> None:
    assert one(State=state, Country=country, Zip=typed).recipient.zip == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("'=1+1", "=1+1"), ("'@ana", "@ana"), ("'t Hooft", "'t Hooft"), ("'", "'"), ("''", "''")],
)
def test_guards_against_formulas_are_taken_away_and_other_apostrophes_stay(
    typed: str, meant: str
) -> None:
    assert one(City=typed).recipient.city == meant


def test_rows_that_are_shorter_than_the_header_are_read_as_blank() -> None:
    (found,) = wanted(b"Name,Address,City,SKU,Invoice\nAna,1 Main St,Austin,VTD234-100\n")
    assert (found.invoice, said(found)) == ("", [])


# Shopify's export


def test_the_rows_of_one_order_are_put_together() -> None:
    found = wanted(sample("shopify-orders.csv"))
    assert [(o.row, len(o.rows)) for o in found] == [
        (2, 3), (5, 1), (6, 1), (7, 1), (8, 1), (9, 1),
    ]  # fmt: skip
    assert [o.reference for o in found] == ["#1001", "#1002", "#1003", "", "", "#1006"]
    first = found[0]
    assert [(line.key, line.quantity, line.row) for line in first.lines] == [
        ("VTD234-100", 2, 2),
        ("VTD333-200", 1, 3),
    ]
    assert first.recipient.as_dict() == {
        "name": "Ana Peña", "company": "", "address": "12 Harbour Street, Apt 3",
        "city": "Portland", "state": "ME", "zip": "04101", "country": "US",
    }  # fmt: skip
    assert found[1].recipient.company == "Ciné Québec"
    assert found[1].recipient.state == "QC"
    assert found[1].shipping == "Express"
    assert [o.left_out for o in found] == [
        "", "", "", "The shop cancelled it.", "Its payment is refunded.", "",
    ]  # fmt: skip


def test_an_order_without_anything_to_ship_is_left_out() -> None:
    text = (
        b"Name,Lineitem sku,Lineitem requires shipping,Shipping Name,Shipping Address1,City\n"
        b"#1,VTD234-100,false,Ana,1 Main St,Austin\n"
    )
    (found,) = wanted(text)
    assert (found.left_out, said(found)) == ("Nothing in it needs shipping.", [])


def test_rows_without_a_number_are_orders_of_their_own() -> None:
    text = b"Name,Lineitem sku,Shipping Name,Shipping Address1,Shipping City\n" + b"".join(
        b"%b,VTD234-100,Ana,1 Main St,Austin\n" % name for name in (b"#1", b"", b"", b"#2", b"#2")
    )
    assert [[row.number for row in o.rows] for o in wanted(text)] == [[2], [3], [4], [5, 6]]


@pytest.mark.parametrize(
    ("invoice", "own"),
    [
        ("NORTH-M7", True),
        ("T-NORTH-M7", True),
        ("NORTH-1001-S5001001-1", True),
        ("NORTH-S5001001-2", True),
        ("ANYTHING-R1", True),
        ("ANYTHING-P2", True),
        ("NL-00001", False),
        ("2026-11-20-7", False),
        ("M7", False),
        ("NORTH-MX", False),
    ],
)
def test_invoices_that_the_desk_could_make_by_itself_are_known(invoice: str, own: bool) -> None:
    assert is_own_invoice(invoice) is own
