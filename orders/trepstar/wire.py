"""TrepStar's "SubmitProductOrder" as text, in both directions. Pure: knows no HTTP and no database.

Follows the gateway document, "Function - SubmitProductOrder".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qsl, urlencode

from orders.trepstar.errors import REFUSALS, Refused, Unclear

SUBMIT_PATH = "/custdata.asp"
MAX_PIECES = 250
MAX_INVOICE_LENGTH = 50
MAX_SPECIAL_TEXT = 500
MAIL_METHODS = ("standard", "rtrackstandard", "priority", "express")
MODES = ("test", "prod")

SUCCESS = "[SUCCESS]"
FAILURE = "[FAILURE]"
ERROR_BEGIN = "[ERRORMSGBEGIN]"
ERROR_END = "[ERRORMSGEND]"
INVOICE_DELIMITER = "[*|*]"

_MARKERS = re.compile(
    "|".join(re.escape(m) for m in (SUCCESS, FAILURE, ERROR_BEGIN, ERROR_END, INVOICE_DELIMITER)),
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    re.escape(ERROR_BEGIN)
    # Possessive, because a page of blanks would otherwise take minutes.
    + r"\s*+(?:ERRCODE#(?P<code>[0-9]{1,6})\b)?\s*+"
    + re.escape(FAILURE)
    + r"(?P<text>.*?)"
    + re.escape(ERROR_END),
    re.DOTALL,
)
_CHARSETS = {"utf-8", "windows-1252", "cp1252", "iso-8859-1"}
_ITEMS = re.compile(r"\d+(?:x\d+)*", re.ASCII)
_QUANTITIES = re.compile(r"\d*(?:x\d*)*", re.ASCII)


@dataclass(frozen=True)
class Box:
    """One box to one address, as it will be sent. Texts are sent cleaned, see ``clean``.

    ``items`` are (project id, quantity) with each project id once; ``price`` is in USD;
    ``country`` is the ISO code (``GB`` is sent as ``UK``); blank texts are sent blank.
    """

    items: tuple[tuple[str, int], ...]
    invoice: str
    mail_method: str
    mode: str
    name: str
    company: str = ""
    address: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    email: str = ""
    special_text: str = ""
    price: Decimal = Decimal(0)
    price_on_customs: bool = False
    notify_customer: bool = False


def clean(text: str) -> str:
    """Return ``text`` as one line, without control characters and without the reply's markers.

    Removal is repeated until nothing is left to remove, since a removal can form a new marker.
    """
    if not text.isprintable():  # a short cut: the characters that go are not printable
        text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    while "[" in text:  # as each marker has
        shorter = _MARKERS.sub("", text)
        if shorter == text:
            break
        text = shorter
    return " ".join(text.split())


def submit_fields(box: Box) -> dict[str, str]:
    """Return the form fields of one order, without the login, in the order of the document.

    ``SpecialText`` is left out when blank, because any value overrides the project's own text.
    """
    fields = {
        "productid": "x".join(project for project, _ in box.items),
        "quantity": "x".join(str(quantity) for _, quantity in box.items),
        "Invoice": clean(box.invoice),
        "typeMailMethod": box.mail_method,
        "mode": box.mode,
        "email": clean(box.email),
        "bSendOrderNotificationEmail": "1" if box.notify_customer else "0",
        "nprice": f"{box.price:.2f}",
        "bUsePriceOnCustomsForm": "1" if box.price_on_customs else "0",
        # The status answer echoes the name, perhaps unescaped, into XML.
        "name": clean(box.name.replace("<", "").replace(">", "")),
        "co": clean(box.company),
        "addr": clean(box.address),
        "city": clean(box.city),
        "st": clean(box.state),
        "zip": clean(box.zip),
        "country": "UK" if box.country == "GB" else clean(box.country),
        "SpecialText": clean(box.special_text),
        "ordermethod": "url",
        "source": "cdfulfill",
    }
    if not fields["SpecialText"]:
        del fields["SpecialText"]
    return fields


def encode_form(fields: Mapping[str, str], charset: str = "utf-8") -> bytes:
    """Return the URL-encoded body. Raises ``UnicodeEncodeError`` for letters not in ``charset``."""
    return urlencode(list(fields.items()), encoding=charset, errors="strict").encode("ascii")


def decode_form(body: bytes, charset: str = "utf-8") -> list[tuple[str, str]]:
    """Return the (name, value) pairs of a form body or query string, blanks kept.

    Bytes that should have been percent-encoded, as by ``curl -d``, are read as if they were.
    """
    text = re.sub(rb"[\x80-\xff]", lambda byte: b"%%%02X" % byte[0][0], body).decode("ascii")
    return parse_qsl(text, keep_blank_values=True, encoding=charset, errors="replace")


def merged_fields(query: bytes, body: bytes, charset: str = "utf-8") -> dict[str, str]:
    """Return the fields of a call as classic ASP merges them, under the spelling that came first.

    The query comes before the form, names are the same in any case, and a repeated name's values
    are joined by a comma and a space. A ``charset`` that is not known is read as UTF-8.
    """
    charset = charset if charset in _CHARSETS else "utf-8"
    found: dict[str, str] = {}
    for source in (query, body):
        names = {name.lower() for name in found}
        spelling: dict[str, str] = {}
        for name, value in decode_form(source, charset):
            if name.lower() in names:
                continue
            first = spelling.setdefault(name.lower(), name)
            found[first] = f"{found[first]}, {value}" if first in found else value
    return found


def decode_items(productid: str, quantity: str) -> tuple[tuple[str, int], ...]:
    """Return (project id, quantity) pairs; missing positions in ``quantity`` are 1.

    Raises ``ValueError`` for anything but digits joined by ``x``, or for more quantities than ids.
    """
    if not _ITEMS.fullmatch(productid) or not _QUANTITIES.fullmatch(quantity):
        raise ValueError("Product ids and quantities are numbers joined by the letter x.")
    ids = productid.split("x")
    counts = quantity.split("x")
    if len(counts) > len(ids):
        raise ValueError("There are more quantities than product ids.")
    counts += [""] * (len(ids) - len(counts))
    return tuple((i, int(c) if c else 1) for i, c in zip(ids, counts, strict=True))


def readable(body: bytes) -> str:
    """Return ``body`` as text: UTF-8 where it is that, else windows-1252, controls as blanks."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("cp1252", "replace")
    return "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else " " for c in text)


