"""The stories that the demo tells: signed deliveries of a made-up shop, and how each must end."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from orders.shopify.signature import HEADER, sign
from products.secret import Secret

PUBLISHER_ID = "66870"
DOMAIN = "northlight.myshopify.com"
SIGNING_SECRET = "demo-signing-secret"  # noqa: S105
BAD_ADDRESS = "BADADDRESS"
LOST_ORDER_ID = 6100000000010
LOST_INVOICE = f"NORTH-1010-S{LOST_ORDER_ID}-1"
UNKNOWN_SKU = "VTD900-NEW"

CATALOGUE: dict[str, Any] = {
    "publishers": [
        {
            "publisher_id": PUBLISHER_ID,
            "name": "Northlight Films",
            "login_email": "desk@northlight.example",
            "login_password": "demo-trepstar-password",
            "mode": "prod",
            "auto_submit": True,
            "mail_method": "standard",
            "invoice_prefix": "NORTH",
            "not_ours": ["TSHIRT-L"],
            "products": [
                {
                    "project_id": "66750",
                    "title": "Harbour Lights (DVD)",
                    "package": "dvd_case",
                    "price": "19.00",
                    "ecommerce_id_string": "{VTD234-100}{VTD333-200}",
                },
                {
                    "project_id": "66760",
                    "title": "Harbour Lights (Soundtrack CD)",
                    "package": "sleeve",
                    "price": "9.00",
                    "ecommerce_id_string": "VCD-010",
                },
                {
                    "project_id": "66770",
                    "title": "Winter Ferry (USB)",
                    "package": "usb_ecomailer",
                    "price": "24.00",
                    "ecommerce_id_string": "VUSB-7",
                },
            ],
            "stores": [
                {
                    "domain": DOMAIN,
                    "webhook_secrets": [SIGNING_SECRET],
                    "create_on": ["orders/fulfilled", "orders/partially_fulfilled"],
                    "mail_rules": [{"match": "Express*", "method": "express"}],
                }
            ],
        }
    ]
}

_ids = itertools.count(7_200_000_000_001)


def line(sku: str, quantity: int = 1) -> dict[str, Any]:
    """A line item."""
    return {
        "id": next(_ids),
        "variant_id": next(_ids),
        "sku": sku,
        "title": f"Item {sku}",
        "quantity": quantity,
        "current_quantity": quantity,
        "requires_shipping": True,
        "gift_card": False,
        "fulfillment_service": "manual",
    }


def fulfillment(*units: tuple[dict[str, Any], int]) -> dict[str, Any]:
    """A successful fulfillment."""
    items = [{**item, "quantity": quantity} for item, quantity in units]
    return {"id": next(_ids), "status": "success", "line_items": items}


def body(number: int, customer: str, *lines: dict[str, Any], **values: Any) -> dict[str, Any]:
    """An order body of the shop, wholly fulfilled unless told otherwise."""
    first, _, last = customer.partition(" ")
    return {
        "id": 6_100_000_000_000 + number - 1000,
        "name": f"#{number}",
        "email": f"{first.lower()}@example.com",
        "test": False,
        "confirmed": True,
        "cancelled_at": None,
        "financial_status": "paid",
        "fulfillment_status": "fulfilled",
        "updated_at": datetime.now(UTC).isoformat(),
        "shipping_address": {
            "first_name": first,
            "last_name": last,
            "address1": f"{number - 990} Harbour Street",
            "address2": "",
            "city": "Portland",
            "province_code": "ME",
            "country_code": "US",
            "zip": "04101",
        },
        "shipping_lines": [{"title": "Standard", "code": "standard"}],
        "line_items": list(lines),
        "fulfillments": [fulfillment(*((item, item["quantity"]) for item in lines))],
        "refunds": [],
        **values,
    }


@dataclass
class Story:
    """A delivery and its end: ``ends`` are the statuses of its orders, none where it makes none.

    ``then`` names what staff do about it: ``map``, ``mend`` or nothing.
    """

    title: str
    body: dict[str, Any]
    ends: tuple[str, ...]
    topic: str = "orders/fulfilled"
    webhook_id: str = field(default_factory=lambda: f"demo-{next(_ids)}")
    headers: dict[str, str] = field(default_factory=dict)
    then: str = ""

    def order_id(self) -> int:
        return int(self.body["id"])


def stories() -> list[Story]:
    """Return the stories in the order in which they are posted."""
    return [*_plain_stories(), *_partial_stories(), *_hard_stories(), _test_notification()]


def _plain_stories() -> list[Story]:
    single = Story("a single line", body(1001, "Ana Torres", line("VTD234-100")), ("shipped",))
    bundle = (line("VTD234-100"), line("VCD-010", 3), line("VUSB-7", 2))
    two_skus = (line("VTD234-100"), line("VTD333-200", 2), line("TSHIRT-L"))
    return [
        single,
        Story("two SKUs of one project", body(1002, "Bruno Keller", *two_skus), ("shipped",)),
        Story("three projects in one box", body(1003, "Carla Jensen", *bundle), ("shipped",)),
        Story("the first one again", single.body, ("shipped",), webhook_id=single.webhook_id),
    ]


def _partial_stories() -> list[Story]:
    ends = ("shipped", "shipped")
    item = line("VCD-010", 5)
    first, second = fulfillment((item, 2)), fulfillment((item, 3))
    partial = {"fulfillments": [first], "fulfillment_status": "partial"}
    return [
        Story(
            "a part of an order …",
            body(1005, "Dora Lindqvist", item, **partial),
            ends,
            topic="orders/partially_fulfilled",
        ),
        Story(
            "… and then all of it",
            body(1005, "Dora Lindqvist", item, fulfillments=[first, second]),
            ends,
        ),
    ]


def _hard_stories() -> list[Story]:
    many, disc, stick = line("VTD234-100", 300), line("VCD-010"), line("VUSB-7")
    nowhere = {"name": "Greta Holm", "address1": "", "city": "Portland", "zip": "04101"}
    nowhere |= {"province_code": "ME", "country_code": "US"}
    bad = {**nowhere, "name": "Hugo Brandt", "address1": f"8 {BAD_ADDRESS} Road"}
    return [
        Story(
            "an unknown SKU, mapped and replayed",
            body(1006, "Emil Novak", line(UNKNOWN_SKU)),
            ("shipped",),
            then="map",
        ),
        Story("300 pieces, in two boxes", body(1007, "Frida Olsen", many), ("shipped", "shipped")),
        Story(
            "an address that TrepStar cannot use",
            body(1008, "Hugo Brandt", stick, shipping_address=bad),
            ("problem",),
        ),
        Story(
            "no street: held, mended, released",
            body(1009, "Greta Holm", disc, shipping_address=nowhere),
            ("shipped",),
            then="mend",
        ),
        Story(
            "an answer that is lost",
            body(1010, "Ivo Marchetti", line("VTD234-100")),
            ("shipped",),
        ),
    ]


def _test_notification() -> Story:
    """Shopify's own: a cancelled order that names real products of the shop."""
    marks = {
        "id": 820982911946154508,
        "name": "#9999",
        "test": True,
        "confirmed": False,
        "cancelled_at": "2026-11-01T10:00:00-05:00",
        "financial_status": "voided",
        "fulfillments": [],
    }
    told = body(1011, "Steve Shipper", line("VTD234-100"), **marks)
    return Story("Shopify's test notification", told, (), headers={"X-Shopify-Test": "true"})


def post(story: Story, address: str) -> dict[str, Any]:
    """Post a story's delivery, signed as Shopify signs it; return the desk's answer."""
    raw = json.dumps(story.body).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": story.topic,
        "X-Shopify-Shop-Domain": DOMAIN,
        "X-Shopify-Webhook-Id": story.webhook_id,
        HEADER: sign(Secret(SIGNING_SECRET), raw),
        **story.headers,
    }
    url = f"{address}/webhooks/shopify/?idpub={PUBLISHER_ID}"
    response = requests.post(url, data=raw, headers=headers, timeout=10, allow_redirects=False)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
