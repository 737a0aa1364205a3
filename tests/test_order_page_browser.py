"""A clerk's orders by hand in a real Chromium: paste, check, save, hold, note, duplicate."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from orders import desk, lifecycle
from orders.models import Order
from tests import admin_cast as cast
from tests import base
from tests.test_admin_browser import Tab, chromium, pytestmark

__all__ = ["chromium", "pytestmark"]
TEXT = "Ana Peña\n12 Harbour Street\nApt 3\nPortland, ME 04101\nUSA\nana@example.com"
NEW = "/admin/orders/order/add/"


def outlook(page: Page) -> Any:
    return page.locator(".order-check .order-told")


def choose_film(page: Page) -> None:
    page.locator("#lines-0 .select2-selection").click()
    page.keyboard.type("harb")
    page.locator(".select2-results__option", has_text="Harbour Lights").click()


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_an_order_by_hand_from_a_pasted_address_to_its_copy(
    chromium: Browser, live_server: Any, size: str
) -> None:
    publisher = base.northlight()
    base.product(publisher, title="Harbour Lights", price=19)
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(cast.colleague("ana", publisher))
    tab.open(NEW)
    page = tab.page
    assert tab.faults() == []

    page.get_by_label("Name, street, place").fill(TEXT)
    page.get_by_role("button", name="Put it into the fields").click()
    expect(page.locator("[name=city]")).to_have_value("Portland")
    expect(page.locator("[name=country]")).to_have_value("US")
    expect(page.locator("[name=email]")).to_have_value("ana@example.com")
    expect(outlook(page)).to_contain_text("Add at least one product.")
    choose_film(page)
    expect(page.locator("[name=lines-0-quantity]")).to_have_value("1")
    expect(outlook(page)).to_have_text(
        "1 piece, 1 box, by Standard, $19.00 printed. Saved like this, it goes out by itself."
    )
    page.fill("[name=zip]", "")
    expect(outlook(page)).to_contain_text("An address in the USA needs a ZIP code. Enter it.")
    assert tab.faults() == []
    page.fill("[name=zip]", "04101")
    expect(outlook(page)).not_to_contain_text("ZIP")
    page.locator("input[name=_save]").click()
    page.wait_for_selector(".messagelist .success")
    expect(page.locator("h1", has_text="NORTH-M1")).to_be_visible()

    page.locator(".desk-fold summary", has_text="Hold").click()
    page.get_by_label("Why").locator("visible=true").fill("She moves.")
    page.get_by_label("Kind of reason").select_option("customer")
    until = timezone.now() + timedelta(days=3)
    page.get_by_label("Until").fill(f"{until:%Y-%m-%dT%H:%M}")
    page.locator(".desk-fold[open] button", has_text="Hold").click()
    page.wait_for_selector("text=is held.")
    assert "The order was held (customer). She moves." in page.inner_text(".timeline")
    expect(page.locator(".order-head")).to_contain_text("It is released by itself on")

    page.get_by_label("A note for your colleagues").fill("She rang.\nCall back on Monday.")
    page.get_by_role("button", name="Add a note").click()
    page.wait_for_selector("text=The note is in the timeline.")
    assert "Call back on Monday." in page.inner_text(".timeline li.note")
    assert tab.faults() == []

    page.get_by_role("link", name="Duplicate").click()
    expect(page.locator(".order-copied")).to_contain_text("NORTH-M1")
    expect(outlook(page)).to_contain_text("1 piece, 1 box")
    assert tab.faults() == []
    page.fill("[name=lines-0-quantity]", "2")
    page.locator("input[name=_save]").click()
    page.wait_for_selector(".messagelist .success")
    assert tab.faults() == []
    tab.context.close()
    made = [(o.invoice, o.status, o.pieces(), o.city) for o in Order.objects.order_by("id")]
    assert made == [("NORTH-M1", "held", 1, "Portland"), ("NORTH-M2", "ready", 2, "Portland")]


def test_what_cannot_be_placed_is_shown(chromium: Browser, live_server: Any) -> None:
    publisher = base.northlight()
    tab = Tab(chromium, live_server.url)
    tab.sign_in(cast.colleague("ana", publisher))
    tab.open(NEW)
    page = tab.page
    page.get_by_label("Name, street, place").fill("Jo Doe\n1 Main St Springfield IL 62701")
    page.get_by_role("button", name="Put it into the fields").click()
    told = page.locator(".order-paste .order-told")
    expect(told).to_contain_text("Not placed: 1 Main St Springfield")
    expect(told).to_contain_text("it is United States. Check it.")
    expect(page.locator("[name=city]")).to_have_value("")
    assert tab.faults() == []
    tab.context.close()


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_a_change_under_the_editor_is_shown_beside(
    chromium: Browser, live_server: Any, size: str
) -> None:
    publisher = base.northlight()
    order = cast.held(publisher, (base.product(publisher), 1))
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(cast.colleague("ana", publisher))
    tab.open(cast.page(order))
    bo = lifecycle.person(cast.colleague("bo", publisher))
    desk.edit(order.pk, {"city": "Augusta"}, actor=bo, version=order.version)
    page = tab.page
    page.fill("[name=city]", "Bangor")
    page.locator("input[name=_save]").click()
    expect(page.locator(".order-conflicts td")).to_have_text(["Bangor", "Augusta"])
    assert tab.faults() == []
    page.get_by_role("link", name="Open its present state").click()
    expect(page.locator("[name=city]")).to_have_value("Augusta")
    tab.context.close()
    order.refresh_from_db()
    assert order.city == "Augusta"


def test_the_form_works_without_any_script(chromium: Browser, live_server: Any) -> None:
    publisher = base.northlight()
    film = base.product(publisher, title="Harbour Lights")
    tab = Tab(chromium, live_server.url)
    tab.sign_in(cast.colleague("ana", publisher))
    plain = chromium.new_context(java_script_enabled=False)
    plain.add_cookies(tab.context.cookies())
    first = base.place(publisher, (film, 1))
    page = plain.new_page()
    page.goto(f"{live_server.url}{NEW}?from={first.pk}")
    assert page.locator(".order-paste").is_hidden()
    page.locator("input[name=_save]").click()
    page.wait_for_selector(".messagelist .success")
    plain.close()
    tab.context.close()
    assert sorted(Order.objects.values_list("invoice", flat=True)) == ["NORTH-M1", "NORTH-M2"]
