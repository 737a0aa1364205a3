"""Every page of the admin in a real Chromium: three widths, two themes, axe, console, titles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from axe_playwright_python.sync_playwright import Axe
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import RequestFactory
from django.urls import NoReverseMatch, reverse
from playwright.sync_api import Browser

from fulfillment.admin import DeskAdminSite
from orders.models import Order
from orders.spreadsheet import importing
from orders.spreadsheet.columns import guess
from tests import admin_cast, base, spreadsheet_cast
from tests import attention_cast as queue
from tests.test_admin_browser import Tab, chromium, pytestmark

__all__ = ["chromium", "pytestmark"]
WIDTHS = (360, 768, 1440)
# The titles that several pages share, told apart by what stands in them.
GENERAL = "Fulfilment desk"


class Walk:
    """One tab of one browser, and what it found wrong."""

    def __init__(self, tab: Tab) -> None:
        self.tab, self.page, self.found = tab, tab.page, list[str]()
        self.titles: Counter[str] = Counter()

    def visit(self, where: str) -> None:
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
        self.tab.open(where)
        for fold in self.page.query_selector_all("#content details"):
            fold.evaluate("one => one.open = true")
        self.titles[self.page.title()] += 1
        self.found += [f"{where}: {fault}" for fault in self.faults()]

    def faults(self) -> Iterator[str]:
        yield from self._texts()
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                yield f"{wide} pixels wide in {width}"
        # Axe writes inline styles, of which the browser complains.
        yield from self.tab.complaints
        yield from self._axe("light", {})
        self.page.emulate_media(color_scheme="dark")
        yield from self._axe("dark", {"runOnly": ["color-contrast"]})
        self.tab.complaints.clear()

    def _texts(self) -> Iterator[str]:
        headings = self.page.locator("h1:visible").all_inner_texts()
        if not any(text.strip() for text in headings):
            yield "no h1"
        if "object (" in self.page.inner_text("body"):
            yield "a raw “object (1)”"
        if not self.page.title().removesuffix(f"| {GENERAL}").strip():
            yield "no title"

    def _axe(self, theme: str, options: dict[str, Any]) -> Iterator[str]:
        # Colours are measured once they have come to rest.
        self.page.evaluate(
            "Promise.all(document.getAnimations().map(one => one.finished)).then(() => 0)"
        )
        results = Axe().run(self.page, options={"resultTypes": ["violations"], **options})
        for violation in results.response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                nodes = " ".join(node["html"][:160] for node in violation["nodes"][:2])
                yield f"{theme}: {violation['id']} x{len(violation['nodes'])} {nodes}"


def furnish() -> admin_cast.World:
    """Both publishers, a row for every reason to wait, and a file half imported."""
    world = admin_cast.World()
    group, _ = Group.objects.get_or_create(name="viewer")  # one that an emptied table has lost
    group.permissions.add(Permission.objects.get(codename="view_order"))
    world.ours.user.groups.add(group)
    north, film = world.ours.publisher, world.ours.product
    for reason in ("staff", "policy", "quantity", "collision"):
        queue.held(north, film, reason, f"Noted for {reason}.")
    queue.lost_address(north, film)
    admin_cast.put(
        base.place(north, (film, 1)), "refused", gateway_error_number="000013",
        gateway_error_text="Name was blank",
    )  # fmt: skip
    admin_cast.shipped(north, (film, 1), tracking_id="9400100000000000000000")
    queue.unmatched("NEW-1", None, secret=world.ours.secret)
    return world


def pages(world: admin_cast.World, user: Any) -> list[str]:
    """Return every page that a person may open, by the registry of the admin."""
    found = ["/admin/", "/admin/password_change/", "/admin/orders/", "/admin/products/"]
    request = RequestFactory().get("/admin/")
    request.user = user
    for model, page in admin_cast.registered():
        if not page.has_view_permission(request):
            continue
        found.append(admin_cast.page(model, "changelist"))
        if page.has_add_permission(request):
            found.append(admin_cast.page(model, "add"))
        row = _row(world, model)
        found += [admin_cast.page(row), admin_cast.page(row, "history")]
        if page.has_delete_permission(request, row):
            found.append(admin_cast.page(row, "delete"))
    found += [admin_cast.page(order) for order in Order.objects.for_user(user)]
    return list(dict.fromkeys([*found, *registered_pages(world, user)]))


def _row(world: admin_cast.World, model: Any) -> Any:
    """Return a row of ours; of what belongs to nobody, any row."""
    try:
        return world.ours.of(model)
    except KeyError:
        row = model._default_manager.first()
        assert row is not None, f"furnish a {model.__name__}"
        return row


def registered_pages(world: admin_cast.World, user: Any) -> list[str]:
    """Return the pages that belong to no model, those left out that only take a POST or a file."""
    file = importing.take(
        world.ours.publisher, "orders.csv", [spreadsheet_cast.form_csv({}, {"Quantity": "two"})],
        user=world.user,
    )  # fmt: skip
    importing.check(file.pk, guess(file.header))
    addresses = [f"/admin/mapping/choose/?publisher={world.ours.publisher.pk}&sku=new-1"]
    for page in cast(DeskAdminSite, admin.site).pages:
        try:
            addresses.append(reverse(page.view_name))
        except NoReverseMatch:
            key = file.pk if "file_id" in page.route else 0
            name = "file_id" if "file_id" in page.route else "pk"
            addresses.append(reverse(page.view_name, kwargs={name: key}))
    client = admin_cast.signed_in(user)
    return [one for one in addresses if _is_page(client.get(one))]


def _is_page(response: Any) -> bool:
    html = response.headers["Content-Type"].startswith("text/html")
    return (
        response.status_code == 200
        and html
        and "attachment" not in response.headers.get("Content-Disposition", "")
    )


def test_every_page_is_sound_at_every_width_in_both_themes(
    chromium: Browser, live_server: Any
) -> None:
    boss = admin_cast.colleague("boss", superuser=True)
    world = furnish()
    every = pages(world, boss)
    tab = Tab(chromium, live_server.url)
    walk = Walk(tab)
    walk.visit("/admin/login/")
    tab.sign_in(boss)
    for where in every:
        walk.visit(where)
    tab.context.close()
    assert {"/admin/attention/", "/admin/mapping/", "/admin/import/"} < set(every)
    shared = {title: count for title, count in walk.titles.items() if count > 1}
    assert not walk.found, "\n".join(walk.found)
    assert not shared
