"""What mapping SKUs would make of the deliveries that wait: the real replay, undone at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Sum

from orders import deliveries, mapping, status
from orders.lifecycle import Actor, NotNow
from orders.mapping import Decision
from orders.models import Delivery, ShopOrder
from orders.models.shopify import Outcome
from products.models import Publisher

PREVIEWED = 200
PREVIEW_SECONDS = 10


@dataclass(frozen=True)
class Change:
    """An order that the replay would make or change."""

    invoice: str
    status: str
    pieces: int
    new: bool
    why: str = ""

    @property
    def goes_out(self) -> bool:
        return self.status == status.READY


@dataclass(frozen=True)
class Fate:
    """What the replay would make of one order of a shop; ``told`` says why where it is nothing."""

    shop_order: ShopOrder
    delivery_id: int
    changes: tuple[Change, ...]
    told: str = ""
    failed: bool = False


@dataclass
class Preview:
    """What mapping and replaying would make. ``deliveries`` wait, ``looked_at`` were tried."""

    deliveries: int
    looked_at: int = 0
    fates: list[Fate] = field(default_factory=list)

    def _changes(self, *, new: bool, goes_out: bool) -> int:
        found = (change for fate in self.fates for change in fate.changes)
        return sum(change.new == new and change.goes_out == goes_out for change in found)

    @property
    def made(self) -> int:
        """New orders that would go out."""
        return self._changes(new=True, goes_out=True)

    @property
    def made_held(self) -> int:
        """New orders that would be held."""
        return self._changes(new=True, goes_out=False)

    @property
    def released(self) -> int:
        """Orders that waited for these SKUs and would go out."""
        return self._changes(new=False, goes_out=True)

    @property
    def stay_held(self) -> int:
        """Orders that would be changed and still wait."""
        return self._changes(new=False, goes_out=False)

    @property
    def nothing(self) -> int:
        """Orders of the shop that would come to nothing new."""
        return sum(not fate.changes for fate in self.fates)


def preview(publisher: Publisher, decisions: Sequence[Decision], *, actor: Actor) -> Preview:
    """Return what the decisions and the replay would make, by doing it and undoing it.

    Each order of the shop is a transaction of its own that is rolled back, so that no shop waits
    for a preview, no invoice is used up, and nothing is sent. Raises ``NotNow`` as
    ``mapping.apply`` does.
    """
    keys = [decision.key for decision in decisions]
    chosen = list(mapping.deliveries_of(publisher, keys).order_by("delivery")[:PREVIEWED])
    found = Preview(mapping.deliveries_of(publisher, keys).count())
    by_order: dict[int, list[int]] = {}
    for delivery_id, shop_order_id in chosen:
        by_order.setdefault(shop_order_id, []).append(delivery_id)
    shop_orders = ShopOrder.objects.select_related("store").in_bulk(by_order)
    stop_at = time.monotonic() + PREVIEW_SECONDS
    for shop_order_id, ids in by_order.items():
        if time.monotonic() >= stop_at:
            break
        with transaction.atomic():
            mapping.apply(publisher, decisions)
            found.fates.append(_try(shop_orders[shop_order_id], ids, actor))
            transaction.set_rollback(True)
        found.looked_at += len(ids)
    if not chosen:
        with transaction.atomic():
            mapping.apply(publisher, decisions)
            transaction.set_rollback(True)
    return found


def _try(shop_order: ShopOrder, ids: Sequence[int], actor: Actor) -> Fate:
    """Replay the deliveries of one shop order inside the caller's transaction."""
    before = dict(shop_order.orders.values_list("pk", "version"))
    # All at once and in their order: who replays one of them meanwhile waits and holds nothing.
    locked = Delivery.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    list(locked.values_list("pk", flat=True))
    last = None
    for delivery_id in ids:
        try:
            last = deliveries.replay(delivery_id, actor=actor)
        except NotNow as problem:
            return Fate(shop_order, delivery_id, (), str(problem), failed=True)
    after = shop_order.orders.annotate(pieces_sum=Sum("lines__quantity")).order_by("pk")
    changes = tuple(
        Change(one.invoice, one.status, one.pieces_sum or 0, one.pk not in before, one.hold_note)
        for one in after
        if before.get(one.pk) != one.version
    )
    failed = last is not None and last.outcome == Outcome.QUARANTINED
    told = last.reason if last is not None else ""
    shop_order.refresh_from_db(fields=["name"])
    return Fate(shop_order, ids[0], changes, told, failed)
