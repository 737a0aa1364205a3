"""Bodies, headers and addresses that nobody means well with: refused clearly, nothing changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from orders.api import orders as orders_api
from tests import admin_cast, api_cast
from tests.api_cast import Shop, form, problem

pytestmark = pytest.mark.django_db

GOOD = json.dumps(form())
BODIES: dict[str, tuple[bytes, str]] = {
    "nothing at all": (b"", "invalid"),
    "no JSON": (b"name=Ana", "malformed"),
    "a list": (b"[]", "malformed"),
    "a text": (b'"x"', "malformed"),
    "half": (GOOD[:-1].encode(), "malformed"),
    "deep": (b'{"lines":' + b"[" * 2000 + b"]" * 2000 + b"}", "malformed"),
    "deeper": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "malformed"),
    "a name twice": (b'{"name": "A", "name": "B"}', "malformed"),
    "a name twice inside": (b'{"lines": [{"sku": "A", "sku": "B"}]}', "malformed"),
    "NUL": (GOOD.replace("Ana", "A\\u0000").encode(), "malformed"),
    "NUL in a name": (b'{"a\\u0000": 1}', "malformed"),
    "half a character": (GOOD.replace("Ana", "\\ud83d").encode(), "malformed"),
    "bytes that are no UTF-8": (b'{"name": "\xff"}', "malformed"),
    "NaN": (b'{"price": NaN}', "malformed"),
    "a huge number": (b'{"price": 1e999}', "malformed"),
    "a long number": (b'{"price": ' + b"9" * 5000 + b"}", "malformed"),
}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_cannot_be_read_is_400(shop: Shop, what: str) -> None:
    body, kind = BODIES[what]
    before = admin_cast.state()
    answer = shop.program.send("POST", "orders/", body, idempotency_key=api_cast.key())
    assert problem(answer)[:2] == (400, kind)
    assert admin_cast.state() == before


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "nonsense",
        "",
    ],
)
def test_any_other_content_type_is_415(shop: Shop, kind: str) -> None:
    before = admin_cast.state()
    answer = shop.program.send("POST", "orders/", GOOD.encode(), content_type=kind)
    assert problem(answer) == (415, "unsupported-media-type", [])
    assert admin_cast.state() == before


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*"])
def test_any_other_accept_is_406(shop: Shop, accept: str) -> None:
    before = admin_cast.state()
    assert problem(shop.program.get("orders/", accept=accept)) == (406, "not-acceptable", [])
    answer = shop.program.post("orders/", form(), accept=accept)
    assert problem(answer) == (406, "not-acceptable", [])
    assert admin_cast.state() == before


@pytest.mark.parametrize("size", [2 * 1024**2 + 1, 5 * 1024**2])
def test_a_body_that_is_too_large_is_413(shop: Shop, size: int) -> None:
    before = admin_cast.state()
    body = b'{"name": "' + b"x" * size + b'"}'
    answer = shop.program.send("POST", "orders/", body, idempotency_key=api_cast.key())
    assert problem(answer) == (413, "too-large", [])
    assert admin_cast.state() == before


def test_a_body_just_within_the_limit_is_read(shop: Shop) -> None:
    pad = b" " * (2 * 1024**2 - len(GOOD))
    assert shop.program.send("POST", "orders/", GOOD.encode() + pad).status_code == 201


@pytest.mark.parametrize(
    "where",
    [
        "orders/%00/",
        "orders/%ED%A0%80/",
        "orders/NORTH-M1%00/hold/",
        "orders/..%2f..%2fadmin/",
        "products/0/",
        "products/99999999999999999999/",
        "products/%D9%A1/",
        "products/-1/",
        "deliveries/1e3/",
    ],
)
def test_an_address_that_names_no_row_is_404(shop: Shop, where: str) -> None:
    assert problem(shop.program.get(where)) == (404, "not-found", [])


def test_an_id_that_no_database_holds_finds_nothing(shop: Shop) -> None:
    for where in ("products", "sku-aliases", "deliveries"):
        assert problem(shop.program.get(f"{where}/999999999999999999/"))[0] == 404


@pytest.mark.parametrize("name", ["authorization", "idempotency-key", "if-match", "accept"])
def test_headers_of_any_bytes_are_refused_or_ignored(shop: Shop, name: str) -> None:
    for value in ("\xff\xfe", "x" * 5000, "\t", '"', "Bearer \x00"):
        headers = {"Authorization": f"Bearer {shop.program.token}", name.title(): value}
        answer = Client().post(
            "/api/v1/orders/", "{}", content_type="application/json", headers=headers
        )
        assert answer.status_code in (400, 401, 406), value


def test_a_database_that_is_away_is_503_and_an_error_of_ours_500(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any) -> Any:
        raise OperationalError("gone: secret-host")

    monkeypatch.setattr(orders_api.order_rows, "rows", away)
    answer = shop.program.get("orders/")
    assert problem(answer)[:2] == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert b"secret-host" not in answer.content
    monkeypatch.setattr(orders_api.order_rows, "rows", lambda: 1 / 0)
    answer = shop.program.get("orders/")
    assert problem(answer)[:2] == (500, "internal")
    assert b"ZeroDivision" not in answer.content


def test_no_answer_holds_a_secret(shop: Shop) -> None:
    order = shop.placed()
    for where in ("orders/", f"orders/{order.invoice}/timeline/", "status/", "products/"):
        text = shop.program.get(where).content.decode()
        for secret in ("canary-password-91c7", shop.program.token, "digest", "lease_token"):
            assert secret not in text, where
