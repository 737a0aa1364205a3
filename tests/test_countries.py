"""Countries and states become the codes that TrepStar wants; what is not known is left blank."""

import pytest

from orders.countries import COUNTRIES, STATES, country_code, state_code
from orders.recipient import FIELDS, LIMITS, Recipient, one_line, recipient

PARTS = {
    "name": "Ana Peña",
    "company": "",
    "street": "12 Harbour Street",
    "street2": "",
    "city": "Portland",
    "state": "ME",
    "zip_code": "04101",
    "country": "US",
}


def test_the_table_is_whole():
    assert len(COUNTRIES) == 250
    assert all(len(code) == 2 and code.isupper() and name for code, name in COUNTRIES.items())
    assert len(set(COUNTRIES.values())) == len(COUNTRIES)
    assert {country: len(states) for country, states in STATES.items()} == {"US": 62, "CA": 13}


@pytest.mark.parametrize(("code", "name"), list(COUNTRIES.items()))
def test_every_code_and_every_name_gives_the_code(code, name):
    assert {
        country_code(text) for text in (code, code.lower(), f" {code} ", name, name.upper())
    } == {code}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "US"),
        ("   ", "US"),
        ("UK", "GB"),
        ("uk", "GB"),
        ("England", "GB"),
        ("U.S.A.", "US"),
        ("united  states\tof america", "US"),
        ("Deutschland", "DE"),
        ("Viet Nam", "VN"),
        ("IT (Italy)", ""),
        ("XX", ""),
        ("Atlantis", ""),
        ("U", ""),
    ],
)
def test_other_names_and_unknown_ones(text, code):
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("text", "country", "code"),
    [
        ("me", "US", "ME"),
        (" Maine ", "US", "ME"),
        ("NEW  YORK", "US", "NY"),
        ("Puerto Rico", "US", "PR"),
        ("Armed Forces Europe", "US", "AE"),
        ("quebec", "CA", "QC"),
        ("ON", "CA", "ON"),
        ("Ontario", "US", "Ontario"),
        ("ME, ME", "US", "ME, ME"),
        ("Bavaria", "DE", "Bavaria"),
        ("", "US", ""),
        ("ME", "", "ME"),
    ],
)
def test_states_become_codes_where_the_country_has_them(text, country, code):
    assert state_code(text, country) == code


def test_lines_are_joined_and_blanks_left_out():
    assert one_line("12 Harbour\r\nStreet", " ", "", "Apt\t3 ") == "12 Harbour Street, Apt 3"
    assert one_line("", "\n") == ""


def test_an_address_becomes_one_line_with_codes():
    found, cut = recipient(**{**PARTS, "street2": "Apt 3", "state": "maine", "country": "USA"})
    assert found == Recipient(
        name="Ana Peña",
        company="",
        address="12 Harbour Street, Apt 3",
        city="Portland",
        state="ME",
        zip="04101",
        country="US",
    )
    assert cut == []
    assert tuple(found.as_dict()) == FIELDS


@pytest.mark.parametrize("country", ["", " ", "Atlantis"])
def test_a_country_that_is_blank_or_unknown_stays_blank(country):
    assert recipient(**{**PARTS, "country": country})[0].country == ""


def test_what_is_too_long_is_cut_and_named():
    found, cut = recipient(
        **{
            **PARTS,
            "name": "N" * 201,
            "street": "S" * 398,
            "street2": "TT",
            "zip_code": "9" * 21,
            "state": "x" * 100,
        }
    )
    assert cut == ["name", "address", "zip"]
    lengths = {name: len(value) for name, value in found.as_dict().items()}
    assert lengths["name"] == 200
    assert lengths["address"] == LIMITS["address"] == 400
    assert lengths["zip"] == LIMITS["zip"] == 20
    assert lengths["state"] == 100
