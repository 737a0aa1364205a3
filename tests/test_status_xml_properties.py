"""What a status answer can never do: recorded texts, mutated thousands of times, and attacks."""

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orders.trepstar.status_xml import Section, by_invoice, read_sections, write_sections
from tests.test_status_xml import INVOICES
from tests.test_wire import SAMPLES, sample

ANSWERS = [path.read_bytes() for path in sorted(SAMPLES.glob("*.xml"))]
WHOLE = sample("status_3.xml")

# Every field of a section names its owner, so that a mixed section shows itself.
OWNED = [
    Section(
        error_number="0",
        error_text=f"error of {owner}",
        customer=f"customer of {owner}",
        invoice=f"INVOICE-{owner}",
        status=f"status of {owner}",
        status_error_number="0",
        status_error_text=f"é & text of {owner}",
        ship_date=f"date of {owner}",
        shipping_method=f"method of {owner}",
        tracking_id=f"tracking of {owner}",
    )
    for owner in ("AAAAAA", "BBBBBB", "CCCCCC")
]
OWNERS = [section.invoice.removeprefix("INVOICE-") for section in OWNED]
ASKED = [section.invoice for section in OWNED]
TEXTS = [
    write_sections(OWNED),
    write_sections(OWNED).decode().encode("cp1252"),
    b"".join(write_sections(OWNED).splitlines(keepends=True)[2:-1]),
    re.sub(rb"</?\w+>", lambda tag: tag[0].lower(), write_sections(OWNED).replace(b"&amp;", b"&")),
]
NOISE = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b"<", b">", b"&", b"</", b"/>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"&#0;"]
    ),
)
JUNK = st.one_of(
    NOISE,
    st.sampled_from([b"<Status1>", b"</Status1>", b"<Status2>", b"</Status3>", b"<?xml", b"\x00"]),
)


def owners_of(section: Section) -> set[str]:
    text = repr(section).upper()
    return {owner for owner in OWNERS if owner in text}


def assert_each_is_its_own(body: bytes) -> None:
    for invoice, section in by_invoice(read_sections(body), ASKED).items():
        assert section.invoice == invoice
        assert owners_of(section) == {invoice.removeprefix("INVOICE-")}


def test_the_texts_are_read_whole_before_they_are_mutated():
    assert [len(by_invoice(read_sections(text), ASKED)) for text in TEXTS] == [3] * len(TEXTS)
    for text in TEXTS:
        assert_each_is_its_own(text)


def edits(pieces, longest: int):
    """Return lists of edits: at this place, this many bytes give way to this piece."""
    place, length = st.integers(0, 2500), st.integers(0, longest)
    return st.lists(st.tuples(place, length, pieces), min_size=1, max_size=3)


def edited(text: bytes, changes) -> bytes:
    for place, length, piece in changes:
        start = place % (len(text) + 1)
        text = text[:start] + piece + text[start + length :]
    return text


@settings(max_examples=2000, deadline=None, database=None)
@given(st.sampled_from(TEXTS), edits(NOISE, 900))
def test_cuts_and_junk_never_mix_two_sections(text, changes):
    assert_each_is_its_own(edited(text, changes))


@settings(max_examples=1500, deadline=None, database=None)
@given(st.sampled_from(TEXTS), st.tuples(*[st.integers(0, 2500)] * 3))
def test_a_repeated_piece_never_mixes_two_sections(text, places):
    start, end, place = (number % (len(text) + 1) for number in places)
    piece = text[min(start, end) : max(start, end)]
    assume(b"</" in piece)  # words without a tag may stand in any field
    assert_each_is_its_own(text[:place] + piece + text[place:])


@settings(max_examples=300, deadline=None, database=None)
@given(st.permutations(OWNED))
def test_any_order_of_sections_gives_the_same_answer(sections):
    assert by_invoice(read_sections(write_sections(sections)), ASKED) == dict(
        zip(ASKED, OWNED, strict=True)
    )


