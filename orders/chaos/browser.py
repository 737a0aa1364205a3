"""A member of staff at the real admin: signs in, reads pages, presses buttons, sends forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser

import requests

SECONDS = 10


@dataclass(frozen=True)
class Page:
    """A page of the admin as staff see it; ``status`` 0 means that none came."""

    status: int
    text: str

    def messages(self, kind: str) -> list[str]:
        """Return the admin's messages of one kind: ``success`` or ``error``."""
        found = re.findall(rf'<li class="{kind}">(.*?)</li>', self.text, re.DOTALL)
        return [" ".join(unescape(re.sub("<[^>]*>", "", one)).split()) for one in found]

    def complaints(self) -> list[str]:
        """Return what a form that was not saved complains of."""
        found = re.findall(r'<ul class="errorlist[^>]*>(.*?)</ul>', self.text, re.DOTALL)
        return [" ".join(unescape(re.sub("<[^>]*>", " ", one)).split()) for one in found]

    def form(self) -> dict[str, str]:
        """Return what the page's main form would send if nothing were typed."""
        reader = _FormReader()
        reader.feed(self.text)
        return reader.values

    def has_button(self, name: str) -> bool:
        return f"/do/{name}/" in self.text

    def version(self) -> str:
        found = re.search(r'name="version" value="(\d+)"', self.text)
        return found[1] if found else ""


NOTHING = Page(0, "")


class Browser:
    """One session; its cookies carry it over restarts of the web process."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Connection"] = "close"
        self.bodies: list[str] = []

    def get(self, path: str) -> Page:
        return self._send("GET", path, {})

    def post(self, path: str, values: dict[str, str]) -> Page:
        """Post a form as this session's own page would, and follow to the page it leads to."""
        token = self.session.cookies.get("csrf") or ""
        return self._send("POST", path, {**values, "csrfmiddlewaretoken": token})

    def sign_in(self, name: str, password: str) -> bool:
        self.get("/admin/login/")
        self.post("/admin/login/?next=/admin/", {"username": name, "password": password})
        return "session" in self.session.cookies

    def _send(self, method: str, path: str, values: dict[str, str]) -> Page:
        try:
            response = self.session.request(
                method, self.address + path, data=values or None, timeout=SECONDS
            )
        except requests.RequestException:
            return NOTHING
        return Page(response.status_code, response.text)


class _FormReader(HTMLParser):
    """Collects the fields of the admin's main form (the one with ``_save``)."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._inside = False
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = values.get("id", "").endswith("_form")
        elif not self._inside:
            return
        elif tag == "input":
            self._input(values, checked="checked" in values)
        elif tag == "select":
            self._select = values.get("name", "")
        elif tag == "option" and self._select and "selected" in values:
            self.values[self._select] = values.get("value", "")
        elif tag == "textarea":
            self._area = values.get("name", "")
            self.values[self._area] = ""

    def _input(self, values: dict[str, str], *, checked: bool) -> None:
        kind, name = values.get("type", "text"), values.get("name", "")
        if not name or kind in ("submit", "button", "file"):
            return
        box = kind in ("checkbox", "radio")
        if checked or not box:
            self.values[name] = values.get("value", "on" if box else "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""
