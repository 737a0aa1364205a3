"""What TrepStar would refuse is found before anything is sent, with the remedy in a sentence."""

import pytest

from orders import preflight
from orders.gateway import box_of
from orders.models import Order, OrderLine
from tests.base import ANA, northlight, product, southwind

pytestmark = pytest.mark.django_db


def findings(publisher=None, units=None, **values):
    publisher = publisher or northlight()
    if units is None:
        units = [(product(publisher), 1)]
    fields = {
        "invoice": "NORTH-M1",
        "mode": "prod",
        "mail_method": "standard",
        "email": "a@x.example",
    }
    order = Order(publisher=publisher, source="admin", **{**fields, **ANA.as_dict(), **values})
    lines = [OrderLine(product=one, quantity=quantity) for one, quantity in units]
    return [
        (f.code, f.hold_reason, f.text) for f in preflight.check(order, lines, box_of(order, lines))
    ]


STATE = "Enter its two-letter code."
ADDRESSES = [
    ({"name": ""}, "name_blank", "The recipient has no name. Enter one."),
    ({"name": " \t"}, "name_blank", "The recipient has no name. Enter one."),
    ({"name": "[SUCCESS]"}, "name_blank", "The recipient has no name. Enter one."),
    ({"address": ""}, "address_blank", "The street address is blank. Enter it."),
    ({"city": "\u2028"}, "city_blank", "The city is blank. Enter it."),
    ({"country": "", "state": ""}, "country_unknown", "The country is not known. Choose it."),
    ({"zip": ""}, "zip_blank", "An address in the USA needs a ZIP code. Enter it."),
    ({"state": ""}, "state_blank", "This country needs a state or province. Enter it."),
    (
        {"country": "CA", "state": ""},
        "state_blank",
        "This country needs a state or province. Enter it.",
    ),
    ({"state": "ME, ME"}, "state_doubled", f"“ME, ME” names the state twice. {STATE}"),
    (
        {"state": "CA California"},
        "state_doubled",
        f"“CA California” names the state twice. {STATE}",
    ),
    ({"state": "Bavaria"}, "state_unknown", f"“Bavaria” is no state of this country. {STATE}"),
    ({"state": "Maine"}, "state_unknown", f"“Maine” is no state of this country. {STATE}"),
]


@pytest.mark.parametrize(("values", "code", "text"), ADDRESSES)
def test_an_address_that_is_not_whole_is_found(values, code, text):
    assert findings(**values) == [(code, "address", text)]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"country": "DE", "state": "", "zip": "10115"},
        {"country": "HK", "state": "", "zip": ""},
        {"country": "CA", "state": "QC", "zip": "H2X 1Y4"},
        {"country": "US", "state": "AE"},
        {"name": "李小龍"},
        {"company": "x" * 200},
    ],
)
def test_an_address_that_is_whole_passes(values):
    assert findings(**values) == []


def test_everything_that_is_wrong_is_named_in_order():
    found = findings(name="", address="", city="", zip="", state="", units=[])
    assert [code for code, _, _ in found] == [
        "name_blank",
        "address_blank",
        "city_blank",
        "zip_blank",
        "state_blank",
        "no_lines",
    ]


@pytest.mark.parametrize("quantity", [1, 249, 250])
def test_up_to_250_pieces_pass(quantity):
    north = northlight()
    assert findings(north, [(product(north), quantity)]) == []


@pytest.mark.parametrize("quantities", [(251,), (250, 1), (500,), (0,)])
def test_no_piece_or_more_than_250_is_found(quantities):
    north = northlight()
    film = product(north)
    total = sum(quantities)
    assert findings(north, [(film, quantity) for quantity in quantities]) == [
        (
            "too_many",
            "quantity",
            f"The box holds {total} pieces; TrepStar makes 1 to 250 in one box. "
            "Change the quantities.",
        )
    ]


def test_an_order_without_a_line_is_found():
    assert findings(units=[]) == [
        ("no_lines", "preflight", "The order has no product. Add a line.")
    ]


def test_a_product_that_is_off_or_foreign_is_found():
    north, south = northlight(), southwind()
    units = [(product(north, active=False), 1), (product(south, "70"), 1)]
    assert findings(north, units) == [
        (
            "product_off",
            "preflight",
            "Film 66750 (66750) is switched off. Switch it on or remove it.",
        ),
        ("product_foreign", "preflight", "Film 70 (70) is another publisher's. Remove it."),
    ]


def test_an_invoice_has_1_to_50_characters():
    assert findings(northlight(), invoice="N" * 50) == []
    found = [("invoice_length", "preflight", "The invoice must have 1 to 50 characters.")]
    south = southwind()
    assert findings(south, [(product(south), 1)], invoice="N" * 51) == found
    assert findings(south, [(product(south, "7"), 1)], invoice="") == found


def test_a_special_text_that_is_too_long_or_html_is_found():
    assert findings(northlight(), special_text="x" * 500) == []
    south = southwind()
    assert findings(south, [(product(south), 1)], special_text="<b>" + "x" * 498) == [
        (
            "special_text_long",
            "preflight",
            "The special text has 501 characters; TrepStar prints at most 500. Shorten it.",
        ),
        ("special_text_html", "preflight", "TrepStar prints no HTML. Remove the tags."),
    ]


@pytest.mark.parametrize(("price", "found"), [(None, True), (0, True), (5, False)])
def test_a_customs_price_without_a_price_is_found(price, found):
    codes = [code for code, _, _ in findings(price_on_customs=True, price=price)]
    assert codes == (["customs_without_price"] if found else [])


def test_the_products_own_price_serves_for_customs():
    north = northlight()
    assert findings(north, [(product(north, price=7), 2)], price_on_customs=True) == []


def test_what_the_charset_cannot_hold_is_found():
    north = northlight(charset="windows-1252")
    assert findings(north, name="Ana Peña", company="李Ł李") == [
        (
            "charset",
            "preflight",
            "TrepStar's form cannot carry “Ł李” in windows-1252. Write it differently, or set "
            "the publisher's charset to UTF-8.",
        )
    ]
    film = north.products.get()
    assert findings(north, [(film, 1)], address="ул. Ленина 1")[0][:2] == ("charset", "address")
