"""The dashboard in a real Chromium: sound, empty and full, narrow and wide, light and dark."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser

from orders.models import Delivery, DeliveryLine, Gateway, Heartbeat, Order, Store
from products.models import Publisher
from tests import admin_cast as cast
from tests import base, test_admin_browser
from tests import dashboard_cast as day
from tests.test_admin_browser import Tab

pytestmark = test_admin_browser.pytestmark
chromium = test_admin_browser.chromium


def month(publisher: Publisher, store: Store) -> None:
    """Thirty days of work, fewer at weekends, and a store that fell silent."""
    now = timezone.now()
    for ago in range(1, 30):
        at = now - timedelta(days=ago)
        count = (23, 31, 18, 27, 40, 6, 3)[at.weekday()]
        day.orders(publisher, count, "shipped", made=at, shipped_at=at + timedelta(days=2))
    quiet = base.store(publisher, domain="a-shop-that-fell-silent.myshopify.com")
    day.deliveries(quiet, *[now - timedelta(days=3, hours=hours) for hours in range(30)])
    Publisher.objects.filter(pk=publisher.pk).update(login_checked_at=now)


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_the_dashboard_is_sound_in_both_themes(
    chromium: Browser, live_server: Any, size: str
) -> None:
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(cast.colleague("bea", superuser=True))
    tab.open("/admin/#empty")
    assert tab.page.locator(".board-steps li").count() == 5
    found = tab.faults()
    world = day.World()
    month(world.ours, world.our_store)
    Publisher.objects.filter(pk=world.theirs.pk).update(
        login_refused_at=timezone.now() - timedelta(hours=5), paused_at=timezone.now(),
        paused_note=cast.PAYLOADS[0], name=f"Southwind {cast.PAYLOADS[1]}",
    )  # fmt: skip
    Gateway.objects.update(paused_at=timezone.now())
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=10))
    line = DeliveryLine.objects.filter(sku="POSTER").first()
    hostile = f"{' '.join(cast.PAYLOADS)}"[:255]
    DeliveryLine.objects.filter(sku="MUG-1").update(sku=hostile, key=hostile.casefold(), title="")
    assert line is not None
    for where in ("/admin/", f"/admin/?publisher={world.ours.pk}"):
        tab.open(where)
        found += tab.faults()
        tab.page.locator(".board-chart summary").click()
        assert tab.page.locator(".board-chart tbody tr").count() == 30
        found += tab.faults()
    tab.context.close()
    assert not found, "\n".join(found)


def test_a_number_is_followed_to_its_rows_and_the_switch_is_used_by_keyboard(
    chromium: Browser, live_server: Any
) -> None:
    world = day.World()
    tab = Tab(chromium, live_server.url)
    tab.sign_in(cast.colleague("ana", world.ours, world.theirs, may="view"))
    tab.open("/admin/")
    page = tab.page
    page.locator(".board-switch a", has_text="Southwind Records").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/admin/?publisher={world.theirs.pk}")
    assert page.locator(".board-switch [aria-current]").inner_text() == "Southwind Records"
    page.get_by_role("link", name="2 Address").click()
    page.wait_for_selector(".waits-card")
    assert page.locator(".waits-card").count() == 2
    assert Order.objects.filter(hold_reason="address").count() == 3
    page.go_back()
    page.get_by_role("link", name="4 deliveries with").click()
    page.wait_for_selector("#result_list")
    assert page.locator("#result_list tbody tr").count() == 4
    assert Delivery.objects.filter(lines__key="mug-1").count() == 6
    assert tab.faults() == []
    tab.context.close()


def test_the_chart_is_drawn_to_scale(chromium: Browser, live_server: Any) -> None:
    publisher = base.northlight()
    day.orders(publisher, 50, "ready")
    day.orders(publisher, 25, "ready", made=timedelta(days=1))
    day.orders(publisher, 1, "ready", made=timedelta(days=2))
    tab = Tab(chromium, live_server.url)
    tab.sign_in(cast.colleague("ana", publisher, may="view"))
    tab.open("/admin/")
    bars = tab.page.evaluate(
        "[...document.querySelectorAll('.board-chart .bar')].map("
        "one => [one.getBoundingClientRect().height, getComputedStyle(one).fill])"
    )
    tall, half, least = (bars[place][0] for place in (-1, -2, -3))
    assert half == pytest.approx(tall / 2)
    assert tall > 100
    assert least >= 2
    assert {height for height, _ in bars[:-3]} == {0}
    assert bars[-1][1] != bars[-2][1]
    tab.context.close()
