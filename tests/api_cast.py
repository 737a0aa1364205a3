"""The REST API as the tests meet it: two furnished publishers, their tokens, and what is sent."""

from __future__ import annotations

import itertools
import json
from typing import Any

from django.test import Client

from orders.models import Order
from products import tokens
from products.models import ApiToken, Publisher
from products.token_model import SCOPES as SCOPES
from tests import admin_cast, base

V1 = "/api/v1/"
READING = ("orders:read", "catalogue:read")
_keys = itertools.count(1)


class Program:
    """A client's program with its token. Its methods return the answers of the API."""

    def __init__(self, token: str = "") -> None:
        self.client, self.token = Client(), token

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send JSON (an object, or raw bytes); header names as ``if_match="1"``."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        where = path if path.startswith("/") else V1 + path
        kind = sent.pop("content-type", "application/json")
        return self.client.generic(method, where, data, kind, headers=sent)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)


def token(publisher: Publisher, *scopes: str, **values: Any) -> str:
    """Make a token with these scopes, or with all; return it as its program holds it."""
    _, secret = tokens.issue(publisher, "Webshop", scopes or tuple(SCOPES), **values)
    return secret.reveal()


def program(publisher: Publisher, *scopes: str, **values: Any) -> Program:
    return Program(token(publisher, *scopes, **values))


def row_of(shown: str) -> ApiToken:
    """Return the row of a token."""
    return ApiToken.objects.get(prefix=shown.partition("_")[0])


def key() -> str:
    """Return a new idempotency key."""
    return f"key-{next(_keys)}"


def form(*lines: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The body of a new order to Ana, of two of the usual film unless lines are given."""
    address = {name: value for name, value in base.ANA.as_dict().items() if value}
    wanted = list(lines) or [{"sku": "VTD234-100", "quantity": 2}]
    return {**address, "email": "ana@example.com", "lines": wanted, **values}


class Shop:
    """Northlight with a film, and a program of its own that may do everything."""

    def __init__(self) -> None:
        self.publisher = base.northlight()
        self.film = base.product(self.publisher, skus=["VTD234-100"])
        self.program = program(self.publisher)

    def placed(self, **values: Any) -> Order:
        return base.place(self.publisher, (self.film, 1), **values)

    def held(self, **values: Any) -> Order:
        return admin_cast.held(self.publisher, (self.film, 1), **values)


def problem(answer: Any) -> tuple[int, str, list[tuple[str, str]]]:
    """Return (status, kind, [(field, code)]) of a refusal, whose shape is checked as well."""
    data = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(data) == {"type", "title", "status", "detail", "errors"}
    assert data["status"] == answer.status_code
    kind = data["type"].removeprefix("urn:fulfilment-desk:problem:")
    return answer.status_code, kind, [(one["field"], one["code"]) for one in data["errors"]]


def invoices(answer: Any) -> list[str]:
    """Return the invoices of a page of orders."""
    return [one["invoice"] for one in answer.json()["results"]]
