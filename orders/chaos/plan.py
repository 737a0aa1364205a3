"""What a run is made of: accounts, stores, the deliveries and their order, the faults. Pure."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from orders import demo
from orders.chaos import history
from orders.shopify.signature import sign
from products.secret import Secret

SUBMIT_FAULTS = (
    "hang-drop=4%,hang-accept=4%,500-before=2%,500-after=2%,html-before=2%,html-after=2%,"
    "trunc=1%,trunc-close=1%,reset=2%,both=1%,delay-accept=1%"
)
STATUS_FAULTS = (
    "status:timeout=3%,status:500=2%,status:bare-amp=2%,status:shuffled=2%,status:missing=2%,"
    "status:twice=1%,status:html=1%"
)
TOPIC = "orders/fulfilled"
UNKNOWN = "NOBODY-KNOWS-THIS"
NAMES = ("Ana Peña", "Ann & Bo Lund", "José Muñoz", "Zoë <3 Brandt", "Li [SUCCESS] Wei")


@dataclass(frozen=True)
class Shop:
    """A store and the account it belongs to; the secrets are canaries that must never be seen."""

    account: str
    prefix: str
    domain: str
    secret: str
    skus: tuple[str, ...]
    share: float


@dataclass(frozen=True)
class Planned:
    """A delivery to be made; ``twin`` marks one that follows at once upon its first."""

    kind: str
    shop: Shop
    shop_order_id: int
    webhook_id: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    twin: bool = False

    @property
    def body_hash(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def canary(seed: int, name: str) -> str:
    """Return a secret of the run that would look different URL-encoded, and is easily found."""
    return f"canary {name}/{hashlib.sha256(f'{seed}{name}'.encode()).hexdigest()[:16]}&é"


@dataclass(frozen=True)
class Account:
    publisher_id: str
    prefix: str
    name: str
    share: float
    shops: int


ACCOUNTS = (
    Account("70001", "A", "Aurora Films", 0.8, 2),
    Account("70002", "B", "Borealis Music", 1 / 6, 1),
    Account("70003", "C", "Calder Press", 1 / 30, 1),
)


def password(seed: int, account: Account) -> str:
    return canary(seed, f"password-{account.prefix}")


def shops(seed: int) -> list[Shop]:
    """Return the stores with their part of the orders."""
    return [
        Shop(
            account=account.publisher_id,
            prefix=account.prefix,
            domain=f"chaos-{account.prefix.lower()}{number}.myshopify.com",
            secret=canary(seed, f"signing-{account.prefix}{number}"),
            skus=(f"{account.prefix}-DVD", f"{account.prefix}-CD"),
            share=account.share / account.shops,
        )
        for account in ACCOUNTS
        for number in range(1, account.shops + 1)
    ]


def catalogue(seed: int) -> dict[str, Any]:
    """Return the accounts in the form of ``provision``, which the sandbox reads as well."""
    found = shops(seed)
    return {
        "publishers": [
            {
                "publisher_id": account.publisher_id,
                "name": account.name,
                "login_email": f"desk@{account.prefix.lower()}.example",
                "login_password": password(seed, account),
                "mode": "prod",
                "auto_submit": True,
                "invoice_prefix": account.prefix,
                "products": _products(account),
                "stores": [
                    {
                        "domain": shop.domain,
                        "webhook_secrets": [shop.secret],
                        "create_on": [TOPIC],
                    }
                    for shop in found
                    if shop.account == account.publisher_id
                ],
            }
            for account in ACCOUNTS
        ]
    }


def _products(account: Account) -> list[dict[str, str]]:
    return [
        {
            "project_id": f"{account.publisher_id}{number}",
            "title": f"{account.name} {sku}",
            "package": package,
            "price": "9.00",
            "ecommerce_id_string": f"{account.prefix}-{sku}",
        }
        for number, (sku, package) in enumerate((("DVD", "dvd_case"), ("CD", "sleeve")), start=1)
    ]


def deliveries(seed: int, orders: int) -> list[Planned]:
    """Return every delivery in the order in which it is sent.

    20 % of the orders come twice and 5 % three times, half of these under a new webhook id; on top
    2 % with a bad signature, 1 % for an unknown publisher, 1 % with an unknown SKU and 0.5 % that
    are too large or no JSON.
    """
    draw = random.Random(seed)  # noqa: S311 - a run must be repeatable
    found = shops(seed)
    weights = [shop.share for shop in found]
    planned: list[Planned] = []
    for number in range(orders):
        shop = draw.choices(found, weights)[0]
        first = _order(seed, number, shop, draw)
        planned.append(first)
        repeats = draw.choices((0, 1, 2), (75, 20, 5))[0]
        planned += [_repeat(first, again, draw) for again in range(repeats)]
    for number in range(orders, orders + max(4, round(orders * 0.045))):
        planned.append(_stranger(seed, number, draw.choices(found, weights)[0], draw))
    draw.shuffle(planned)
    return list(_twins_together(planned))


def _twins_together(planned: list[Planned]) -> Iterator[Planned]:
    """Move each twin right behind its first, so that two senders race with it."""
    twins: dict[int, list[Planned]] = {}
    for one in planned:
        if one.twin:
            twins.setdefault(one.shop_order_id, []).append(one)
    for one in planned:
        if not one.twin:
            yield one
            yield from twins.pop(one.shop_order_id, [])


def _order(seed: int, number: int, shop: Shop, draw: random.Random) -> Planned:
    lines = [
        demo.line(sku, draw.randint(1, 3)) for sku in draw.sample(shop.skus, draw.choice((1, 2)))
    ]
    body = demo.body(10_001 + number, draw.choice(NAMES), *lines)
    body["email"] = f"customer-{body['id']}@example.com"
    body["note_attributes"] = [{"name": "padding", "value": "x" * 1500}]
    return Planned(
        history.ORDER, shop, body["id"], f"chaos-{seed}-{number}", json.dumps(body).encode()
    )


def _repeat(first: Planned, again: int, draw: random.Random) -> Planned:
    new = draw.random() < 0.5
    webhook_id = f"{first.webhook_id}-again{again}" if new else first.webhook_id
    return replace(first, webhook_id=webhook_id, twin=draw.random() < 0.3)


def _stranger(seed: int, number: int, shop: Shop, draw: random.Random) -> Planned:
    """Return a delivery that makes no order: refused, unmatched or quarantined."""
    kind = draw.choices(
        (
            history.FORGED,
            history.STRANGER,
            history.UNKNOWN_SKU,
            history.OVERSIZE,
            history.MALFORMED,
        ),
        (20, 10, 10, 3, 2),
    )[0]
    one = replace(_order(seed, number, shop, draw), kind=kind)
    if kind == history.UNKNOWN_SKU:
        body = demo.body(10_001 + number, NAMES[0], demo.line(UNKNOWN))
        return replace(one, body=json.dumps(body).encode())
    if kind == history.OVERSIZE:
        return replace(one, body=b'{"id": 1, "pad": "' + b"x" * 70_000 + b'"}')
    if kind == history.MALFORMED:
        return replace(one, body=one.body[: draw.randint(1, len(one.body) - 1)], shop_order_id=0)
    return one


def request_of(one: Planned) -> tuple[str, dict[str, str]]:
    """Return the path and the headers of a delivery, signed as Shopify signs it."""
    secret = "somebody else's" if one.kind == history.FORGED else one.shop.secret
    publisher = "79999" if one.kind == history.STRANGER else one.shop.account
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": TOPIC,
        "X-Shopify-Shop-Domain": one.shop.domain,
        "X-Shopify-Webhook-Id": one.webhook_id,
        "X-Shopify-Hmac-Sha256": sign(Secret(secret), one.body),
        "Connection": "close",
    }
    return f"/webhooks/shopify/?idpub={publisher}", headers
