"""What a SKU stands for: one of a publisher's products, nothing of ours, or unknown and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from products.models import Product, Publisher, SkuAlias
from products.sku import sku_key


@dataclass(frozen=True)
class Match:
    """What a SKU stands for: one product, known but not ours, or unknown with the reason why."""

    product: Product | None = None
    not_ours: bool = False
    candidates: tuple[str, ...] = field(default=())

    @property
    def known(self) -> bool:
        return self.not_ours or self.product is not None


def match_skus(publisher: Publisher, skus: Sequence[str]) -> dict[str, Match]:
    """Return the match of each SKU, as given, in at most two queries.

    A SKU matches by an exact alias (method 1 of TrepStar's Shopify page) or by being the project
    id itself (method 2). Two different meanings leave it unknown, with both named; so does a
    product that is switched off.
    """
    keys = {sku: sku_key(sku) for sku in skus if sku_key(sku)}
    aliases = {
        alias.key: alias
        for alias in SkuAlias.objects.filter(
            publisher=publisher, key__in=set(keys.values())
        ).select_related("product")
    }
    numbers = {key for key in keys.values() if key.isdigit()}
    projects = {
        product.project_id: product
        for product in Product.objects.filter(publisher=publisher, project_id__in=numbers)
    }
    return {sku: _match(aliases.get(key), projects.get(key)) for sku, key in keys.items()}


def _match(alias: SkuAlias | None, project: Product | None) -> Match:
    product = alias.product if alias else project
    if alias and project and product != project:
        meaning = str(product) if product else "not ours"
        return Match(candidates=(f"{meaning} by its alias", f"{project} by its project id"))
    if product and not product.active:
        return Match(candidates=(f"{product}, which is switched off",))
    return Match(product=product, not_ours=bool(alias) and product is None)
