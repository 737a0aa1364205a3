"""TrepStar's "getOrderStatusByInvoice" against recorded answers and hand-typed sections."""

from datetime import date

import pytest

from orders.trepstar import status_xml
from orders.trepstar.status_xml import Section, by_invoice, read_sections, read_ship_date
from tests.test_wire import sample

SHIPPED = Section(
    error_number="0",
    error_text="",
    customer="John H. Smith",
    invoice="NL-1042-S450789469-1",
    status="SHIPPED",
    status_error_number="0",
    status_error_text="",
    ship_date="3/16/2026",
    shipping_method="standard+tracking",
    tracking_id="4205540192001902551559000101234567",
)
HOLD = Section(
    error_number="0",
    customer="Zoë Ångström",
    invoice="NL-1043-S450789470-1",
    status="HOLD",
    status_error_number="0",
    shipping_method="standard",
)
TROUBLE = Section(
    error_number="0",
    customer="Mary Major",
    invoice="NL-1044-S450789471-1",
    status="ERROR",
    status_error_number="10",
    status_error_text="Could Not Send: Incomplete Address",
    shipping_method="priority",
)
INVOICES = [SHIPPED.invoice, HOLD.invoice, TROUBLE.invoice]


def one(inside: str) -> list[Section]:
    return read_sections(f"<Status1>{inside}</Status1>".encode())


class TestRequest:
    def test_the_constants_are_the_documents(self):
        assert status_xml.STATUS_PATH == "/custdataXML.asp"
        assert status_xml.MAX_INVOICES == 100
        assert (status_xml.OK, status_xml.UNKNOWN_FUNCTION) == ("0", "100")
        assert (status_xml.LOGIN_REFUSED, status_xml.NOT_FOUND) == ("200", "300")
        assert (status_xml.ADDRESS_ERROR, status_xml.TEST_ORDER) == ("10", "20")

    def test_three_invoices_are_joined_as_in_the_document(self):
        assert status_xml.status_fields(["ABC2134234", "DEF592839234", "SDF234234234"]) == {
            "function": "getOrderStatusByInvoice",
            "Invoice": "ABC2134234[*|*]DEF592839234[*|*]SDF234234234",
        }

    def test_one_invoice_stands_alone(self):
        assert status_xml.status_fields(["A"])["Invoice"] == "A"

    def test_a_hundred_invoices_are_the_most(self):
        assert status_xml.status_fields(["A"] * 100)["Invoice"].count("[*|*]") == 99

    @pytest.mark.parametrize("count", [0, 101])
    def test_any_other_number_is_refused(self, count):
        with pytest.raises(ValueError) as refusal:
            status_xml.status_fields(["A"] * count)
        assert str(refusal.value) == f"A status call takes 1 to 100 invoices, not {count}."


@pytest.mark.parametrize(
    ("name", "sections"),
    [
        ("status_1.xml", [SHIPPED]),
        ("status_3.xml", [SHIPPED, HOLD, TROUBLE]),
        ("status_cp1252.xml", [SHIPPED, HOLD, TROUBLE]),
        ("status_cp1252_undeclared.xml", [SHIPPED, HOLD, TROUBLE]),
        ("status_no_root.xml", [SHIPPED, HOLD, TROUBLE]),
        ("status_lower_case.xml", [SHIPPED, HOLD, TROUBLE]),
        ("status_shuffled.xml", [TROUBLE, SHIPPED, HOLD]),
        ("status_less_than.xml", [SHIPPED, TROUBLE]),
    ],
)
def test_a_recorded_answer_is_read_section_by_section(name, sections):
    assert read_sections(sample(name)) == sections


def test_bare_ampersands_are_mended_and_escaped_ones_left_alone():
    names = [section.customer for section in read_sections(sample("status_ampersand.xml"))]
    assert names == ["Smith & Sons", "Zoë Ångström", "Major & Minor"]


