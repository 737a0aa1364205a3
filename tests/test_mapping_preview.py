"""The preview of a mapping: what the replay would make, and that nothing of it stays."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django_q.models import OrmQ

from orders import deliveries, mapping, mapping_preview
from orders.lifecycle import SHOP, NotNow
from orders.mapping import Decision
from orders.mapping_preview import Preview
from orders.models import Delivery, DeliveryLine, Order, OrderEvent, ShopOrder
from products.models import Publisher, SkuAlias
from tests import base

pytestmark = pytest.mark.django_db

TABLES = (Delivery, DeliveryLine, ShopOrder, Order, OrderEvent, SkuAlias, Publisher, OrmQ)


@pytest.fixture
def north() -> Publisher:
    return base.connected()


def everything() -> list[str]:
    return [str(list(table.objects.order_by("pk").values())) for table in TABLES]


def came(*skus: str, **values: Any) -> None:
    base.deliver(base.order_body(*(base.line(sku) for sku in skus), **values))


def preview(north: Publisher, key: str = "new", choice: str = "") -> Preview:
    chosen = choice or str(north.products.get(project_id="66750").pk)
    before = everything()
    found = mapping_preview.preview(north, [Decision(key, chosen)], actor=SHOP)
    assert everything() == before
    return found


def sums(found: Preview) -> tuple[int, int, int, int, int]:
    return found.made, found.made_held, found.released, found.stay_held, found.nothing


def changes(found: Preview) -> list[Any]:
    return [
        (str(fate.shop_order), one.invoice, one.status, one.pieces, one.new, one.why)
        for fate in found.fates
        for one in fate.changes
    ]


def test_every_kind_of_end_is_told_and_then_comes_true(north: Publisher) -> None:
    came("NEW", id=1, name="#1")
    came("NEW", id=2, name="#2", shipping_address=None)
    came("VTD234-100", "NEW", id=3, name="#3")
    came("VTD234-100", "NEW", "OTHER", id=4, name="#4")
    came("NEW", "MORE", id=5, name="#5")
    found = preview(north)
    assert (found.deliveries, found.looked_at) == (5, 5)
    assert sums(found) == (1, 2, 1, 1, 0)
    told = changes(found)
    assert [one[:5] for one in told] == [
        ("#1", "NORTH-1-S1-1", "ready", 1, True),
        ("#2", "NORTH-2-S2-1", "held", 1, True),
        ("#3", "NORTH-3-S3-1", "ready", 2, False),
        ("#4", "NORTH-4-S4-1", "held", 2, False),
        ("#5", "NORTH-5-S5-1", "held", 1, True),
    ]
    assert told[3][5] == "These SKUs are not known here: OTHER."
    assert told[4][5] == "These SKUs are not known here: MORE."
    film = north.products.get(project_id="66750")
    mapping.apply(north, [Decision("new", str(film.pk))])
    mapping.replay(north, ["new"], actor=SHOP, most=9)
    made = [
        (o.invoice, o.status, o.pieces(), o.hold_note) for o in Order.objects.order_by("invoice")
    ]
    assert made == sorted((one[1], one[2], one[3], one[5]) for one in told)


def test_not_ours_makes_nothing_and_lets_held_orders_go(north: Publisher) -> None:
    came("NEW", name="#1")
    came("VTD234-100", "NEW", name="#2")
    found = preview(north, choice="not_ours")
    assert sums(found) == (0, 0, 1, 0, 1)
    assert found.fates[0].told == "Nothing in it is ours to make."


def test_deliveries_of_one_order_are_counted_together(north: Publisher) -> None:
    disc = base.line("NEW", 3)
    first, second = base.fulfillment((disc, 2)), base.fulfillment((disc, 1))
    body = base.order_body(disc, id=77)
    base.deliver({**body, "fulfillments": [first]})
    base.deliver({**body, "fulfillments": [first, second]})
    found = preview(north)
    assert (found.deliveries, len(found.fates)) == (2, 1)
    assert [(one[1], one[3]) for one in changes(found)] == [
        ("NORTH-1001-S77-1", 2),
        ("NORTH-1001-S77-2", 1),
    ]


def test_no_invoice_is_used_up(north: Publisher) -> None:
    came("NEW", id=77)
    for _ in range(3):
        assert [one[1] for one in changes(preview(north))] == ["NORTH-1001-S77-1"]
    assert ShopOrder.objects.get().boxes == 0


def test_only_so_many_deliveries_are_tried(north: Publisher) -> None:
    for number in range(4):
        came("NEW", name=f"#{number}")
    with patch.object(mapping_preview, "PREVIEWED", 3):
        found = preview(north)
    assert (found.deliveries, found.looked_at, found.made) == (4, 3, 3)
    with patch.object(mapping_preview, "PREVIEW_SECONDS", 0):
        assert preview(north).looked_at == 0


def test_a_choice_that_may_not_be_is_refused_and_nothing_changes(north: Publisher) -> None:
    came("NEW")
    before = everything()
    for decision in (Decision("new", "99999"), Decision("gone", "not_ours")):
        with pytest.raises(NotNow):
            mapping_preview.preview(north, [decision], actor=SHOP)
    assert everything() == before


def test_a_delivery_on_which_the_desk_fails_is_told(north: Publisher) -> None:
    came("NEW")
    with patch("orders.intake.place", side_effect=RuntimeError):
        found = preview(north)
    (fate,) = found.fates
    assert (fate.failed, fate.changes, found.nothing) == (True, (), 1)
    assert fate.told == "The desk failed on this delivery and will try it again by itself."


def test_a_body_that_is_erased_meanwhile_is_told(north: Publisher) -> None:
    came("NEW")
    with patch.object(deliveries, "replay", side_effect=NotNow("It was erased.")):
        found = preview(north)
    assert [(fate.told, fate.failed) for fate in found.fates] == [("It was erased.", True)]
