"""TrepStar's "SubmitProductOrder" against literals of the gateway document and recorded pages."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from orders.trepstar import wire
from orders.trepstar.errors import REFUSALS, Refused

SAMPLES = Path(__file__).parent / "samples" / "trepstar"

SMALLEST = wire.Box(
    items=(("66750", 1),),
    invoice="NL-1042-S450789469-1",
    mail_method="standard",
    mode="test",
    name="John H. Smith",
)
FULL = wire.Box(
    items=(("66750", 1), ("66760", 3), ("66770", 2)),
    invoice="NL-1042-S450789469-1",
    mail_method="rtrackstandard",
    mode="prod",
    name="Zoë Núñez",
    company="ATTN: John Smith, 3rd floor",
    address="123 some street, Apt123",
    city="Zürich",
    state="ZH",
    zip="8001",
    country="CH",
    email="help+zoe@somedomain.com",
    special_text="Thank you for ordering. Your unlock code is 123-23456. 100% & more=yes",
    price=Decimal("24.9"),
    price_on_customs=True,
    notify_customer=True,
)
TEXTS = {
    "invoice": "Invoice",
    "email": "email",
    "name": "name",
    "company": "co",
    "address": "addr",
    "city": "city",
    "state": "st",
    "zip": "zip",
    "country": "country",
    "special_text": "SpecialText",
}
FULL_BODY = (
    b"productid=66750x66760x66770&quantity=1x3x2&Invoice=NL-1042-S450789469-1"
    b"&typeMailMethod=rtrackstandard&mode=prod&email=help%2Bzoe%40somedomain.com"
    b"&bSendOrderNotificationEmail=1&nprice=24.90&bUsePriceOnCustomsForm=1"
    b"&name=Zo%C3%AB+N%C3%BA%C3%B1ez&co=ATTN%3A+John+Smith%2C+3rd+floor"
    b"&addr=123+some+street%2C+Apt123&city=Z%C3%BCrich&st=ZH&zip=8001&country=CH"
    b"&SpecialText=Thank+you+for+ordering.+Your+unlock+code+is+123-23456.+100%25+%26+more%3Dyes"
    b"&ordermethod=url&source=cdfulfill"
)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def test_the_constants_are_the_documents():
    assert wire.SUBMIT_PATH == "/custdata.asp"
    assert wire.MAIL_METHODS == ("standard", "rtrackstandard", "priority", "express")
    assert wire.MODES == ("test", "prod")
    assert (wire.MAX_PIECES, wire.MAX_INVOICE_LENGTH, wire.MAX_SPECIAL_TEXT) == (250, 50, 500)
    assert (wire.SUCCESS, wire.FAILURE) == ("[SUCCESS]", "[FAILURE]")
    assert (wire.ERROR_BEGIN, wire.ERROR_END) == ("[ERRORMSGBEGIN]", "[ERRORMSGEND]")
    assert wire.INVOICE_DELIMITER == "[*|*]"


class TestFields:
    def test_a_full_order_is_this_body_byte_for_byte(self):
        assert wire.encode_form(wire.submit_fields(FULL)) == FULL_BODY

    def test_the_smallest_order_sends_its_blanks_and_no_special_text(self):
        assert list(wire.submit_fields(SMALLEST).items()) == [
            ("productid", "66750"),
            ("quantity", "1"),
            ("Invoice", "NL-1042-S450789469-1"),
            ("typeMailMethod", "standard"),
            ("mode", "test"),
            ("email", ""),
            ("bSendOrderNotificationEmail", "0"),
            ("nprice", "0.00"),
            ("bUsePriceOnCustomsForm", "0"),
            ("name", "John H. Smith"),
            ("co", ""),
            ("addr", ""),
            ("city", ""),
            ("st", ""),
            ("zip", ""),
            ("country", ""),
            ("ordermethod", "url"),
            ("source", "cdfulfill"),
        ]

    def test_special_text_of_nothing_but_markers_is_left_out(self):
        box = replace(SMALLEST, special_text=" [SUCCESS]\n")
        assert "SpecialText" not in wire.submit_fields(box)

    @pytest.mark.parametrize(
        ("country", "sent"), [("GB", "UK"), ("US", "US"), ("IE", "IE"), ("", "")]
    )
    def test_great_britain_is_sent_as_uk(self, country, sent):
        assert wire.submit_fields(replace(SMALLEST, country=country))["country"] == sent

    @pytest.mark.parametrize(
        ("price", "sent"), [("0", "0.00"), ("6", "6.00"), ("1E+3", "1000.00"), ("19.999", "20.00")]
    )
    def test_the_price_has_two_decimals(self, price, sent):
        assert wire.submit_fields(replace(SMALLEST, price=Decimal(price)))["nprice"] == sent

    def test_every_text_of_a_customer_is_cleaned(self):
        box = replace(SMALLEST, **dict.fromkeys(TEXTS, "a\r\n[SUCCESS] [FAIL[*|*]URE]b"))
        fields = wire.submit_fields(box)
        assert [fields[name] for name in TEXTS.values()] == ["a b"] * 10


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("John H. Smith", "John H. Smith"),
        ("  two  words\t", "two words"),
        ("line 1\r\nline 2\x00\x0b\x85\u2028\u2029end", "line 1 line 2 end"),
        ("[SUCCESS]", ""),
        ("a[failure]b", "ab"),
        ("[SUC[SUCCESS]CESS]", ""),
        ("[ERRORMSG[ERRORMSGBEGIN]BEGIN]x[ERRORMSGEND]", "x"),
        ("[*[*|*]|*]", ""),
        ("[SUCC\nESS]", "[SUCC ESS]"),
        ("[Apt 4] (SUCCESS)", "[Apt 4] (SUCCESS)"),
        ("<b>Zoë</b> & Søn", "<b>Zoë</b> & Søn"),
        ("", ""),
    ],
)
def test_clean_takes_controls_and_markers_out_and_nothing_else(text, cleaned):
    assert wire.clean(text) == cleaned


class TestForm:
    def test_windows_1252_is_encoded_with_its_own_bytes(self):
        fields = {"name": "Zoë “Œ” €5"}
        assert wire.encode_form(fields, "windows-1252") == b"name=Zo%EB+%93%8C%94+%805"

    @pytest.mark.parametrize(("text", "charset"), [("Łódź", "windows-1252"), ("\ud800", "utf-8")])
    def test_a_letter_the_charset_has_not_is_refused(self, text, charset):
        with pytest.raises(UnicodeEncodeError):
            wire.encode_form({"name": text}, charset)

    def test_the_documents_encoded_example_is_read(self):
        body = (
            b"SpecialText=Thank+you+for+ordering%2E++Your+unlock+code+is+123%2D23456%2E++"
            b"Email+questions+to+help%40somedomain%2Ecom"
        )
        text = (
            "Thank you for ordering.  Your unlock code is 123-23456.  "
            "Email questions to help@somedomain.com"
        )
        assert wire.decode_form(body) == [("SpecialText", text)]

    def test_blank_doubled_and_nameless_fields_are_kept(self):
        assert wire.decode_form(b"a=&b=1&b=2&=x&c") == [
            ("a", ""),
            ("b", "1"),
            ("b", "2"),
            ("", "x"),
            ("c", ""),
        ]

    def test_a_form_is_read_in_its_charset(self):
        assert wire.decode_form(b"name=Zo%EB", "windows-1252") == [("name", "Zoë")]
        assert wire.decode_form(b"name=Zo%EB") == [("name", "Zo\ufffd")]


@pytest.mark.parametrize(
    ("productid", "quantity", "items"),
    [
        ("66750", "1", (("66750", 1),)),
        ("66750x66760x66770", "1x3x2", (("66750", 1), ("66760", 3), ("66770", 2))),
        ("40350x40360x40370", "1x4x3", (("40350", 1), ("40360", 4), ("40370", 3))),
        ("66750", "", (("66750", 1),)),
        ("66750x66760", "4", (("66750", 4), ("66760", 1))),
        ("66750x66760x66770", "x2x", (("66750", 1), ("66760", 2), ("66770", 1))),
        ("66750", "0", (("66750", 0),)),
        ("00066750", "007", (("00066750", 7),)),
    ],
)
def test_items_are_positional_and_a_missing_quantity_is_one(productid, quantity, items):
    assert wire.decode_items(productid, quantity) == items


@pytest.mark.parametrize(
    ("productid", "quantity"),
    [
        ("", "1"),
        ("x", "1"),
        ("66750x", "1"),
        ("66750X66760", "1"),
        ("66750,66760", "1"),
        (" 66750", "1"),
        ("66750", "-1"),
        ("66750", "1.5"),
        ("66750", " 1"),
        ("66750", "1\n"),
        ("٦٦٧٥٠", "1"),
        ("66750", "²"),
    ],
)
def test_anything_but_numbers_joined_by_x_is_refused(productid, quantity):
    with pytest.raises(ValueError) as refusal:
        wire.decode_items(productid, quantity)
    assert str(refusal.value) == "Product ids and quantities are numbers joined by the letter x."


def test_more_quantities_than_ids_are_refused():
    with pytest.raises(ValueError, match="^There are more quantities than product ids.$"):
        wire.decode_items("66750", "1x1")


def test_pieces_are_counted_over_all_items():
    assert wire.total_pieces(FULL.items) == 6
    assert wire.total_pieces(()) == 0


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Zoë €".encode(), "Zoë €"),
        (b"Jos\xe9 \x93Pepe\x94 \x80 5", "José “Pepe” € 5"),
        (b"a\x81b", "a\ufffdb"),
        (b"a\x00b\x1bc\rd\te\nf", "a b c d\te\nf"),
        ("a\x85b".encode(), "a b"),
    ],
)
def test_bytes_become_readable_text(body, text):
    assert wire.readable(body) == text


@pytest.mark.parametrize("name", ["success.html", "success_plain.txt", "success_cp1252.html"])
def test_a_recorded_success_is_accepted(name):
    assert wire.read_submit_reply(200, sample(name)) is None


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_each_recorded_failure_is_refused_with_its_code_and_words(code):
    body = sample(f"failure_{code}.html")
    with pytest.raises(Refused) as refusal:
        wire.read_submit_reply(200, body)
    assert refusal.value.code == code
    assert f"[FAILURE] {refusal.value.text} [ERRORMSGEND]".encode() in body
    assert refusal.value.http_status == 200


def test_success_is_written_with_its_summary_above_it():
    assert wire.write_success() == b"[SUCCESS]\r\n"
    assert wire.write_success("Order 7") == b"Order 7\r\n[SUCCESS]\r\n"
