"""The replay of what waits for mapped SKUs: by a person, by the worker's task, and by prune."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from orders import deliveries, mapping, tasks, waiting
from orders.lifecycle import SHOP, WORKER, NotNow
from orders.mapping import Decision
from orders.models import Delivery, DeliveryLine, Order
from products.models import Publisher, SkuAlias
from tests import base
from tests.test_mapping import came, film, north

__all__ = ["north"]
pytestmark = pytest.mark.django_db


def test_the_replay_makes_what_waited_once(north: Publisher) -> None:
    for name in ("#1", "#2", "#3"):
        came("NEW", name=name)
    came("OTHER", name="#4")
    mapping.apply(north, [Decision("new", str(film(north).pk))])
    done = mapping.replay(north, ["new"], actor=SHOP, most=2)
    assert (done.deliveries, done.more, done.failed) == (2, True, 0)
    rest = mapping.replay(north, ["new"], actor=SHOP, most=2, after=done.last_id)
    assert (rest.deliveries, rest.more) == (1, False)
    assert [one.reference for one in done.orders(north) + rest.orders(north)] == ["#1", "#2", "#3"]
    assert mapping.replay(north, ["new"], actor=SHOP, most=9).deliveries == 0
    assert Order.objects.count() == 3


def test_one_delivery_that_fails_stops_no_other(north: Publisher) -> None:
    first = came("NEW", name="#1")
    came("NEW", name="#2")
    mapping.apply(north, [Decision("new", "not_ours")])
    real = deliveries.replay

    def breaks(delivery_id: int, **values: Any) -> Delivery:
        if delivery_id == first.pk:
            raise NotNow("The body of this delivery was erased, so it cannot be replayed.")
        return real(delivery_id, **values)

    with patch.object(deliveries, "replay", breaks):
        done = mapping.replay(north, ["new"], actor=SHOP, most=9)
    assert (done.deliveries, done.failed) == (1, 1)
    assert [row.orders for row in waiting.skus(north)] == [1]


def test_the_ids_of_mapped_skus_are_of_aliases_or_of_products(north: Publisher) -> None:
    alias = SkuAlias.objects.get(sku="VTD234-100")
    ids = mapping.ids_of(north, ["vtd234-100", "66750", "gone"])
    assert ids == ([alias.pk], [film(north).pk])
    assert mapping.ids_of(base.southwind(), ["vtd234-100", "66750"]) == ([], [])


# The worker


def waits_for(north: Publisher, sku: str, number: int) -> int:
    """Let so many deliveries wait for a mapped SKU, and return the id of its alias."""
    for n in range(number):
        came(sku, name=f"#{n}")
    (alias,) = mapping.apply(north, [Decision(sku.casefold(), str(film(north).pk))])
    OrmQ.objects.all().delete()
    return alias.pk


def queued() -> list[tuple[str, tuple[Any, ...]]]:
    return [(task.func(), tuple(task.task["args"])) for task in OrmQ.objects.order_by("id")]


def test_the_task_replays_all_and_wakes_the_sending(north: Publisher) -> None:
    tasks.replay_alias(waits_for(north, "NEW", 3))
    assert queued() == [("orders.tasks.submit_due", ())]
    assert Order.objects.count() == 3
    assert {event.actor_kind for event in Order.objects.get(reference="#0").events.all()} == {
        WORKER.kind
    }


def test_the_task_is_safe_to_run_twice(north: Publisher) -> None:
    alias_id = waits_for(north, "NEW", 3)
    tasks.replay_alias(alias_id)
    before = base.counts()
    tasks.replay_alias(alias_id)
    assert base.counts() == before


def test_a_long_task_leaves_the_rest_to_the_next(north: Publisher) -> None:
    alias_id = waits_for(north, "NEW", 3)
    second = Delivery.objects.order_by("id")[1].pk
    with patch.object(tasks, "REPLAYED_AT_MOST", 2):
        tasks.replay_alias(alias_id)
    assert ("orders.tasks.replay_alias", (alias_id, second)) in queued()
    assert Order.objects.count() == 2
    tasks.replay_alias(alias_id, second)
    assert Order.objects.count() == 3


def test_a_task_whose_time_is_over_leaves_all_to_the_next(north: Publisher) -> None:
    alias_id = waits_for(north, "NEW", 1)
    with patch.object(tasks, "CLAIMING_SECONDS", 0):
        tasks.replay_alias(alias_id)
    assert queued() == [("orders.tasks.replay_alias", (alias_id, 0))]
    assert Order.objects.count() == 0


def test_what_waits_for_a_project_id_is_replayed_by_its_product(north: Publisher) -> None:
    came("66770", name="#1")
    came("66770", name="#2")
    made = base.product(north, "66770")
    OrmQ.objects.all().delete()
    with patch.object(tasks, "REPLAYED_AT_MOST", 1):
        tasks.replay_product(made.pk)
    first = Delivery.objects.earliest("id").pk
    assert ("orders.tasks.replay_product", (made.pk, first)) in queued()
    tasks.replay_product(made.pk, first)
    assert Order.objects.count() == 2


def test_a_task_whose_sku_was_forgotten_does_nothing(north: Publisher) -> None:
    alias_id = waits_for(north, "NEW", 1)
    SkuAlias.objects.filter(sku="NEW").delete()
    before = base.counts()
    tasks.replay_alias(alias_id)
    tasks.replay_product(0)
    assert (base.counts(), queued()) == (before, [])


# Keeping what waits


def test_the_body_of_a_line_that_waits_is_kept_until_it_is_mapped(north: Publisher) -> None:
    Publisher.objects.update(partial_orders="send")
    partly, whole = came("VTD234-100", "NEW"), came("VTD234-100", name="#2")
    Delivery.objects.update(received_at=timezone.now() - timedelta(days=31))
    tasks.prune()
    kept = Delivery.objects.filter(body__isnull=False)
    assert (partly.outcome, whole.outcome) == ("created", "created")
    assert [one.pk for one in kept] == [partly.pk]
    mapping.apply(north, [Decision("new", str(film(north).pk))])
    mapping.replay(north, ["new"], actor=SHOP, most=9)
    tasks.prune()
    assert not kept.all().exists()
    assert DeliveryLine.objects.filter(outcome="unmatched").count() == 0
