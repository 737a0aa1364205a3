"""City, state, postal code and country in the lines of a pasted address. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from orders.countries import COUNTRIES, STATES, country_code, state_code

_US_ZIP = r"\d{5}(?:-\d{4})?"
_CA_CODE = r"[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d"
_GB_CODE = r"(?:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|GIR ?0AA)"
_IE_CODE = r"(?:[AC-FHKNPRTV-Y]\d{2}|D6W) ?[0-9AC-FHKNPRTV-Y]{4}"
_AU_STATE = r"NSW|VIC|QLD|SA|WA|TAS|NT|ACT"

_STATE_ZIP = {
    "US": re.compile(rf"(?P<before>.*?)[ ,]*\b(?P<zip>{_US_ZIP})"),
    "CA": re.compile(rf"(?P<before>.*?)[ ,]*\b(?P<zip>{_CA_CODE})", re.IGNORECASE),
}
_AUSTRALIA = re.compile(rf"(?P<city>.*?)[ ,]*\b(?P<state>{_AU_STATE})[ ,]+(?P<zip>\d{{4}})")
_CODE_LAST = {
    "GB": re.compile(rf"(?P<city>.*?)[ ,]*\b(?P<zip>{_GB_CODE})", re.IGNORECASE),
    "IE": re.compile(rf"(?P<city>.*?)[ ,]*\b(?P<zip>{_IE_CODE})", re.IGNORECASE),
}
_CODE_FIRST = re.compile(
    r"(?:(?P<country>[A-Z]{1,2})-)?"
    r"(?P<zip>\d{4} [A-Z]{2}|\d{3} \d{2}|\d{2}-\d{3}|\d{4}-\d{3}|\d{4,6})[ ,]+(?P<city>\D+)"
)
_ANY_CODE_LAST = re.compile(r"(?P<city>\D+?)[ ,]+(?P<zip>\d{4,6}|\d{3}-\d{4}|\d{5}-\d{3})")
_ITALY = re.compile(r"(?P<city>.+?)[ ,]+\(?(?P<state>[A-Z]{2})\)?")
_LETTER = {"D": "DE", "A": "AT", "F": "FR", "I": "IT", "E": "ES", "B": "BE", "L": "LU"}


@dataclass(frozen=True)
class Place:
    """A place: its lines begin at ``first``; ``street`` is what stood before it on its line.

    ``country`` is the one that the place itself proves, ``unplaced`` what stands below it.
    """

    first: int
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    street: str = ""
    unplaced: tuple[str, ...] = ()


def country_named(text: str) -> str:
    """Return the code of a country that is named, or blank.

    A code of two letters that is a state as well, such as ``CA`` or ``DE``, names none.
    """
    text = text.strip(" .,;()") if text.strip().upper() not in ("U.S.", "U.S.A.") else text.strip()
    code = country_code(text) if text else ""
    states = {state for known in STATES.values() for state in known}
    if code and len(text) == 2 and text.upper() in states:
        return ""
    return code


def find_place(lines: Sequence[str], country: str) -> Place | None:
    """Return the place in the lines of an address, the lowest one, or None.

    ``country`` is its code where it is known; the shapes of other countries are not tried then.
    """
    for at in range(len(lines) - 1, -1, -1):
        for read in (_in_north_america, _in_australia, _code_last, _code_first, _code_anywhere):
            place = read(lines, at, country)
            if place is not None:
                return _settled(place, lines[at + 1 :])
    return None


def _settled(place: Place, below: Sequence[str]) -> Place:
    """Add what stands below the place.

    A code of two letters alone says which country, where the place does not look North American.
    """
    country = place.country
    if not country and len(below) == 1 and below[0].upper() in COUNTRIES:
        country = below[0].upper()
    left = [line for line in below if line.upper() != country]
    return replace(place, country=country, unplaced=(*place.unplaced, *left))


def _in_north_america(lines: Sequence[str], at: int, country: str) -> Place | None:
    for code, shape in _STATE_ZIP.items():
        match = shape.fullmatch(lines[at])
        if not match or country not in ("", code):
            continue
        first, before = _upwards(lines, at, match["before"], code)
        city, state = _city_and_state(before, code)
        if not state and country != code and code == "US":
            # Five digits alone are a postal code in half the world.
            continue
        made = {"zip": match["zip"].upper(), "state": state, "country": code}
        return _with_city(lines, first, city, made)
    return None


def _upwards(lines: Sequence[str], at: int, before: str, country: str) -> tuple[int, str]:
    """Add the lines above a lone ZIP code or state, up to the one that names the city."""
    while at > 1 and not _city_and_state(before, country)[0] and not _has_digits(lines[at - 1]):
        at -= 1
        before = f"{lines[at]}, {before}".strip(" ,")
    return at, before


def _has_digits(text: str) -> bool:
    return any(c.isdigit() for c in text)


def _city_and_state(text: str, country: str) -> tuple[str, str]:
    """Split ``Portland, ME`` or ``Portland Maine`` into city and the state's code."""
    words = text.replace(",", " , ").split()
    for count in (3, 2, 1):
        last = words[-count:]
        state = state_code(" ".join(last).strip(" ,.").replace(".", ""), country)
        if len(words) >= count and state in STATES[country]:
            return _joined(words[:-count]), state
    return _joined(words), ""


