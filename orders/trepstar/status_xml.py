"""TrepStar's "getOrderStatusByInvoice" as text, in both directions. Pure.

Follows the gateway document, "Function - getOrderStatusByInvoice". The reader expects the worst:
no declaration, no root, any case of tags, windows-1252, bare ``&``; one spoilt section costs that
section and no other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from orders.trepstar.wire import INVOICE_DELIMITER, readable

STATUS_PATH = "/custdataXML.asp"
FUNCTION = "getOrderStatusByInvoice"
MAX_INVOICES = 100

OK = "0"
UNKNOWN_FUNCTION = "100"
LOGIN_REFUSED = "200"
NOT_FOUND = "300"

ADDRESS_ERROR = "10"
TEST_ORDER = "20"

STATUS_ERRORS = {
    UNKNOWN_FUNCTION: "Unknown function name requested. Please specify a valid function "
    f"on the get/post request. Valid functions are: {FUNCTION}",
    LOGIN_REFUSED: "Incorrect email or password used as input.",
    NOT_FOUND: "Record Not found. The input Invoice data is not in our database.",
}
METHOD_WORDS = {
    "standard": "standard",
    "rtrackstandard": "standard+tracking",
    "priority": "priority",
    "express": "express",
}

_TAGS = (
    "ErrorNum",
    "ErrorDesc",
    "CustName",
    "Invoice",
    "OrderStatus",
    "OrderStatusErrNum",
    "OrderStatusErrDesc",
    "ShipDate",
    "ShippingMethod",
    "TrackingID",
)
_SECTION_TAG = re.compile(rb"<(/?)status(\d+)\s*>", re.IGNORECASE)
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True)
class Section:
    """One ``<StatusN>``: the gateway's words as they came, trimmed; a missing field is blank."""

    error_number: str = ""
    error_text: str = ""
    customer: str = ""
    invoice: str = ""
    status: str = ""
    status_error_number: str = ""
    status_error_text: str = ""
    ship_date: str = ""
    shipping_method: str = ""
    tracking_id: str = ""


def status_fields(invoices: Sequence[str]) -> dict[str, str]:
    """Return the form fields of a status call, without the login. At most 100 invoices."""
    if not 1 <= len(invoices) <= MAX_INVOICES:
        raise ValueError(f"A status call takes 1 to {MAX_INVOICES} invoices, not {len(invoices)}.")
    return {"function": FUNCTION, "Invoice": INVOICE_DELIMITER.join(invoices)}


def read_sections(body: bytes) -> list[Section]:
    """Return every readable section of an answer, in its order; ``[]`` for garbage.

    A document type or an entity makes the whole answer garbage: the gateway has no use for one.
    """
    lower = body.lower()
    if b"<!doctype" in lower or b"<!entity" in lower:
        return []
    # Each section is decoded by itself: one odd byte must not garble the names of the others.
    found = [_section(_CONTROL.sub(" ", readable(inside))) for inside in _insides(body)]
    return [section for section in found if section is not None]


def _insides(body: bytes) -> Iterator[bytes]:
    """Yield what stands between each ``<StatusN>`` and the next ``</StatusN>``, in linear time."""
    closing: dict[bytes, int] = {}
    pairs: list[tuple[int, int]] = []
    for tag in reversed(list(_SECTION_TAG.finditer(body))):
        if tag[1]:
            closing[tag[2]] = tag.start()
        elif tag[2] in closing:
            pairs.append((tag.end(), closing[tag[2]]))
    reached = 0
    for start, end in reversed(pairs):
        if start >= reached:
            yield body[start:end]
            reached = end


def _section(inside: str) -> Section | None:
    for attempt in (inside, _BARE_AMPERSAND.sub("&amp;", inside)):
        try:
            return _read(fromstring(f"<section>{attempt}</section>"))
        except (ParseError, DefusedXmlException):
            continue
    return None


def _read(root: Element) -> Section | None:
    values = {child.tag.lower(): " ".join("".join(child.itertext()).split()) for child in root}
    names = Counter(element.tag.lower() for element in root.iter())
    if any(names[tag.lower()] > 1 for tag in _TAGS):
        return None  # a field named twice, at any depth: neither can be trusted
    return Section(*(values.get(tag.lower(), "") for tag in _TAGS))


def by_invoice(sections: Sequence[Section], asked: Sequence[str]) -> dict[str, Section]:
    """Return the sections by their echoed invoice, only for invoices that were asked for.

    Position is not believed. An invoice that comes twice with different contents is left out,
    because neither can be trusted.
    """
    found: dict[str, Section] = {}
    spoilt: set[str] = set()
    for section in sections:
        if section.invoice in found and found[section.invoice] != section:
            spoilt.add(section.invoice)
        found[section.invoice] = section
    return {i: found[i] for i in asked if i in found and i not in spoilt}


def account_error(sections: Sequence[Section]) -> str:
    """Return ``200`` or ``100`` if any section carries that error, else blank."""
    numbers = {section.error_number for section in sections}
    return next((number for number in (LOGIN_REFUSED, UNKNOWN_FUNCTION) if number in numbers), "")


def read_ship_date(text: str) -> date | None:
    """Return a ``mm/dd/yyyy`` date, or None for anything else; years before 2000 are no date."""
    if not re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4}", text, re.ASCII):
        return None
    try:
        found = datetime.strptime(text, "%m/%d/%Y").date()
    except ValueError:
        return None
    return found if found.year >= 2000 else None


def error_section(number: str, invoice: str = "") -> Section:
    """Return the section that says ``ErrorNum`` 100, 200 or 300."""
    return Section(error_number=number, error_text=STATUS_ERRORS[number], invoice=invoice)


def write_sections(sections: Sequence[Section]) -> bytes:
    """Return the XML of an answer, as the gateway gives it: a root around ``Status1…StatusN``."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>', "<OrderStatusByInvoice>"]
    for number, section in enumerate(sections, start=1):
        fields = zip(_TAGS, astuple(section), strict=True)
        inside = "".join(f"<{tag}>{escape(value)}</{tag}>" for tag, value in fields)
        parts.append(f"<Status{number}>{inside}</Status{number}>")
    return "\r\n".join([*parts, "</OrderStatusByInvoice>"]).encode()