def test_a_test_order_is_error_20():
    (section,) = read_sections(sample("status_test_order.xml"))
    assert (section.status, section.status_error_number) == ("ERROR", status_xml.TEST_ORDER)
    assert section.status_error_text == "Not made or sent. Test Order"


@pytest.mark.parametrize("body", [b"", b"[SUCCESS]", b"<Status1>", b"\xff\xfe<", b"<html></html>"])
def test_garbage_holds_no_section(body):
    assert read_sections(body) == []


@pytest.mark.parametrize("name", ["maintenance.html", "success.html", "login_page.html"])
def test_a_page_holds_no_section(name):
    assert read_sections(sample(name)) == []


@pytest.mark.parametrize(
    ("inside", "customer"),
    [
        ("<CustName> Zoë \r\n Ång </CustName>", "Zoë Ång"),
        ("<CustName><![CDATA[Smith & <Sons>]]></CustName>", "Smith & <Sons>"),
        ("<CustName>A<b>B</b>C</CustName>", "ABC"),
        ("<CustName>A &lt; B &#233; &#xE9;</CustName>", "A < B é é"),
        ("<CustName>A &nbsp; B &foo; &; &# &</CustName>", "A &nbsp; B &foo; &; &# &"),
        ("<CustName>a\x0bb\x00c</CustName>", "a b c"),
        ("<CustName/>", ""),
        ("<custNAME >x</custNAME >", "x"),
        ("<Unheard>of</Unheard><CustName>x</CustName>", "x"),
        ("", ""),
    ],
)
def test_a_field_is_read_as_trimmed_text(inside, customer):
    assert one(inside) == [Section(customer=customer)]


@pytest.mark.parametrize(
    "inside",
    [
        "<CustName>A < B</CustName>",
        "<CustName>A",
        "<CustName>A</Custname>",
        "<CustName>&#0;</CustName>",
        "<CustName>&#xD800;</CustName>",
        "<x:CustName>A</x:CustName>",
    ],
)
def test_what_is_no_xml_costs_its_section_and_no_other(inside):
    good = b"<Status2><Invoice>B</Invoice></Status2>"
    assert read_sections(f"<Status1>{inside}</Status1>".encode() + good) == [Section(invoice="B")]


def test_a_section_that_names_a_field_twice_is_dropped():
    assert one("<Invoice>A</Invoice><Invoice>B</Invoice>") == []
    assert one("<OrderStatus>HOLD</OrderStatus><ORDERSTATUS>SHIPPED</ORDERSTATUS>") == []


@pytest.mark.parametrize("lost", ["</Status1>", "<Status1>"])
def test_a_lost_tag_costs_its_section_and_no_other(lost):
    body = sample("status_3.xml").replace(lost.encode(), b"")
    assert read_sections(body) == [HOLD, TROUBLE]


@pytest.mark.parametrize("junk", [b"\xe9", b"\xff\xfe", b"Zo\xc3"])
def test_a_broken_letter_in_one_section_garbles_no_other(junk):
    body = sample("status_3.xml").replace(b"Mary Major", b"Mary " + junk)
    assert read_sections(body)[:2] == [SHIPPED, HOLD]
    assert read_sections(sample("status_3.xml") + junk) == [SHIPPED, HOLD, TROUBLE]