def _joined(words: Sequence[str]) -> str:
    return " ".join(words).replace(" ,", ",").strip(" ,")


def _in_australia(lines: Sequence[str], at: int, country: str) -> Place | None:
    match = _AUSTRALIA.fullmatch(lines[at])
    if not match or country not in ("", "AU"):
        return None
    made = {"zip": match["zip"], "state": match["state"], "country": "AU"}
    return _with_city(lines, at, match["city"], made)


def _code_last(lines: Sequence[str], at: int, country: str) -> Place | None:
    for code, shape in _CODE_LAST.items():
        match = shape.fullmatch(lines[at])
        if match and country in ("", code):
            made = {"zip": match["zip"].upper(), "country": code}
            return _with_city(lines, at, match["city"], made)
    return None


def _code_first(lines: Sequence[str], at: int, country: str) -> Place | None:
    match = _CODE_FIRST.fullmatch(lines[at])
    if not match or country in ("US", "CA", "GB"):
        return None
    letters = match["country"] or ""
    proved = _LETTER.get(letters, letters if letters in COUNTRIES else "")
    city, state = match["city"].strip(" ,"), ""
    italian = _ITALY.fullmatch(city)
    if "IT" in (country, proved) and italian:
        city, state = italian["city"], italian["state"]
    return Place(at, city, state, match["zip"], proved)


def _code_anywhere(lines: Sequence[str], at: int, country: str) -> Place | None:
    """Read ``Singapore 018956``; only where the country is named and has no shape of its own."""
    match = _ANY_CODE_LAST.fullmatch(lines[at])
    if not match or country in ("", "US", "CA", "GB", "AU") or at == 0:
        return None
    return _with_city(lines, at, match["city"], {"zip": match["zip"]})


def _with_city(lines: Sequence[str], at: int, city: str, made: dict[str, str]) -> Place:
    """Return the place whose city stands before the code, or on the line above it.

    Before the last comma of its line stands the street; without a comma, digits mean that street
    and city cannot be told apart.
    """
    found = Place(at, "", made.get("state", ""), made["zip"], made.get("country", ""))
    street, _, city = (part.strip(" ,") for part in city.rpartition(","))
    if not city and at > 1 and not _has_digits(lines[at - 1]):
        street, _, city = (part.strip(" ,") for part in lines[at - 1].rpartition(","))
        return replace(found, first=at - 1, city=city, street=street)
    if _has_digits(city):
        return replace(found, unplaced=(f"{street}, {city}".strip(" ,"),))
    return replace(found, city=city, street=street)
