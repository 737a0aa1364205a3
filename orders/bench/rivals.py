"""Two receivers that the webhook is measured against, for the bench's own web server alone.

``bare`` is the least that any receiver of Shopify's webhooks does. ``usual`` is one as it is often
written, with the desk's models: a ``get_or_create`` for each row, as the body is walked through.
Neither runs with middleware, which makes them quicker. They trust what the bench sends.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from orders.bench.data_body import signing_secret
from orders.models import Delivery, DeliveryLine, Order, OrderEvent, OrderLine, ShopOrder, Store
from orders.shopify import signature
from products.models import SkuAlias
from products.secret import Secret

TABLE = """
    CREATE TABLE bench_bare (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        webhook_id varchar(100) NOT NULL UNIQUE,
        topic varchar(64) NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        body bytea NOT NULL
    )
"""
INSERT = """
    INSERT INTO bench_bare (webhook_id, topic, body) VALUES (%s, %s, %s)
    ON CONFLICT (webhook_id) DO NOTHING RETURNING id
"""


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    """Check the signature and insert the raw body by one statement."""
    secret = Secret(signing_secret(int(request.GET["idpub"]) % 10_000))
    if signature.matching_secret([secret], request.body, request.headers[signature.HEADER]) is None:
        return HttpResponse(status=401)
    values = [request.headers["X-Shopify-Webhook-Id"], request.headers["X-Shopify-Topic"]]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [*values, request.body])
        made = cursor.fetchone()
    return _answer(made, [])


@csrf_exempt
def usual(request: HttpRequest) -> HttpResponse:
    """Store the delivery and make its order, row by row."""
    domain = request.headers["X-Shopify-Shop-Domain"]
    store = Store.objects.select_related("publisher").get(domain=domain)
    given = request.headers[signature.HEADER]
    if signature.matching_secret(list(store.webhook_secrets), request.body, given) is None:
        return HttpResponse(status=401)
    body = json.loads(request.body)
    with transaction.atomic():
        shop_order, _ = ShopOrder.objects.get_or_create(
            store=store, shop_order_id=body["id"], defaults={"name": body["name"], "boxes": 1}
        )
        delivery, made = Delivery.objects.get_or_create(
            store=store,
            webhook_id=request.headers["X-Shopify-Webhook-Id"],
            body_hash="",
            defaults={
                "shop_order": shop_order,
                "topic": request.headers["X-Shopify-Topic"],
                "matched_secret": 1,
                "body": request.body,
                "outcome": "created",
            },
        )
        order = _order(store, shop_order, body)
        for item in body["line_items"]:
            _line(store, delivery, order, item)
    return _answer(made, [order.invoice])


def _answer(made: object, invoices: list[str]) -> HttpResponse:
    """Answer with the length, which no middleware adds here and without which it goes in chunks."""
    answer = JsonResponse({"outcome": "created" if made else "repeat", "orders": invoices})
    answer["Content-Length"] = len(answer.content)
    return answer


def _order(store: Store, shop_order: ShopOrder, body: dict[str, Any]) -> Order:
    place = body["shipping_address"]
    order, made = Order.objects.get_or_create(
        invoice=f"USUAL-{body['id']}",
        defaults={
            "publisher": store.publisher,
            "source": "shopify",
            "shop_order": shop_order,
            "reference": body["name"],
            "mode": store.publisher.mode,
            "status": "held",
            "hold_reason": "staff",
            "mail_method": "standard",
            "name": f"{place['first_name']} {place['last_name']}",
            "address": place["address1"],
            "city": place["city"],
            "state": place["province_code"],
            "zip": place["zip"],
            "country": place["country_code"],
            "email": body["email"],
        },
    )
    if made:
        OrderEvent.objects.create(
            order=order, kind="order.placed", to_status=order.status, actor_kind="shop"
        )
    return order


def _line(store: Store, delivery: Delivery, order: Order, item: dict[str, Any]) -> None:
    alias = SkuAlias.objects.select_related("product").get(
        publisher=store.publisher, key=item["sku"].casefold()
    )
    assert alias.product
    assert delivery.shop_order
    OrderLine.objects.get_or_create(
        order=order,
        source_line_id=item["id"],
        defaults={"product": alias.product, "quantity": item["quantity"], "sku": item["sku"]},
    )
    DeliveryLine.objects.get_or_create(
        delivery=delivery,
        line_id=item["id"],
        defaults={
            "shop_order": delivery.shop_order,
            "sku": item["sku"],
            "key": alias.key,
            "title": item["title"],
            "quantity": item["quantity"],
            "units": item["quantity"],
            "outcome": "ordered",
            "product": alias.product,
            "order": order,
        },
    )


urlpatterns = [path("bare", bare), path("usual", usual)]
