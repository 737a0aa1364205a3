"""A clerk's day in a real Chromium, from a delivery with an unknown SKU to the box made again.

The bulk hold of 200 orders is walked in ``test_jobs_browser``, the import of a 500-row file with
7 bad rows in ``test_spreadsheet_pages``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from orders import tasks
from orders.models import Delivery, Order
from orders.trepstar.sandbox import Sandbox
from orders.trepstar.sandbox_server import SandboxServer
from products import roles
from products.models import Product
from tests import admin_cast as cast
from tests import base
from tests.gateway_cast import NORTH
from tests.test_admin_browser import Tab, chromium, pytestmark
from tests.test_every_page import furnish, pages

__all__ = ["chromium", "pytestmark"]
PACE = 600.0


class Shop:
    """Posts to the desk over a real socket, where the tests else post by Django's client."""

    def __init__(self, address: str) -> None:
        self.address = address

    def post(self, path: str, *, data: bytes, content_type: str, headers: dict[str, str]) -> Any:
        sent = {**headers, "Content-Type": content_type}
        return requests.post(self.address + path, data=data, headers=sent, timeout=30)


class Clock:
    """TrepStar's clock, which a test may move forward."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@contextmanager
def trepstar(settings: Any) -> Iterator[tuple[Sandbox, Clock]]:
    """Run the sandbox on a socket, as the gateway that the workers are configured for."""
    clock = Clock()
    sandbox = Sandbox([NORTH], pace=PACE, clock=clock)
    with SandboxServer(sandbox) as server:
        settings.TREPSTAR_URL = server.url
        yield sandbox, clock
    sandbox.close()


def code_names(role: frozenset[str]) -> list[str]:
    """Return a role's permissions; its group does not outlive a test that empties the tables."""
    return [name.split(".")[1] for name in role]


def map_the_sku(page: Page) -> None:
    """From the dashboard to the SKU's product, a preview, and the replay."""
    expect(page.locator("section", has_text="Unknown SKUs").locator("code")).to_have_text(
        "HARBOUR-DVD"
    )
    page.get_by_role("navigation", name="Pages of the desk").get_by_text("SKU mapping").click()
    film = str(Product.objects.get(title="Harbour Lights").pk)
    page.get_by_label("What HARBOUR-DVD stands for").select_option(film)
    page.get_by_role("button", name="Show what would be made").click()
    page.wait_for_selector("text=Order NORTH-1001-S77-1 would be made, with 2 pieces.")
    assert Order.objects.count() == 0
    page.get_by_role("button", name="Map and replay 1 delivery").click()
    page.wait_for_selector("text=Every SKU is mapped")


def mend_the_address(page: Page) -> None:
    """From the held order to the queue, where its address is mended in place."""
    page.locator(".messagelist").get_by_role("link", name="NORTH-1001-S77-1").click()
    expect(page.locator(".order-head .badge-held")).to_be_visible()
    page.get_by_role("navigation", name="Pages of the desk").get_by_text("Needs attention").click()
    card = page.locator(".waits-card")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("The city is blank. Enter it.")
    card.get_by_label("City").fill("Portland")
    card.get_by_role("button", name="Save and release").click()
    page.wait_for_selector("text=Order NORTH-1001-S77-1 is saved, released, and goes out now.")
    page.wait_for_selector("text=All done")


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_from_an_unknown_sku_to_the_box_made_again(
    chromium: Browser, live_server: Any, settings: Any, size: str
) -> None:
    north = base.connected()
    base.product(north, "66760", title="Harbour Lights", package="cd_sleeve")
    user = cast.colleague("ana", north, may=code_names(roles.MANAGER))
    address = {**base.ADDRESS, "city": ""}
    body = base.order_body(
        base.line("HARBOUR-DVD", 2, title="Harbour Lights DVD"), id=77, shipping_address=address
    )
    answer = base.deliver(body, client=Shop(live_server.url))  # type: ignore[arg-type]
    assert answer.json()["outcome"] == "unmatched"

    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(user)
    tab.open("/admin/")
    page = tab.page
    found = tab.faults()
    map_the_sku(page)
    assert Delivery.objects.get().outcome == "created"
    mend_the_address(page)
    found += tab.faults()
    order = Order.objects.get()
    assert (order.status, order.city) == ("ready", "Portland")

    with trepstar(settings) as (sandbox, clock):
        tasks.submit_due()
        assert sandbox.acceptances() == [("66870", order.invoice, "66760")]
        tab.open(cast.page(order))
        expect(page.locator(".order-head .badge").first).to_have_text("accepted")
        clock.ahead += PACE + 1
        page.get_by_role("button", name="Ask TrepStar now").click()
        page.wait_for_selector(f"text=TrepStar is being asked about {order.invoice}")
        tasks.ask_now(order.pk)
    tab.open(cast.page(order))
    expect(page.locator(".order-head .badge").first).to_have_text("shipped")
    order.refresh_from_db()
    assert order.tracking_id.startswith("42004101")
    link = page.get_by_role("link", name=order.tracking_id).first
    assert order.tracking_id in (link.get_attribute("href") or "")
    found += tab.faults()
    make_it_again(page, order)
    found += tab.faults()
    tab.context.close()
    assert not found, "\n".join(found)


def make_it_again(page: Page, order: Order) -> None:
    page.locator(".desk-fold summary", has_text="Make it again").click()
    page.get_by_label("Why it is made again").fill("The disc arrived broken.")
    page.locator(".desk-fold[open] button", has_text="Make it again").click()
    page.wait_for_selector("text=was made and is held; release it when it may go out.")
    again = Order.objects.exclude(pk=order.pk).get()
    assert (again.invoice, again.status, again.pieces()) == (f"{order.invoice}-R1", "held", 2)
    page.get_by_role("link", name=again.invoice).first.click()
    expect(page.locator("h1", has_text=again.invoice)).to_be_visible()
    assert "The disc arrived broken." in page.inner_text("#content")


# A viewer chooses what they themselves are told and which views they keep; all else only shows.
OWN = ("/admin/logout/", "/admin/orders/order/views/save/")
OF_THEIR_OWN = "alertsubscription"
CHANGING = """[...document.querySelectorAll('form')]
    .filter(one => one.method === 'post')
    .filter(one => one.querySelector('button:not([type=button]), input[type=submit]'))
    .map(one => new URL(one.action).pathname)"""
LEADING = """[...document.querySelectorAll('#container a')].map(one => one.pathname)
    .filter(path => /\\/(add|delete)\\/$/.test(path))"""


def test_a_viewer_finds_nothing_that_changes_anything(chromium: Browser, live_server: Any) -> None:
    world = furnish()
    viewer = cast.colleague("vera", world.ours.publisher, may=code_names(roles.VIEWER))
    every = [one for one in pages(world, viewer) if OF_THEIR_OWN not in one]
    tab = Tab(chromium, live_server.url)
    tab.sign_in(viewer)
    found: list[str] = []
    for where in every:
        if where == "/admin/password_change/":
            continue  # their own password
        tab.open(where)
        changing = [one for one in tab.page.evaluate(CHANGING) if one not in OWN]
        leading = [one for one in tab.page.evaluate(LEADING) if OF_THEIR_OWN not in one]
        found += [f"{where}: {one}" for one in (*changing, *leading)]
    tab.context.close()
    assert len(every) > 30
    assert not found, "\n".join(found)
