"""What a shop changes about an order that was made: a cancel, an address, an erased customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from orders import intake, lifecycle, privacy, status
from orders.lifecycle import SHOP
from orders.models import Order, ShopOrder, Store
from orders.recipient import FIELDS
from orders.shopify.payload import MAX_ID, ShopifyOrder

TOO_LATE = (
    "The shop cancelled this order after it was sent. TrepStar takes no cancel call: delete it "
    "there while it is on HOLD."
)


def cancel(shop_order: ShopOrder, cancelled_at: datetime) -> str:
    """Cancel what has not been sent and flag what has; remember the cancel. Returns a sentence.

    The shop's order must be locked.
    """
    known = shop_order.cancelled_at is not None
    shop_order.cancelled_at = cancelled_at
    shop_order.save(update_fields=["cancelled_at"])
    told = []
    for order in _orders(shop_order):
        if order.status in (status.HELD, status.READY, status.REFUSED):
            lifecycle.move(order, status.CANCELLED, "order.cancelled", actor=SHOP)
            told.append(f"Order {order.invoice} was cancelled.")
        elif order.status in status.IN_DOUBT:
            fields = {"stop_request": Order.Stop.CANCEL}
            lifecycle.record(order, "order.stop_requested", actor=SHOP, data=fields, fields=fields)
            told.append(f"Order {order.invoice} is cancelled if TrepStar does not have it.")
        elif order.status not in status.FINAL:
            if not known:
                data = {"note": TOO_LATE}
                lifecycle.record(
                    order, "order.flagged", actor=SHOP, data=data, fields={"flag": TOO_LATE}
                )
            told.append(f"Order {order.invoice} had been sent already.")
    return " ".join(told) or "The shop cancelled this order before anything was made of it."


def correct_address(shop_order: ShopOrder, body: ShopifyOrder) -> str:
    """Take over the address fields that the shop changed since its own last body.

    Fields that staff have edited, and orders that were sent, are flagged instead. Of the holds
    only ``address`` is released. Returns a sentence, or blank where nothing changed.
    """
    if body.address_problem:
        return ""
    before, after = shop_order.address or {}, body.recipient.as_dict()
    changed = {name: after[name] for name in FIELDS if after[name] != before.get(name, "")}
    if not changed:
        return ""
    return " ".join(_correct(order, changed) for order in _orders(shop_order))


def _correct(order: Order, changed: Mapping[str, str]) -> str:
    wanted = {name: value for name, value in changed.items() if getattr(order, name) != value}
    if not wanted or order.status in status.FINAL:
        return ""
    edited = [name for name in wanted if name in order.edited_fields]
    if order.status not in (status.HELD, status.READY, status.REFUSED):
        return _flag(order, "after the order was sent", wanted)
    if edited:
        return _flag(order, "where staff had changed it as well", wanted)
    data = {"fields": sorted(wanted)}
    lifecycle.record(
        order, "order.address_changed", actor=SHOP, data=data, fields={**wanted, "payload": None}
    )
    if order.status == status.HELD and order.hold_reason == "address":
        _go_on(order)
    return f"The address of order {order.invoice} was changed."


def _go_on(order: Order) -> None:
    """Let an order that waited for its address go on as a new one would."""
    reason, note = intake.waits_for(order, list(order.lines.select_related("product")), None)
    if reason:
        fields = {"hold_reason": reason, "hold_note": note}
        lifecycle.record(order, "order.held", actor=SHOP, data=fields, fields=fields)
    else:
        ready = {"next_attempt_at": intake.first_attempt_at()}
        lifecycle.move(order, status.READY, "order.released", actor=SHOP, fields=ready)


def _flag(order: Order, when: str, wanted: Mapping[str, str]) -> str:
    news = ", ".join(f"{name} “{value}”" for name, value in sorted(wanted.items()))
    note = f"The shop changed the address {when}: {news}."
    lifecycle.record(order, "order.flagged", actor=SHOP, data={"note": note}, fields={"flag": note})
    return note


def _orders(shop_order: ShopOrder) -> list[Order]:
    rows = Order.objects.select_for_update(of=("self",), no_key=True).select_related("publisher")
    return list(rows.filter(shop_order=shop_order).order_by("id"))


def obey_privacy(store: Store, topic: str, body: Mapping[str, Any]) -> str:
    """Do what one of Shopify's three privacy topics asks; return what was done as a sentence."""
    if str(body.get("shop_domain", "")).strip().lower() != store.domain:
        # The topic is not signed, the body is: one that does not name this shop erases nothing.
        return "The body names another shop, so nothing was done."
    if topic == "shop/redact":
        count = privacy.redact(ShopOrder.objects.filter(store=store))
        return f"The customer data of {count} orders of this shop is erased."
    key = "orders_to_redact" if topic == "customers/redact" else "orders_requested"
    asked = body.get(key)
    ids = (
        [i for i in asked if type(i) is int and 0 < i <= MAX_ID] if isinstance(asked, list) else []
    )
    shop_orders = ShopOrder.objects.filter(store=store, shop_order_id__in=ids)
    if topic == "customers/redact":
        shop_orders |= _of_customer(store, body)
        return f"The customer data of {privacy.redact(shop_orders)} orders is erased."
    names = ", ".join(str(order) for order in shop_orders) or "none that is known here"
    return f"The shop asks what is kept about a customer; it concerns the orders: {names}."


def _of_customer(store: Store, body: Mapping[str, Any]) -> QuerySet[ShopOrder]:
    """Return a store's orders by the customer's e-mail: a request may name no order at all."""
    customer = body.get("customer")
    email = str(customer.get("email") or "") if isinstance(customer, dict) else ""
    if not email:
        return ShopOrder.objects.none()
    ours = Order.objects.filter(shop_order__store=store, email__iexact=email)
    return ShopOrder.objects.filter(pk__in=ours.values("shop_order"))
