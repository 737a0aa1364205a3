"""JSON that would break the parser, the database or the log is refused with a whole sentence."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.shopify.strict_json import MAX_DEPTH, Unusable, read_json


def nested(levels: int) -> bytes:
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"{}", {}),
        (b' {"id": 1, "sku": null, "on": true}\n', {"id": 1, "sku": None, "on": True}),
        ('{"name": "Peña 中 😀"}'.encode(), {"name": "Peña 中 😀"}),
        (b'{"name": "\\ud83d\\ude00"}', {"name": "😀"}),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"id": 820982911946154508}', {"id": 820982911946154508}),
        (b'{"price": 1.50}', {"price": 1.5}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": 1e308, "b": -0.0}', {"a": 1e308, "b": -0.0}),
        (b'{"a": ' + b"9" * 30 + b"}", {"a": int("9" * 30)}),
    ],
)
def test_reads_an_object(raw, body):
    assert read_json(raw) == body


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "The body is not JSON (Expecting value: line 1 column 1 (char 0))."),
        (b"id=1", "The body is not JSON (Expecting value: line 1 column 1 (char 0))."),
        (b"{} {}", "The body is not JSON (Extra data: line 1 column 4 (char 3))."),
        (b"[]", "The body is not a JSON object."),
        (b"null", "The body is not a JSON object."),
        (b'"text"', "The body is not a JSON object."),
        (b"12", "The body is not a JSON object."),
        (b'{"a": NaN}', "The body holds NaN, which is no JSON number."),
        (b'{"a": Infinity}', "The body holds Infinity, which is no JSON number."),
        (b'{"a": -Infinity}', "The body holds -Infinity, which is no JSON number."),
        (b'{"a": 1e999}', "The body holds a number that is too large."),
        (b'{"a": ' + b"9" * 31 + b"}", "The body holds a number with more than 30 digits."),
        (b'{"a": ' + b"9" * 5000 + b"}", "The body holds a number with more than 30 digits."),
        (b'{"a": "x\\u0000"}', "The body holds a NUL character."),
        (b'{"x\\u0000": 1}', "The body holds a NUL character."),
        (b'{"a": "\\ud800"}', "The body holds half a character (a lone surrogate)."),
        (b'{"\\udfff": 1}', "The body holds half a character (a lone surrogate)."),
        (b'{"a": "\xed\xa0\x80"}', "The body holds half a character (a lone surrogate)."),
        (nested(5000), "The body is nested too deeply."),
        (b'{"a":' + b"[" * 100_000, "The body is nested too deeply."),
    ],
)
def test_refuses_with_a_whole_sentence(raw, sentence):
    with pytest.raises(Unusable) as refusal:
        read_json(raw)
    assert str(refusal.value) == sentence


def test_bytes_that_are_no_text_are_no_json():
    with pytest.raises(Unusable, match=r"\AThe body is not JSON \('utf-8' codec can't decode"):
        read_json(b'{"a": "\xff"}')


def test_fifty_levels_are_taken_and_fifty_one_are_not():
    assert read_json(nested(MAX_DEPTH))
    with pytest.raises(Unusable) as refusal:
        read_json(nested(MAX_DEPTH + 1))
    assert str(refusal.value) == "The body is nested deeper than 50 levels."


def test_a_reason_never_repeats_the_text_of_the_body():
    with pytest.raises(Unusable) as refusal:
        read_json(b'{"name": "canary person" oops}')
    assert "canary" not in str(refusal.value)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**28), 10**28)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text("abc", max_size=3), VALUES, max_size=4), st.booleans())
def test_whatever_json_writes_is_read_back(body, ascii_only):
    assert read_json(json.dumps(body, ensure_ascii=ascii_only).encode()) == body


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]":,\\u0d8e1.-NaIf', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused_and_nothing_else(raw):
    try:
        found = read_json(raw)
    except Unusable as refusal:
        found = {"refused": str(refusal)}
    assert isinstance(found, dict)
    assert found.get("refused", ".") != ""


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 2}', b'{"b": [{"a": 1, "a": 1}]}'])
def test_a_name_that_comes_twice_is_refused_where_that_is_asked_for(body):
    assert read_json(body)
    with pytest.raises(Unusable, match="names 'a' twice in one object"):
        read_json(body, names_once=True)
