"""One pass over one stored delivery: what it asks for, against what earlier ones had made."""

from __future__ import annotations

from typing import Any

from orders import intake, shop_news, status
from orders.lifecycle import Actor
from orders.line_fate import fate, line_key, mail_method
from orders.models import Delivery, DeliveryLine, Order, OrderLine, ShopOrder
from orders.models.order import Source
from orders.models.shopify import Outcome
from orders.recipient import Recipient
from orders.shopify import payload
from orders.shopify.payload import ShopifyOrder
from orders.shopify.strict_json import read_json
from orders.units import Known, Wanted, wanted
from products.models import Match, Mode, match_skus
from products.sku import sku_key

ORDER_TOPICS = tuple(t for t in payload.CREATING_TOPICS if t.startswith("orders/"))
UPDATE_TOPICS = ("orders/updated", "orders/cancelled")
RECORDED_TOPICS = (
    "orders/edited",
    "orders/delete",
    "fulfillments/update",
    "refunds/create",
    "app/uninstalled",
)
PRIVACY_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")
HELD_UNKNOWN = "unknown_sku"


class Reading:
    """One pass over one delivery, inside one transaction."""

    def __init__(self, delivery: Delivery, actor: Actor, make_again: bool) -> None:
        self.delivery = delivery
        self.store = delivery.store
        self.actor = actor
        self.make_again = make_again

    def run(self) -> None:
        topic = self.delivery.topic
        body = read_json(bytes(self.delivery.body or b""))
        if topic in RECORDED_TOPICS or topic in PRIVACY_TOPICS:
            self._record(topic, body)
        elif topic in UPDATE_TOPICS:
            self._update(payload.read_order(body, test_header=self.delivery.test_header))
        elif topic not in self.store.create_on:
            self._end(Outcome.IGNORED, f"This store makes no orders on {topic or 'a blank topic'}.")
        elif topic in ORDER_TOPICS:
            self._make(payload.read_order(body, test_header=self.delivery.test_header))
        else:
            self._make(payload.read_fulfillment(body, test_header=self.delivery.test_header))

    def _record(self, topic: str, body: dict[str, Any]) -> None:
        if topic not in PRIVACY_TOPICS:
            return self._end(Outcome.RECORDED)
        if topic == "customers/redact":
            # Even the request to forget names the customer.
            Delivery.objects.filter(pk=self.delivery.pk).update(body=None)
        return self._end(Outcome.RECORDED, shop_news.obey_privacy(self.store, topic, body))

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
        return self._make_units(shop_order, body, recipient)

    def _shop_order(self, body: ShopifyOrder) -> ShopOrder:
        """Lock the shop's order; made here the first time it is heard of."""
        rows = ShopOrder.objects.select_for_update(no_key=True)
        found = rows.filter(store=self.store, shop_order_id=body.order_id).first()
        if found is None:
            ShopOrder.objects.bulk_create(
                [ShopOrder(store=self.store, shop_order_id=body.order_id)], ignore_conflicts=True
            )
            found = rows.get(store=self.store, shop_order_id=body.order_id)
        self.delivery.shop_order = found
        self.delivery.shop_updated_at = body.updated_at
        return found

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
        shop_order.name = body.name or shop_order.name
        if not self._older(shop_order, body):
            shop_order.shop_updated_at = body.updated_at or shop_order.shop_updated_at
            if not body.address_problem:
                shop_order.address = body.recipient.as_dict()
        shop_order.save(update_fields=["name", "shop_updated_at", "address"])

    def _make_units(self, shop_order: ShopOrder, body: ShopifyOrder, recipient: Recipient) -> None:
        told = self._told_not_ours()
        self.delivery.lines.filter(units=0).delete()
        found = wanted(body, self.delivery.topic, self._known(shop_order))
        keys = [line_key(w.line.sku, w.line.variant_id) for w in found]
        matches = match_skus(self.store.publisher, keys)
        rows = []
        for want, key in zip(found, keys, strict=True):
            match = Match(not_ours=True) if want.line.line_id in told else matches.get(key, Match())
            rows.append(self._row(shop_order, want, key, match))
        orders = self._orders(shop_order, body, recipient, rows)
        kept = set(self.delivery.lines.values_list("line_id", "fulfillment_id"))
        DeliveryLine.objects.bulk_create(
            row for row in rows if row.units or (row.line_id, row.fulfillment_id) not in kept
        )
        self._conclude(shop_order, rows, orders)

    def _told_not_ours(self) -> set[int]:
        """Return the lines without any SKU that staff marked "not ours" on this delivery."""
        marked = self.delivery.lines.filter(key="", outcome=DeliveryLine.Outcome.NOT_OURS)
        return set(marked.values_list("line_id", flat=True))

    def _known(self, shop_order: ShopOrder) -> list[Known]:
        known: list[Known] = [
            Known(*row)
            for row in DeliveryLine.objects.filter(shop_order=shop_order).values_list(
                "line_id",
                "fulfillment_id",
                "fulfillment_active",
                "quantity",
                "units",
                "delivery__shop_updated_at",
            )
        ]
        if self.make_again:
            cancelled = OrderLine.objects.filter(
                order__shop_order=shop_order,
                order__status=status.CANCELLED,
                order__reship_of=None,
                source_line_id__isnull=False,
            )
            for line_id, quantity in cancelled.values_list("source_line_id", "quantity"):
                assert line_id is not None
                known.append(Known(line_id, None, False, 0, -quantity, None))
        return known

    def _row(self, shop_order: ShopOrder, want: Wanted, key: str, match: Match) -> DeliveryLine:
        outcome, units, reason = fate(want, match)
        return DeliveryLine(
            delivery=self.delivery,
            shop_order=shop_order,
            line_id=want.line.line_id,
            fulfillment_id=want.fulfillment_id,
            fulfillment_active=want.active,
            sku=want.line.sku,
            key=sku_key(key),
            title=want.line.title,
            quantity=want.quantity,
            units=units,
            outcome=outcome,
            reason=reason,
            product=match.product,
        )

    def _orders(
        self,
        shop_order: ShopOrder,
        body: ShopifyOrder,
        recipient: Recipient,
        rows: list[DeliveryLine],
    ) -> list[Order]:
        """Make orders of the rows' units, or add them to the order that waits for these SKUs."""
        units = tuple(
            intake.Units(row.product, row.units, sku=row.sku, line_id=row.line_id)
            for row in rows
            if row.product and row.units
        )
        unknown = self._unknown(shop_order, rows)
        waiting = (
            Order.objects.select_for_update(no_key=True)
            .filter(shop_order=shop_order, status=status.HELD, hold_reason=HELD_UNKNOWN)
            .first()
        )
        if waiting and intake.add_units(waiting, units, unknown=unknown, actor=self.actor):
            orders = [waiting]
        elif units:
            orders = intake.place(
                self._request(shop_order, body, recipient, units, unknown), actor=self.actor
            )
        else:
            return []
        for row in rows:
            row.order = orders[0] if row.units else None
        return orders

    @staticmethod
    def _unknown(shop_order: ShopOrder, rows: list[DeliveryLine]) -> list[str]:
        """Return the SKUs (or titles) of the shop's order that are still unknown."""
        here = {row.line_id for row in rows}
        unmatched = [row for row in rows if row.outcome == DeliveryLine.Outcome.UNMATCHED]
        unmatched += DeliveryLine.objects.filter(
            shop_order=shop_order, outcome=DeliveryLine.Outcome.UNMATCHED
        ).exclude(line_id__in=here)
        return sorted({row.sku or row.title or f"line {row.line_id}" for row in unmatched})

    def _request(
        self,
        shop_order: ShopOrder,
        body: ShopifyOrder,
        recipient: Recipient,
        units: tuple[intake.Units, ...],
        unknown: list[str],
    ) -> intake.Request:
        publisher = self.store.publisher
        reason, note = "", ""
        if unknown and publisher.partial_orders == publisher.PartialOrders.HOLD:
            reason, note = HELD_UNKNOWN, intake.unknown_note(unknown)
        elif body.address_problem:
            reason, note = "address", body.address_problem
        return intake.Request(
            publisher=publisher,
            source=Source.SHOPIFY,
            recipient=recipient,
            units=units,
            email=body.email,
            reference=shop_order.name,
            shop_order=shop_order,
            mode=Mode.TEST if body.is_test else None,
            mail_method=mail_method(self.store, body.shipping, recipient),
            hold_reason=reason,
            hold_note=note,
        )

    def _conclude(
        self, shop_order: ShopOrder, rows: list[DeliveryLine], orders: list[Order]
    ) -> None:
        outcomes = {row.outcome for row in rows}
        unmatched = [row.reason for row in rows if row.outcome == DeliveryLine.Outcome.UNMATCHED]
        made_before = self.delivery.outcome == Outcome.CREATED
        if orders:
            held = [f"Order {o.invoice} is held: {o.hold_note}" for o in orders if o.hold_reason]
            self._end(Outcome.CREATED, " ".join(held or unmatched))
            mine = {order.invoice for order in orders}
            self.delivery.invoices += sorted(mine - set(self.delivery.invoices))
        elif made_before:
            self.delivery.reason = " ".join(unmatched)
        elif DeliveryLine.Outcome.LINKED in outcomes:
            self.delivery.invoices = self._linked(shop_order, rows)
            self._end(
                Outcome.LINKED,
                " ".join(["Every known unit of it was ordered before.", *unmatched]),
            )
        elif unmatched:
            self._end(Outcome.UNMATCHED, " ".join(dict.fromkeys(unmatched)))
        else:
            reasons = dict.fromkeys(row.reason for row in rows if row.reason)
            self._end(Outcome.IGNORED, " ".join(["Nothing in it is ours to make.", *reasons]))

    @staticmethod
    def _linked(shop_order: ShopOrder, rows: list[DeliveryLine]) -> list[str]:
        linked = [r.line_id for r in rows if r.outcome == DeliveryLine.Outcome.LINKED]
        orders = Order.objects.filter(shop_order=shop_order, lines__source_line_id__in=linked)
        return list(orders.order_by("invoice").values_list("invoice", flat=True).distinct())
