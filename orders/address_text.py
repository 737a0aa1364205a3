"""A pasted address, split into the fields of a recipient. Pure.

Nothing is guessed in silence: what could not be placed is returned, and so is every conclusion
that the text does not state.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from orders.address_place import Place, country_named, find_place
from orders.countries import COUNTRIES, state_code
from orders.recipient import Recipient

MAX_TEXT = 5000
MAX_LINE = 400

_EMAIL = re.compile(r"[^\s<>,;:()\[\]\"']+@[^\s<>,;:()\[\]\"']+\.[A-Za-z]{2,}")
_PHONE_LABEL = r"(?:phone|tel|telephone|telefon|mobile|mobil|cell|fax|t|m|p)\b\.?\s*:?"
_PHONE = re.compile(rf"(?:{_PHONE_LABEL}\s*)?\+?[\d(][\d\s()./-]{{5,}}\d", re.IGNORECASE)
_LABELLED = re.compile(
    r"(?P<label>name|company|firma|address|street|city|town|state|province|zip|zip code|postcode"
    r"|postal code|plz|country|e-?mail|ship to|deliver to|to|attn|attention|c/o|care of)"
    r"\s*(?::|(?<=c/o)|(?<=care of))\s*(?P<value>.*)",
    re.IGNORECASE,
)
_FIELD_OF_LABEL = {
    "name": "name", "ship to": "name", "deliver to": "name", "to": "name",
    "company": "company", "firma": "company", "address": "address", "street": "address",
    "city": "city", "town": "city", "state": "state", "province": "state",
    "zip": "zip", "zip code": "zip", "postcode": "zip", "postal code": "zip", "plz": "zip",
    "country": "country",
}  # fmt: skip
_COMPANY = re.compile(
    r"\b(?:inc|llc|ltd|limited|corp|co|gmbh|ag|kg|ug|e\.?v|bv|b\.v|nv|sarl|s\.?a\.?r\.?l|s\.?a|srl"
    r"|plc|llp|oy|ab|as|aps|university|college|school|library|studios?|records|films|media|hotel"
    r"|museum|church|institute?|department|dept)\b\.?",
    re.IGNORECASE,
)
_STREET = re.compile(
    r"\d|\b(?:p\.?\s?o\.?\s?box|postfach|suite|unit|flat|apt|apartment|floor|cottage|farm)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Split:
    """A pasted text in parts.

    ``unplaced`` are the pieces that stand in no field; ``notes`` are whole sentences about what was
    concluded and what is missing.
    """

    recipient: Recipient = field(default_factory=Recipient)
    email: str = ""
    unplaced: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _Reader:
    """One text on its way into fields."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.email = ""
        self.unplaced: list[str] = []
        self.notes: list[str] = []

    def put(self, name: str, value: str) -> None:
        """Fill a field; a second value for it is not placed."""
        if not value:
            return
        if self.found.get(name):
            self.unplaced.append(value)
        else:
            self.found[name] = value


