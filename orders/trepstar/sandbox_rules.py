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
from orders.trepstar.order_rules import Account, Candidate, Rejected, repeated
from orders.trepstar.status_xml import METHOD_WORDS, Section
from products.secret import Secret

PRICE_PER_PIECE = 500  # cents

HOLD = "HOLD"
PROCESSING = "PROCESSING"
SHIPPED = "SHIPPED"
ERROR = "ERROR"

_USA = {"", "us", "usa", "united states", "united states of america"}
_LETTER_PACKAGES = ("sleeve", "ecomailer")


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


def find_account(accounts: Sequence[Account], values: Mapping[str, str]) -> Account | None:
    """Return the account whose login the call carries, else None."""
    email = values.get("cologinemail", "").strip().lower()
    password = Secret(values.get("cologinpassword", ""))
    matching = (a for a in accounts if a.email.lower() == email and a.password == password)
    return next(matching, None)


def owner_of(accounts: Sequence[Account], project: str) -> str:
    """Return the publisher id of the account that has this project, or blank."""
    return next((a.publisher_id for a in accounts if project in a.products), "")


def duplicate(earlier: Order) -> Rejected:
    """Return the refusal of an order that repeats ``earlier``."""
    return repeated(
        datetime.fromtimestamp(earlier.accepted_at, UTC), by_invoice=bool(earlier.invoice)
    )


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


def _trouble(section: Section, number: str, text: str) -> Section:
    return replace(section, status=ERROR, status_error_number=number, status_error_text=text)
