"""The special windows of a run: a refused login, a closed port, one redirect."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import requests
from django.db import DatabaseError, InterfaceError, connection

from orders.chaos.browser import Browser
from orders.chaos.history import Act, Kill, Refusal
from orders.chaos.plan import ACCOUNTS
from orders.chaos.processes import Processes
from orders.chaos.staff import acted
from products.models import Publisher

REFUSED = ACCOUNTS[1]
LOGIN_FAULTS = f"login@{REFUSED.prefix}-*:all,status:login@{REFUSED.prefix}-*:all"
WINDOW_SECONDS = 10.0
LONGEST_WINDOW = 45.0  # longer than a frozen worker goes unnoticed


class Windows:
    """Opens and closes the windows at their times; ``turn`` does what is due now."""

    def __init__(
        self, processes: Processes, browser: Browser, faults: str, *, seconds: float
    ) -> None:
        self.processes, self.browser, self.faults = processes, browser, faults
        self.kills: list[Kill] = []
        self.refusals: list[Refusal] = []
        self.acts: list[Act] = []
        now, part = time.time(), min(WINDOW_SECONDS, seconds / 6)
        self._due: list[tuple[float, Callable[[], None]]] = [
            (now + seconds * 0.15, self._redirect_once),
            (now + seconds * 0.25, self._refuse_login),
            (now + seconds * 0.25 + part, self._mend_login),
            (now + seconds * 0.60, self._close_port),
            (now + seconds * 0.60 + part, self._open_port),
        ]
        self._since = 0.0
        self._publisher = Publisher.objects.get(publisher_id=REFUSED.publisher_id)

    def turn(self) -> None:
        while self._due and time.time() >= self._due[0][0]:
            self._due.pop(0)[1]()

    def done(self) -> bool:
        return not self._due and bool(self.refusals)

    def _set_faults(self, *more: str) -> None:
        url = f"http://127.0.0.1:{self.processes.sandbox_port}/faults"
        spec = ",".join(filter(None, (*more, self.faults)))
        requests.post(url, data={"spec": spec}, timeout=10).raise_for_status()

    def _redirect_once(self) -> None:
        self._set_faults("redirect@*:1")

    def _refuse_login(self) -> None:
        self._since = time.time()
        self._set_faults(LOGIN_FAULTS)

    def _mend_login(self) -> None:
        if not self._noticed() and time.time() < self._since + LONGEST_WINDOW:
            self._due.insert(0, (time.time() + 0.5, self._mend_login))
            return
        self._set_faults()
        # In a thread: the kills go on while staff wait for a page.
        threading.Thread(target=self._change_login, args=(self._since,), daemon=True).start()

    def _noticed(self) -> bool:
        """Say whether the desk knows of the refusal; a window without one proves nothing."""
        try:
            refused = Publisher.objects.exclude(login_refused_at=None)
            return refused.filter(pk=self._publisher.pk).exists()
        except (DatabaseError, InterfaceError):
            connection.close()
            return False

    def _change_login(self, since: float) -> None:
        """TrepStar takes the login again; staff notice nothing until they change the credential."""
        path = f"/admin/products/publisher/{self._publisher.pk}/change/"
        at = time.time()
        for _ in range(50):
            page = self.browser.get(path)
            if page.status == 200:
                # In other letters the e-mail is the same to TrepStar and a new login to the desk.
                values = {**page.form(), "login_email": self._publisher.login_email.upper()}
                act = acted("login", REFUSED.publisher_id, at, self.browser.post(path, values))
                self.acts.append(act)
                if act.good:
                    break
            time.sleep(0.2)
        self.refusals.append(Refusal(REFUSED.publisher_id, since, at))

    def _close_port(self) -> None:
        self._since = time.time()
        self.processes.stop("sandbox")

    def _open_port(self) -> None:
        self.processes.start_sandbox()
        self.kills.append(Kill("closed port", self._since, time.time()))