class TestByInvoice:
    def test_sections_are_matched_by_their_invoice_and_not_by_position(self):
        found = by_invoice(read_sections(sample("status_shuffled.xml")), INVOICES)
        assert found == dict(zip(INVOICES, [SHIPPED, HOLD, TROUBLE], strict=True))

    def test_what_was_not_asked_for_is_dropped(self):
        assert by_invoice([SHIPPED, HOLD], [HOLD.invoice]) == {HOLD.invoice: HOLD}

    def test_what_was_not_answered_is_missing(self):
        assert by_invoice([SHIPPED], INVOICES) == {SHIPPED.invoice: SHIPPED}

    def test_an_invoice_that_comes_twice_with_other_contents_is_left_out(self):
        sections = read_sections(sample("status_twice.xml"))
        assert [section.invoice for section in sections].count(SHIPPED.invoice) == 2
        assert by_invoice(sections, INVOICES) == {TROUBLE.invoice: TROUBLE}
        assert by_invoice([*sections, sections[1]], INVOICES) == {TROUBLE.invoice: TROUBLE}

    def test_an_invoice_that_comes_twice_alike_is_believed(self):
        assert by_invoice([SHIPPED, SHIPPED], INVOICES) == {SHIPPED.invoice: SHIPPED}

    @pytest.mark.parametrize("echo", ["", "nl-1042-s450789469-1", "NL-1042-S450789469-1 1", "NL"])
    def test_a_blank_or_altered_echo_matches_nothing(self, echo):
        sections = one(f"<Invoice>{echo}</Invoice><OrderStatus>SHIPPED</OrderStatus>")
        assert by_invoice(sections, INVOICES) == {}

    def test_white_space_around_the_echo_does_not_matter(self):
        sections = one(f"<Invoice>\r\n {SHIPPED.invoice}\t</Invoice>")
        assert list(by_invoice(sections, INVOICES)) == [SHIPPED.invoice]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("status_login_refused.xml", "200"),
        ("status_unknown_function.xml", "100"),
        ("status_not_found.xml", ""),
        ("status_3.xml", ""),
    ],
)
def test_an_error_of_the_whole_account_is_named(name, number):
    assert status_xml.account_error(read_sections(sample(name))) == number


def test_a_refused_login_outweighs_an_unknown_function():
    sections = [Section(error_number="100"), Section(error_number="200")]
    assert status_xml.account_error(sections) == "200"
    assert status_xml.account_error([]) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3/16/2026", date(2026, 3, 16)),
        ("03/16/2026", date(2026, 3, 16)),
        ("12/31/2099", date(2099, 12, 31)),
        ("2/29/2028", date(2028, 2, 29)),
        ("1/1/2000", date(2000, 1, 1)),
    ],
)
def test_a_ship_date_is_month_day_year_and_may_lie_ahead(text, found):
    assert read_ship_date(text) == found


NO_DATES = """2/30/2026 2/29/2026 13/01/2026 16/3/2026 0/1/2026 1/0/2026 4/31/2026 1/1/1900
12/31/1999 1/1/0000 3/16/26 3/16/20261 003/16/2026 3-16-2026 2026-03-16 3.16.2026 3/16 3/16/
/16/2026 3//2026 tomorrow 3/16/2026x x3/16/2026 ٣/١٦/٢٠٢٦ ３/16/2026 -3/16/2026 3/16/-2026"""
ODD_BLANKS = ["", " ", " 3/16/2026", "3/16/2026\n", "3/16/2026 9:26:53 AM", "3 /16/2026"]


@pytest.mark.parametrize("text", NO_DATES.split() + ODD_BLANKS)
def test_anything_else_is_no_date(text):
    assert read_ship_date(text) is None


def test_sections_are_written_in_the_order_of_the_document():
    assert status_xml.write_sections([TROUBLE]).decode() == (
        '<?xml version="1.0" encoding="utf-8"?>\r\n<OrderStatusByInvoice>\r\n<Status1>'
        "<ErrorNum>0</ErrorNum><ErrorDesc></ErrorDesc><CustName>Mary Major</CustName>"
        "<Invoice>NL-1044-S450789471-1</Invoice><OrderStatus>ERROR</OrderStatus>"
        "<OrderStatusErrNum>10</OrderStatusErrNum>"
        "<OrderStatusErrDesc>Could Not Send: Incomplete Address</OrderStatusErrDesc>"
        "<ShipDate></ShipDate><ShippingMethod>priority</ShippingMethod><TrackingID></TrackingID>"
        "</Status1>\r\n</OrderStatusByInvoice>"
    )


def test_sections_are_numbered_from_one():
    body = status_xml.write_sections([SHIPPED, HOLD, TROUBLE])
    assert [body.count(b"<Status%d>" % number) for number in range(5)] == [0, 1, 1, 1, 0]
