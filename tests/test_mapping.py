"""SKUs that wait: which lines count, mapping them, the replay, and the task of the worker."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders import mapping, waiting
from orders.lifecycle import SHOP, NotNow
from orders.mapping import Decision
from orders.models import Delivery, Order, ShopOrder
from products.models import Product, Publisher, SkuAlias
from tests import base

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Publisher:
    return base.connected()


def came(*skus: str, **values: Any) -> Delivery:
    base.deliver(base.order_body(*(base.line(sku) for sku in skus), **values))
    return Delivery.objects.latest("id")


def film(north: Publisher) -> Product:
    return north.products.get(project_id="66750")


def aliases() -> list[tuple[str, str, Any]]:
    rows = SkuAlias.objects.order_by("key")
    return [(one.sku, one.key, one.product and one.product.project_id) for one in rows]


def refused(north: Publisher, *decisions: Decision) -> str:
    before = aliases(), base.counts()
    with pytest.raises(NotNow) as refusal:
        mapping.apply(north, decisions)
    assert (aliases(), base.counts()) == before
    return str(refusal.value)


def figures(north: Publisher) -> list[tuple[str, int, int, int]]:
    return [(row.key, row.orders, row.deliveries, row.units) for row in waiting.skus(north)]


# What waits


def test_skus_are_listed_with_the_most_orders_first(north: Publisher) -> None:
    base.deliver(base.order_body(base.line("Rare ", 7), name="#1"))
    for name in ("#2", "#3"):
        base.deliver(base.order_body(base.line("OFTEN"), name=name))
    base.deliver(base.order_body(base.line("often", 2), base.line(), id=77, name="#4"))
    assert figures(north) == [("often", 3, 3, 4), ("rare", 1, 1, 7)]
    row = waiting.skus(north)[0]
    assert (row.sku, row.title, row.seen) == ("OFTEN", "Disc OFTEN", "nobody")
    assert [str(line.shop_order) for line in row.examples] == ["#2", "#3", "#4"]
    assert row.since <= row.last
    assert waiting.skus(north)[1].sku == "Rare"
    assert waiting.counts(Publisher.objects.all()) == {north.pk: 2}


def test_a_repeated_order_is_one_example_and_one_order(north: Publisher) -> None:
    body = base.order_body(base.line("NEW"), id=77)
    for _ in range(5):
        base.deliver(body)
    (row,) = waiting.skus(north)
    assert (row.orders, row.deliveries) == (1, 5)
    assert [line.delivery_id for line in row.examples] == [Delivery.objects.earliest("id").pk]


def test_at_most_three_orders_are_named(north: Publisher) -> None:
    for number in range(5):
        came("NEW", name=f"#{number}")
    (row,) = waiting.skus(north)
    assert [str(line.shop_order) for line in row.examples] == ["#0", "#1", "#2"]
    assert row.orders == 5


def test_a_line_known_by_its_variant_waits_under_it(north: Publisher) -> None:
    base.deliver(base.order_body(base.line("", variant_id=4711)))
    (row,) = waiting.skus(north)
    assert (row.key, row.sku) == ("variant:4711", "variant:4711")
    mapping.apply(north, [Decision("variant:4711", str(film(north).pk))])
    done = mapping.replay(north, ["variant:4711"], actor=SHOP, most=9)
    assert (done.deliveries, Order.objects.get().status) == (1, "ready")


def test_lines_with_neither_are_listed_apart(north: Publisher) -> None:
    base.deliver(base.order_body(base.line("", variant_id=None, title="A gift")))
    assert waiting.skus(north) == []
    lines, number = waiting.nameless(north, 10)
    assert ([line.title for line in lines], number) == (["A gift"], 1)


def test_what_cannot_be_replayed_waits_no_longer(north: Publisher) -> None:
    erased, ended = came("NEW", name="#1"), came("NEW", name="#2")
    came("NEW", id=77)
    ignored = came("NEW", name="#4")
    Delivery.objects.filter(pk=erased.pk).update(body=None)
    Delivery.objects.filter(pk=ignored.pk).update(outcome="ignored")
    ShopOrder.objects.filter(shop_order_id=77).update(cancelled_at=timezone.now())
    assert figures(north) == [("new", 1, 1, 1)]
    assert waiting.skus(north)[0].examples[0].delivery_id == ended.pk


def test_another_publishers_lines_are_not_counted(north: Publisher) -> None:
    south = base.southwind()
    base.store(south, domain="southwind.myshopify.com", webhook_secrets=["s"])
    base.deliver(
        base.order_body(base.line("NEW")),
        idpub="70001",
        domain="southwind.myshopify.com",
        secret="s",
    )
    assert figures(north) == []
    assert waiting.one(north, "new") is None
    assert figures(south) == [("new", 1, 1, 1)]
    assert waiting.counts(Publisher.objects.filter(pk=north.pk)) == {}


def test_suggestions_are_products_that_are_made_and_look_alike(north: Publisher) -> None:
    base.product(north, "66760", title="Harbour Lights")
    base.product(north, "66761", title="Harbour Lights", active=False)
    base.deliver(base.order_body(base.line("NEW", title="Harbour Lights DVD")))
    (row,) = waiting.skus(north)
    assert [str(one) for one in row.suggested] == ["Harbour Lights (66760)"]


def test_an_ambiguous_sku_names_both_and_suggests_what_settles_it(north: Publisher) -> None:
    other = base.product(north, "66760")
    SkuAlias.objects.create(publisher=north, sku="66760", product=film(north))
    came("66760")
    (row,) = waiting.skus(north)
    assert row.match.candidates == (
        "Film 66750 (66750) by its alias",
        "Film 66760 (66760) by its project id",
    )
    assert (row.seen, row.suggested) == (str(film(north).pk), [other])


def test_the_list_takes_as_many_queries_for_one_as_for_many(north: Publisher) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            waiting.skus(north)
        return len(caught)

    came("NEW-0")
    few = queries()
    for number in range(30):
        came(f"NEW-{number}", "VTD234-100", name=f"#{number}")
        base.product(north, str(70000 + number), skus=[f"OLD-{number}"])
    assert len(waiting.skus(north)) == waiting.PAGE
    assert len(waiting.skus(north, start=waiting.PAGE)) == 5
    assert queries() == few == 7


# Mapping


def test_a_sku_is_mapped_as_the_shop_writes_it(north: Publisher) -> None:
    came("NEW-Ä ")
    (written,) = mapping.apply(north, [Decision("new-ä", str(film(north).pk))])
    assert (written.sku, written.key, written.product) == ("NEW-Ä", "new-ä", film(north))


def test_several_are_mapped_at_once_or_none(north: Publisher) -> None:
    came("A", "B")
    stranger = base.product(base.southwind(), "44100")
    both = [Decision("a", "not_ours"), Decision("b", str(stranger.pk))]
    assert refused(north, *both) == (
        "The product chosen for the SKU b is not one of Northlight Films. "
        "Nothing was changed; choose another one."
    )
    mapping.apply(north, [both[0], Decision("b", str(film(north).pk))])
    assert aliases() == [
        ("A", "a", None),
        ("B", "b", "66750"),
        ("VTD234-100", "vtd234-100", "66750"),
    ]


@pytest.mark.parametrize("choice", ["", "0", "x", "-1", "²", "9" * 30, "99999"])
def test_a_product_that_is_none_is_refused(north: Publisher, choice: str) -> None:
    came("NEW")
    assert refused(north, Decision("new", choice)).startswith("The product chosen for the SKU new")


def test_who_comes_second_is_told_what_the_sku_stands_for(north: Publisher) -> None:
    came("NEW")
    SkuAlias.objects.create(publisher=north, sku="NEW", product=film(north))
    assert refused(north, Decision("new", "not_ours")) == (
        "Somebody else changed the SKU NEW meanwhile: it stands for Film 66750 (66750) now. "
        "Nothing was changed; look at the list as it is now."
    )
    SkuAlias.objects.filter(sku="NEW").update(product=None)
    assert "it stands for nothing of ours now." in refused(
        north, Decision("new", "not_ours", str(film(north).pk))
    )
    SkuAlias.objects.filter(sku="NEW").delete()
    assert "it is not mapped now." in refused(north, Decision("new", "not_ours", "not_ours"))


def test_a_sku_for_which_nothing_waits_is_refused(north: Publisher) -> None:
    assert refused(north, Decision("gone", "not_ours")) == (
        "No delivery waits for the SKU gone any more. Nothing was changed; look at the list as it "
        "is now."
    )


def test_a_choice_that_leaves_two_meanings_is_refused(north: Publisher) -> None:
    other = base.product(north, "66760")
    SkuAlias.objects.create(publisher=north, sku="66760")
    came("66760")
    assert refused(north, Decision("66760", str(film(north).pk), "not_ours")) == (
        "The SKU 66760 would stand for Film 66750 (66750) by its alias and for Film 66760 (66760) "
        "by its project id. Nothing was changed; choose the product of that project id, or mend "
        "the product itself."
    )
    mapping.apply(north, [Decision("66760", str(other.pk), "not_ours")])
    assert aliases()[0] == ("66760", "66760", "66760")


def test_a_product_that_is_switched_off_is_refused(north: Publisher) -> None:
    off = base.product(north, "66760", active=False)
    came("NEW")
    told = refused(north, Decision("new", str(off.pk)))
    assert "would stand for Film 66760 (66760), which is switched off." in told


def test_what_is_to_stay_mapped_must_be_mapped(north: Publisher) -> None:
    came("NEW")
    assert refused(north, Decision("new", mapping.KEEP)) == (
        "The SKU NEW is not mapped any more. Nothing was changed; map it anew."
    )
