"""An import in a real Chromium: 500 orders, seven of them bad, from the file to the boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from orders.models import Job, Order
from tests import admin_cast as cast
from tests import base
from tests.spreadsheet_cast import BAD_ROWS, Desk, five_hundred, form_csv, sample
from tests.test_admin_browser import Tab, chromium, pytestmark  # noqa: F401 - a fixture and marks


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_a_file_of_500_orders_is_checked_confirmed_and_made(
    chromium: Browser,  # noqa: F811
    live_server: Any,
    tmp_path: Path,
    size: str,
) -> None:
    desk = Desk()
    base.store(desk.publisher)
    path = tmp_path / "November orders.csv"
    path.write_bytes(five_hundred())
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(desk.user)
    page, found = tab.page, []
    tab.open("/admin/orders/order/")
    found += tab.faults()
    page.locator(".object-tools").get_by_role("link", name="Import").click()
    page.wait_for_selector("text=No file was imported yet")
    found += tab.faults()
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="Go on to the columns").click()
    page.wait_for_selector("text=What the columns hold")
    assert page.locator("select[name=product] option:checked").inner_text() == (
        "ProductID (VTD234-100)"
    )
    found += tab.faults()
    page.get_by_role("button", name="Check the file").click()
    page.wait_for_selector("text=What the check found")
    told = page.locator(".import-problems li").all_inner_texts()
    assert told == [text for _, text in BAD_ROWS.values()]
    found += tab.faults()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the bad rows as CSV").click()
    assert download.value.suggested_filename == "november-orders-bad-rows.csv"
    confirm = page.get_by_role("button", name="Make 493 orders")
    confirm.click()
    # The browser itself asks for the tick; nothing was sent.
    assert Job.objects.count() == 0
    page.get_by_label("Leave out the 7 bad orders").check()
    confirm.click()
    page.wait_for_selector("text=493 orders were made.")
    assert "493 of 493 done" in page.inner_text(".job-figures")
    found += tab.faults()
    tab.open("/admin/import/")
    found += tab.faults()
    page.select_option("select[name=publisher]", label=str(desk.publisher))
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="Go on to the columns").click()
    page.wait_for_selector("text=so it is not taken a second time")
    found += tab.faults()
    assert Order.objects.count() == 493
    with page.expect_download() as download:
        tab.open("/admin/orders/order/")
        page.get_by_role("button", name="Export CSV").click()
    exported = Path(download.value.path()).read_bytes()
    assert exported.count(b"\r\n") == 494
    found += tab.faults()
    tab.context.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_shopifys_export_is_pasted_and_hostile_cells_are_only_text(
    chromium: Browser,  # noqa: F811
    live_server: Any,
    size: str,
) -> None:
    desk = Desk(auto_submit=False)
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(desk.user)
    page, found = tab.page, []
    for text in (
        sample("shopify-orders.csv").decode(),
        form_csv(*({"LastName": one, "ProductID": p} for one in cast.PAYLOADS
                   for p in (one, "66750"))).decode(),
    ):  # fmt: skip
        tab.open("/admin/import/")
        page.get_by_label("Or cells pasted from your spreadsheet").fill(text)
        page.get_by_role("button", name="Go on to the columns").click()
        page.get_by_role("button", name="Check the file").click()
        page.wait_for_selector("text=What the check found")
        page.locator("summary", has_text="What the columns hold").click()
        found += tab.faults()
    page.get_by_role("button", name="Discard this draft").click()
    page.wait_for_selector("text=was discarded; nothing of it was made.")
    found += tab.faults()
    tab.context.close()
    assert not found, "\n".join(found)
