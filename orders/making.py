"""From the units that a body asks for to orders: what is new is made, once, and written down."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import F

from orders import intake, status
from orders.lifecycle import Actor
from orders.line_fate import line_key, line_of, mail_method
from orders.models import Delivery, DeliveryLine, Order, OrderLine, ShopOrder
from orders.models.order import Source
from orders.models.shopify import Outcome
from orders.recipient import Recipient
from orders.shopify.payload import ShopifyOrder
from orders.units import Known, wanted
from products.matching import Match, match_skus
from products.models import Mode

HELD_UNKNOWN = "unknown_sku"


class Making:
    """One delivery whose shop order is locked, on its way to orders.

    ``first`` says that nothing was ever heard of the shop's order before. ``ready`` is whether an
    order that ``run`` made or filled may be sent.
    """

    def __init__(
        self,
        delivery: Delivery,
        shop_order: ShopOrder,
        actor: Actor,
        *,
        make_again: bool = False,
        first: bool = False,
    ) -> None:
        self.delivery = delivery
        self.shop_order = shop_order
        self.actor = actor
        self.make_again = make_again
        self.first = first
        self.ready = False
        self.earlier: list[Any] = []  # lines with the ``shop_updated_at`` of their delivery

    def run(self, body: ShopifyOrder, recipient: Recipient) -> list[DeliveryLine]:
        """Make the orders; return, unsaved, what became of each line that is to be kept."""
        told = self._read_earlier()
        found = wanted(body, self.delivery.topic, self._known())
        keys = [line_key(w.line.sku, w.line.variant_id) for w in found]
        matches = match_skus(self.delivery.store.publisher, keys)
        rows = []
        for want, key in zip(found, keys, strict=True):
            match = Match(not_ours=True) if want.line.line_id in told else matches.get(key, Match())
            rows.append(line_of(self.delivery, self.shop_order, want, key, match))
        orders = self._orders(body, recipient, rows)
        kept = {
            (row.line_id, row.fulfillment_id)
            for row in self.earlier
            if row.delivery_id == self.delivery.pk
        }
        self._conclude(rows, orders)
        self.ready = any(order.status == status.READY for order in orders)
        return [row for row in rows if row.units or (row.line_id, row.fulfillment_id) not in kept]

    def _read_earlier(self) -> set[int]:
        """Read every line that the shop's order ever had; forget what this delivery left undone.

        Returns the lines without any SKU that staff marked "not ours" on this delivery.
        """
        if self.first:
            return set()
        rows = DeliveryLine.objects.filter(shop_order=self.shop_order)
        earlier = list(rows.annotate(shop_updated_at=F("delivery__shop_updated_at")))
        mine = [row for row in earlier if row.delivery_id == self.delivery.pk]
        if any(not row.units for row in mine):
            self.delivery.lines.filter(units=0).delete()
        self.earlier = [r for r in earlier if r.units or r.delivery_id != self.delivery.pk]
        not_ours = DeliveryLine.Outcome.NOT_OURS
        return {row.line_id for row in mine if not row.key and row.outcome == not_ours}

    def _known(self) -> list[Known]:
        known = [
            Known(
                row.line_id,
                row.fulfillment_id,
                row.fulfillment_active,
                row.quantity,
                row.units,
                row.shop_updated_at,
            )
            for row in self.earlier
        ]
        if self.make_again:
            known += self._cancelled(known)
        return known

    def _cancelled(self, known: list[Known]) -> list[Known]:
        """Return what gives the units of cancelled orders back, those of live ones apart."""
        made: Counter[int] = Counter()
        gone: Counter[int] = Counter()
        live: Counter[int] = Counter()
        for entry in known:
            made[entry.line_id] += entry.units
        lines = OrderLine.objects.filter(
            order__shop_order=self.shop_order, order__reship_of=None, source_line_id__isnull=False
        )
        for line_id, is_at, quantity in lines.values_list(
            "source_line_id", "order__status", "quantity"
        ):
            assert line_id is not None
            (gone if is_at == status.CANCELLED else live)[line_id] += quantity
        return [
            Known(one, None, False, 0, min(0, max(live[one], made[one] - units) - made[one]), None)
            for one, units in gone.items()
        ]

    def _orders(
        self,
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
        unknown = self._unknown(rows)
        waiting = self._waiting()
        problem = body.address_problem
        if waiting and intake.add_units(
            waiting, units, unknown=unknown, actor=self.actor, address_problem=problem
        ):
            orders = [waiting]
        elif units:
            orders = intake.place(self._request(body, recipient, units, unknown), actor=self.actor)
            # What outgrows the box that waited goes beside it, and that one waits no longer.
            if waiting and intake.add_units(
                waiting, (), unknown=unknown, actor=self.actor, address_problem=problem
            ):
                orders = [*orders, waiting]
        else:
            return []
        for row in rows:
            row.order = orders[0] if row.units else None
        return orders

    def _waiting(self) -> Order | None:
        """Lock and return the order that waits for SKUs of this shop's order, if there is one."""
        if not self.shop_order.boxes:
            return None
        rows = Order.objects.select_for_update(no_key=True)
        return rows.filter(
            shop_order=self.shop_order, status=status.HELD, hold_reason=HELD_UNKNOWN
        ).first()

    def _unknown(self, rows: list[DeliveryLine]) -> list[str]:
        """Return the SKUs (or titles) of the shop's order that are still unknown."""
        here = {row.line_id for row in rows}
        others = [row for row in self.earlier if row.line_id not in here]
        unmatched = [
            row for row in [*rows, *others] if row.outcome == DeliveryLine.Outcome.UNMATCHED
        ]
        return sorted({row.sku or row.title or f"line {row.line_id}" for row in unmatched})

    def _request(
        self,
        body: ShopifyOrder,
        recipient: Recipient,
        units: tuple[intake.Units, ...],
        unknown: list[str],
    ) -> intake.Request:
        publisher = self.delivery.store.publisher
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
            reference=self.shop_order.name,
            shop_order=self.shop_order,
            mode=Mode.TEST if body.is_test else None,
            mail_method=mail_method(self.delivery.store, body.shipping, recipient),
            hold_reason=reason,
            hold_note=note,
        )

    def _conclude(self, rows: list[DeliveryLine], orders: list[Order]) -> None:
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
            self.delivery.invoices = self._linked(rows)
            self._end(
                Outcome.LINKED,
                " ".join(["Every known unit of it was ordered before.", *unmatched]),
            )
        elif unmatched:
            self._end(Outcome.UNMATCHED, " ".join(dict.fromkeys(unmatched)))
        else:
            reasons = dict.fromkeys(row.reason for row in rows if row.reason)
            self._end(Outcome.IGNORED, " ".join(["Nothing in it is ours to make.", *reasons]))

    def _linked(self, rows: list[DeliveryLine]) -> list[str]:
        linked = [r.line_id for r in rows if r.outcome == DeliveryLine.Outcome.LINKED]
        orders = Order.objects.filter(shop_order=self.shop_order, lines__source_line_id__in=linked)
        return list(orders.order_by("invoice").values_list("invoice", flat=True).distinct())

    def _end(self, outcome: str, reason: str = "") -> None:
        self.delivery.outcome, self.delivery.reason = outcome, reason
