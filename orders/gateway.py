"""An order as TrepStar will get it: the box, the publisher's login, the configured gateway."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings

from orders.models import Order, OrderLine
from orders.trepstar.client import Gateway, Login
from orders.trepstar.wire import Box
from products.models import Publisher


def configured_gateway() -> Gateway:
    """Return the gateway at ``TREPSTAR_URL`` with the time limit of one call."""
    return Gateway(settings.TREPSTAR_URL, seconds=settings.TREPSTAR_TIMEOUT)


def login_of(publisher: Publisher) -> Login:
    """Return the publisher's TrepStar login."""
    return Login(publisher.login_email, publisher.login_password, publisher.charset)


def price_of(order: Order, lines: Sequence[OrderLine]) -> Decimal:
    """Return the price to print: the order's, else the sum of its products' prices, in USD."""
    if order.price is not None:
        return order.price
    return sum((line.product.price * line.quantity for line in lines), Decimal(0))


def special_text_of(order: Order, lines: Sequence[OrderLine]) -> str:
    """Return the order's special text, else that of the one product that has one."""
    if order.special_text:
        return order.special_text
    texts = {
        line.product_id: line.product.special_text for line in lines if line.product.special_text
    }
    return next(iter(texts.values())) if len(texts) == 1 else ""


def box_of(order: Order, lines: Sequence[OrderLine]) -> Box:
    """Return what would be sent: each project once, with the sum of its quantities."""
    items: dict[str, int] = {}
    for line in lines:
        project = line.product.project_id
        items[project] = items.get(project, 0) + line.quantity
    return Box(
        items=tuple(items.items()),
        invoice=order.invoice,
        mail_method=order.mail_method,
        mode=order.mode,
        name=order.name,
        company=order.company,
        address=order.address,
        city=order.city,
        state=order.state,
        zip=order.zip,
        country=order.country,
        email=order.email,
        special_text=special_text_of(order, lines),
        price=price_of(order, lines),
        price_on_customs=order.price_on_customs,
        notify_customer=order.notify_customer,
    )


def payload_hash(payload: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a payload, by which two attempts can be compared."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