def test_no_field_of_another_section_can_be_pasted_in():
    lines = [line for line in WHOLE.splitlines() if line.startswith(b"<Invoice>")]
    for pasted in (lines[0] + lines[1], lines[1] + lines[0], lines[0].replace(b"NL", lines[1])):
        body = WHOLE.replace(lines[0], pasted)
        assert list(by_invoice(read_sections(body), INVOICES)) == INVOICES[1:]


@pytest.mark.parametrize("body", [TEXTS[0], WHOLE, sample("status_cp1252.xml")])
def test_every_prefix_of_an_answer_gives_a_prefix_of_its_sections(body):
    sections = read_sections(body)
    for end in range(len(body)):
        read = read_sections(body[:end])
        assert read == sections[: len(read)], f"cut after {end} bytes"


@settings(max_examples=1000, deadline=None, database=None)
@given(st.one_of(st.binary(max_size=200), st.lists(JUNK, max_size=12).map(b"".join)))
def test_any_bytes_give_a_list(body):
    assert all(isinstance(section, Section) for section in read_sections(body))
    assert isinstance(read_sections(b"<Status1>" + body + b"</Status1>"), list)


@settings(max_examples=1500, deadline=None, database=None)
@given(st.sampled_from(ANSWERS), edits(JUNK, 30))
def test_a_mutated_recording_never_raises(body, changes):
    by_invoice(read_sections(edited(body, changes)), INVOICES)


READABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"])
).map(lambda text: " ".join(text.split()))


@settings(max_examples=150, deadline=None, database=None)
@given(st.lists(st.builds(Section, *[READABLE] * 10), max_size=4))
def test_sections_are_read_back_as_they_were_written(sections):
    assert read_sections(write_sections(sections)) == sections


LAUGHS = "".join(
    f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' if n else '<!ENTITY lol0 "lol">' for n in range(10)
)
QUADRATIC = f'<!ENTITY a "{"a" * 50_000}">'
ATTACKS = {
    "billion laughs": f"<!DOCTYPE x [{LAUGHS}]>",
    "quadratic blowup": f"<!DOCTYPE x [{QUADRATIC}]>",
    "external entity": '<!DOCTYPE x [<!ENTITY lol9 SYSTEM "file:///etc/passwd">]>',
    "external dtd": '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % lol9 SYSTEM "http://127.0.0.1/x">%lol9;]>',
    "bare doctype": "<!doctype html>",
    "bare entity": '<!eNtItY lol9 "x">',
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("where", ["above", "inside"])
def test_a_document_type_or_an_entity_makes_the_whole_answer_garbage(attack, where):
    body = WHOLE.decode().replace("Mary Major", "&lol9;" + "&a;" * 1000)
    spot = "<OrderStatusByInvoice>" if where == "above" else "<CustName>"
    started = time.perf_counter()
    assert read_sections(body.replace(spot, attack + spot, 1).encode()) == []
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "piece",
    [
        b"<Status1>",
        b"</Status1>",
        b"<Status1",
        b"<Status1>&",
        b"<a>",
        b"<Status1><a>",
        b"<!--",
        b"&#",
        b"1",
    ],
)
@pytest.mark.parametrize("end", [b"", b"</CustName></Status1>"])
@pytest.mark.parametrize("size", [128 * 1024, 512 * 1024])
def test_the_largest_answer_of_one_repeated_piece_is_read_at_once(piece, end, size):
    body = b"<Status1><CustName>" + (piece * size)[: size - 60] + end
    started = time.perf_counter()
    read_sections(body)
    assert time.perf_counter() - started < 3


def test_deep_nesting_is_read_or_dropped():
    deep = b"<a>" * 80_000 + b"x" + b"</a>" * 80_000
    body = WHOLE.replace(b"Mary Major", deep)
    assert [section.invoice for section in read_sections(body)][:2] == INVOICES[:2]
