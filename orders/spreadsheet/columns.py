"""Which column of a file holds what: known by its name, or as a person says. Pure.

Knows the columns of TrepStar's own spreadsheet form, the field names of its gateway, Shopify's
order export, and the names that people use.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EXTRA = ("Desk row", "Desk problem")
"""The columns that the desk adds to a list of bad rows; such a list may come back mended."""

ROWS, LINES = "rows", "lines"
LAYOUTS = {
    ROWS: "Each row is an order of its own, as in TrepStar's spreadsheet form",
    LINES: "Rows with the same shop's number make one order, as in Shopify's order export",
}


@dataclass(frozen=True)
class Field:
    """Something an order is made of; ``names`` are column names, compared by letters and digits."""

    name: str
    label: str
    names: tuple[str, ...]
    explains: str = ""


FIELDS: dict[str, Field] = {
    one.name: one
    for one in (
        Field(
            "product",
            "Product",
            ("ProductID", "Lineitem sku", "SKU", "SKUs", "Product", "Project ID", "Item SKU"),
            "A SKU or a TrepStar project id.",
        ),
        Field(
            "quantity",
            "Quantity",
            ("Quantity", "Qty", "Lineitem quantity", "Pieces", "ProductQuantity"),
            "Left blank, it is 1.",
        ),
        Field(
            "invoice",
            "Invoice",
            ("Invoice", "InvoiceNumber", "Invoice No"),
            "Left blank, the desk makes one.",
        ),
        Field(
            "reference",
            "Shop's number",
            ("Order", "OrderNumber", "Order No", "Order Name", "Reference", "Shop's number"),
            "Such as #1001 in Shopify.",
        ),
        Field(
            "name",
            "Recipient's name",
            ("Shipping Name", "Name", "CustomerName", "Full Name", "Recipient", "Ship To Name"),
        ),
        Field("first_name", "First name", ("FirstName", "First", "Shipping First Name")),
        Field("last_name", "Last name", ("LastName", "Last", "Surname", "Shipping Last Name")),
        Field("company", "Company", ("Shipping Company", "Company", "co", "CompanyName")),
        Field(
            "address",
            "Street address",
            ("Shipping Address1", "Address", "Address1", "addr", "Street", "Shipping Street"),
        ),
        Field(
            "address2", "Second address line", ("Shipping Address2", "Address2", "Apt", "Street2")
        ),
        Field("city", "City", ("Shipping City", "City", "Town")),
        Field(
            "state",
            "State or province",
            ("Shipping Province", "State", "Province", "st", "State or province"),
        ),
        Field(
            "zip",
            "Postal code",
            ("Shipping Zip", "Zip", "ZipCode", "PostalCode", "Postcode", "Postal"),
        ),
        Field("country", "Country", ("Shipping Country", "Country"), "Left blank, it is the USA."),
        Field(
            "email", "Customer's e-mail", ("CustomerEmail", "Email", "E-mail", "Customer's e-mail")
        ),
        Field(
            "mail_method",
            "Mail method",
            ("typeMailMethod", "MailMethod", "ShipMethod"),
            "standard, rtrackstandard, priority or express. Left blank, it is the publisher's.",
        ),
        Field(
            "shipping",
            "Shop's shipping line",
            ("Shipping Method",),
            "The store's rules turn it into a mail method.",
        ),
        Field(
            "price",
            "Printed price",
            ("ProductPrice", "nprice"),
            "In US dollars, for the whole order. Left blank, it is the products'.",
        ),
        Field("special_text", "Special text", ("SpecialText", "Message"), "At most 500 letters."),
        Field("ships", "Needs shipping", ("Lineitem requires shipping",)),
        Field("payment", "State of the payment", ("Financial Status",)),
        Field("cancelled", "Cancelled at", ("Cancelled at",)),
    )
}


def plain(name: str) -> str:
    """Return a column's name as it is compared: its letters and digits, in small letters."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


# The earlier of a field's names wins where a file has several of them.
_BY_NAME = {
    plain(name): (one.name, rank) for one in FIELDS.values() for rank, name in enumerate(one.names)
}
_OF_SHOPIFY = frozenset({"lineitemsku", "lineitemquantity"})


@dataclass(frozen=True)
class Plan:
    """The column (counted from 0) of each field that the file has, and how rows make orders."""

    columns: Mapping[str, int] = field(default_factory=dict)
    layout: str = ROWS

    def missing(self) -> list[str]:
        """Return what still has no column and must have one, each as a sentence."""
        has = set(self.columns)
        told = [
            f"Say which column holds the {what}."
            for what, names in (
                ("product", {"product"}),
                ("recipient's name", {"name", "first_name", "last_name"}),
                ("street address", {"address"}),
                ("city", {"city"}),
            )
            if not has & names
        ]
        if self.layout == LINES and not has & {"reference", "invoice"}:
            told.append("Say which column holds the number that the rows of one order share.")
        return told

    def as_json(self) -> dict[str, Any]:
        return {"columns": dict(self.columns), "layout": self.layout}


def plan_of(data: Mapping[str, Any], header: Sequence[str]) -> Plan:
    """Return a stored plan, without what the header has no column for."""
    columns = {
        name: column
        for name, column in data.get("columns", {}).items()
        if name in FIELDS and isinstance(column, int) and 0 <= column < len(header)
    }
    return Plan(columns, LINES if data.get("layout") == LINES else ROWS)


def guess(header: Sequence[str]) -> Plan:
    """Return what the names of the columns say about them."""
    names = [plain(name) for name in header]
    shopify = not _OF_SHOPIFY.isdisjoint(names)
    found: dict[str, tuple[int, int]] = {}
    for column, name in enumerate(names):
        if shopify and name == "name":
            known = ("reference", -1)
        elif name in _BY_NAME:
            known = _BY_NAME[name]
        else:
            continue
        if known[0] not in found or known[1] < found[known[0]][0]:
            found[known[0]] = (known[1], column)
    columns = {name: column for name, (_, column) in found.items()}
    if "name" in columns:
        columns = {k: v for k, v in columns.items() if k not in ("first_name", "last_name")}
    return Plan(columns, LINES if shopify else ROWS)


def signature(header: Sequence[str]) -> str:
    """Return what two files have in common whose columns have the same names in the same order."""
    names = [plain(name) for name in header]
    extra = [plain(name) for name in EXTRA]
    if names[-len(extra) :] == extra:
        del names[-len(extra) :]
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()
