"""Examples for the schema: one request and one answer of every operation, by its id."""

from __future__ import annotations

from typing import Any

Example = dict[str, Any]

_ADDRESS = {
    "name": "Ana Peña",
    "company": "",
    "address": "12 Harbour Street, Apt 3",
    "city": "Portland",
    "state": "ME",
    "zip": "04101",
    "country": "US",
    "email": "ana@example.com",
}
_LINE = {
    "product": 12,
    "project_id": "66750",
    "title": "Harbour Lights (DVD)",
    "quantity": 2,
    "sku": "VTD234-100",
}
_NEW = {**_ADDRESS, "reference": "A-1001", "lines": [{"sku": "VTD234-100", "quantity": 2}]}
_MADE = "2026-11-20T10:00:00Z"


def _order(**values: Any) -> Example:
    return {
        "invoice": "NORTH-M17",
        "publisher": "66870",
        "source": "api",
        "reference": "A-1001",
        "mode": "prod",
        "status": "ready",
        "hold_reason": "",
        "hold_note": "",
        "hold_until": None,
        "stop_request": "",
        "findings": [],
        "flag": "",
        **_ADDRESS,
        "mail_method": "standard",
        "special_text": "",
        "price": None,
        "price_on_customs": False,
        "notify_customer": False,
        "lines": [_LINE],
        "pieces": 2,
        "gateway_status": "",
        "gateway_error_number": "",
        "gateway_error_text": "",
        "shipping_method": "",
        "ship_date": None,
        "tracking_id": "",
        "tracking_url": "",
        "attempts": 0,
        "next_attempt_at": _MADE,
        "reship_of": None,
        "version": 1,
        "created_at": _MADE,
        "updated_at": _MADE,
        "accepted_at": None,
        "shipped_at": None,
        **values,
    }


_HELD = _order(
    status="held",
    hold_reason="staff",
    hold_note="She moves house.",
    hold_until="2026-12-01T08:00:00Z",
    next_attempt_at=None,
    version=2,
)
_SHIPPED = _order(
    status="shipped",
    gateway_status="SHIPPED",
    ship_date="2026-11-21",
    shipping_method="standard",
    tracking_id="9400100000000000000000",
    tracking_url="https://www.endicia.com/tracking/?pic=9400100000000000000000",
    attempts=1,
    next_attempt_at=None,
    version=6,
    accepted_at="2026-11-20T10:00:05Z",
    shipped_at="2026-11-21T18:00:00Z",
)
_AGAIN = _order(
    invoice="NORTH-M17-R1",
    status="held",
    hold_reason="staff",
    hold_note="It is made again for NORTH-M17: Lost in the post.",
    next_attempt_at=None,
    reship_of="NORTH-M17",
)
_PRODUCT = {
    "id": 12,
    "publisher": "66870",
    "project_id": "66750",
    "title": "Harbour Lights (DVD)",
    "package": "dvd_case",
    "price": "19.00",
    "special_text": "",
    "active": True,
    "ecommerce_id_string": "{VTD234-100}{VTD333-200}",
}
_SKU = {"id": 31, "publisher": "66870", "sku": "VTD234-100", "product": 12}
_DELIVERY = {
    "id": 905,
    "publisher": "66870",
    "store": "northlight.myshopify.com",
    "topic": "orders/fulfilled",
    "webhook_id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    "event_id": "",
    "shop_order": "#1001",
    "outcome": "unmatched",
    "reason": "These SKUs are not known here: VTD999-100.",
    "orders": [],
    "repeats": 0,
    "received_at": _MADE,
    "triggered_at": None,
}
_DELIVERY_LINE = {
    "line_id": 466157049,
    "fulfillment_id": 255858046,
    "sku": "VTD999-100",
    "title": "Low Tide (DVD)",
    "quantity": 1,
    "units": 0,
    "outcome": "unmatched",
    "reason": "",
    "order": None,
}
_REPLAYED = {
    **_DELIVERY,
    "outcome": "created",
    "reason": "",
    "orders": ["NORTH-1001-S450789469-1"],
    "lines": [
        {**_DELIVERY_LINE, "units": 1, "outcome": "ordered", "order": "NORTH-1001-S450789469-1"}
    ],
}
_EVENT = {
    "kind": "order.placed",
    "from_status": "",
    "to_status": "ready",
    "text": "The order was made, with 2 pieces.",
    "actor": "Webshop (API)",
    "actor_kind": "client",
    "created_at": _MADE,
}
_ATTEMPT = {
    "number": 1,
    "outcome": "accepted",
    "late": False,
    "error_code": "",
    "text": "",
    "http_status": 200,
    "started_at": "2026-11-20T10:00:04Z",
    "finished_at": "2026-11-20T10:00:05Z",
}
_HOOK = {
    "id": 4,
    "publisher": "66870",
    "url": "https://shop.example.com/desk-events",
    "events": ["order.shipped", "order.problem"],
    "active": True,
    "state": "active",
    "failing_since": None,
    "disabled_at": None,
    "disabled_note": "",
    "created_at": _MADE,
}
_HOOK_MESSAGE = {
    "id": 77,
    "message_id": "msg_order_77",
    "type": "order.shipped",
    "invoice": "NORTH-M17",
    "state": "waiting",
    "attempts": 0,
    "next_attempt_at": _MADE,
    "delivered_at": None,
    "last_status": None,
    "last_error": "",
    "body": '{"type": "order.shipped", "timestamp": "2026-11-20T10:00:00+00:00", "data": {}}',
    "created_at": _MADE,
}
WRONG = {
    "field": "lines[0].sku",
    "code": "unknown_sku",
    "message": "This SKU is not known.",
}
_BULK = {
    "made": 1,
    "refused": 1,
    "results": [
        {
            "row": 0,
            "status": 201,
            "orders": [
                {"invoice": "NORTH-M17", "status": "ready", "hold_reason": "", "hold_note": ""}
            ],
            "errors": [],
        },
        {"row": 1, "status": 400, "orders": [], "errors": [WRONG]},
    ],
}
_STATUS = {
    "gateway": {
        "reachable": True,
        "unreachable_since": None,
        "asking_stopped_since": None,
        "recovery_since": None,
        "paused_since": None,
    },
    "workers": {"silent_seconds": 12.5, "working": True},
    "publishers": [
        {
            "publisher": "66870",
            "name": "Northlight Films",
            "backlog": {
                "held": 2,
                "ready": 5,
                "submitting": 1,
                "unclear": 0,
                "refused": 0,
                "problem": 0,
            },
            "oldest_due_seconds": 3.2,
            "status_calls": {"used": 140, "limit": 950},
            "login_refused_since": None,
            "paused_since": None,
        }
    ],
}


