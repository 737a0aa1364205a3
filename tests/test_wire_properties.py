"""What a submit answer can never do, whatever it says: recorded pages, mutated, and any bytes."""

import html
import time
from dataclasses import replace
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orders.trepstar import wire
from orders.trepstar.errors import Refused, Unclear
from tests.test_wire import SAMPLES, SMALLEST, TEXTS, sample

PAGES = [path.read_bytes() for path in sorted(SAMPLES.glob("*")) if path.suffix != ".xml"]
REPLIES = [page for page in PAGES if b"[SUCCESS]" in page or b"[FAILURE]" in page]
MARKERS = [
    b"[SUCCESS]",
    b"[FAILURE]",
    b"[ERRORMSGBEGIN]",
    b"[ERRORMSGEND]",
    b"ERRCODE#000601",
    b"[success]",
    b"\xff",
    b"\x00",
    b"\r\n",
]


def verdict(http_status: int, body: bytes) -> str:
    """Return what ``read_submit_reply`` made of an answer; any other exception escapes."""
    try:
        wire.read_submit_reply(http_status, body)
    except Refused as refusal:
        return f"refused {refusal.code}"
    except Unclear:
        return "unclear"
    return "accepted"


def why(body: bytes, http_status: int = 200) -> str:
    with pytest.raises(Unclear) as error:
        wire.read_submit_reply(http_status, body)
    return error.value.text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "TrepStar's answer says neither yes nor no."),
        (b"[success] SUCCESS [ SUCCESS ]", "TrepStar's answer says neither yes nor no."),
        (sample("maintenance.html"), "TrepStar's answer says neither yes nor no."),
        (sample("login_page.html"), "TrepStar's answer says neither yes nor no."),
        (
            b"[ERRORMSGBEGIN] ERRCODE#000035 [ERRORMSGEND]",
            "TrepStar's answer says neither yes nor no.",
        ),
        (
            sample("both_markers.html"),
            "TrepStar's answer says both yes and no, or says it more than once.",
        ),
        (
            b"[SUCCESS][SUCCESS]",
            "TrepStar's answer says both yes and no, or says it more than once.",
        ),
        (
            b"[FAILURE][FAILURE]",
            "TrepStar's answer says both yes and no, or says it more than once.",
        ),
        (
            b"[ERRORMSGBEGIN] ERRCODE#000035 [FAILURE] This is a dup",
            "TrepStar's answer breaks off inside its error message.",
        ),
        (b"[FAILURE] x [ERRORMSGEND]", "TrepStar's answer breaks off inside its error message."),
        (
            b"[ERRORMSGBEGIN] x [ERRORMSGEND] [FAILURE]",
            "TrepStar's answer breaks off inside its error message.",
        ),
    ],
)
def test_an_answer_that_is_not_clear_says_why(body, text):
    assert why(body) == text


@pytest.mark.parametrize("http_status", [100, 201, 204, 301, 302, 307, 404, 500, 503])
@pytest.mark.parametrize("body", [b"[SUCCESS]", sample("failure_000601.html"), b""])
def test_every_http_status_but_200_is_unclear(http_status, body):
    assert why(body, http_status) == f"TrepStar answered with HTTP status {http_status}."


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (sample("failure_unknown_code.html"), "004711", "The warehouse is closed."),
        (sample("failure_without_code.html"), "", "Address was blank"),
        (sample("failure_without_block.txt"), "", "Address was blank"),
        (b"[ERRORMSGBEGIN]ERRCODE#35[FAILURE]x[ERRORMSGEND]", "000035", "x"),
        (b"[ERRORMSGBEGIN]\r\nERRCODE#000035\r\n[FAILURE]a\r\nb\r\n[ERRORMSGEND]", "000035", "a b"),
    ],
)
def test_a_failure_of_an_unusual_shape_is_still_refused(body, code, text):
    with pytest.raises(Refused) as refusal:
        wire.read_submit_reply(200, body)
    assert (refusal.value.code, refusal.value.text) == (code, text)


def test_a_code_is_made_of_ascii_digits_only():
    body = "[ERRORMSGBEGIN] ERRCODE#٠٠٠٦٠١ [FAILURE] x [ERRORMSGEND]".encode()
    assert verdict(200, body) == "unclear"


@pytest.mark.parametrize(
    "half", [b"[ERRORMSGBEGIN] ERRCODE#000035 [FAIL", b"[ERRORMSGBEGIN]", b"[ERRORMSGEND]"]
)
def test_a_success_beside_half_an_error_message_is_unclear(half):
    assert verdict(200, b"[SUCCESS]\r\n" + half) == "unclear"
    assert verdict(200, half + b"\r\n[SUCCESS]") == "unclear"


@pytest.mark.parametrize("reply", REPLIES)
def test_every_prefix_before_the_marker_is_unclear(reply):
    marker = min(
        reply.index(word) + len(word) for word in (b"[SUCCESS]", b"[FAILURE]") if word in reply
    )
    assert {verdict(200, reply[:end]) for end in range(marker)} == {"unclear"}


