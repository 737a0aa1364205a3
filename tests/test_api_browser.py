"""The API's page and a new token's page in a real Chromium, under the strict policy."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests import admin_cast as cast
from tests import api_cast, base
from tests.test_admin_browser import Tab, chromium, pytestmark  # noqa: F401

ApiToken = api_cast.ApiToken


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_the_page_shows_every_operation_and_complains_of_nothing(
    chromium: Browser,  # noqa: F811
    live_server: Any,
    size: str,
) -> None:
    tab = Tab(chromium, live_server.url, size)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.open("/api/docs/")
    tab.page.wait_for_selector(".opblock")
    assert tab.page.locator(".opblock").count() == 33
    tab.page.locator("#operations-orders-orders_create .opblock-summary-control").click()
    tab.page.wait_for_selector("#operations-orders-orders_create .body-param__example")
    text = tab.page.locator("#operations-orders-orders_create").inner_text()
    assert "VTD234-100" in text
    tab.page.wait_for_load_state("networkidle")
    tab.photo("/api/docs/", "light")
    outside = [one for one in asked if not one.startswith((live_server.url, "data:", "blob:"))]
    assert (tab.complaints, outside) == ([], [])
    tab.context.close()


def test_one_tries_it_out_with_a_token(chromium: Browser, live_server: Any) -> None:  # noqa: F811
    shop = api_cast.Shop()
    order = shop.placed()
    tab = Tab(chromium, live_server.url)
    tab.open("/api/docs/")
    page = tab.page
    page.wait_for_selector(".opblock")
    page.locator(".btn.authorize").first.click()
    bearer = page.locator(".auth-container", has_text="bearer")
    bearer.locator("input").fill(shop.program.token)
    bearer.locator(".btn.authorize").click()
    page.locator(".btn-done").first.click()
    page.locator("#operations-orders-orders_list .opblock-summary-control").click()
    page.locator("#operations-orders-orders_list .try-out__btn").click()
    page.locator("#operations-orders-orders_list .execute").click()
    page.wait_for_selector(f".live-responses-table >> text={order.invoice}")
    assert tab.complaints == []
    tab.context.close()


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_a_token_is_made_shown_and_revoked(
    chromium: Browser,  # noqa: F811
    live_server: Any,
    size: str,
) -> None:
    tab = Tab(chromium, live_server.url, size)
    publisher = base.northlight()
    tab.sign_in(cast.colleague("ana", publisher))
    tab.open(cast.page(ApiToken, "add"))
    page = tab.page
    found = tab.faults()
    page.locator(".field-publisher .select2-selection").click()
    page.keyboard.type("north")
    page.locator(".select2-results__option", has_text="Northlight").click()
    page.fill("[name=name]", "Webshop")
    page.get_by_label("orders:read").check()
    page.locator("input[name=_save]").click()
    page.wait_for_selector(".token-shown")
    assert page.locator(".token-shown").inner_text().startswith("desk")
    tab.photo("/made/", "light")
    found += tab.faults()
    page.get_by_role("link", name="I have copied it").click()
    found += tab.faults()
    page.locator(".desk-fold summary", has_text="Revoke").click()
    page.locator(".desk-fold[open] button", has_text="Revoke").click()
    page.wait_for_selector("text=is revoked.")
    tab.open(cast.page(ApiToken, "changelist"))
    found += tab.faults()
    assert found == []
    tab.context.close()
