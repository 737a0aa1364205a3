"""The staff of a run: two people who hold, mend, release and cancel, and one who looks around.

Everything they do goes through the real admin over HTTP; only the choice of an order is made by
looking into the tables.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable

import requests
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import DatabaseError, InterfaceError, connection

from orders import status
from orders.chaos.browser import Browser, Page
from orders.chaos.history import Act, Peek
from orders.models import Order
from products.models import Publisher

LIST = "/admin/orders/order/"


def hire(name: str, password: str, publisher: Publisher | None = None) -> None:
    """Make a user: a superuser, or one who may do everything for one publisher."""
    users = get_user_model().objects
    if publisher is None:
        users.create_superuser(name, password=password)
        return
    user = users.create_user(name, password=password, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label__in=("orders", "products"))
    )
    publisher.staff.add(user)


class Clerk(threading.Thread):
    """Visits one order after another and presses its buttons, ``pace`` seconds apart."""

    def __init__(self, address: str, name: str, password: str, *, seed: int, pace: float) -> None:
        super().__init__(daemon=True)
        self.browser = Browser(address)
        self.credentials = name, password
        self.draw = random.Random(seed)  # noqa: S311 - a run must be repeatable
        self.pace = pace
        self.log: list[Act] = []
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set() and not self.browser.sign_in(*self.credentials):
            self.stop.wait(0.5)
        while not self.stop.is_set():
            order = self._choose()
            if order is None:
                self.stop.wait(self.pace)
            else:
                self._visit(*order)
        connection.close()

    def _choose(self) -> tuple[int, str, str] | None:
        """Choose an order about to be sent, being sent, waiting for a person, or at TrepStar."""
        wanted = self.draw.choices((status.READY, status.HELD, ""), (6, 3, 1))[0]
        rows = Order.objects.order_by("next_attempt_at", "pk")
        rows = rows.filter(status=wanted) if wanted else rows.exclude(flag="")
        try:
            found = list(rows.values_list("pk", "invoice", "status")[:30])
            if not found:
                rows = Order.objects.filter(status__in=status.IN_DOUBT)
                found = list(rows.values_list("pk", "invoice", "status")[:30])
        except (DatabaseError, InterfaceError):
            connection.close()
            return None
        return self.draw.choice(found) if found else None

    def _visit(self, order_id: int, invoice: str, state: str) -> None:
        page = self.browser.get(f"{LIST}{order_id}/change/")
        if page.status != 200:
            self.stop.wait(self.pace)
            return
        acts = [name for name in ("hold", "release", "seen") if page.has_button(name)]
        if state != status.HELD and page.has_button("hold"):
            acts = ["hold"] if self.draw.random() < 0.95 else ["cancel"]
        elif page.has_button("release"):
            acts = ["release"] if self.draw.random() < 0.5 else ["edit", "release"]
        for what in acts:
            page = self._act(what, order_id, invoice, page)
            if self.stop.wait(self.pace * self.draw.uniform(0.8, 1.2)):
                return

    def _act(self, what: str, order_id: int, invoice: str, page: Page) -> Page:
        path, values = f"{LIST}{order_id}/do/{what}/", {"version": page.version()}
        if what == "edit":
            path, values = f"{LIST}{order_id}/change/", page.form()
            values["company"] = f"Floor {self.draw.randint(1, 99)}"
            values["_continue"] = "Save and continue editing"
        at = time.time()
        answer = self.browser.post(path, values)
        self.log.append(acted(what, invoice, at, answer))
        return answer if answer.status == 200 else page


class Program(Clerk):
    """A client of the REST API that holds and releases what it finds, by one publisher's token."""

    def __init__(self, address: str, token: str, prefix: str, *, seed: int, pace: float) -> None:
        super().__init__(address, "", "", seed=seed, pace=pace)
        self.address, self.prefix = address, f"{prefix}-"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def run(self) -> None:
        while not self.stop.is_set():
            order = self._choose()
            if order is None or not order[1].startswith(self.prefix):
                self.stop.wait(self.pace)
            else:
                self._visit(*order)
        connection.close()

    def _visit(self, order_id: int, invoice: str, state: str) -> None:
        for what in ("release",) if state == status.HELD else ("hold", "release"):
            self._call(what, invoice)
            if self.stop.wait(self.pace * self.draw.uniform(0.8, 1.2)):
                return

    def _call(self, what: str, invoice: str) -> None:
        """Do one act, and repeat it under its key for as long as no answer comes."""
        path = f"{self.address}/api/v1/orders/{invoice}/{what}/"
        headers = {"Idempotency-Key": f"{what}-{self.draw.getrandbits(64):x}"}
        at = time.time()
        for _ in range(5):
            try:
                answer = self.session.post(path, json={}, headers=headers, timeout=10)
            except requests.RequestException:
                answer = None
            if (
                answer is not None
                and answer.status_code < 500
                and "Retry-After" not in answer.headers
            ):
                break
            if self.stop.wait(1):
                break
        if answer is None:
            return
        held = answer.ok and answer.json()["status"] == status.HELD
        said = f"Order {invoice} is held." if held else answer.text[:300]
        self.log.append(
            Act(what, invoice, at, time.time(), answer.status_code, said=said, good=answer.ok)
        )


def acted(what: str, invoice: str, at: float, answer: Page) -> Act:
    """Return what the admin's answer says of an act."""
    good, bad = answer.messages("success"), answer.messages("error") + answer.complaints()
    return Act(
        what,
        invoice,
        at,
        time.time(),
        answer.status,
        said=" ".join(good or bad),
        good=bool(good) and not bad,
    )


class Stranger(threading.Thread):
    """A user of one publisher who tries to see another's orders."""

    def __init__(
        self,
        address: str,
        name: str,
        password: str,
        *,
        prefix: str,
        foreign: Callable[[], list[int]],
    ) -> None:
        super().__init__(daemon=True)
        self.browser = Browser(address)
        self.credentials = name, password
        self.prefix, self.foreign = prefix, foreign
        self.log: list[Peek] = []
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set() and not self.browser.sign_in(*self.credentials):
            self.stop.wait(0.5)
        while not self.stop.wait(3):
            self.look()
        connection.close()

    def look(self) -> None:
        """Open the lists and somebody else's order, and press a button on it."""
        self._note("/admin/orders/order/", self.browser.get("/admin/orders/order/"))
        self._note("/admin/orders/delivery/", self.browser.get("/admin/orders/delivery/"))
        try:
            others = self.foreign()
        except (DatabaseError, InterfaceError):
            connection.close()
            return
        for order_id in others[:1]:
            path = f"{LIST}{order_id}/change/"
            self._note(path, self.browser.get(path))
            path = f"{LIST}{order_id}/do/hold/"
            self._note(path, self.browser.post(path, {}), must_be=404)

    def _note(self, path: str, page: Page, must_be: int = 200) -> None:
        pattern = rf"\b{self.prefix}-\d+-S\d+|chaos-{self.prefix.lower()}\d"
        seen = re.findall(pattern, page.text)[:3]
        if must_be == 404 and page.status == 200:
            seen.append("a button that worked")
        self.log.append(Peek(path, time.time(), page.status, " ".join(seen)))
