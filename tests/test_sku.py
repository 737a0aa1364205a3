"""The ``eCommerceIDString`` grammar of TrepStar's Shopify page, "Method 1"."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from products.sku import SkuSyntaxError, format_id_string, parse_id_string, sku_key

SKUS = (
    st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), min_size=1)
    .map(str.strip)
    .filter(lambda sku: 0 < len(sku) <= 255)
)


@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("VTD234-100", ["VTD234-100"]),
        ("{VTD234-100}{VTD333-200}", ["VTD234-100", "VTD333-200"]),
        ("{VTD234-100}", ["VTD234-100"]),
        ("{B}{A}", ["B", "A"]),
        ("  VTD234-100 \n", ["VTD234-100"]),
        (" { VTD234-100 } \t{VTD333-200}\n", ["VTD234-100", "VTD333-200"]),
        ("My DVD, blue", ["My DVD, blue"]),
        ("{A}{A1}{A12}", ["A", "A1", "A12"]),
        ("", []),
        (" \r\n", []),
        ("x" * 255, ["x" * 255]),
    ],
)
def test_reads_the_skus_in_their_order(text, skus):
    assert parse_id_string(text) == skus


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("{A", 1, "A brace is opened and never closed"),
        ("{A}{B", 4, "A brace is opened and never closed"),
        ("A}", 1, "Text stands outside the braces"),
        ("}", 1, "A brace is closed that was never opened"),
        ("{A}}", 4, "A brace is closed that was never opened"),
        ("{A{B}}", 3, "A brace is opened inside another one"),
        ("{{A}}", 2, "A brace is opened inside another one"),
        ("{}", 1, "There is no SKU between the braces"),
        ("{A}{  }", 4, "There is no SKU between the braces"),
        ("{A},{B}", 4, "Text stands outside the braces"),
        ("A{B}", 1, "Text stands outside the braces"),
        ("{A} B", 5, "Text stands outside the braces"),
        ("{A}{B}{A}", 8, "The SKU A is named twice"),
        ("{vtd-1}{ VTD-1 }", 9, "The SKU VTD-1 is named twice"),
        ("x" * 256, 1, "A SKU may have at most 255 characters"),
        ("  " + "x" * 256, 3, "A SKU may have at most 255 characters"),
        ("{A}{" + "x" * 256 + "}", 5, "A SKU may have at most 255 characters"),
    ],
)
def test_refuses_with_the_place(text, position, message):
    with pytest.raises(SkuSyntaxError) as refusal:
        parse_id_string(text)
    assert refusal.value.position == position
    assert str(refusal.value) == f"{message} (at character {position})"


def test_a_refusal_is_a_value_error():
    with pytest.raises(ValueError):
        parse_id_string("{")


@pytest.mark.parametrize(
    ("sku", "key"),
    [
        ("VTD234-100", "vtd234-100"),
        ("  vtd234-100\t", "vtd234-100"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("", ""),
        ("My  DVD", "my  dvd"),
    ],
)
def test_skus_are_compared_trimmed_and_case_folded(sku, key):
    assert sku_key(sku) == key


@pytest.mark.parametrize(
    ("skus", "text"),
    [
        (["VTD234-100"], "VTD234-100"),
        (["VTD234-100", "VTD333-200"], "{VTD234-100}{VTD333-200}"),
        ([], ""),
    ],
)
def test_writes_the_string_as_trepstar_shows_it(skus, text):
    assert format_id_string(skus) == text


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(SKUS, max_size=6, unique_by=sku_key))
def test_what_is_written_is_read_back(skus):
    assert parse_id_string(format_id_string(skus)) == skus


def read(text: str) -> tuple[int | None, list[str]]:
    try:
        return None, parse_id_string(text)
    except SkuSyntaxError as refusal:
        return refusal.position, []


@settings(max_examples=500, deadline=None, database=None)
@given(st.text("{}ab \n"))
def test_any_text_is_read_or_refused_at_a_place_inside_it(text):
    place, skus = read(text)
    assert place is None or 1 <= place <= len(text)
    assert len({sku_key(sku) for sku in skus}) == len(skus)
    assert all(sku == sku.strip() != "" and not set("{}") & set(sku) for sku in skus)
