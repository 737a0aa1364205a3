"""Shopify's webhook signature: signer and verifier, against vectors made elsewhere."""

import base64
import hashlib
import hmac
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.shopify.signature import HEADER, matching_secret, sign
from products.secret import Secret

CURRENT = Secret("shpss_current")
PREVIOUS = Secret("shpss_previous")
BODY = b'{"id":820982911946154508,"name":"#1001"}'


def test_the_header_is_shopifys():
    assert HEADER == "X-Shopify-Hmac-Sha256"


# The digests are test cases 1 and 2 of RFC 4231, the second with the text key "Jefe".
@pytest.mark.parametrize(
    ("secret", "body", "digest"),
    [
        (
            "\x0b" * 20,
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            "Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
    ],
)
def test_signs_as_the_standard_says(secret, body, digest):
    assert sign(Secret(secret), body) == base64.b64encode(bytes.fromhex(digest)).decode()


def test_a_signature_is_44_characters_of_base64():
    signature = sign(CURRENT, BODY)
    assert len(signature) == 44
    assert len(base64.b64decode(signature, validate=True)) == 32


def test_a_secret_is_keyed_by_its_utf8_bytes():
    expected = hmac.new("gehëim".encode(), BODY, hashlib.sha256).digest()
    assert base64.b64decode(sign(Secret("gehëim"), BODY)) == expected


def test_the_secret_that_signed_is_named_by_its_index():
    secrets = [CURRENT, PREVIOUS]
    assert matching_secret(secrets, BODY, sign(CURRENT, BODY)) == 0
    assert matching_secret(secrets, BODY, sign(PREVIOUS, BODY)) == 1
    assert matching_secret(secrets, BODY, sign(Secret("another"), BODY)) is None


def test_the_first_of_two_equal_secrets_is_named():
    assert matching_secret([CURRENT, CURRENT], BODY, sign(CURRENT, BODY)) == 0


def test_an_empty_body_can_be_signed():
    assert matching_secret([CURRENT], b"", sign(CURRENT, b"")) == 0


def test_without_a_secret_nothing_matches():
    assert matching_secret([], BODY, sign(CURRENT, BODY)) is None
    assert matching_secret([], BODY, "") is None


def test_not_even_the_dummy_of_the_module_opens_a_publisher_without_a_secret():
    dummy = Secret("a stranger costs as much work as a friend")
    assert matching_secret([], BODY, sign(dummy, BODY)) is None


def test_a_blank_secret_matches_nothing():
    assert matching_secret([Secret("")], BODY, sign(Secret(""), BODY)) is None
    assert matching_secret([Secret(""), CURRENT], BODY, sign(CURRENT, BODY)) == 1


def test_a_stranger_costs_as_much_work_as_a_friend(monkeypatch):
    bodies = []
    monkeypatch.setattr(
        "orders.shopify.signature.sign", lambda secret, body: bodies.append(body) or "x"
    )
    matching_secret([], BODY, "y")
    matching_secret([CURRENT], BODY, "x")
    assert bodies == [BODY, BODY]


def test_every_secret_is_tried_even_after_a_match(monkeypatch):
    tried = []
    monkeypatch.setattr(
        "orders.shopify.signature.sign", lambda secret, body: tried.append(secret) or "x"
    )
    assert matching_secret([CURRENT, PREVIOUS], BODY, "x") == 0
    assert tried == [CURRENT, PREVIOUS]


GOOD = sign(CURRENT, BODY)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        " ",
        GOOD[:-1],
        GOOD[1:],
        GOOD + "=",
        GOOD + "\n",
        " " + GOOD,
        GOOD + " ",
        GOOD + "," + GOOD,
        GOOD + ", " + GOOD,
        GOOD.lower(),
        GOOD.upper(),
        GOOD.swapcase(),
        GOOD[::-1],
        "sha256=" + GOOD,
        base64.b64decode(GOOD).hex(),
        base64.b64decode(GOOD).decode("latin-1"),
        GOOD.rstrip("="),
        GOOD[:20] + "\0" + GOOD[21:],
        "ä" * 44,
        "０" * 44,
        "\udcff" * 43,
        "\ud800" * 44,
        "x" * 1_000_000,
    ],
    ids=lambda signature: f"{len(signature)}-{zlib.crc32(ascii(signature).encode())}",
)
def test_a_mutated_header_matches_nothing_and_never_raises(signature):
    assert matching_secret([CURRENT, PREVIOUS], BODY, signature) is None


@pytest.mark.parametrize("body", [BODY + b" ", BODY[:-1], BODY.replace(b"#1001", b"#1002"), b""])
def test_a_changed_body_matches_nothing(body):
    assert matching_secret([CURRENT], body, GOOD) is None


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(st.characters(codec=None), max_size=60), st.binary(max_size=60))
def test_any_header_over_any_body_is_refused_without_an_exception(signature, body):
    if signature != sign(CURRENT, body):
        assert matching_secret([CURRENT], body, signature) is None
