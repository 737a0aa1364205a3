"""The admin in a real Chromium: keyboard, widths, themes, screen readers, hostile texts."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, Page, sync_playwright

from orders.models import Attempt, Delivery, DeliveryLine, Gateway, Order
from tests import admin_cast as cast
from tests import base

CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = {"narrow": (360, 740), "wide": (1440, 900)}
PHOTOS = os.environ.get("ADMIN_PHOTOS", "")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not CHROMIUM.exists() and not os.environ.get("CI"), reason="Chromium is not installed"
    ),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Playwright's own loop runs in this thread; Django takes it for asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Tab:
    """A tab that is signed in, and everything it complained of."""

    def __init__(self, browser: Browser, address: str, size: str = "wide") -> None:
        width, height = SIZES[size]
        self.size, self.address = size, address
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(f"{self.page.url} {message.text} {message.location}")

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"{self.page.url} dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, where: str) -> None:
        response = self.page.goto(self.address + where)
        assert response is not None
        assert response.status == 200, where

    def sign_in(self, user: Any) -> None:
        client = cast.signed_in(user)
        value = client.cookies["session"].value
        self.context.add_cookies([{"name": "session", "value": value, "url": self.address}])

    def faults(self) -> list[str]:
        """What is wrong with the page as it stands: too wide, or of no use to a screen reader."""
        where = self.page.url.removeprefix(self.address)
        # First of all: axe and the photographs themselves write inline styles.
        found, self.complaints = self.complaints, []
        wide, room = self.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        if wide > room:
            found.append(f"{where}: {wide} pixels wide in {room}")
        self.photo(where, "light")
        found += self._axe(where, {})
        self.page.emulate_media(color_scheme="dark")
        self.photo(where, "dark")
        found += self._axe(where, {"runOnly": ["color-contrast"]})
        self.page.emulate_media(color_scheme="light")
        self.complaints.clear()
        return found

    def _axe(self, where: str, options: dict[str, Any]) -> Iterator[str]:
        # Colours are measured once they have come to rest.
        self.page.evaluate(
            "Promise.all(document.getAnimations().map(one => one.finished)).then(() => 0)"
        )
        results = Axe().run(self.page, options={"resultTypes": ["violations"], **options})
        for violation in results.response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                nodes = " ".join(node["html"][:160] for node in violation["nodes"][:2])
                yield f"{where}: {violation['id']} x{len(violation['nodes'])} {nodes}"

    def photo(self, where: str, theme: str) -> None:
        if PHOTOS:
            name = where.strip("/").replace("/", "-") or "index"
            self.page.screenshot(path=f"{PHOTOS}/{name}-{self.size}-{theme}.png", full_page=True)


def furnish() -> list[str]:
    """Two publishers with rows in many states, hostile texts among them; return the pages."""
    ours = cast.ours()
    cast.theirs()
    cast.installation()
    film = ours.product
    texts = " ".join(cast.PAYLOADS)
    trouble = cast.put(
        base.place(ours.publisher, (film, 2)), "problem", name=texts[:200], address=texts[:400],
        city=cast.PAYLOADS[1], gateway_error_text=texts, tracking_id=texts[:100], flag=texts,
        gateway_status=texts[:100], special_text=texts[:500],
    )  # fmt: skip
    trouble.events.update(data={"note": texts, "text": texts})
    Attempt.objects.create(
        order=trouble, number=1, token=uuid.uuid4(), credential_version=1, payload_hash="0",
        text=texts, excerpt=texts, error_code="000013", started_at=timezone.now(),
    )  # fmt: skip
    base.product(ours.publisher, "66799", title=texts[:200], skus=[texts[:60]])
    waiting = cast.held(ours.publisher, (film, 1))
    shipped = cast.shipped(ours.publisher, (film, 1), tracking_id="9400100000000000000000")
    DeliveryLine.objects.filter(delivery=ours.delivery).update(title=texts[:255], reason=texts)
    Delivery.objects.filter(pk=ours.delivery.pk).update(reason=texts)
    blank = base.order_body(base.line(None, variant_id=None, title=texts[:255]), name="#7")
    base.deliver(blank, secret=ours.secret)
    type(ours.publisher).objects.filter(pk=ours.publisher.pk).update(
        login_refused_at=timezone.now()
    )
    pages = ["/admin/", "/admin/password_change/", "/admin/orders/"]
    for model, _ in cast.registered():
        pages.append(cast.page(model, "changelist"))
        row = Gateway.objects.get() if model is Gateway else model.objects.first()
        if row is not None:
            pages.append(cast.page(row))
    pages += [cast.page(model, "add") for model in addable()]
    pages += [cast.page(row) for row in (trouble, waiting, shipped, *Delivery.objects.all())]
    pages += [cast.page(waiting, "history"), cast.page(film, "delete")]
    return list(dict.fromkeys(pages))


def addable() -> list[Any]:
    names = ("Group", "User", "Publisher", "Product", "SkuAlias", "Store", "Order", "TOTPDevice")
    return [model for model, _ in cast.registered() if model.__name__ in names]


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_every_page_is_sound_in_both_themes(chromium: Browser, live_server: Any, size: str) -> None:
    pages = furnish()
    tab = Tab(chromium, live_server.url, size)
    tab.open("/admin/login/")
    found = tab.faults()
    tab.sign_in(cast.colleague("boss", superuser=True))
    for where in pages:
        tab.open(where)
        for fold in tab.page.query_selector_all("#content details"):
            fold.evaluate("one => one.open = true")
        found += tab.faults()
    tab.context.close()
    assert not found, "\n".join(found)


def test_one_signs_in_by_keyboard_alone(chromium: Browser, live_server: Any) -> None:
    cast.colleague("ana", base.northlight())
    tab = Tab(chromium, live_server.url)
    tab.open("/admin/")
    keys = tab.page.keyboard
    assert tab.page.evaluate("document.activeElement.name") == "username"
    keys.type("ana")
    keys.press("Tab")
    keys.type(cast.PASSWORD)
    keys.press("Enter")
    tab.page.wait_for_url("**/admin/")
    assert tab.page.text_content("#user-tools strong") == "ana"
    keys.press("Tab")
    assert tab.page.evaluate("document.activeElement.textContent.trim()") == (
        "Skip to main content"
    )
    assert tab.faults() == []
    tab.context.close()


@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_hold_release_and_cancel_show_in_the_timeline(
    chromium: Browser, live_server: Any, size: str
) -> None:
    publisher = base.northlight()
    order = base.place(publisher, (base.product(publisher), 1))
    tab = Tab(chromium, live_server.url, size)
    tab.sign_in(cast.colleague("ana", publisher))
    tab.open(cast.page(order))
    page = tab.page

    def last() -> str:
        return page.locator(".timeline li .told").last.inner_text()

    assert last() == "The order was made, with 1 piece."
    # By keyboard: the fold opens with Enter, its first field is next.
    page.locator(".desk-fold summary", has_text="Hold").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("She moves.")
    page.keyboard.press("Enter")
    page.wait_for_selector(".messagelist .success")
    assert last() == "The order was held (staff). She moves."
    page.get_by_role("button", name="Release").click()
    page.wait_for_selector("text=is released and goes out now.")
    assert last() == "The order was released."
    page.locator(".desk-fold summary", has_text="Cancel").click()
    page.get_by_label("Why").locator("visible=true").fill("Paid back.")
    page.locator(".desk-fold[open] button", has_text="Cancel").click()
    page.wait_for_selector("text=is cancelled.")
    assert last() == "The order was cancelled. Paid back."
    assert page.locator(".desk-buttons").count() == 0
    assert tab.faults() == []
    tab.context.close()
    assert Order.objects.get().status == "cancelled"


def test_the_theme_can_be_switched_and_stays(chromium: Browser, live_server: Any) -> None:
    tab = Tab(chromium, live_server.url)
    tab.sign_in(cast.colleague("ana", base.northlight()))
    tab.open("/admin/")
    seen = set()
    for _ in range(3):
        tab.page.locator("button.theme-toggle").first.click()
        seen.add(tab.page.evaluate("document.documentElement.dataset.theme"))
    assert seen == {"light", "dark", "auto"}
    tab.context.close()


def test_products_are_found_by_typing_when_an_order_is_added(
    chromium: Browser, live_server: Any
) -> None:
    publisher = base.northlight()
    base.product(publisher, title="Harbour Lights")
    tab = Tab(chromium, live_server.url)
    tab.sign_in(cast.colleague("ana", publisher))
    tab.open(cast.page(Order, "add"))
    page = tab.page
    page.select_option("select[name=publisher]", label=str(publisher))
    for name, value in base.ANA.as_dict().items():
        if name == "country":
            page.select_option(f"[name={name}]", value)
        else:
            page.fill(f"[name={name}]", value)
    page.locator("#lines-0 .select2-selection").click()
    page.keyboard.type("harb")
    page.locator(".select2-results__option", has_text="Harbour Lights").click()
    page.fill("[name=lines-0-quantity]", "2")
    page.locator("input[name=_save]").click()
    page.wait_for_selector(".messagelist .success")
    assert [(o.invoice, o.status, o.pieces()) for o in Order.objects.all()] == [
        ("NORTH-M1", "ready", 2)
    ]
    assert tab.faults() == []
    tab.context.close()
