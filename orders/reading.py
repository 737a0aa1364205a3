"""One pass over one stored delivery: what it asks for, against what earlier ones had made."""

from __future__ import annotations

from typing import Any

from orders import shop_news
from orders.inserting import insert_once
from orders.lifecycle import Actor
from orders.line_fate import line_key, line_of
from orders.making import Making
from orders.models import Delivery, DeliveryLine, ShopOrder
from orders.models.shopify import Outcome
from orders.recipient import Recipient
from orders.shopify import payload
from orders.shopify.payload import ShopifyOrder
from orders.shopify.strict_json import read_json
from orders.units import Wanted
from products.matching import Match

ORDER_TOPICS = tuple(t for t in payload.CREATING_TOPICS if t.startswith("orders/"))
UPDATE_TOPICS = ("orders/updated", "orders/cancelled")
RECORDED_TOPICS = (
    "orders/edited",
    "orders/delete",
    "fulfillments/update",
    "refunds/create",
    "app/uninstalled",
)
LEARNED = ("name", "shop_updated_at", "address")
PRIVACY_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")
TOPICS = (*payload.CREATING_TOPICS, *UPDATE_TOPICS, *RECORDED_TOPICS, *PRIVACY_TOPICS)
"""Every topic that something is done about."""


class Reading:
    """One pass over one delivery, inside one transaction.

    ``run`` sets the delivery's outcome and leaves in ``lines`` what is to be kept of its lines,
    unsaved, since a delivery that has just come is stored after them. ``ready`` says whether an
    order may be sent because of it.
    """

    def __init__(self, delivery: Delivery, actor: Actor, make_again: bool = False) -> None:
        self.delivery = delivery
        self.store = delivery.store
        self.actor = actor
        self.make_again = make_again
        self.lines: list[DeliveryLine] = []
        self.ready = False
        self._heard_of_before = True

    def run(self) -> None:
        topic = self.delivery.topic
        body = read_json(bytes(self.delivery.body or b""))
        if topic == "fulfillments/update":
            self._learn_undone(payload.read_fulfillment(body))
        elif topic in RECORDED_TOPICS or topic in PRIVACY_TOPICS:
            self._record(topic, body)
        elif topic in UPDATE_TOPICS:
            self._update(payload.read_order(body, test_header=self.delivery.test_header))
        elif topic not in self.store.create_on:
            self._link(body)
            self._end(Outcome.IGNORED, f"This store makes no orders on {topic or 'a blank topic'}.")
        elif topic in ORDER_TOPICS:
            self._make(payload.read_order(body, test_header=self.delivery.test_header))
        else:
            self._make(payload.read_fulfillment(body, test_header=self.delivery.test_header))

    def _record(self, topic: str, body: dict[str, Any]) -> None:
        if topic not in PRIVACY_TOPICS:
            self._link(body)
            return self._end(Outcome.RECORDED)
        if topic != "shop/redact":
            # Even the request to forget names the customer.
            self.delivery.body = None
        return self._end(Outcome.RECORDED, shop_news.obey_privacy(self.store, topic, body))

    def _link(self, body: dict[str, Any]) -> None:
        """Tie a delivery that makes nothing to its shop order, so that an erasure finds it."""
        number = body.get("order_id", body.get("id"))
        if self.delivery.topic.partition("/")[0] not in ("orders", "fulfillments", "refunds"):
            return
        if type(number) is int and 0 < number <= payload.MAX_ID:
            new = ShopOrder(store=self.store, shop_order_id=number)
            self.delivery.shop_order = self._locked(new)

    def _learn_undone(self, body: ShopifyOrder) -> None:
        """Keep which fulfillments were taken back: their units are not made beside the new ones."""
        if not body.is_test_notification:
            self._note_undone(self._shop_order(body), body)
        self._end(Outcome.RECORDED)

    def _note_undone(self, shop_order: ShopOrder, body: ShopifyOrder) -> None:
        lines = {line.line_id: line for line in body.lines}
        if self.delivery.pk:
            self.delivery.lines.all().delete()
        self.lines = [
            line_of(
                self.delivery,
                shop_order,
                Wanted(lines[line_id], undone.fulfillment_id, False, quantity, 0),
                line_key(lines[line_id].sku, lines[line_id].variant_id),
                Match(),
            )
            for undone in body.fulfillments
            if not undone.active
            for line_id, quantity in undone.lines
        ]

    def _end(self, outcome: str, reason: str = "") -> None:
        self.delivery.outcome, self.delivery.reason = outcome, reason

    def _update(self, body: ShopifyOrder) -> None:
        if body.is_test_notification:
            return self._end(Outcome.IGNORED, "This is Shopify's test notification; it works.")
        shop_order = self._shop_order(body)
        reasons = []
        if body.cancelled_at:
            reasons.append(shop_news.cancel(shop_order, body.cancelled_at))
        elif not self._older(shop_order, body):
            reasons.append(shop_news.correct_address(shop_order, body))
        self._learn(shop_order, body)
        self._note_undone(shop_order, body)
        return self._end(Outcome.RECORDED, " ".join(filter(None, reasons)))

    def _make(self, body: ShopifyOrder) -> None:
        if body.is_test_notification:
            return self._end(Outcome.IGNORED, "This is Shopify's test notification; it works.")
        shop_order = self._shop_order(body)
        if body.cancelled_at and not shop_order.cancelled_at:
            shop_news.cancel(shop_order, body.cancelled_at)
        recipient = self._newest_recipient(shop_order, body)
        self._learn(shop_order, body)
        if body.makes_nothing or shop_order.cancelled_at:
            return self._end(
                Outcome.IGNORED, body.makes_nothing or "The shop cancelled this order."
            )
        making = Making(
            self.delivery,
            shop_order,
            self.actor,
            make_again=self.make_again,
            first=not self._heard_of_before,
        )
        self.lines = making.run(body, recipient)
        self.ready = making.ready
        return None

    def _shop_order(self, body: ShopifyOrder) -> ShopOrder:
        """Lock the shop's order; made here the first time it is heard of."""
        new = ShopOrder(store=self.store, shop_order_id=body.order_id)
        self._teach(new, body)
        found = self._locked(new)
        self.delivery.shop_order = found
        self.delivery.shop_updated_at = body.updated_at
        return found

    def _locked(self, new: ShopOrder) -> ShopOrder:
        """Insert the shop's order, which locks it, or lock the one that is there."""
        self._heard_of_before = not insert_once(new)
        if not self._heard_of_before:
            return new
        rows = ShopOrder.objects.select_for_update(no_key=True)
        return rows.get(store=self.store, shop_order_id=new.shop_order_id)

    @staticmethod
    def _older(shop_order: ShopOrder, body: ShopifyOrder) -> bool:
        newest = shop_order.shop_updated_at
        return newest is not None and body.updated_at is not None and body.updated_at < newest

    def _newest_recipient(self, shop_order: ShopOrder, body: ShopifyOrder) -> Recipient:
        if shop_order.address and self._older(shop_order, body):
            return Recipient(**shop_order.address)
        return body.recipient

    def _learn(self, shop_order: ShopOrder, body: ShopifyOrder) -> None:
        """Keep the newest of what the shop says of its order."""
        if self._teach(shop_order, body):
            shop_order.save(update_fields=LEARNED)

    def _teach(self, shop_order: ShopOrder, body: ShopifyOrder) -> bool:
        """Set what a body says of its order, unsaved; return whether that changed anything."""
        before = [getattr(shop_order, name) for name in LEARNED]
        shop_order.name = body.name or shop_order.name
        if not self._older(shop_order, body):
            shop_order.shop_updated_at = body.updated_at or shop_order.shop_updated_at
            if not body.address_problem:
                shop_order.address = body.recipient.as_dict()
        return before != [getattr(shop_order, name) for name in LEARNED]
