"""Two people on the mapping desk at once, and workers beside them; each guard with its control."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from orders import deliveries, mapping, mapping_preview, tasks
from orders.lifecycle import SHOP, NotNow
from orders.making import Making
from orders.mapping import Decision
from orders.models import Delivery, Order, ShopOrder
from products.models import Publisher, SkuAlias
from tests import base
from tests.gateway_cast import Elsewhere, run_before
from tests.test_races import no_row_locks

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def north() -> Publisher:
    publisher = base.connected()
    base.deliver(base.order_body(base.line("NEW"), id=77))
    return publisher


def film(north: Publisher) -> Decision:
    return Decision("new", str(north.products.get().pk))


def map_and_replay(north: Publisher, decision: Decision) -> None:
    mapping.apply(north, [decision])
    mapping.replay(north, [decision.key], actor=SHOP, most=20)


def made() -> list[tuple[str, int]]:
    return [(order.invoice, order.pieces()) for order in Order.objects.all()]


ONCE = [("NORTH-1001-S77-1", 1)]


def test_the_second_who_maps_a_sku_waits_and_is_told(north: Publisher) -> None:
    with transaction.atomic():
        mapping.apply(north, [film(north)])
        other = Elsewhere(lambda: map_and_replay(north, Decision("new", "not_ours")))
        assert other.waits
    with pytest.raises(NotNow) as told:
        other.end()
    assert str(told.value) == (
        "Somebody else changed the SKU NEW meanwhile: it stands for Film 66750 (66750) now. "
        "Nothing was changed; look at the list as it is now."
    )
    mapping.replay(north, ["new"], actor=SHOP, most=20)
    assert made() == ONCE
    assert SkuAlias.objects.filter(key="new").count() == 1


def test_the_second_goes_on_where_the_first_gave_up(north: Publisher) -> None:
    with transaction.atomic():
        mapping.apply(north, [film(north)])
        other = Elsewhere(lambda: map_and_replay(north, film(north)))
        transaction.set_rollback(True)
    other.end()
    assert made() == ONCE


def test_of_two_who_give_a_sku_another_meaning_the_second_is_told(north: Publisher) -> None:
    SkuAlias.objects.create(publisher=north, sku="NEW")
    again = Decision("new", film(north).choice, "not_ours")
    with transaction.atomic():
        mapping.apply(north, [again])
        other = Elsewhere(lambda: mapping.apply(north, [again]))
        assert other.waits
    with pytest.raises(NotNow):
        other.end()


def test_control_without_locks_the_second_overwrites_the_first(north: Publisher) -> None:
    alias = SkuAlias.objects.create(publisher=north, sku="NEW")
    again = Decision("new", film(north).choice, "not_ours")
    with no_row_locks(), transaction.atomic():
        mapping.apply(north, [again])
        late = Decision("new", "not_ours", "not_ours")
        other = Elsewhere(lambda: mapping.apply(north, [late]))
    assert len(other.end()) == 1
    alias.refresh_from_db()
    assert alias.product is None


@pytest.mark.parametrize("skus", [("a", "b"), ("b", "a")])
def test_two_who_map_the_same_skus_in_any_order_never_deadlock(
    north: Publisher, skus: tuple[str, str]
) -> None:
    base.deliver(base.order_body(base.line("A"), base.line("B"), id=78))
    choice = film(north).choice
    with transaction.atomic():
        mapping.apply(north, [Decision(one, choice) for one in ("a", "b")])
        other = Elsewhere(lambda: mapping.apply(north, [Decision(one, choice) for one in skus]))
        assert other.waits
    with pytest.raises(NotNow):
        other.end()


def replayed_twice(north: Publisher) -> Elsewhere:
    """A person's replay with the worker's task for the same SKU in the middle of it."""
    (alias,) = mapping.apply(north, [film(north)])
    others: list[Elsewhere] = []
    task: Any = lambda: tasks.replay_alias(alias.pk)  # noqa: E731
    with run_before(Making, "_orders", lambda: others.append(Elsewhere(task))):
        mapping.replay(north, ["new"], actor=SHOP, most=20)
    return others[0]


def test_a_person_and_the_worker_make_it_once(north: Publisher) -> None:
    replayed_twice(north).end()
    assert made() == ONCE


def test_control_without_locks_it_is_made_twice_or_fails(north: Publisher) -> None:
    with no_row_locks():
        replayed_twice(north).end()
    boxes = ShopOrder.objects.get().boxes
    outcome = Delivery.objects.get().outcome
    assert (len(made()), outcome) != (1, "created") or boxes != 1


def test_a_preview_beside_a_replay_changes_nothing_and_breaks_nothing(north: Publisher) -> None:
    disc = base.line("NEW", 3)
    first, second = base.fulfillment((disc, 2)), base.fulfillment((disc, 1))
    for parts in ([first], [first, second]):
        base.deliver(base.order_body(disc, id=78, fulfillments=parts, name="#1002"))
    later = Delivery.objects.latest("id").pk
    others: list[Elsewhere] = []

    def replay() -> None:
        others.append(Elsewhere(lambda: deliveries.replay(later, actor=SHOP)))

    with run_before(Making, "_orders", replay):
        found = mapping_preview.preview(north, [film(north)], actor=SHOP)
    assert found.made == 3
    assert others[0].end().outcome == "unmatched"
    assert made() == []
    assert not SkuAlias.objects.filter(key="new").exists()


def test_a_delivery_during_a_preview_of_another_order_does_not_wait(north: Publisher) -> None:
    others: list[Elsewhere] = []
    body = base.order_body(id=99, name="#9")

    def deliver() -> None:
        others.append(Elsewhere(lambda: base.deliver(body).json()["outcome"], patience=5))

    with run_before(Making, "_orders", deliver):
        mapping_preview.preview(north, [film(north)], actor=SHOP)
        assert not others[0].waits
    assert others[0].end() == "created"
