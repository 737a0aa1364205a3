"""The list filters to which the dashboard leads take any value and show no stranger's row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orders import budget
from orders.models import Call, Delivery
from tests import admin_cast as cast
from tests import dashboard_cast as day

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> day.World:
    return day.World()


def shown(client: Any, **filters: Any) -> list[Delivery]:
    response = client.get(cast.page(Delivery, "changelist"), filters)
    assert response.status_code == 200
    return list(response.context["cl"].queryset)


def test_deliveries_are_filtered_by_an_unknown_sku(world: day.World) -> None:
    found = shown(world.client, unknown_sku="=mug-1")
    assert [one.store for one in found] == [world.our_store] * 2
    assert all(one.lines.get().key == "mug-1" for one in found)
    assert len(shown(world.client, unknown_sku="any")) == 4
    assert len(shown(world.boss, unknown_sku="any")) == 12
    assert len(shown(world.boss, unknown_sku="=mug-1", publisher=world.theirs.pk)) == 4
    page = world.client.get(cast.page(Delivery, "changelist"), {"unknown_sku": "=mug-1"})
    assert "mug-1</a>" in cast.html(page)


@pytest.mark.parametrize("wanted", ["=", "=nobody", "mug-1", "no", "=\0", "\0", "=" + "x" * 3000])
def test_a_sku_that_nothing_waits_for_finds_nothing(world: day.World, wanted: str) -> None:
    assert shown(world.client, unknown_sku=wanted) == []


@pytest.mark.parametrize("wanted", ["0", "x", "\0", "1" * 40, "1,2"])
def test_a_publisher_that_is_none_finds_nothing(world: day.World, wanted: str) -> None:
    assert shown(world.boss, publisher=wanted) == []
    assert shown(world.client, publisher=wanted) == []


def test_a_foreign_publisher_finds_nothing_and_is_not_offered(world: day.World) -> None:
    assert shown(world.client, publisher=world.theirs.pk) == []
    assert len(shown(world.client, publisher=world.ours.pk)) == 8
    assert len(shown(world.boss)) == 24
    where = {"publisher": world.ours.pk}
    text = cast.html(world.client.get(cast.page(Delivery, "changelist"), where))
    assert "Southwind" not in text
    text = cast.html(world.boss.get(cast.page(Delivery, "changelist"), where))
    assert f'<a href="?publisher={world.theirs.pk}">Southwind Records</a>' in text


def test_used_calls_are_those_of_a_day_by_publisher(world: day.World) -> None:
    mine = [world.ours, world.theirs]
    now = timezone.now()
    assert budget.used_by(mine, now) == {world.ours.pk: 2, world.theirs.pk: 2}
    assert budget.used_by([world.ours], now) == {world.ours.pk: 2}
    assert budget.used(world.ours) == 2
    Call.objects.filter(publisher=world.ours, outcome="answered").update(
        reserved_at=now - timedelta(hours=24)
    )
    assert budget.used_by(mine, now) == {world.ours.pk: 1, world.theirs.pk: 2}
    assert budget.used_by([], now) == {}