@pytest.mark.parametrize("reply", [reply for reply in REPLIES if b"[ERRORMSGEND]" in reply])
def test_every_prefix_of_an_error_message_is_unclear_until_it_is_whole(reply):
    whole = reply.index(b"[ERRORMSGEND]") + len(b"[ERRORMSGEND]")
    start = reply.index(b"[ERRORMSGBEGIN]") + len(b"[ERRORMSGBEGIN]")
    assert {verdict(200, reply[:end]) for end in range(start, whole)} == {"unclear"}


@pytest.mark.parametrize(
    ("start", "filler"),
    [
        (b"[ERRORMSGBEGIN]", b" "),
        (b"", b"[ERRORMSGBEGIN] "),
        (b"[ERRORMSGEND]", b"[ERRORMSGBEGIN] ERRCODE#1"),
    ],
)
@pytest.mark.parametrize("size", [64 * 1024, 256 * 1024])
def test_a_hostile_page_of_the_largest_size_is_read_at_once(size, start, filler):
    page = (start + filler * size)[:size] + b"x[FAILURE]"
    started = time.perf_counter()
    assert verdict(200, page) == "unclear"
    assert time.perf_counter() - started < 1.5


def check(http_status: int, body: bytes) -> None:
    said = verdict(http_status, body)
    if said == "accepted":
        assert http_status == 200
        assert body.count(b"[SUCCESS]") == 1
        assert body.count(b"[FAILURE]") == 0
    if said.startswith("refused"):
        assert http_status == 200
        assert body.count(b"[SUCCESS]") == 0
        assert body.count(b"[FAILURE]") == 1


PIECES = st.one_of(st.sampled_from(MARKERS), st.binary(max_size=12))


@settings(max_examples=2000, deadline=None, database=None)
@given(st.sampled_from([200, 200, 200, 302, 500]), st.lists(PIECES, max_size=8).map(b"".join))
@example(200, b"")
def test_any_bytes_are_accepted_refused_or_unclear(http_status, body):
    check(http_status, body)


EDITS = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 40), PIECES), min_size=1, max_size=3)


@settings(max_examples=2000, deadline=None, database=None)
@given(st.sampled_from(PAGES), EDITS)
def test_a_mutated_page_is_never_accepted_without_its_marker(page, edits):
    for place, length, piece in edits:
        start = place % (len(page) + 1)
        page = page[:start] + piece + page[start + length :]
    check(200, page)


HOSTILE = st.lists(
    st.one_of(
        st.sampled_from([marker.decode("latin-1") for marker in MARKERS]),
        st.sampled_from(["[SUC", "CESS]", "[FAIL", "URE]", "[*|*]", "[ERRORMSG", "BEGIN]", "END]"]),
        st.text(max_size=8),
    ),
    max_size=8,
).map("".join)

PAGE = "<html>You sent:<br>{echo}<hr>{verdict}</html>"
WORDS = {
    "accepted": "[SUCCESS]",
    "refused 000013": "[ERRORMSGBEGIN] ERRCODE#000013 [FAILURE] Name was blank [ERRORMSGEND]",
    "unclear": "We will be right back",
}


@settings(max_examples=500, deadline=None, database=None)
@given(st.lists(st.tuples(st.sampled_from(list(TEXTS)), HOSTILE), min_size=1, max_size=4))
def test_no_customer_text_echoed_back_changes_the_verdict(texts):
    fields = wire.submit_fields(replace(SMALLEST, **dict(texts)))
    plain = "<br>".join(f"{name}={value}" for name, value in fields.items())
    encoded = "&".join(f"{n}={quote_plus(v, errors='replace')}" for n, v in fields.items())
    for echo in (plain, plain.upper(), html.escape(plain), encoded):
        for said, words in WORDS.items():
            page = PAGE.format(echo=echo, verdict=words).encode("utf-8", "replace")
            assert verdict(200, page) == said


@settings(max_examples=500, deadline=None, database=None)
@given(HOSTILE)
def test_cleaning_twice_is_cleaning_once(text):
    cleaned = wire.clean(text)
    assert wire.clean(cleaned) == cleaned
    assert "\n" not in cleaned


@settings(max_examples=500, deadline=None, database=None)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))
    )
)
def test_a_form_is_read_back_as_it_was_written(fields):
    assert wire.decode_form(wire.encode_form(fields)) == list(fields.items())


@settings(max_examples=200, deadline=None, database=None)
@given(
    st.lists(
        st.tuples(st.from_regex(r"[0-9]{1,6}", fullmatch=True), st.integers(0, 999)), min_size=1
    )
)
def test_items_are_read_back_as_they_are_sent(items):
    fields = wire.submit_fields(replace(SMALLEST, items=tuple(items)))
    assert wire.decode_items(fields["productid"], fields["quantity"]) == tuple(items)
