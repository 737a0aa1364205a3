"""The mapping desk and a publisher's setup in a real Chromium, from an unknown SKU to its order."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from orders.models import Delivery, Order
from products.models import Publisher, SkuAlias
from tests import admin_cast as cast
from tests import base
from tests.test_admin_browser import Tab, chromium, pytestmark

__all__ = ["chromium", "pytestmark"]


def came(*skus: str, **values: Any) -> None:
    base.deliver(base.order_body(*(base.line(sku) for sku in skus), **values))


def furnished() -> Publisher:
    """Northlight with products, an ambiguous SKU, hostile texts and orders that wait."""
    north = base.connected()
    for number, title in enumerate(("Harbour Lights", "Ferry to the Isles", "A Winter of Birds")):
        base.product(north, f"6676{number}", title=title, skus=[f"HL-{number}"])
    SkuAlias.objects.create(publisher=north, sku="66760", product=north.products.first())
    long = "A-SKU-THAT-IS-VERY-LONG-AND-HAS-NO-BREAK-" * 5
    texts = " ".join(cast.PAYLOADS)
    for number in range(4):
        came("HARBOUR-DVD", "VTD234-100", name=f"#10{number}")
    base.deliver(base.order_body(base.line("NEW-2", title="Harbour Lights (DVD)"), name="#200"))
    came("66760", long[:200], name="#300")
    base.deliver(base.order_body(base.line(texts[:200], title=texts[:255]), name=texts[:60]))
    base.deliver(base.order_body(base.line("", variant_id=None, title=texts[:255]), name="#400"))
    came("MAPPED", name="#500")
    SkuAlias.objects.create(publisher=north, sku="MAPPED", product=north.products.first())
    return north


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_every_page_is_sound_full_and_empty(chromium: Browser, live_server: Any, size: str) -> None:
    boss = cast.colleague("boss", superuser=True)
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(boss)
    tab.open("/admin/mapping/")
    found = tab.faults()
    north = furnished()
    base.southwind()
    for where in (
        f"/admin/mapping/?publisher={north.pk}",
        f"/admin/mapping/choose/?publisher={north.pk}&sku=new-2",
        f"/admin/mapping/choose/?publisher={north.pk}&sku=66760&q=zzz",
        cast.page(north),
        cast.page(Publisher.objects.get(name="Southwind Records")),
        cast.page(north.products.first()),
    ):
        tab.open(where)
        found += tab.faults()
    tab.open(f"/admin/mapping/?publisher={north.pk}")
    for select in tab.page.locator(".map-choice select").all():
        select.select_option(index=1)
    tab.page.get_by_role("button", name="Show what would be made").click()
    tab.page.wait_for_url("**/preview/")
    found += tab.faults()
    tab.context.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_an_unknown_sku_becomes_an_order(chromium: Browser, live_server: Any, size: str) -> None:
    north = base.connected()
    harbour = base.product(north, "66760", title="Harbour Lights")
    user = cast.colleague("ana", north)
    answer = base.deliver(
        base.order_body(base.line("HARBOUR-DVD", 2, title="Harbour Lights DVD"), id=77)
    )
    assert answer.json()["outcome"] == "unmatched"
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(user)
    tab.open(cast.page(Delivery, "changelist"))
    page = tab.page
    page.get_by_role("link", name="SKU mapping").first.click()
    page.wait_for_selector("text=1 order")
    page.get_by_role("link", name="Search the products…").click()
    page.get_by_label("Title, project id or SKU").fill("harb")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Found for “harb”")
    page.get_by_label("Harbour Lights").check()
    page.get_by_role("button", name="Show what would be made").click()
    page.wait_for_selector("text=Order NORTH-1001-S77-1 would be made, with 2 pieces.")
    assert Order.objects.count() == 0
    page.get_by_role("button", name="Map and replay 1 delivery").click()
    page.wait_for_selector("text=The SKU HARBOUR-DVD stands for Harbour Lights (66760) now.")
    page.wait_for_selector("text=Every SKU is mapped")
    assert tab.faults() == []
    page.locator(".messagelist").get_by_role("link", name="NORTH-1001-S77-1").click()
    page.wait_for_selector("text=The order was made, with 2 pieces.")
    tab.context.close()
    order = Order.objects.get()
    assert (order.invoice, order.status, order.pieces()) == ("NORTH-1001-S77-1", "ready", 2)
    assert order.lines.get().product == harbour
    assert Delivery.objects.get().outcome == "created"


def test_the_webhook_address_and_the_skus_are_copied(chromium: Browser, live_server: Any) -> None:
    north = base.connected(p66751="B")
    tab = Tab(chromium, live_server.url)
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.sign_in(cast.colleague("ana", north))
    expected = {
        cast.page(north): f"{live_server.url}/webhooks/shopify/?idpub=66870",
        cast.page(north.products.get(project_id="66751")): "B",
    }
    for where, text in expected.items():
        tab.open(where)
        tab.page.get_by_role("button", name="Copy").click()
        tab.page.wait_for_selector("text=Copied")
        assert tab.page.evaluate("navigator.clipboard.readText()") == text
    assert tab.complaints == []
    tab.context.close()
