"""The queue of what needs attention in a real Chromium: mend, release, and on to the next."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from orders.models import Delivery, Order
from tests import admin_cast as cast
from tests import attention_cast as queue
from tests import base, test_admin_browser
from tests.attention_cast import QUEUE, Desk
from tests.test_admin_browser import Tab

chromium, pytestmark = test_admin_browser.chromium, test_admin_browser.pytestmark


def focused(tab: Tab) -> str:
    """Return the heading of the row that has the focus."""
    found: str = tab.page.evaluate("document.activeElement.querySelector('h2')?.innerText ?? ''")
    return found


def test_an_address_is_mended_and_released_and_the_queue_leads_to_the_next(
    chromium: Browser,
    live_server: Any,
) -> None:
    room = Desk()
    first = queue.aged(queue.lost_address(room.publisher, room.film), 60)
    second = queue.aged(queue.lost_address(room.publisher, room.film), 30)
    third = queue.aged(queue.held(room.publisher, room.film, "staff", "Ask her."), 20)
    tab = Tab(chromium, live_server.url)
    tab.sign_in(room.user)
    tab.open(cast.page(Order, "changelist"))
    page = tab.page
    page.get_by_role("link", name="Needs attention").first.click()
    assert focused(tab) == first.invoice
    row = page.locator(".waits-card").first
    assert row.get_by_text("The city is blank. Enter it.").is_visible()
    row.get_by_label("City").fill("Portland")
    row.get_by_label("State").fill("Maine")
    row.get_by_role("button", name="Save and release").click()
    page.wait_for_selector(f"text=Order {first.invoice} is saved, released, and goes out now.")
    assert focused(tab) == second.invoice
    assert page.locator(".waits-card").count() == 2
    # What is not fit yet is saved, told, and shown again.
    row = page.locator(".waits-card").first
    row.get_by_label("City").fill("Salem")
    row.get_by_role("button", name="Save and release").click()
    page.wait_for_selector("text=What you entered is saved, but it is not released.")
    assert focused(tab) == second.invoice
    row = page.locator(".waits-card").first
    assert row.get_by_label("City").input_value() == "Salem"
    row.get_by_label("State").fill("OR")
    row.get_by_role("button", name="Save and release").click()
    page.wait_for_selector(f"text=Order {second.invoice} is saved, released, and goes out now.")
    assert focused(tab) == third.invoice
    page.get_by_role("button", name="Release", exact=True).click()
    page.wait_for_selector("text=All done")
    assert tab.faults() == []
    tab.context.close()
    found = Order.objects.order_by("pk").values_list("status", "city", "state")
    assert list(found) == [
        ("ready", "Portland", "ME"),
        ("ready", "Salem", "OR"),
        ("ready", "Portland", "ME"),
    ]


def test_j_and_k_go_from_row_to_row_and_typing_them_does_not(
    chromium: Browser,
    live_server: Any,
) -> None:
    room = Desk()
    rows = [queue.aged(queue.lost_address(room.publisher, room.film), 9 - n) for n in range(3)]
    tab = Tab(chromium, live_server.url)
    tab.sign_in(room.user)
    tab.open(QUEUE)
    keys = tab.page.keyboard
    seen = [focused(tab)]
    for key in "jjjkkk":
        keys.press(key)
        seen.append(focused(tab))
    assert seen == [rows[n].invoice for n in (0, 1, 2, 2, 1, 0, 0)]
    field = tab.page.locator(".waits-card").first.get_by_label("City")
    field.focus()
    keys.type("jk")
    assert field.input_value() == "jk"
    tab.context.close()


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_the_queue_is_sound_in_both_themes(
    chromium: Browser,
    live_server: Any,
    size: str,
) -> None:
    room = Desk()
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(room.user)
    tab.open(QUEUE)
    found = tab.faults()
    room.one_of_each()
    texts = " ".join(cast.PAYLOADS)
    hostile = queue.lost_address(room.publisher, room.film)
    Order.objects.filter(pk=hostile.pk).update(name=texts[:200], flag=texts, address=texts[:400])
    Delivery.objects.filter(outcome="quarantined").update(reason=texts)
    base.southwind().staff.add(room.user)
    tab.open(f"{QUEUE}?reason=")
    found += tab.faults()
    tab.open(f"{QUEUE}?publisher=")
    for fold in tab.page.query_selector_all("#content details"):
        fold.evaluate("one => one.open = true")
    found += tab.faults()
    viewer = cast.colleague("vera", room.publisher, may="view")
    tab.context.clear_cookies()
    tab.sign_in(viewer)
    tab.open(f"{QUEUE}?reason=address")
    assert tab.page.locator("#content form").count() == 0
    found += tab.faults()
    tab.context.close()
    assert not found, "\n".join(found)
