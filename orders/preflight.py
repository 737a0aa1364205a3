"""The gateway's own rules, checked before anything is sent. Each finding says how to mend it.

Follows the field definitions of "SubmitProductOrder" in the gateway document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orders.countries import STATES
from orders.models import Order, OrderLine
from orders.recipient import FIELDS
from orders.trepstar import wire

_HTML = re.compile(r"<[A-Za-z!/]")


@dataclass(frozen=True)
class Finding:
    """Why TrepStar would not take an order. ``text`` is a whole sentence with the remedy."""

    code: str
    field: str
    text: str

    @property
    def hold_reason(self) -> str:
        """The hold reason under which such an order waits."""
        if self.field in ("name", "address", "city", "state", "zip", "country"):
            return "address"
        return "quantity" if self.field == "quantity" else "preflight"


def check(order: Order, lines: Sequence[OrderLine], box: wire.Box) -> list[Finding]:
    """Return what TrepStar would refuse or get wrong, worst first; ``[]`` means it may be sent.

    ``box`` is what would be sent for ``order`` with ``lines``.
    """
    return [*_recipient(box), *_contents(order, lines, box), *_texts(order, box)]


def _recipient(box: wire.Box) -> Iterator[Finding]:
    if not wire.clean(box.name):
        yield Finding("name_blank", "name", "The recipient has no name. Enter one.")
    if not wire.clean(box.address):
        yield Finding("address_blank", "address", "The street address is blank. Enter it.")
    if not wire.clean(box.city):
        yield Finding("city_blank", "city", "The city is blank. Enter it.")
    if not box.country:
        yield Finding("country_unknown", "country", "The country is not known. Choose it.")
    if box.country == "US" and not wire.clean(box.zip):
        yield Finding("zip_blank", "zip", "An address in the USA needs a ZIP code. Enter it.")
    yield from _state(box)


def _state(box: wire.Box) -> Iterator[Finding]:
    states = STATES.get(box.country)
    if states is None:
        return
    if not box.state:
        yield Finding("state_blank", "state", "This country needs a state or province. Enter it.")
    elif box.state not in states:
        words = box.state.replace(",", " ").split()
        doubled = len(words) > 1 and words[0].upper() in states
        problem = "names the state twice" if doubled else "is no state of this country"
        yield Finding(
            "state_doubled" if doubled else "state_unknown",
            "state",
            f"“{box.state}” {problem}. Enter its two-letter code.",
        )


def _contents(order: Order, lines: Sequence[OrderLine], box: wire.Box) -> Iterator[Finding]:
    total = wire.total_pieces(box.items)
    if not lines:
        yield Finding("no_lines", "lines", "The order has no product. Add a line.")
    elif not 1 <= total <= wire.MAX_PIECES:
        yield Finding(
            "too_many",
            "quantity",
            f"The box holds {total} pieces; TrepStar makes 1 to {wire.MAX_PIECES} in one box. "
            "Change the quantities.",
        )
    for line in lines:
        if not line.product.active:
            yield Finding(
                "product_off",
                "lines",
                f"{line.product} is switched off. Switch it on or remove it.",
            )
        if line.product.publisher_id != order.publisher_id:
            yield Finding(
                "product_foreign", "lines", f"{line.product} is another publisher's. Remove it."
            )
    if not 1 <= len(box.invoice) <= wire.MAX_INVOICE_LENGTH:
        yield Finding("invoice_length", "invoice", "The invoice must have 1 to 50 characters.")


def _texts(order: Order, box: wire.Box) -> Iterator[Finding]:
    if len(box.special_text) > wire.MAX_SPECIAL_TEXT:
        yield Finding(
            "special_text_long",
            "special_text",
            f"The special text has {len(box.special_text)} characters; TrepStar prints at most "
            f"{wire.MAX_SPECIAL_TEXT}. Shorten it.",
        )
    if _HTML.search(box.special_text):
        yield Finding(
            "special_text_html", "special_text", "TrepStar prints no HTML. Remove the tags."
        )
    if box.price_on_customs and not box.price:
        yield Finding(
            "customs_without_price",
            "price",
            "The price is to stand on the customs form, but there is none. Enter a price, or "
            "switch the customs price off.",
        )
    charset = order.publisher.charset
    # What is sent is what remains of these, so that it fits where they do.
    if _fits("".join(getattr(box, name) for name in _SENT), charset):
        return
    for name, value in wire.submit_fields(box).items():
        if not _fits(value, charset):
            lost = "".join(sorted({c for c in value if not _fits(c, charset)}))
            yield Finding(
                "charset",
                _FIELD_OF.get(name, name),
                f"TrepStar's form cannot carry “{lost}” in {charset}. Write it differently, or "
                "set the publisher's charset to UTF-8.",
            )


_SENT = ("invoice", *FIELDS, "email", "special_text")
_FIELD_OF = {"co": "company", "addr": "address", "st": "state", "SpecialText": "special_text"}


def _fits(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True