def read_submit_reply(http_status: int, body: bytes) -> None:
    """Return quietly if the order was accepted; else raise what the answer means.

    ``body`` must be the complete answer. Accepted is HTTP 200 with exactly one ``[SUCCESS]``, no
    ``[FAILURE]`` and no part of an error block. Raises ``Refused`` for exactly one ``[FAILURE]`` in
    a whole error block or in none, and ``Unclear`` for everything else: a half block, both
    markers, neither, another status.
    """
    text = readable(body)
    if http_status != 200:
        raise Unclear(f"TrepStar answered with HTTP status {http_status}.")
    successes, failures = text.count(SUCCESS), text.count(FAILURE)
    in_error = ERROR_BEGIN in text or ERROR_END in text
    if successes == 1 and failures == 0 and not in_error:
        return
    if successes or failures > 1:
        raise Unclear("TrepStar's answer says both yes and no, or says it more than once.")
    if not failures:
        raise Unclear("TrepStar's answer says neither yes nor no.")
    block = _REFUSAL.search(text)
    if block:
        code = (block["code"] or "").zfill(6) if block["code"] else ""
        raise Refused(" ".join(block["text"].split()), code=code)
    if in_error:
        raise Unclear("TrepStar's answer breaks off inside its error message.")
    raise Refused(" ".join(text.replace(FAILURE, " ").split()))


def write_success(summary: str = "") -> bytes:
    """Return the body of an accepted order, as the gateway gives it."""
    return f"{summary}\r\n{SUCCESS}\r\n".lstrip().encode()


def write_failure(code: str, **details: object) -> bytes:
    """Return the body of a refused order with the document's text for ``code``.

    ``details`` fill the places that the document leaves open (``source``, ``quantities`` …).
    """
    text = REFUSALS[code].text.format(**details)
    return f"{ERROR_BEGIN} ERRCODE#{code} {FAILURE} {text} {ERROR_END}\r\n".encode()


def total_pieces(items: Iterable[tuple[str, int]]) -> int:
    """Return the number of pieces in a box."""
    return sum(quantity for _, quantity in items)
