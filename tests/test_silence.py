"""Stores that used to send and have gone silent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import Delivery, Store
from orders.silence import silent_stores
from products.models import Publisher
from tests import base

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def store() -> Store:
    return base.store(base.northlight())


def delivered(store: Store, *days_ago: float) -> None:
    for number, days in enumerate(days_ago):
        row = Delivery.objects.create(
            store=store, webhook_id=f"{number}-{days}", body_hash="0" * 64,
            topic="orders/fulfilled", matched_secret=1, outcome="created",
        )  # fmt: skip
        Delivery.objects.filter(pk=row.pk).update(received_at=NOW - timedelta(days=days))


@pytest.mark.parametrize(
    ("days", "gap"),
    [
        ((), None),
        ((5,), None),
        ((5, 6), None),  # no usual gap yet
        ((0.9, 1, 1.1), None),  # not a day yet
        ((1.1, 1.2, 1.3), 0.1),
        ((7.9, 9.9, 11.9), None),  # every two days
        ((8.1, 10.1, 12.1), 2.0),
        ((40, 50, 90, 91, 92), None),  # two in the thirty days before the last
        ((40, 45, 50), None),
        ((45, 50, 55), 5.0),
    ],
)
def test_silent_for_more_than_a_day_and_four_times_its_gap(
    store: Store, days: tuple[float, ...], gap: float | None
) -> None:
    delivered(store, *days)
    found = silent_stores(Publisher.objects.all(), NOW)
    if gap is None and days != (40, 45, 50):
        assert found == []
    elif days == (40, 45, 50):
        assert [one for one, _, _ in found] == [store]  # the silence does not stretch the gap
    else:
        ((one, last, usual),) = found
        assert (one, last) == (store, NOW - timedelta(days=days[0]))
        assert usual / timedelta(days=1) == pytest.approx(gap)


def test_only_stores_of_the_given_publishers_are_looked_at(store: Store) -> None:
    delivered(store, 8, 9, 10)
    other = base.southwind()
    assert silent_stores([other], NOW) == []
    assert len(silent_stores([store.publisher], NOW)) == 1
