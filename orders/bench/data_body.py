"""The body of a shop's order as the bench delivers it: three lines, about 8.5 kB. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

TOPIC = "orders/fulfilled"
SIZE = 8_500
LINES = 3
ID, NUMBER, SKU = "@ID@", "@NUMBER@", "@SKU{}@"


def signing_secret(publisher: int) -> str:
    """Return what the shop of the publisher with this primary key signs with."""
    return f"bench-signing-secret-{publisher}"


def domain(publisher: int) -> str:
    return f"bench-{publisher}.myshopify.com"


def publisher_id(publisher: int) -> str:
    """Return TrepStar's number of the publisher with this primary key."""
    return str(80_000 + publisher)


def sku(publisher: int, number: int) -> str:
    """Return the SKU of the publisher's product ``number`` (1 to 125)."""
    return f"B{publisher}-{100 + number}"


def template(lines: int = LINES) -> str:
    """Return the body with marks where its ids, its number and its SKUs stand."""
    items = [_line(number) for number in range(1, lines + 1)]
    body: dict[str, Any] = {
        "id": ID,
        "name": f"#{NUMBER}",
        "email": f"customer-{NUMBER}@example.com",
        "test": False,
        "confirmed": True,
        "cancelled_at": None,
        "currency": "USD",
        "financial_status": "paid",
        "fulfillment_status": "fulfilled",
        "updated_at": "2026-01-01T12:00:00+00:00",
        "shipping_address": _address(),
        "billing_address": _address(),
        "shipping_lines": [{"title": "Standard", "code": "standard"}],
        "line_items": items,
        "fulfillments": [{"id": f"{ID}9", "status": "success", "line_items": items}],
        "refunds": [],
        "note_attributes": [],
    }
    room = SIZE - len(json.dumps(body))
    if room > 0:
        body["note_attributes"] = [{"name": "note", "value": "x" * room}]
    # Ids are numbers, whatever digits follow the mark.
    return re.sub(rf'"({ID}\d*)"', r"\1", json.dumps(body))


def _line(number: int) -> dict[str, Any]:
    price = {"shop_money": {"amount": "19.00", "currency_code": "USD"}}
    return {
        "id": f"{ID}{number}",
        "variant_id": f"{ID}{number}",
        "sku": SKU.format(number),
        "title": f"Item {SKU.format(number)}",
        "vendor": "Bench Films",
        "price": "19.00",
        "price_set": price,
        "total_discount_set": price,
        "quantity": 1,
        "current_quantity": 1,
        "requires_shipping": True,
        "gift_card": False,
        "taxable": True,
        "tax_lines": [{"title": "State", "rate": 0.06, "price": "1.14", "price_set": price}],
        "fulfillment_service": "manual",
    }


def _address() -> dict[str, Any]:
    return {
        "first_name": "Anna",
        "last_name": "Keller",
        "address1": f"{NUMBER} Harbour Street",
        "address2": "",
        "city": "Portland",
        "province_code": "ME",
        "country_code": "US",
        "zip": "04101",
    }


def body(shop_order_id: int, number: int, skus: list[str], base: str) -> bytes:
    """Return the body of one order, made of ``base``, which is a ``template``."""
    text = base.replace(ID, str(shop_order_id)).replace(NUMBER, str(number))
    for place, one in enumerate(skus, start=1):
        text = text.replace(SKU.format(place), one)
    return text.encode()
