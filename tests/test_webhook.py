"""The door for Shopify: who is let in, and what is answered."""

import hashlib
import json

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError
from django.test import Client
from django_q.models import OrmQ

from orders import deliveries
from orders.models import Delivery, Order
from orders.shopify.signature import sign
from products.models import Publisher
from products.secret import Secret
from tests.base import (
    SECRET,
    WEBHOOK,
    connected,
    counts,
    deliver,
    order_body,
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


def test_a_delivery_makes_an_order_and_says_which(north):
    body = order_body(id=77)
    answer = deliver(body)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"outcome": "created", "orders": ["NORTH-1001-S77-1"], "reason": None}
    order = Order.objects.get()
    assert (order.status, order.source, order.mode) == ("ready", "shopify", "prod")
    assert (order.reference, order.email, order.name) == ("#1001", "ana@example.com", "Ana Peña")
    assert counts() == {
        "Delivery": 1,
        "DeliveryLine": 1,
        "ShopOrder": 1,
        "Order": 1,
        "OrderLine": 1,
        "OrderEvent": 1,
    }
    assert OrmQ.objects.count() == 1


def test_the_delivery_is_kept_as_it_came(north):
    headers = {
        "X-Shopify-Event-Id": "event-1",
        "X-Shopify-Triggered-At": "2026-11-20T15:00:01.384877484Z",
    }
    raw = json.dumps(order_body(), indent=1).encode()
    deliver(raw, webhook_id="hook-1", headers=headers)
    kept = Delivery.objects.get()
    assert bytes(kept.body) == raw
    assert kept.body_hash == hashlib.sha256(raw).hexdigest()
    assert (kept.webhook_id, kept.event_id, kept.topic) == ("hook-1", "event-1", "orders/fulfilled")
    assert (kept.api_version, kept.matched_secret, kept.test_header) == ("2026-04", 1, False)
    assert kept.triggered_at.isoformat() == "2026-11-20T15:00:01.384877+00:00"


def test_the_address_works_without_its_slash_and_is_never_redirected(north):
    assert deliver(order_body(), path="/webhooks/shopify").status_code == 200
    assert Order.objects.count() == 1


def test_https_is_not_forced_on_the_webhook(north, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert deliver(order_body()).status_code == 200
    assert deliver(order_body(), path="/webhooks/shopify").status_code == 200


def test_no_csrf_token_is_asked_for(north):
    assert deliver(order_body(), client=Client(enforce_csrf_checks=True)).status_code == 200


def test_without_a_shop_header_the_publishers_only_store_is_meant(north):
    assert deliver(order_body(), domain=None).status_code == 200
    store(north, domain="second.myshopify.com")
    assert deliver(order_body(), domain=None).status_code == 401
    assert Delivery.objects.count() == 1


def test_the_shops_address_is_compared_in_any_case(north):
    assert deliver(order_body(), domain=" Northlight.MyShopify.com ").status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options", "trace"])
@pytest.mark.parametrize("path", ["/webhooks/shopify/", "/webhooks/shopify"])
def test_only_post_is_allowed(north, method, path):
    answer = getattr(Client(), method)(f"{path}?idpub=66870")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert set(counts().values()) == {0}


@pytest.mark.parametrize(
    ("accept", "query"),
    [
        ("*/*", ""),
        ("", ""),
        ("text/html", ""),
        ("application/xml", ""),
        ("\xe9", ""),
        ("*/*", "&format=json"),
        ("*/*", "&format=xml"),
    ],
)
def test_whatever_the_caller_would_like_to_read_json_is_answered(north, accept, query):
    raw = json.dumps(order_body()).encode()
    answer = Client().post(
        f"{WEBHOOK}?idpub=66870{query}",
        raw,
        content_type="application/json",
        headers={
            "Accept": accept,
            "X-Shopify-Topic": "orders/fulfilled",
            "X-Shopify-Shop-Domain": "northlight.myshopify.com",
            "X-Shopify-Hmac-Sha256": sign(Secret(SECRET), raw),
        },
    )
    assert answer.status_code == 200
    assert json.loads(answer.content)["outcome"] == "created"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_the_content_type_does_not_matter(north, kind):
    raw = json.dumps(order_body()).encode()
    answer = Client().generic(
        "POST",
        f"{WEBHOOK}?idpub=66870",
        raw,
        content_type=kind,
        headers={
            "X-Shopify-Topic": "orders/fulfilled",
            "X-Shopify-Hmac-Sha256": sign(Secret(SECRET), raw),
        },
    )
    assert answer.json()["outcome"] == "created"


@pytest.mark.parametrize("size", [2048, 2049])
def test_a_body_over_the_limit_is_turned_away_and_counted(north, settings, size):
    settings.WEBHOOK_MAX_BYTES = 2048
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2049
    answer = deliver(b"{" + b" " * (size - 2) + b"}")
    if size == 2048:
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.json()) == (413, {"error": "the body is too large"})
    assert set(counts().values()) == {0}
    assert turned_away() == [("66870", "size", 1)]


def test_a_body_that_announces_twenty_megabytes_is_not_read(north):
    answer = deliver(b"x" * (20 * 1024 * 1024))
    assert (answer.status_code, answer.json()) == (413, {"error": "the body is too large"})
    assert turned_away() == [("66870", "size", 1)]


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, DatabaseError])
@pytest.mark.parametrize("where", ["receive", "find"])
def test_without_a_database_shopify_is_asked_to_send_again(north, monkeypatch, error, where):
    def away(*args, **kwargs):
        raise error("the connection is gone")

    if where == "receive":
        monkeypatch.setattr(deliveries, "receive", away)
    else:
        monkeypatch.setattr("orders.shopify.views.find_store", away)
    answer = deliver(order_body())
    assert answer.status_code == 503
    assert answer.json() == {"error": "the database is not reachable"}
    assert set(counts().values()) == {0}


@pytest.mark.django_db(transaction=True)
def test_a_nudge_that_cannot_be_stored_takes_the_order_back(north, monkeypatch):
    def full(*args, **kwargs):
        raise OperationalError("disk full")

    monkeypatch.setattr("orders.waking.async_task", full)
    assert deliver(order_body()).status_code == 503
    assert set(counts().values()) == {0}


def test_only_ready_orders_wake_a_worker(north):
    Publisher.objects.update(auto_submit=False)
    assert deliver(order_body()).json()["outcome"] == "created"
    assert OrmQ.objects.count() == 0


def test_a_foreign_host_in_the_body_is_no_reason_to_refuse(north):
    body = order_body(order_status_url="https://shop.example/1/orders/2/authenticate?key=3")
    assert deliver(body).json()["outcome"] == "created"


def test_the_answer_may_not_be_kept_or_guessed_at(north):
    answer = deliver(order_body())
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
