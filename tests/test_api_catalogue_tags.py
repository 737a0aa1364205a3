"""``If-Match`` of products and SKUs: taken where it is sent, as by the actions of orders."""

from __future__ import annotations

from typing import Any

import pytest

from products.models import Product, SkuAlias
from tests.api_cast import Shop, problem

pytestmark = pytest.mark.django_db

OTHER_TAGS = ['"0123456789abcdef0123456789abcdef"', "W/{tag}", "", "x", '"1"']


@pytest.fixture
def shop() -> Shop:
    return Shop()


def catalogue() -> list[Any]:
    return [list(m.objects.order_by("pk").values()) for m in (Product, SkuAlias)]


@pytest.fixture
def places(shop: Shop) -> dict[str, Any]:
    alias = shop.film.aliases.get()
    return {
        f"products/{shop.film.pk}/": {"title": "High Tide"},
        f"sku-aliases/{alias.pk}/": {"product": None},
    }


def test_the_tag_is_that_of_the_present_state(shop: Shop, places: dict[str, Any]) -> None:
    for where, body in places.items():
        seen = shop.program.get(where).headers["ETag"]
        assert shop.program.get(where).headers["ETag"] == seen
        changed = shop.program.patch(where, body, if_match=seen)
        assert (changed.status_code, changed.json()) == (200, changed.json() | body)
        assert changed.headers["ETag"] == shop.program.get(where).headers["ETag"] != seen
        before = catalogue()
        stale = shop.program.patch(where, body, if_match=seen)
        assert problem(stale) == (412, "stale", [])
        assert catalogue() == before
        for anything in ({"if_match": "*"}, {}):
            assert shop.program.patch(where, body, **anything).status_code == 200


@pytest.mark.parametrize("other", OTHER_TAGS)
def test_any_other_tag_matches_nothing(shop: Shop, places: dict[str, Any], other: str) -> None:
    before = catalogue()
    for where, body in places.items():
        tag = other.format(tag=shop.program.get(where).headers["ETag"])
        assert problem(shop.program.patch(where, body, if_match=tag)) == (412, "stale", [])
    assert catalogue() == before


def test_a_sku_of_a_product_is_part_of_its_state(shop: Shop) -> None:
    where = f"products/{shop.film.pk}/"
    seen = shop.program.get(where).headers["ETag"]
    added = shop.program.post("sku-aliases/", {"sku": "NEW", "product": shop.film.pk})
    before = catalogue()
    stale = shop.program.patch(where, {"ecommerce_id_string": "{VTD1}"}, if_match=seen)
    assert problem(stale) == (412, "stale", [])
    assert catalogue() == before
    assert (
        added.headers["ETag"]
        == shop.program.get(f"sku-aliases/{added.json()['id']}/").headers["ETag"]
    )


def test_a_sku_is_deleted_only_as_it_was_seen(shop: Shop) -> None:
    where = f"sku-aliases/{shop.film.aliases.get().pk}/"
    seen = shop.program.get(where).headers["ETag"]
    shop.program.patch(where, {"product": None})
    before = catalogue()
    assert problem(shop.program.send("DELETE", where, if_match=seen)) == (412, "stale", [])
    assert catalogue() == before
    now = shop.program.get(where).headers["ETag"]
    assert shop.program.send("DELETE", where, if_match=now).status_code == 204
    assert SkuAlias.objects.count() == 0
