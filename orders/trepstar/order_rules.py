"""TrepStar's rules for taking an order, as the gateway document gives them. Pure.

Kept by whoever answers in TrepStar's place: the sandbox, and the desk's own gateway for scripts.
What the document leaves open is decided here: the order of the checks, and which refusals carry no
number because the document gives them none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from orders.trepstar import wire
from products.secret import Secret

EMAIL_REPEATS = timedelta(days=5)


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


def check_order(
    values: Mapping[str, str],
    find_account: Callable[[Mapping[str, str]], Account | None],
    owner_of: Callable[[str], str],
) -> Candidate:
    """Check one order in the gateway's own order of checks; duplicates come after this.

    ``values`` are the form's fields under lower-case names. ``find_account`` returns the account
    whose login they carry, ``owner_of`` the publisher id to name beside a product of somebody
    else's. Raises ``Rejected``.
    """
    source = values.get("source", "")
    if source != "cdfulfill":
        raise refusal("000002", source=source)
    logins = {"cologinemail", "cologinpassword"} & values.keys()
    if values.get("ordermethod") != "url" or not logins:
        raise refusal("000503")
    account = find_account(values)
    if account is None:
        raise refusal("000601")
    _check_products(account, values, owner_of)
    items = _check_quantities(values)
    _check_recipient(values)
    _check_limits(values)
    return Candidate(account, items, values)


def _check_products(
    account: Account, values: Mapping[str, str], owner_of: Callable[[str], str]
) -> None:
    if "productid" not in values:
        raise refusal("000101")
    productid = values["productid"].strip()
    if not productid:
        raise refusal("000010")
    for project in productid.split("x"):
        if project not in account.products:
            company, parent = account.publisher_id, owner_of(project)
            raise refusal("000505", product=project, company=company, parent=parent)


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


def repeated(taken: datetime, *, by_invoice: bool) -> Rejected:
    """Return the refusal of an order that repeats one that was ``taken`` before."""
    reason = (
        "the same invoice was used for the same product before."
        if by_invoice
        else "the same email was used for the same product within 5 days."
    )
    return refusal("000035", date=taken.strftime("%m/%d/%Y %I:%M:%S %p"), reason=reason)
