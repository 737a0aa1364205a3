"""Many orders at once in a real Chromium: a bulk hold of 200, the views, a job's page."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Browser

from orders import jobs
from orders.models import Job, Order
from tests import admin_cast as cast
from tests import base
from tests.test_admin_browser import Tab, chromium, pytestmark  # noqa: F401 - fixture and marks

LIST = "/admin/orders/order/"


@pytest.fixture
def room() -> cast.Room:
    return cast.Room()


def many(room: cast.Room, number: int, **values: Any) -> None:
    for _ in range(number):
        base.place(room.publisher, (room.film, 1), **values)


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_two_hundred_orders_are_held_after_the_number_was_typed(
    chromium: Browser,  # noqa: F811
    live_server: Any,
    room: cast.Room,
    size: str,
) -> None:
    many(room, 200)
    cast.shipped(room.publisher, (room.film, 1))
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(room.user)
    tab.open(LIST)
    page = tab.page
    assert tab.faults() == []
    page.locator("#action-toggle").check()
    page.get_by_text("Select all 201 orders").click()
    page.select_option("select[name=action]", "hold_selected")
    page.get_by_role("button", name="Go").click()
    page.wait_for_selector("h1:has-text('Hold 201 orders')")
    assert [one.inner_text() for one in page.locator(".fates li").all()] == [
        "200 will be held.",
        "1 cannot because TrepStar has it.",
    ]
    assert tab.faults() == []
    button = page.get_by_role("button", name="Hold 201 orders")
    page.get_by_label("Reason").select_option("customer")
    page.get_by_label("Why").fill("The studio asked to wait.")
    page.get_by_label("to confirm").fill("200")
    assert button.get_attribute("aria-disabled") == "true"
    page.keyboard.press("Enter")
    assert Job.objects.count() == 0
    page.get_by_label("to confirm").fill("201")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/job/*/change/")
    assert page.locator(".job-figures").inner_text().split() == (
        ["0", "of", "201", "done", "0", "refused", "201", "waiting"]
    )
    assert tab.faults() == []
    jobs.go_on(time.monotonic() + 120)
    page.wait_for_selector("text=It ended on")  # by itself
    page.wait_for_load_state()
    assert page.locator(".job-figures").inner_text().split() == (
        ["200", "of", "201", "done", "1", "refused", "0", "waiting"]
    )
    page.get_by_role("link", name="Refused 1").click()
    assert "has been shipped, so it cannot become held." in page.locator("td.job-text").inner_text()
    assert tab.faults() == []
    held = Order.objects.filter(hold_note="The studio asked to wait.", hold_reason="customer")
    assert held.count() == 200
    tab.open("/admin/orders/job/")
    assert tab.faults() == []
    tab.context.close()


def test_a_job_under_way_is_followed_and_stopped(
    chromium: Browser,  # noqa: F811
    live_server: Any,
    room: cast.Room,
) -> None:
    many(room, 3)
    job = jobs.start("hold", user=room.user, title="Hold 3 orders", rows=Order.objects.all())
    tab = Tab(chromium, live_server.url)
    tab.sign_in(room.user)
    tab.open(cast.page(job))
    page = tab.page
    Job.objects.update(done=2, state="running")
    page.wait_for_selector("text=A worker is at it")
    assert page.locator(".job-figures li").first.inner_text() == "2 of 3 done"
    page.locator(".desk-fold summary", has_text="Stop").click()
    page.locator(".desk-fold[open] button", has_text="Stop").click()
    page.wait_for_selector("text=It was stopped by ana")
    assert tab.faults() == []
    tab.context.close()


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_a_view_is_saved_and_opened_by_keyboard(
    chromium: Browser,  # noqa: F811
    live_server: Any,
    room: cast.Room,
    size: str,
) -> None:
    many(room, 3)
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(room.user)
    tab.open(LIST + "?created_at_from=2020-01-01&q=ana")
    page = tab.page
    page.locator("summary", has_text="Save this view").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Ana's")
    assert tab.faults() == []
    page.keyboard.press("Enter")
    page.wait_for_selector(".messagelist .success")
    tab.open(LIST + "?view=silent")
    assert page.locator("text=No order fits.").count() == 1
    assert tab.faults() == []
    page.get_by_role("link", name="Ana's", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**created_at_from=2020-01-01**")
    assert page.locator("#result_list tbody tr").count() == 3
    assert page.locator("a.chip[aria-current]").inner_text() == "Ana's"
    page.get_by_label("Day of arrival, to").fill("2021-01-01")
    page.locator("details", has_text="day of arrival").get_by_role("button", name="Show").click()
    page.wait_for_selector("text=No order fits.")
    assert tab.faults() == []
    page.get_by_role("button", name="Delete the view Ana's").click()
    page.wait_for_selector("text=The view “Ana's” is deleted.")
    tab.context.close()


def test_the_page_that_asks_before_a_release_is_sound(
    chromium: Browser,  # noqa: F811
    live_server: Any,
    room: cast.Room,
) -> None:
    orders = [room.held(), room.held(recipient=base.Recipient(name="Bo", country="US", state="ME"))]
    Order.objects.filter(pk=orders[1].pk).update(name=cast.PAYLOADS[0], city=cast.PAYLOADS[1])
    for size in ("narrow", "wide"):
        tab = Tab(chromium, live_server.url, size)
        tab.sign_in(room.user)
        tab.open(LIST)
        for box in tab.page.locator("input.action-select").all():
            box.check()
        tab.page.select_option("select[name=action]", "release_selected")
        tab.page.get_by_role("button", name="Go").click()
        tab.page.wait_for_selector("h1:has-text('Release 2 orders')")
        assert tab.page.locator("td .flagged").count() >= 1
        assert tab.faults() == []
        tab.context.close()
