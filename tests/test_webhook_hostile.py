"""Authentic bodies that would break a parser or a database are quarantined and answered 200."""

import json

import pytest
from django.db import connection
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from orders.models import Delivery, Order
from orders.reading import PRIVACY_TOPICS, RECORDED_TOPICS, UPDATE_TOPICS
from orders.shopify.payload import CREATING_TOPICS
from tests.base import counts, deliver, fulfillment, line, northlight, order_body, product, store

TOPICS = (*CREATING_TOPICS, *UPDATE_TOPICS, *RECORDED_TOPICS, *PRIVACY_TOPICS)
OUTCOMES = {"created", "linked", "repeat", "ignored", "unmatched", "quarantined", "recorded"}


def cast(**values):
    publisher = northlight()
    product(publisher, skus=["VTD234-100"])
    return store(publisher, **values)


@pytest.fixture
def shop(db):
    return cast()


@pytest.fixture
def no_errors(caplog):
    """No exception may be logged: a body of the shop is never an error of ours."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def with_line(**values):
    return json.dumps(order_body({**line(), **values}, fulfillments=[])).encode()


BODIES = {
    "empty": (b"", "The body is not JSON (Expecting value: line 1 column 1 (char 0))."),
    "half": (
        b'{"id": 5',
        "The body is not JSON (Expecting ',' delimiter: line 1 column 9 (char 8)).",
    ),
    "a list": (b"[1]", "The body is not a JSON object."),
    "NaN": (b'{"id": NaN}', "The body holds NaN, which is no JSON number."),
    "infinity": (b'{"id": 1e999}', "The body holds a number that is too large."),
    "deep": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "The body is nested too deeply."),
    "deep list": (b'{"a":' + b"[" * 200_000, "The body is nested too deeply."),
    "NUL": (b'{"id": 5, "name": "a\\u0000b"}', "The body holds a NUL character."),
    "surrogate": (
        b'{"id": 5, "name": "\\ud83d"}',
        "The body holds half a character (a lone surrogate).",
    ),
    "5,000 digits": (
        b'{"id": ' + b"7" * 5000 + b"}",
        "The body holds a number with more than 30 digits.",
    ),
    "id over 2^63": (
        b'{"id": 9223372036854775808}',
        "The body's order id is missing or is no id.",
    ),
    "no id": (b"{}", "The body's order id is missing or is no id."),
    "negative id": (b'{"id": -1}', "The body's order id is missing or is no id."),
    "float id": (b'{"id": 5.0}', "The body's order id is missing or is no id."),
    "true id": (b'{"id": true}', "The body's order id is missing or is no id."),
    "line id": (with_line(id=2**63), "The body's line id is missing or is no id."),
    "variant": (with_line(variant_id=2**63), "The body's variant id is missing or is no id."),
    "negative": (
        with_line(quantity=-1),
        "The body holds a quantity that is no number from 0 to 10000.",
    ),
    "huge": (
        with_line(current_quantity=10**20),
        "The body holds a quantity that is no number from 0 to 10000.",
    ),
    "lines": (b'{"id": 5, "line_items": 5}', "The body's line_items is not a list of objects."),
    "many lines": (
        json.dumps({"id": 5, "line_items": [{}] * 501}).encode(),
        "The body's line_items has more than 500 entries.",
    ),
}


@pytest.mark.parametrize(("raw", "reason"), BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_used_is_quarantined_and_kept(shop, no_errors, raw, reason):
    answer = deliver(raw)
    assert answer.status_code == 200
    assert answer.json() == {"outcome": "quarantined", "orders": [], "reason": reason}
    kept = Delivery.objects.get()
    assert (bytes(kept.body), kept.outcome, kept.reason) == (raw, "quarantined", reason)
    assert kept.failures == 0
    assert counts() == {**dict.fromkeys(counts(), 0), "Delivery": 1}


def test_the_same_body_again_is_a_repeat_and_not_read_again(shop):
    deliver(b"[]", webhook_id="hook-1")
    assert deliver(b"[]", webhook_id="hook-1").json() == {
        "outcome": "repeat",
        "orders": [],
        "reason": "This delivery came before.",
    }
    assert Delivery.objects.get().repeats == 1


TEXTS = [
    "<script>alert(1)</script>",
    "a'; DROP TABLE orders_order; --",
    "\u202eevil",
    "\x01\x1b[2J\r\nX: y",
    "=HYPERLINK(1)",
    "%s{0}${x}",
    "[SUCCESS]",
    "x" * 5000,
    "ΐ" * 300,
    "😀" * 300,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_any_text_in_any_place_is_taken(shop, no_errors, text):
    address = dict.fromkeys(("name", "address1", "address2", "city", "zip", "province"), text)
    body = order_body(
        line(title=text),
        line(sku=text),
        name=text,
        email=text,
        shipping_address={**address, "country_code": text},
        shipping_lines=[{"title": text, "code": text}],
        financial_status=text,
    )
    answer = deliver(
        body,
        webhook_id="".join(c for c in text if c.isprintable() and ord(c) < 256)[:90] or "x",
        headers={"X-Shopify-Event-Id": "é" * 300, "X-Shopify-Triggered-At": "soon"},
    )
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "created"
    assert Order.objects.get().status == "held"


HEADER_TEXTS = [
    "",
    " ",
    "é",
    "x" * 5000,
    "orders/fulfilled\x00",
    "ORDERS/FULFILLED",
    "a\tb",
    "\x85",
]


@pytest.mark.parametrize("text", HEADER_TEXTS, ids=range(len(HEADER_TEXTS)))
def test_any_header_is_taken(shop, no_errors, text):
    headers = dict.fromkeys(
        ("X-Shopify-Event-Id", "X-Shopify-API-Version", "X-Shopify-Triggered-At", "X-Shopify-Test"),
        text,
    )
    answer = deliver(order_body(), topic=text, webhook_id=text, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["outcome"] in ("created", "ignored")
    assert len(Delivery.objects.get().webhook_id) in range(1, 101)


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize(
    "values",
    [
        {"orders_to_redact": 5, "orders_requested": 5},
        {"orders_to_redact": {"a": 1}, "orders_requested": "abc"},
        {"orders_to_redact": [2**64, -(2**64)], "orders_requested": [10**29]},
        {"orders_to_redact": [None, "5", 1.5, True, []], "orders_requested": [None, [], {}]},
        {"order_edit": 7},
    ],
    ids=range(5),
)
def test_a_body_of_the_wrong_shape_is_never_an_error_of_ours(shop, no_errors, topic, values):
    body = {**order_body(), "order_id": 5, "shop_domain": shop.domain, **values}
    answer = deliver(body, topic=topic)
    assert answer.status_code == 200
    assert answer.json()["outcome"] in OUTCOMES
    assert Delivery.objects.get().failures == 0


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-1, 3)
    | st.sampled_from([2**31, 2**53, 2**63 - 1, 2**63, 10**25])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["", "VTD234-100", "cancelled", "2026-01-01", "9999-12-31T23:59:59Z", "\x00"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = sorted(
    {*order_body(), *line(), *fulfillment(), "order_id", "destination", "orders_to_redact"}
)
SHAPES = st.fixed_dictionaries(
    {"id": st.integers(1, 3) | JSON, "order_id": st.integers(1, 3) | JSON},
    optional={
        key: JSON | st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5), max_size=3)
        for key in KEYS
        if key not in ("id", "order_id")
    },
)


class AnyBody(TestCase):
    """Nothing that is signed gets another answer than 200, and nothing fails inside."""

    @classmethod
    def setUpTestData(cls):
        cast(create_on=list(CREATING_TOPICS))
        cls.shared = Client()

    def check(self, raw, topic):
        answer = deliver(raw, topic=topic, client=self.shared)
        assert answer.status_code == 200
        assert answer.json()["outcome"] in OUTCOMES
        assert Delivery.objects.get().failures == 0
        connection.check_constraints()

    @settings(max_examples=500, deadline=None)
    @given(st.binary(max_size=80), st.sampled_from(TOPICS))
    def test_any_bytes(self, raw, topic):
        self.check(raw, topic)

    @settings(max_examples=500, deadline=None)
    @given(SHAPES, st.sampled_from(TOPICS))
    def test_any_json_in_the_shape_of_an_order(self, body, topic):
        self.check(json.dumps(body).encode("utf-8", "surrogatepass"), topic)
