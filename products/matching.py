"""What a SKU stands for: one of a publisher's products, nothing of ours, or unknown and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import connection

from products.models import Product, Publisher
from products.rows import columns, made_of
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
    """Return the match of each SKU, as given, in one query.

    A SKU matches by an exact alias (method 1 of TrepStar's Shopify page) or by being the project
    id itself (method 2). Two different meanings leave it unknown, with both named; so does a
    product that is switched off.
    """
    keys = {sku: sku_key(sku) for sku in skus if sku_key(sku)}
    aliases: dict[str, Product | None] = {}
    projects: dict[str, Product] = {}
    for alias, product in _meanings(publisher, set(keys.values())):
        if alias is not None:
            aliases[alias] = product
        elif product is not None:
            projects[product.project_id] = product
    return {
        sku: _match(key in aliases, aliases.get(key), projects.get(key))
        for sku, key in keys.items()
    }


def _meanings(publisher: Publisher, keys: set[str]) -> Iterator[tuple[str | None, Product | None]]:
    """Yield the key of each alias with its product, if it has one; a product by its id without."""
    if not keys:
        return
    product = columns(Product, "product")
    sql = f"""
        SELECT alias.key, {product} FROM products_skualias alias
        LEFT JOIN products_product product ON product.id = alias.product_id
        WHERE alias.publisher_id = %s AND alias.key IN ({_marks(keys)})
    """  # noqa: S608 - names of columns
    params: list[str | int] = [publisher.pk, *keys]
    if numbers := {key for key in keys if key.isdigit()}:
        sql += f"""
            UNION ALL SELECT NULL, {product} FROM products_product product
            WHERE product.publisher_id = %s AND product.project_id IN ({_marks(numbers)})
        """  # noqa: S608
        params += [publisher.pk, *numbers]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        for alias, *values in cursor.fetchall():
            yield alias, None if values[0] is None else made_of(Product, values)


def _marks(values: Collection[str]) -> str:
    return ", ".join(["%s"] * len(values))


def _match(is_alias: bool, meant: Product | None, project: Product | None) -> Match:
    product = meant if is_alias else project
    if is_alias and project and product != project:
        meaning = str(product) if product else "not ours"
        return Match(candidates=(f"{meaning} by its alias", f"{project} by its project id"))
    if product and not product.active:
        return Match(candidates=(f"{product}, which is switched off",))
    return Match(product=product, not_ours=is_alias and product is None)
