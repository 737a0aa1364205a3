"""TrepStar's rules as the sandbox keeps them: which orders are taken, and what becomes of them.

Pure: knows no socket, no database and no clock. What the gateway document leaves open is decided
here: a piece costs $5, a blank ``typeMailMethod`` means standard, a blank ``mode`` means prod.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orders.trepstar import status_xml, wire
from orders.trepstar.status_xml import Section
from products.secret import Secret

PRICE_PER_PIECE = 500  # cents
EMAIL_REPEAT_SECONDS = 5 * 24 * 3600

HOLD = "HOLD"
PROCESSING = "PROCESSING"
SHIPPED = "SHIPPED"
ERROR = "ERROR"

STATUS_ERRORS = {
    status_xml.UNKNOWN_FUNCTION: "Unknown function name requested. Please specify a valid function "
    f"on the get/post request. Valid functions are: {status_xml.FUNCTION}",
    status_xml.LOGIN_REFUSED: "Incorrect email or password used as input.",
    status_xml.NOT_FOUND: "Record Not found. The input Invoice data is not in our database.",
}
METHOD_WORDS = {
    "standard": "standard",
    "rtrackstandard": "standard+tracking",
    "priority": "priority",
    "express": "express",
}
_USA = {"", "us", "usa", "united states", "united states of america"}
_LETTER_PACKAGES = ("sleeve", "ecomailer")


@dataclass(frozen=True)
class Account:
    """A publisher's account at TrepStar. ``products`` maps a project id to its package."""

    publisher_id: str
    email: str
    password: Secret
    products: Mapping[str, str]


@dataclass(frozen=True)
class Candidate:
    """An order that passed every check but the one for duplicates. ``values`` has lower names."""

    account: Account
    items: tuple[tuple[str, int], ...]
    values: Mapping[str, str]


@dataclass(frozen=True)
class Order:
    """An order that was taken. ``price`` is in cents, times are seconds since 1970.

    ``paid_at`` is None while the account cannot pay for it; ``deleted`` ones were taken all the
    same, but the gateway no longer knows them.
    """

    id: int
    account: str
    invoice: str
    email: str
    productid: str
    quantity: str
    mode: str
    method: str
    name: str
    address: str
    zip: str
    country: str
    price: int
    tracked: bool
    accepted_at: float
    paid_at: float | None = None
    deleted: bool = False


class Rejected(Exception):
    """The gateway does not take an order. ``body`` is its answer; ``code`` may be blank."""

    def __init__(self, code: str, body: bytes) -> None:
        super().__init__(code)
        self.code = code
        self.body = body


def refusal(code: str, **details: object) -> Rejected:
    """Return the refusal ``code`` in the document's words, its open places filled."""
    return Rejected(code, wire.write_failure(code, **details))


def unnumbered(text: str) -> Rejected:
    """Return a refusal without an ERRCODE, for what the document describes but does not number."""
    block = f"{wire.ERROR_BEGIN} {wire.FAILURE} {text} {wire.ERROR_END}\r\n"
    return Rejected("", block.encode())


def find_account(accounts: Sequence[Account], values: Mapping[str, str]) -> Account | None:
    """Return the account whose login the call carries, else None."""
    email = values.get("cologinemail", "").strip().lower()
    password = Secret(values.get("cologinpassword", ""))
    matching = (a for a in accounts if a.email.lower() == email and a.password == password)
    return next(matching, None)


def check_order(accounts: Sequence[Account], values: Mapping[str, str]) -> Candidate:
    """Check one order in the gateway's own order of checks; duplicates come after this.

    ``values`` are the form's fields under lower-case names. Raises ``Rejected``.
    """
    source = values.get("source", "")
    if source != "cdfulfill":
        raise refusal("000002", source=source)
    logins = {"cologinemail", "cologinpassword"} & values.keys()
    if values.get("ordermethod") != "url" or not logins:
        raise refusal("000503")
    account = find_account(accounts, values)
    if account is None:
        raise refusal("000601")
    _check_products(accounts, account, values)
    items = _check_quantities(values)
    _check_recipient(values)
    _check_limits(values)
    return Candidate(account, items, values)


def _check_products(
    accounts: Sequence[Account], account: Account, values: Mapping[str, str]
) -> None:
    if "productid" not in values:
        raise refusal("000101")
    productid = values["productid"].strip()
    if not productid:
        raise refusal("000010")
    for project in productid.split("x"):
        if project not in account.products:
            owner = next((a.publisher_id for a in accounts if project in a.products), "")
            company = account.publisher_id
            raise refusal("000505", product=project, company=company, parent=owner)


