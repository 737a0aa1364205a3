"""Who is turned away: the same answer for every kind of stranger, and nothing is stored."""

import hashlib
import json

import pytest
from django.test import Client

from orders.models import Delivery
from orders.shopify.signature import sign
from products.secret import Secret
from tests.base import (
    SECRET,
    WEBHOOK,
    connected,
    counts,
    deliver,
    northlight,
    order_body,
    southwind,
    store,
    turned_away,
)

pytestmark = pytest.mark.django_db

UNAUTHORIZED = b'{"error":"unauthorized"}'
BODY = json.dumps(order_body()).encode()
SIGNATURE = sign(Secret(SECRET), BODY)


@pytest.fixture
def north():
    return connected()


MUTATIONS = {
    "blank": "",
    "a space": " ",
    "no base64": "not base64!",
    "short": SIGNATURE[:-1],
    "long": SIGNATURE + "=",
    "first character": ("A" if SIGNATURE[0] != "A" else "B") + SIGNATURE[1:],
    "last character": SIGNATURE[:-2] + ("A=" if SIGNATURE[-2] != "A" else "B="),
    "lower case": SIGNATURE.lower(),
    "upper case": SIGNATURE.upper(),
    "padding gone": SIGNATURE.rstrip("="),
    "url-safe": SIGNATURE.replace("=", "%3D"),
    "hex": hashlib.sha256(BODY).hexdigest(),
    "twice": f"{SIGNATURE},{SIGNATURE}",
    "twice with a space": f"{SIGNATURE}, {SIGNATURE}",
    "quoted": f'"{SIGNATURE}"',
    "prefixed": f"sha256={SIGNATURE}",
    "not ASCII": "é" * 44,
    "wide characters": "\xff" * 44,
    "other secret": sign(Secret("another"), BODY),
    "other body": sign(Secret(SECRET), BODY + b" "),
    "very long": "A" * 5000,
    "NUL": SIGNATURE + "\x00",
}


@pytest.mark.parametrize("given", MUTATIONS.values(), ids=MUTATIONS)
def test_a_signature_that_is_not_exact_is_turned_away(north, given):
    answer = deliver(BODY, headers={"X-Shopify-Hmac-Sha256": given})
    assert (answer.status_code, answer.content) == (401, UNAUTHORIZED)
    assert set(counts().values()) == {0}
    assert turned_away() == [("66870", "signature", 1)]


def test_a_missing_signature_is_turned_away(north):
    answer = Client().post(
        f"{WEBHOOK}?idpub=66870",
        BODY,
        content_type="application/json",
        headers={"X-Shopify-Shop-Domain": "northlight.myshopify.com"},
    )
    assert (answer.status_code, answer.content) == (401, UNAUTHORIZED)
    assert set(counts().values()) == {0}


@pytest.mark.parametrize(
    "who",
    [
        {"idpub": "99999"},
        {"idpub": ""},
        {"idpub": "66870 "},
        {"idpub": "６６８７０"},
        {"idpub": "6" * 5000},
        {"idpub": "%ff%00"},
        {"domain": "other.myshopify.com"},
        {"domain": "northlight.myshopify.com.evil.example"},
        {"domain": "x" * 300},
        {"domain": "é"},
    ],
)
def test_an_unknown_publisher_or_store_is_turned_away_with_the_same_answer(north, who):
    answer = deliver(order_body(), **who)
    assert (answer.status_code, answer.content) == (401, UNAUTHORIZED)
    assert set(counts().values()) == {0}
    assert turned_away() == [(None, "signature", 1)]


def test_another_publishers_secret_or_number_does_not_fit(north):
    south = southwind()
    store(south, domain="southwind.myshopify.com", webhook_secrets=["south-secret"])
    for who in (
        {"secret": "south-secret"},
        {"idpub": "70001"},
        {"domain": "southwind.myshopify.com"},
        {"idpub": "70001", "domain": "southwind.myshopify.com"},
    ):
        assert deliver(order_body(), **who).status_code == 401
    assert set(counts().values()) == {0}


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
@pytest.mark.parametrize("secret", ["", SECRET])
def test_a_store_without_a_secret_accepts_nothing(secrets, secret):
    store(northlight(), webhook_secrets=secrets)
    answer = deliver(order_body(), secret=secret)
    assert (answer.status_code, answer.content) == (401, UNAUTHORIZED)
    assert set(counts().values()) == {0}


def test_two_secrets_are_tried_and_the_one_that_matched_is_noted():
    publisher = northlight()
    store(publisher, webhook_secrets=["new-secret", SECRET])
    assert deliver(order_body(), secret="new-secret").status_code == 200
    assert deliver(order_body(), secret=SECRET).status_code == 200
    assert deliver(order_body(), secret="third").status_code == 401
    matched = Delivery.objects.order_by("id").values_list("matched_secret", flat=True)
    assert list(matched) == [1, 2]


def test_strangers_are_counted_by_day_and_publisher(north):
    for _ in range(3):
        deliver(order_body(), secret="wrong")
    deliver(order_body(), idpub="1")
    assert sorted(turned_away(), key=str) == [("66870", "signature", 3), (None, "signature", 1)]
