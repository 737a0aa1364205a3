"""A store is called silent when it is silent for longer than it used to be, and not before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders import silence
from orders.models import Store
from products.models import Publisher
from tests import admin_cast as cast
from tests import base
from tests.dashboard_cast import board, deliveries

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def shop() -> Store:
    return base.store(base.northlight())


def silent(now: datetime) -> list[tuple[str, datetime, timedelta]]:
    found = silence.silent_stores(Publisher.objects.all(), now)
    return [(one.store.domain, one.last_delivery_at, one.usual_gap) for one in found]


def test_a_busy_store_is_silent_after_a_day(shop: Store) -> None:
    deliveries(shop, *[NOON - ago * HOUR for ago in range(0, 60, 2)])
    assert silent(NOON + DAY) == []
    assert silent(NOON + DAY + SECOND) == [("northlight.myshopify.com", NOON, 2 * HOUR)]


def test_a_slow_store_has_four_times_its_usual_gap(shop: Store) -> None:
    deliveries(shop, *[NOON - ago * DAY for ago in (0, 1, 3, 5, 8)])
    assert silent(NOON + 8 * DAY) == []
    assert silent(NOON + 8 * DAY + SECOND) == [("northlight.myshopify.com", NOON, 2 * DAY)]


def test_a_store_that_rests_every_weekend_is_not_silent_on_sundays(shop: Store) -> None:
    friday = NOON - 3 * DAY
    days = [friday - ago * DAY for ago in range(26) if (friday - ago * DAY).weekday() < 5]
    deliveries(shop, *[at - hours * HOUR for at in days for hours in range(4)])
    # Its weekends are 69 hours long, from noon on Friday to nine on Monday.
    assert silent(friday + 69 * HOUR) == []
    assert [domain for domain, *_ in silent(friday + 69 * HOUR + SECOND)] == [
        "northlight.myshopify.com"
    ]


def test_one_outage_does_not_hide_the_next(shop: Store) -> None:
    often = [NOON - ago * HOUR for ago in range(48)]
    deliveries(shop, *often, *[at - 12 * DAY for at in often])
    # The outage of ten days was the longest gap; the second longest is an hour.
    assert [domain for domain, *_ in silent(NOON + 2 * DAY)] == ["northlight.myshopify.com"]


def test_only_the_thirty_days_up_to_the_last_delivery_count(shop: Store) -> None:
    deliveries(shop, *[NOON - ago * DAY for ago in (0, 29, 31, 60)])
    assert silent(NOON + 89 * DAY) == []
    deliveries(shop, NOON - 28 * DAY, NOON - 27 * DAY, NOON - DAY)
    assert silent(NOON + 30 * DAY) == [("northlight.myshopify.com", NOON, 29 * DAY / 4)]


def test_a_store_without_a_habit_or_closed_for_long_is_not_silent(shop: Store) -> None:
    assert silent(NOON) == []
    deliveries(shop, NOON)
    assert silent(NOON + 40 * DAY) == []
    deliveries(shop, NOON - HOUR)
    assert len(silent(NOON + 90 * DAY)) == 1
    assert silent(NOON + 90 * DAY + SECOND) == []


def test_stores_are_told_apart_and_strangers_left_out(shop: Store) -> None:
    other = base.store(shop.publisher, domain="second.myshopify.com")
    theirs = base.store(base.southwind(), domain="southwind.myshopify.com")
    for one in (shop, theirs):
        deliveries(one, NOON, NOON - HOUR)
    deliveries(other, NOON + 2 * DAY, NOON + 2 * DAY - HOUR)
    found = silence.silent_stores([shop.publisher], NOON + 2 * DAY)
    assert [one.store for one in found] == [shop]
    assert [one.last_delivery_at for one in silence.heard([shop.publisher])] == [
        NOON, NOON + 2 * DAY
    ]  # fmt: skip
    assert silence.silent_stores([], NOON + 2 * DAY) == []


def test_the_queries_do_not_grow_with_stores_or_deliveries(shop: Store) -> None:
    shops = [base.store(shop.publisher, domain=f"s{n}.myshopify.com") for n in range(5)]
    for one in (shop, *shops):
        deliveries(one, *[NOON - ago * HOUR for ago in range(5)])
    for now, queries in ((NOON, 1), (NOON + 2 * DAY, 2)):
        with CaptureQueriesContext(
            connection,
        ) as seen:
            silence.silent_stores([shop.publisher], now)
        assert len(seen) == queries


def test_the_dashboard_warns_and_puts_the_silent_first(shop: Store, monkeypatch: Any) -> None:
    base.store(shop.publisher, domain="a-second.myshopify.com")
    deliveries(shop, *[NOON - ago * HOUR for ago in range(3)])
    monkeypatch.setattr("orders.clock.now", lambda: NOON + 3 * DAY)
    client = cast.signed_in(cast.colleague("vera", shop.publisher, may="view"))
    shops = board(client).shops
    assert [(one.domain, one.warning.replace("\xa0", " ")) for one in shops] == [
        (
            "northlight.myshopify.com",
            "Silent for 3 days; it usually sends every 1 hour. "
            "Look at the store's webhooks in Shopify.",
        ),
        ("a-second.myshopify.com", ""),
    ]
    text = cast.html(client.get("/admin/"))
    assert text.count('<span class="badge badge-held">silent</span>') == 1
    assert "Nothing has come yet." in text