def _check_quantities(values: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    quantity = values.get("quantity", "").strip()
    try:
        items = wire.decode_items(values["productid"].strip(), quantity)
    except ValueError as error:
        raise unnumbered(str(error)) from None
    total = wire.total_pieces(items)
    if total > wire.MAX_PIECES:
        raise refusal("003101", quantities=quantity, total=total)
    if any(count < 1 for _, count in items):
        raise unnumbered("A quantity is a number from 1 to 250.")
    return items


def _check_recipient(values: Mapping[str, str]) -> None:
    if not values.get("name", "").strip():
        raise refusal("000013")
    if not values.get("addr", "").strip():
        raise unnumbered("Address was blank")


def _check_limits(values: Mapping[str, str]) -> None:
    if values.get("mode", "") not in ("", *wire.MODES):
        raise unnumbered("The mode is either test or prod.")
    if values.get("typemailmethod", "") not in ("", *wire.MAIL_METHODS):
        raise unnumbered("The typeMailMethod is standard, rtrackstandard, priority or express.")
    if len(values.get("invoice", "").strip()) > wire.MAX_INVOICE_LENGTH:
        raise unnumbered("The Invoice is longer than 50 characters.")
    if len(values.get("specialtext", "")) > wire.MAX_SPECIAL_TEXT:
        raise unnumbered("The SpecialText is longer than 500 characters.")


def duplicate(earlier: Order) -> Rejected:
    """Return the refusal of an order that repeats ``earlier``."""
    taken = datetime.fromtimestamp(earlier.accepted_at, UTC).strftime("%m/%d/%Y %I:%M:%S %p")
    reason = (
        "the same invoice was used for the same product before."
        if earlier.invoice
        else "the same email was used for the same product within 5 days."
    )
    return refusal("000035", date=taken, reason=reason)


def order_of(candidate: Candidate, *, number: int, now: float) -> Order:
    """Return the order that ``candidate`` becomes when it is taken, not yet paid for."""
    values, items = candidate.values, candidate.items
    method = values.get("typemailmethod") or "standard"
    country = values.get("country", "").strip()
    packages = [candidate.account.products[project] for project, _ in items]
    return Order(
        id=number,
        account=candidate.account.publisher_id,
        invoice=values.get("invoice", "").strip(),
        email=values.get("email", "").strip(),
        productid=values["productid"].strip(),
        quantity="x".join(str(count) for _, count in items),
        mode=values.get("mode") or "prod",
        method=method,
        name=values["name"].strip(),
        address=values["addr"].strip(),
        zip=values.get("zip", "").strip(),
        country=country,
        price=PRICE_PER_PIECE * wire.total_pieces(items),
        tracked=is_tracked(packages, wire.total_pieces(items), method=method, country=country),
        accepted_at=now,
    )


def is_tracked(packages: Sequence[str], pieces: int, *, method: str, country: str) -> bool:
    """Say whether a box travels as a parcel; a single sleeve or eco-mailer may be letter mail."""
    package = re.sub(r"[^a-z]", "", packages[0].lower())
    letter = pieces == 1 and package.endswith(_LETTER_PACKAGES)
    return not (letter and method == "standard" and in_usa(country))


def in_usa(country: str) -> bool:
    """Say whether ``country`` as sent means the USA; blank does."""
    return country.replace(".", "").strip().lower() in _USA


def tracking_of(order: Order) -> str:
    """Return the tracking id: 34 digits from ``420`` and the ZIP at home, ``UM…US`` abroad."""
    if not order.tracked:
        return ""
    if not in_usa(order.country):
        return f"UM{order.id % 10**9:09}US"
    digits = re.sub(r"[^0-9]", "", order.zip)[:9].ljust(9, "0")
    return f"420{digits}9400111899{order.id % 10**12:012}"


def section_of(order: Order, *, now: float, pace: float, bad_address: str) -> Section:
    """Return what the gateway says of ``order`` at ``now``.

    A paid order is made for ``pace`` seconds and then shipped; one whose address contains the
    word ``bad_address`` is an address error as soon as it is paid.
    """
    section = Section(
        error_number=status_xml.OK,
        customer=order.name,
        invoice=order.invoice,
        status=PROCESSING,
        status_error_number="0",
        shipping_method=METHOD_WORDS[order.method],
    )
    if order.mode == "test":
        text = "Test order. It will never be manufactured or shipped."
        return _trouble(section, status_xml.TEST_ORDER, text)
    if order.paid_at is None:
        return replace(section, status=HOLD)
    if bad_address and bad_address.lower() in order.address.lower():
        text = f"Could Not Send: Incomplete Address ({order.address})"
        return _trouble(section, status_xml.ADDRESS_ERROR, text)
    shipped_at = order.paid_at + pace
    if now < shipped_at:
        return section
    day = datetime.fromtimestamp(shipped_at, UTC).strftime("%m/%d/%Y")
    return replace(section, status=SHIPPED, ship_date=day, tracking_id=tracking_of(order))


def error_section(number: str, invoice: str = "") -> Section:
    """Return the section that says ``ErrorNum`` 100, 200 or 300."""
    return Section(error_number=number, error_text=STATUS_ERRORS[number], invoice=invoice)


def _trouble(section: Section, number: str, text: str) -> Section:
    return replace(section, status=ERROR, status_error_number=number, status_error_text=text)
