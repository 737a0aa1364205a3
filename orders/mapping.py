"""Mapping SKUs that deliveries wait for: the decision, a preview of the replay, and the replay."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import QuerySet

from orders import deliveries, waiting
from orders.lifecycle import Actor, NotNow
from orders.models import Delivery, DeliveryLine, Order
from orders.models.shopify import Outcome
from orders.waiting import NOBODY, NOT_OURS
from products.matching import Match, match_skus
from products.models import Product, Publisher, SkuAlias

log = logging.getLogger(__name__)

KEEP = "keep"


@dataclass(frozen=True)
class Decision:
    """What a person wants a SKU to stand for.

    ``choice`` is a product's id, ``not_ours``, or ``keep`` for what it stands for already. ``seen``
    is who had it when the person looked: ``nobody``, ``not_ours`` or a product's id.
    """

    key: str
    choice: str
    seen: str = NOBODY

    @property
    def writes(self) -> bool:
        return self.choice != KEEP

    @property
    def replaces(self) -> bool:
        """Say whether a SKU that stands for something gets another meaning."""
        return self.writes and self.seen != NOBODY


def apply(publisher: Publisher, decisions: Sequence[Decision]) -> list[SkuAlias]:
    """Write down what SKUs stand for, all or none; return the rows that were written.

    Raises ``NotNow`` with a whole sentence where somebody was faster, where a product is not the
    publisher's, or where a SKU would still have two meanings; then nothing is changed.
    """
    keys = [decision.key for decision in decisions]
    with transaction.atomic():
        rows = SkuAlias.objects.select_for_update(no_key=True, of=("self",))
        present = {
            alias.key: alias
            for alias in rows.filter(publisher=publisher, key__in=keys)
            .select_related("product")
            .order_by("key")
        }
        spelled = waiting.spelled(publisher, keys)
        written = []
        # In one order for everybody, so that two who map the same SKUs wait and do not deadlock.
        for decision in sorted(decisions, key=lambda one: one.key):
            alias = present.get(decision.key)
            _refuse_late(decision, alias, spelled)
            if decision.writes:
                written.append(_write(publisher, decision, alias, spelled[decision.key]))
        _check(publisher, decisions, spelled)
        return written


def _refuse_late(decision: Decision, alias: SkuAlias | None, spelled: dict[str, str]) -> None:
    now = str(alias.product_id or NOT_OURS) if alias else NOBODY
    if decision.seen != now:
        raise _too_late(spelled.get(decision.key, decision.key), alias)
    if decision.key not in spelled:
        raise NotNow(
            f"No delivery waits for the SKU {decision.key} any more. Nothing was changed; "
            "look at the list as it is now."
        )


def _too_late(key: str, alias: SkuAlias | None) -> NotNow:
    sku = alias.sku if alias else key
    meaning = (
        "is not mapped" if alias is None else f"stands for {alias.product or 'nothing of ours'}"
    )
    return NotNow(
        f"Somebody else changed the SKU {sku} meanwhile: it {meaning} now. Nothing was changed; "
        "look at the list as it is now."
    )


def _write(
    publisher: Publisher, decision: Decision, alias: SkuAlias | None, spelled: str
) -> SkuAlias:
    product = _product(publisher, decision)
    if alias is not None:
        alias.product = product
        alias.save(update_fields=["product"])
        return alias
    try:
        with transaction.atomic():
            return SkuAlias.objects.create(publisher=publisher, sku=spelled, product=product)
    except IntegrityError:
        now = SkuAlias.objects.filter(publisher=publisher, key=decision.key)
        faster = now.select_related("product").first()
        raise _too_late(spelled, faster) from None


def _product(publisher: Publisher, decision: Decision) -> Product | None:
    if decision.choice == NOT_OURS:
        return None
    number = decision.choice
    found = None
    if number.isascii() and number.isdigit() and len(number) < 19:
        found = Product.objects.filter(publisher=publisher, pk=int(number)).first()
    if found is None:
        raise NotNow(
            f"The product chosen for the SKU {decision.key} is not one of {publisher.name}. "
            "Nothing was changed; choose another one."
        )
    return found


def _check(publisher: Publisher, decisions: Sequence[Decision], spelled: dict[str, str]) -> None:
    """Refuse what would leave a SKU unknown to the replay."""
    matches = match_skus(publisher, [decision.key for decision in decisions])
    for decision in decisions:
        match = matches.get(decision.key, Match())
        if match.known:
            continue
        sku = spelled[decision.key]
        if not match.candidates:
            raise NotNow(f"The SKU {sku} is not mapped any more. Nothing was changed; map it anew.")
        raise NotNow(
            f"The SKU {sku} would stand for {' and for '.join(match.candidates)}. Nothing was "
            "changed; choose the product of that project id, or mend the product itself."
        )


def deliveries_of(
    publisher: Publisher, keys: Sequence[str]
) -> QuerySet[DeliveryLine, tuple[int, int]]:
    """Return (delivery, shop order) of everything that waits for these SKUs, each once."""
    rows = waiting.lines_of(publisher).filter(key__in=keys)
    return rows.values_list("delivery", "shop_order").distinct()


@dataclass
class Replayed:
    """What a replay came to: deliveries read again, their invoices, and the last one's id.

    ``more`` says whether others are left beyond it.
    """

    deliveries: int = 0
    failed: int = 0
    invoices: set[str] = field(default_factory=set)
    last_id: int = 0
    more: bool = False

    def orders(self, publisher: Publisher) -> list[Order]:
        """Return the orders that these deliveries have now, the first of them first."""
        return list(
            Order.objects.filter(publisher=publisher, invoice__in=self.invoices).order_by("pk")
        )


def replay(
    publisher: Publisher,
    keys: Sequence[str],
    *,
    actor: Actor,
    most: int,
    after: int = 0,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Replayed:
    """Read again what waits for these SKUs, at most ``most`` deliveries with ids over ``after``.

    Each delivery is a transaction of its own, and one that fails stops no other. Safe to repeat: a
    delivery that was read again waits no longer.
    """
    rows = deliveries_of(publisher, keys).filter(delivery__gt=after).order_by("delivery")
    chosen = [delivery_id for delivery_id, _ in rows[: most + 1]]
    done = Replayed(last_id=after, more=len(chosen) > most)
    for delivery_id in chosen[:most]:
        if not may_go_on():
            done.more = True
            break
        done.last_id = delivery_id
        try:
            told = deliveries.replay(delivery_id, actor=actor)
        except (NotNow, DatabaseError, Delivery.DoesNotExist):
            log.exception("Delivery %s could not be replayed.", delivery_id)
            done.failed += 1
            continue
        done.deliveries += 1
        done.failed += told.outcome == Outcome.QUARANTINED
        done.invoices.update(told.invoices)
    return done


def meanings(publisher: Publisher, keys: Sequence[str]) -> dict[str, str]:
    """Return what mapped SKUs stand for, in words."""
    found = match_skus(publisher, keys)
    return {key: str(match.product or "not ours to make") for key, match in found.items()}


def ids_of(publisher: Publisher, keys: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the mapped SKUs among ``keys`` as ids for a task: of aliases, and of products."""
    aliases = dict(
        SkuAlias.objects.filter(publisher=publisher, key__in=keys).values_list("key", "pk")
    )
    rest = [key for key in keys if key not in aliases]
    products = Product.objects.filter(publisher=publisher, project_id__in=rest)
    return sorted(aliases.values()), sorted(products.values_list("pk", flat=True))
