"""The cast of the tests: two publishers, their products and stores, and the bodies shops send."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from django.db.models import Value
from django.test import Client

from orders import arrival, clock, intake, lifecycle
from orders.models import (
    Delivery,
    DeliveryLine,
    Order,
    OrderEvent,
    OrderLine,
    ShopOrder,
    Store,
    TurnedAway,
)
from orders.recipient import Recipient
from orders.shopify.signature import sign
from products.models import Product, Publisher, SkuAlias
from products.secret import Secret

SECRET = "northlight-signing-secret"
PASSWORD = "canary-password-91c7"
WEBHOOK = "/webhooks/shopify/"
_ids = itertools.count(5_000_000_000_001)

ADDRESS = {
    "first_name": "Ana",
    "last_name": "Peña",
    "name": "Ana Peña",
    "company": None,
    "address1": "12 Harbour Street",
    "address2": "Apt 3",
    "city": "Portland",
    "province": "Maine",
    "province_code": "ME",
    "country": "United States",
    "country_code": "US",
    "zip": "04101",
    "phone": None,
}
ANA = Recipient(
    name="Ana Peña",
    address="12 Harbour Street, Apt 3",
    city="Portland",
    state="ME",
    zip="04101",
    country="US",
)


def clock_of(now: Callable[[], datetime]) -> dict[str, Any]:
    """Return what stands in for the functions of ``orders.clock`` where ``now`` tells the time."""
    row_and_now = clock.row_and_now
    return {
        "now": now,
        "row_and_now": lambda model, pk: (row_and_now(model, pk)[0], now()),
        "later": lambda seconds: Value(now() + timedelta(seconds=seconds)),
    }


def northlight(**values: Any) -> Publisher:
    """Publisher 66870 in production, which sends by itself."""
    defaults = {
        "publisher_id": "66870",
        "name": "Northlight Films",
        "login_email": "desk@northlight.example",
        "login_password": PASSWORD,
        "mode": "prod",
        "invoice_prefix": "NORTH",
    }
    return Publisher.objects.create(**{**defaults, **values})


def southwind(**values: Any) -> Publisher:
    """Publisher 70001, a stranger to the first one."""
    defaults = {
        "publisher_id": "70001",
        "name": "Southwind Records",
        "login_email": "post@southwind.example",
        "login_password": "other-password",
        "mode": "prod",
        "invoice_prefix": "SOUTH",
    }
    return Publisher.objects.create(**{**defaults, **values})


def product(publisher: Publisher, project_id: str = "66750", **values: Any) -> Product:
    """A DVD in a case; ``skus`` become its aliases."""
    skus = values.pop("skus", ())
    made = Product.objects.create(
        publisher=publisher,
        project_id=project_id,
        **{"title": f"Film {project_id}", "package": "dvd_case", **values},
    )
    for sku in skus:
        SkuAlias.objects.create(publisher=publisher, sku=sku, product=made)
    return made


def store(publisher: Publisher, **values: Any) -> Store:
    """northlight.myshopify.com, which makes orders on ``orders/fulfilled``."""
    defaults = {"domain": "northlight.myshopify.com", "webhook_secrets": [SECRET]}
    return Store.objects.create(publisher=publisher, **{**defaults, **values})


def connected(**projects: str) -> Publisher:
    """Northlight with its store; ``p66751="VTD333-200"`` adds a product with that SKU."""
    publisher = northlight()
    for project_id, sku in {"p66750": "VTD234-100", **projects}.items():
        product(publisher, project_id[1:], skus=[sku])
    store(publisher)
    return publisher


def topics(*names: str) -> None:
    """Let the one publisher's stores make orders on these topics."""
    Publisher.objects.get().stores.update(create_on=list(names))


def turned_away() -> list[Any]:
    """Return (publisher id, kind, count) of what was turned away."""
    return list(TurnedAway.objects.values_list("publisher__publisher_id", "kind", "count"))


def line(sku: str | None = "VTD234-100", quantity: int = 1, **values: Any) -> dict[str, Any]:
    """A line item of an order body."""
    return {
        "id": next(_ids),
        "sku": sku,
        "quantity": quantity,
        "current_quantity": quantity,
        "fulfillable_quantity": 0,
        "variant_id": next(_ids),
        "title": f"Disc {sku}",
        "name": f"Disc {sku}",
        "requires_shipping": True,
        "gift_card": False,
        "fulfillment_service": "manual",
        "price": "19.00",
        **values,
    }


def fulfillment(*lines: tuple[dict[str, Any], int], **values: Any) -> dict[str, Any]:
    """A successful fulfillment of so many units of each line."""
    return {
        "id": next(_ids),
        "status": "success",
        "name": "#1001.1",
        "line_items": [{**item, "quantity": quantity} for item, quantity in lines],
        **values,
    }


def order_body(*lines: dict[str, Any], **values: Any) -> dict[str, Any]:
    """An order body, fulfilled as a whole unless ``fulfillments`` says otherwise."""
    lines = lines or (line(),)
    body = {
        "id": next(_ids),
        "name": "#1001",
        "email": "ana@example.com",
        "test": False,
        "confirmed": True,
        "cancelled_at": None,
        "financial_status": "paid",
        "fulfillment_status": "fulfilled",
        "updated_at": "2026-11-20T10:00:00-05:00",
        "shipping_address": dict(ADDRESS),
        "customer": {"first_name": "Ana", "last_name": "Peña", "email": "ana@example.com"},
        "shipping_lines": [{"title": "Standard", "code": "standard", "price": "4.00"}],
        "line_items": list(lines),
        "refunds": [],
    }
    body["fulfillments"] = [fulfillment(*((item, item["quantity"]) for item in lines))]
    return {**body, **values}


def deliver(
    body: Any,
    *,
    topic: str = "orders/fulfilled",
    client: Client | None = None,
    secret: str = SECRET,
    idpub: str = "66870",
    domain: str | None = "northlight.myshopify.com",
    webhook_id: str | None = None,
    headers: dict[str, str] | None = None,
    path: str = WEBHOOK,
) -> Any:
    """Post a body (an object, or raw bytes) as Shopify does, signed; returns the response."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": sign(Secret(secret), raw),
        "X-Shopify-Webhook-Id": webhook_id or f"hook-{next(_ids)}",
        "X-Shopify-API-Version": "2026-04",
    }
    if domain is not None:
        sent["X-Shopify-Shop-Domain"] = domain
    return (client or Client()).post(
        f"{path}?idpub={idpub}",
        data=raw,
        content_type="application/json",
        headers={**sent, **(headers or {})},
    )


def step_by_step() -> Any:
    """Have deliveries written step by step meanwhile, as where something is in the way."""
    return patch.object(arrival, "write", lambda delivery, wake: False)


def place(publisher: Publisher, *units: tuple[Product, int], **values: Any) -> Order:
    """Place one order as the admin does, and return it."""
    request = intake.Request(
        publisher=publisher,
        source="admin",
        recipient=values.pop("recipient", ANA),
        units=tuple(intake.Units(one, quantity) for one, quantity in units),
        **{"email": "ana@example.com", **values},
    )
    return intake.place(request, actor=lifecycle.WORKER)[0]


def counts() -> dict[str, int]:
    """How many rows intake has written, by table; the same as before is "nothing changed"."""
    tables = (Delivery, DeliveryLine, ShopOrder, Order, OrderLine, OrderEvent)
    return {table.__name__: table.objects.count() for table in tables}
