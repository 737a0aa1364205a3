"""SKUs that shops use and nobody mapped yet: which lines wait for them, and what they may be.

A line waits while it is unmatched and its delivery can still be read again: its body is there, and
neither the shop cancelled its order nor a replay found that the delivery asks for nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Max, Min, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from orders.models import DeliveryLine
from orders.models.shopify import Outcome
from products.matching import Match, match_skus
from products.models import Product, Publisher, SkuAlias
from products.similar import Entry, Likeness

NOT_OURS, NOBODY = "not_ours", "nobody"
PAGE = 25
SHOWN_ORDERS = 3
# A shop repeats itself: among so many lines the first orders are looked for.
_LINES_LOOKED_AT = 12
MAY_MAKE = (Outcome.UNMATCHED, Outcome.CREATED, Outcome.LINKED, Outcome.QUARANTINED)


@dataclass
class WaitingSku:
    """A SKU for which lines of deliveries wait, as the desk shows it.

    ``key`` is what lines are compared by, ``seen`` who has the SKU now, as a decision names it.
    """

    key: str
    orders: int
    deliveries: int
    units: int
    since: datetime
    last: datetime
    sku: str = ""
    title: str = ""
    match: Match = field(default_factory=Match)
    seen: str = NOBODY
    suggested: list[Product] = field(default_factory=list)
    examples: list[DeliveryLine] = field(default_factory=list)


def lines() -> QuerySet[DeliveryLine]:
    """Return every line that waits for a mapping; reads the partial index ``line_unmatched``."""
    return DeliveryLine.objects.filter(
        outcome=DeliveryLine.Outcome.UNMATCHED,
        delivery__outcome__in=MAY_MAKE,
        delivery__body__isnull=False,
        shop_order__cancelled_at=None,
    ).order_by()


def lines_of(publisher: Publisher | int) -> QuerySet[DeliveryLine]:
    """Return the lines of one publisher that wait and can be mapped by a SKU or a variant."""
    return lines().filter(delivery__store__publisher=publisher).exclude(key="")


def counts(publishers: QuerySet[Publisher]) -> dict[int, int]:
    """Return how many SKUs wait, by publisher id, in one query; those without any are left out."""
    rows = lines().exclude(key="").filter(delivery__store__publisher__in=publishers)
    by = "delivery__store__publisher_id"
    return dict(rows.values_list(by).annotate(skus=Count("key", distinct=True)))


def nameless(publisher: Publisher, most: int) -> tuple[list[DeliveryLine], int]:
    """Return the oldest lines that have neither SKU nor variant, and how many there are."""
    rows = lines().filter(delivery__store__publisher=publisher, key="")
    shown = rows.select_related("delivery__store", "shop_order").order_by("pk")[:most]
    return list(shown), rows.count()


def skus(publisher: Publisher, *, start: int = 0, most: int = PAGE) -> list[WaitingSku]:
    """Return a page of the publisher's SKUs that wait, those with the most orders first.

    A fixed number of queries, whatever the number of lines.
    """
    groups: Any = lines_of(publisher).values("key").annotate(**_figures())
    page = groups.order_by("-orders", "since", "key")[start : start + most]
    found = [WaitingSku(**row) for row in page]
    _furnish(publisher, found)
    return found


def one(publisher: Publisher, key: str) -> WaitingSku | None:
    """Return one SKU that waits, or None if nothing waits for it."""
    groups: Any = lines_of(publisher).filter(key=key).values("key").annotate(**_figures())
    found = [WaitingSku(**row) for row in groups]
    _furnish(publisher, found)
    return found[0] if found else None


def spelled(publisher: Publisher, keys: Sequence[str]) -> dict[str, str]:
    """Return the SKUs that still wait as the shop writes them, by key; a variant's is its key."""
    rows = lines_of(publisher).filter(key__in=keys).values_list("key")
    return {key: sku or key for key, sku in rows.annotate(Max("sku"))}


def _figures() -> dict[str, Any]:
    return {
        "orders": Count("shop_order", distinct=True),
        "deliveries": Count("delivery", distinct=True),
        "units": Sum("quantity"),
        "since": Min("delivery__received_at"),
        "last": Max("delivery__received_at"),
    }


def _furnish(publisher: Publisher, found: Sequence[WaitingSku]) -> None:
    """Add names, first orders, meanings and suggestions to the SKUs of a page."""
    keys = [row.key for row in found]
    examples = _examples(publisher, keys)
    matches, seen = match_skus(publisher, keys), _seen(publisher, keys)
    for row in found:
        shown = examples[row.key]
        by_order = {line.shop_order_id: line for line in reversed(shown)}
        row.examples = sorted(by_order.values(), key=lambda line: line.pk)[:SHOWN_ORDERS]
        row.sku, row.title = (shown[0].sku or row.key, shown[0].title) if shown else (row.key, "")
        row.match, row.seen = matches.get(row.key, Match()), seen.get(row.key, NOBODY)
    unknown = [row for row in found if not row.match.known]
    if unknown:
        _suggest(publisher, unknown)


def _suggest(publisher: Publisher, unknown: Sequence[WaitingSku]) -> None:
    entries, by_project = _catalogue(publisher)
    likeness = Likeness(entries)
    likely = {
        # Nothing else settles a SKU that is a project id.
        row.key: [by_project[row.key]]
        if row.key in by_project
        else likeness.best(row.sku, row.title)
        for row in unknown
    }
    products = Product.objects.in_bulk({one for ids in likely.values() for one in ids})
    for row in unknown:
        row.suggested = [products[one] for one in likely[row.key] if one in products]


def _examples(publisher: Publisher, keys: Sequence[str]) -> dict[str, list[DeliveryLine]]:
    """Return the oldest lines of each key, with their deliveries and shop orders."""
    nth = Window(RowNumber(), partition_by=[F("key")], order_by=[F("pk").asc()])
    rows = lines_of(publisher).filter(key__in=keys).annotate(nth=nth)
    found = defaultdict(list)
    ids = list(rows.filter(nth__lte=_LINES_LOOKED_AT).values_list("pk", flat=True))
    oldest = DeliveryLine.objects.filter(pk__in=ids).select_related("delivery", "shop_order")
    for line in oldest.defer("delivery__body").order_by("pk"):
        found[line.key].append(line)
    return found


def _seen(publisher: Publisher, keys: Sequence[str]) -> dict[str, str]:
    rows = SkuAlias.objects.filter(publisher=publisher, key__in=keys)
    return {key: str(pk or NOT_OURS) for key, pk in rows.values_list("key", "product")}


def _catalogue(publisher: Publisher) -> tuple[list[Entry], dict[str, int]]:
    """Return the publisher's products that are made, to be compared, and their project ids."""
    skus_of = defaultdict(list)
    aliases = SkuAlias.objects.filter(publisher=publisher, product__active=True).order_by()
    for sku, product_id in aliases.values_list("sku", "product"):
        skus_of[product_id].append(sku)
    products = Product.objects.filter(publisher=publisher, active=True).order_by()
    rows = list(products.values_list("pk", "title", "project_id"))
    entries = [Entry(pk, title, (*skus_of[pk], project)) for pk, title, project in rows]
    return entries, {project: pk for pk, _, project in rows}