def split_address(text: str) -> Split:
    """Return the parts of a pasted address; raises ``ValueError`` for a text of endless length.

    Reads addresses as they are written on parcels: name, company, street, place, country, each on a
    line of its own or with commas between, with e-mail and phone lines anywhere, and lines with
    labels such as ``City: Portland``.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"The text is longer than {MAX_TEXT} characters. Paste one address only.")
    reader = _Reader()
    whole = _lines(text)
    reader.unplaced += [line for line in whole if len(line) > MAX_LINE]
    short = [line for line in whole if len(line) <= MAX_LINE]
    lines = [left for line in short if (left := _take_marked(reader, line))]
    lines = _take_country(reader, lines)
    lines = _take_place(reader, lines)
    _take_people(reader, lines)
    return _conclude(reader)


def _lines(text: str) -> list[str]:
    """Return the lines that say something, without control characters; commas split a lone one."""
    plain = "".join(c if c.isprintable() or c in "\r\n\t" else " " for c in text)
    lines = [" ".join(line.split()).strip(" ,;|•·") for line in plain.splitlines()]
    lines = [line for line in lines if line]
    if len(lines) == 1 and "," in lines[0]:
        lines = [part.strip() for part in lines[0].split(",") if part.strip()]
    return lines


def _take_marked(reader: _Reader, line: str) -> str:
    """Take e-mail, phone and labels out of a line; return what is left of it."""
    for email in _EMAIL.findall(line):
        if reader.email:
            reader.unplaced.append(email)
        reader.email = reader.email or email
        line = re.sub(r"(?i)\be-?mail\s*:?\s*$", "", line.replace(email, "").strip(" <>,;()"))
    line = line.strip(" ,;")
    if _PHONE.fullmatch(line) and sum(c.isdigit() for c in line) >= 7 and not _zip_plus_4(line):
        reader.unplaced.append(line)
        reader.notes.append("TrepStar takes no phone number, so it was left out.")
        return ""
    label = _LABELLED.fullmatch(line)
    if not label:
        return line
    name = _FIELD_OF_LABEL.get(label["label"].lower(), "company")
    if name == "country":
        code = country_named(label["value"])
        reader.put("country", code)
        if not code and label["value"]:
            reader.unplaced.append(label["value"])
    else:
        reader.put(name, label["value"].strip())
    return ""


def _zip_plus_4(line: str) -> bool:
    return bool(re.fullmatch(r"\d{5}-\d{4}", line))


def _take_country(reader: _Reader, lines: list[str]) -> list[str]:
    """Take the country from the end: a line of its own, or what follows the last comma."""
    if not lines or reader.found.get("country"):
        return lines
    *before, last = lines
    code = country_named(last)
    if code:
        reader.put("country", code)
        return before
    rest, comma, end = last.rpartition(",")
    code = country_named(end) if comma else ""
    if code:
        reader.put("country", code)
        return [*before, rest.strip(" ,")]
    return lines


def _take_place(reader: _Reader, lines: list[str]) -> list[str]:
    """Take city, state and postal code; return the lines above them."""
    if {"city", "zip"} <= reader.found.keys():
        return lines
    place = find_place(lines, reader.found.get("country", ""))
    if place is None:
        return lines
    for name in ("city", "state", "zip"):
        reader.put(name, getattr(place, name))
    if place.country and not reader.found.get("country"):
        reader.put("country", place.country)
        why = "state and ZIP code" if place.country == "US" else "postal code"
        reader.notes.append(
            f"The country is not named; by its {why} it is {COUNTRIES[place.country]}. Check it."
        )
    reader.unplaced += place.unplaced
    return _without(lines, place)


def _without(lines: list[str], place: Place) -> list[str]:
    above = lines[: place.first]
    return [*above, place.street] if place.street else above


def _take_people(reader: _Reader, lines: list[str]) -> None:
    """Take name, company and street from the lines above the place."""
    lines = list(lines)
    if lines and not reader.found.get("name") and not _is_street(lines[0]):
        first = lines.pop(0)
        person = lines[0] if lines else ""
        if (
            _COMPANY.search(first)
            and person
            and not (_is_street(person) or _COMPANY.search(person))
        ):
            reader.put("company", first)
            first = lines.pop(0)
        reader.put("name", first)
    at = next((n for n, line in enumerate(lines) if _is_street(line)), None)
    if at is None:
        # A house may have a name and no number: the last line is all there is.
        at = max(0, len(lines) - 1)
        if lines and not reader.found.get("address"):
            reader.notes.append(f"“{lines[-1]}” has no number and was taken for the street.")
    above, street = lines[:at], lines[at:]
    if len(above) == 1:
        reader.put("company", above[0])
    else:
        reader.unplaced += above
    reader.put("address", ", ".join(street))


def _is_street(line: str) -> bool:
    return bool(_STREET.search(line))


def _conclude(reader: _Reader) -> Split:
    made = Recipient(**reader.found)
    made = replace(made, state=state_code(made.state, made.country))
    missing = {"name": "a name", "address": "a street", "city": "a city", "country": "a country"}
    lacks = [text for name, text in missing.items() if not getattr(made, name)]
    if lacks:
        reader.notes.append(f"It has no {' and no '.join(text[2:] for text in lacks)}.")
    return Split(made, reader.email, tuple(reader.unplaced), tuple(reader.notes))
