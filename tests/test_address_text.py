"""A pasted address in parts: what is placed where; nothing is lost, nothing guessed in silence."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.address_text import MAX_TEXT, split_address

ANA = {
    "name": "Ana Peña",
    "address": "12 Harbour Street, Apt 3",
    "city": "Portland",
    "state": "ME",
    "zip": "04101",
    "country": "US",
}
BERLIN = {"name": "Anna Schmidt", "address": "Musterstraße 12", "zip": "10115", "city": "Berlin"}


def fields(text: str) -> dict[str, str]:
    found = split_address(text)
    assert found.unplaced == ()
    return {k: v for k, v in found.recipient.as_dict().items() if v}


@pytest.mark.parametrize(
    "text",
    [
        "Ana Peña\n12 Harbour Street\nApt 3\nPortland, ME 04101\nUSA",
        "Ana Peña\n12 Harbour Street, Apt 3\nPortland ME 04101\nUnited States",
        "  Ana Peña ,\r\n\r\n12 Harbour Street,\r\nApt 3,\r\nPortland, Maine, 04101\r\nU.S.A.",
        "Ana Peña, 12 Harbour Street, Apt 3, Portland, ME 04101, USA",
        "Ana Peña\n12 Harbour Street, Apt 3, Portland, ME 04101, United States of America",
        "Ana Peña\n12 Harbour Street\nApt 3\nPortland\nME 04101\nUSA",
        "Ana Peña\n12 Harbour Street\nApt 3\nPortland\nMaine\n04101\nUSA",
        "Ship to: Ana Peña\nStreet: 12 Harbour Street, Apt 3\nPortland, ME 04101\nUSA",
    ],
)
def test_an_american_address_in_any_dress(text: str) -> None:
    assert fields(text) == ANA


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "Jean Tremblay\n1055 Rue Saint-Denis\nMontréal QC  H2X 3J4\nCanada",
            {"name": "Jean Tremblay", "address": "1055 Rue Saint-Denis", "city": "Montréal",
             "state": "QC", "zip": "H2X 3J4", "country": "CA"},
        ),
        (
            "Sara Gill\n9 Water St\nSt. John's, Newfoundland and Labrador a1c 1a1\nCanada",
            {"name": "Sara Gill", "address": "9 Water St", "city": "St. John's", "state": "NL",
             "zip": "A1C 1A1", "country": "CA"},
        ),
        (
            "The Prime Minister\n10 Downing Street\nLondon\nSW1A 2AA\nUnited Kingdom",
            {"name": "The Prime Minister", "address": "10 Downing Street", "city": "London",
             "zip": "SW1A 2AA", "country": "GB"},
        ),
        (
            "J Doe\nFlat 2, 221B Baker Street\nLondon NW1 6XE\nUK",
            {"name": "J Doe", "address": "Flat 2, 221B Baker Street", "city": "London",
             "zip": "NW1 6XE", "country": "GB"},
        ),
        (
            "Anna Schmidt\nMusterstraße 12\n10115 Berlin\nDeutschland",
            {**BERLIN, "country": "DE"},
        ),
        ("Anna Schmidt\nMusterstraße 12\n10115 Berlin\nGERMANY", {**BERLIN, "country": "DE"}),
        (
            "Muster GmbH\nAnna Schmidt\nMusterstraße 12\n10115 Berlin\nGermany",
            {**BERLIN, "company": "Muster GmbH", "country": "DE"},
        ),
        (
            "Anna Schmidt\nc/o Muster\nMusterstraße 12\n10115 Berlin\nGermany",
            {**BERLIN, "company": "Muster", "country": "DE"},
        ),
        (
            "Jan Smit\nKeizersgracht 1\n1015 CJ Amsterdam\nThe Netherlands",
            {"name": "Jan Smit", "address": "Keizersgracht 1", "zip": "1015 CJ",
             "city": "Amsterdam", "country": "NL"},
        ),
        (
            "Mario Rossi\nVia Roma 1\n00184 Roma RM\nItalia",
            {"name": "Mario Rossi", "address": "Via Roma 1", "zip": "00184", "city": "Roma",
             "state": "RM", "country": "IT"},
        ),
        (
            "Bea Ryan\n1 George St\nSydney NSW 2000\nAustralia",
            {"name": "Bea Ryan", "address": "1 George St", "city": "Sydney", "state": "NSW",
             "zip": "2000", "country": "AU"},
        ),
        (
            "Lim Wei\n1 Raffles Place\nSingapore 048616\nSingapore",
            {"name": "Lim Wei", "address": "1 Raffles Place", "city": "Singapore",
             "zip": "048616", "country": "SG"},
        ),
    ],
)  # fmt: skip
def test_addresses_of_the_world(text: str, wanted: dict[str, str]) -> None:
    assert fields(text) == wanted
    assert split_address(text).notes == ()


def test_labels_say_where_a_line_belongs() -> None:
    text = "Name: Ana\nCompany: Acme\nAddress: 1 Road\nCity: Bath\nPostcode: BA1 1AA\nCountry: UK"
    assert fields(f"{text}\nE-Mail: ana@example.com") == {
        "name": "Ana",
        "company": "Acme",
        "address": "1 Road",
        "city": "Bath",
        "zip": "BA1 1AA",
        "country": "GB",
    }


@pytest.mark.parametrize(
    "line",
    [
        "ana@example.com",
        "E-mail: ana@example.com",
        "email ana@example.com",
        "<ana@example.com>",
    ],
)
def test_an_e_mail_may_stand_anywhere(line: str) -> None:
    text = "Ana Peña\n12 Harbour Street\nApt 3\nPortland, ME 04101\nUSA"
    for whole in (f"{line}\n{text}", f"{text}\n{line}", text.replace("\nApt", f"\n{line}\nApt")):
        assert split_address(whole).email == "ana@example.com"
        assert fields(whole) == ANA


@pytest.mark.parametrize("line", ["+1 (207) 555-0100", "Tel. 207 555 0100", "Phone: 2075550100"])
def test_a_phone_number_is_left_out_and_said(line: str) -> None:
    found = split_address(f"Ana Peña\n12 Harbour Street, Apt 3\nPortland, ME 04101\nUSA\n{line}")
    assert found.recipient.as_dict() == {**ANA, "company": ""}
    assert found.unplaced == (line,)
    assert found.notes == ("TrepStar takes no phone number, so it was left out.",)


# Nothing is guessed in silence


def test_a_country_that_follows_from_the_place_is_said() -> None:
    for text, why in {
        "Ana\n1 Road\nPortland, ME 04101": "state and ZIP code it is United States",
        "Ana\n1 Road\nOttawa ON K1A 0B1": "postal code it is Canada",
        "Ana\n1 Road\nBath BA1 1AA": "postal code it is United Kingdom",
        "Ana\n1 Road\nD-10115 Berlin": "postal code it is Germany",
    }.items():
        assert split_address(text).notes == (f"The country is not named; by its {why}. Check it.",)


def test_five_digits_alone_name_no_country() -> None:
    found = split_address("Anna Schmidt\nMusterstraße 12\n10115 Berlin")
    assert found.recipient.as_dict() == {**BERLIN, "company": "", "state": "", "country": ""}
    assert found.notes == ("It has no country.",)


def test_two_letters_that_are_a_state_as_well_are_no_country() -> None:
    found = split_address("Ana\n1 Road\nPortland, ME 04101\nCA")
    assert (found.recipient.state, found.recipient.country) == ("ME", "US")
    assert found.unplaced == ("CA",)
    # Where no state of America stands above them, they can only be the country.
    assert split_address("Anna\nWeg 1\n10115 Berlin\nDE").recipient.country == "DE"


def test_a_street_that_cannot_be_told_from_its_city_is_not_placed() -> None:
    found = split_address("John Doe\n1 Main St Springfield IL 62701")
    assert found.unplaced == ("1 Main St Springfield",)
    assert (found.recipient.city, found.recipient.address) == ("", "")
    assert (found.recipient.state, found.recipient.zip) == ("IL", "62701")
    assert found.notes[-1] == "It has no street and no city."


def test_several_lines_between_name_and_street_are_not_placed() -> None:
    found = split_address("Ana\nUpper Wing\nEast Door\n1 Road\nBath BA1 1AA\nUK")
    assert found.unplaced == ("Upper Wing", "East Door")
    assert found.recipient.company == ""


def test_a_house_without_a_number_is_said() -> None:
    found = split_address("Jane Roe\nRosebank\nWinchester SO23 9LS\nUK")
    assert found.recipient.address == "Rosebank"
    assert found.notes == ("“Rosebank” has no number and was taken for the street.",)


def test_what_stands_below_the_place_is_not_placed() -> None:
    found = split_address("Ana\n1 Road\nPortland, ME 04101\nLeave it at the door\nUSA")
    assert found.unplaced == ("Leave it at the door",)


def test_a_second_e_mail_is_not_placed() -> None:
    found = split_address("Ana\na@x.example b@x.example")
    assert (found.email, found.unplaced) == ("a@x.example", ("b@x.example",))


@pytest.mark.parametrize("text", ["", " \n \t\r\n", "\x00\x00"])
def test_nothing_is_nothing(text: str) -> None:
    found = split_address(text)
    assert set(found.recipient.as_dict().values()) == {""}
    assert found.notes == ("It has no name and no street and no city and no country.",)


def test_an_endless_text_is_refused() -> None:
    with pytest.raises(ValueError, match="Paste one address only"):
        split_address("x" * (MAX_TEXT + 1))


def test_control_characters_are_dropped() -> None:
    found = split_address("A\x00na\x07\n1 Ro\u2028ad\nBath BA1 1AA\nUK\ud800")
    said = "".join([*found.recipient.as_dict().values(), *found.unplaced])
    assert all(c.isprintable() for c in said)


WORDS = st.lists(st.text("bdfghjklqrvwxz7-,.", min_size=1, max_size=9), min_size=1, max_size=6)


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=8))
def test_no_word_is_lost(lines: list[list[str]]) -> None:
    text = "\n".join(" ".join(words) for words in lines)
    found = split_address(text)
    kept = " ".join([*found.recipient.as_dict().values(), found.email, *found.unplaced]).casefold()
    plain = "".join(c for c in kept if c.isalnum())
    # A comma or a full stop within a word may part it.
    for word in re.findall(r"\w+", text):
        assert word in plain


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_answered(text: str) -> None:
    found = split_address(text)
    assert len(found.recipient.country) in (0, 2)


@pytest.mark.parametrize(
    "text",
    ["," * MAX_TEXT, "a\n" + "," * 4990, "a\n" + "1 " * 2400, "a@" * 2500, "a\n" + "A1 " * 1600,
     "1\n" * 2500, "(" * 5000, ("x" * 399 + "\n") * 12],
)  # fmt: skip
def test_a_hostile_text_takes_no_time(text: str) -> None:
    began = time.process_time()
    split_address(text)
    assert time.process_time() - began < 2