# The example of a list is one of its rows.
EXAMPLES: dict[str, Example] = {
    "orders_list": {"response": _order()},
    "orders_create": {"request": _NEW, "response": {"orders": [_order()]}, "status": 201},
    "orders_retrieve": {"response": _SHIPPED},
    "orders_update": {"request": {"city": "Bangor", "zip": "04401"}, "response": _HELD},
    "orders_timeline_list": {"response": _EVENT},
    "orders_attempts_list": {"response": _ATTEMPT},
    "orders_hold": {
        "request": {"note": "She moves house.", "until": "2026-12-01T08:00:00Z"},
        "response": _HELD,
    },
    "orders_release": {"request": {}, "response": _order(version=3)},
    "orders_cancel": {
        "request": {"note": "Paid back."},
        "response": _order(status="cancelled", next_attempt_at=None, version=2),
    },
    "orders_refresh": {"request": {}, "response": _SHIPPED, "status": 202},
    "orders_reship": {
        "request": {"reason": "Lost in the post."},
        "response": {"orders": [_AGAIN]},
        "status": 201,
    },
    "orders_note": {"request": {"text": "She called."}, "response": _order(version=2)},
    "orders_bulk": {"request": {"orders": [_NEW, _NEW]}, "response": _BULK},
    "products_list": {"response": _PRODUCT},
    "products_create": {
        "request": {k: v for k, v in _PRODUCT.items() if k not in ("id", "publisher")},
        "response": _PRODUCT,
        "status": 201,
    },
    "products_retrieve": {"response": _PRODUCT},
    "products_update": {
        "request": {"ecommerce_id_string": "{VTD234-100}{VTD333-200}"},
        "response": _PRODUCT,
    },
    "sku_aliases_list": {"response": _SKU},
    "sku_aliases_create": {
        "request": {"sku": "VTD234-100", "product": 12},
        "response": _SKU,
        "status": 201,
    },
    "sku_aliases_retrieve": {"response": _SKU},
    "sku_aliases_update": {"request": {"product": 12}, "response": _SKU},
    "sku_aliases_delete": {},
    "deliveries_list": {"response": _DELIVERY},
    "deliveries_retrieve": {"response": {**_DELIVERY, "lines": [_DELIVERY_LINE]}},
    "deliveries_replay": {"request": {"make_again": False}, "response": _REPLAYED},
    "webhooks_list": {"response": _HOOK},
    "webhooks_create": {
        "request": {"url": _HOOK["url"], "events": _HOOK["events"]},
        "response": {**_HOOK, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="},
        "status": 201,
    },
    "webhooks_retrieve": {"response": _HOOK},
    "webhooks_update": {"request": {"active": True}, "response": _HOOK},
    "webhooks_delete": {},
    "webhooks_messages_list": {"response": _HOOK_MESSAGE},
    "webhooks_messages_replay": {"request": {}, "response": _HOOK_MESSAGE, "status": 202},
    "status_retrieve": {"response": _STATUS},
}
