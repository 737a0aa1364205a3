"""The only module that speaks HTTP to TrepStar.

One hardened session: POST only, no redirects, no proxies or netrc from the environment, no
retries, a wall-clock limit on the whole call, a capped answer. The password leaves in the body of
that POST and nowhere else.
"""

from __future__ import annotations

import html
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, quote_plus

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from orders.trepstar import status_xml, wire
from orders.trepstar.errors import GatewayError, Unclear, Unreachable
from products.secret import MASK, Secret

CONNECT_SECONDS = 10
MAX_SUBMIT_BYTES = 256 * 1024
MAX_STATUS_BYTES = 512 * 1024
MAX_EXCERPT = 4000


@dataclass(frozen=True)
class Login:
    """A publisher's TrepStar login, and the charset in which its forms are sent."""

    email: str
    password: Secret
    charset: str = "utf-8"


@dataclass(frozen=True)
class Reply:
    """A complete answer: its HTTP status, its bytes, and a cleaned excerpt for people."""

    http_status: int
    body: bytes
    excerpt: str


class _Call:
    """One call as its connection sees it."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.wrote = False
        self.late = False

    def cut(self) -> None:
        """End the call from another thread: its socket reads as closed from now on."""
        self.late = True
        if self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)


class _Current(threading.local):
    call = _Call()


_current = _Current()


class _Watched:
    """Notes the socket, so that a timer can cut it, and whether a byte of the request left."""

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        _current.call.socket = self.sock  # type: ignore[attr-defined]

    def send(self, data: Any) -> None:
        if self.sock is None:  # type: ignore[has-type]
            self.connect()
        _current.call.wrote = True
        super().send(data)  # type: ignore[misc]


class _WatchedHTTP(_Watched, HTTPConnection):
    pass


class _WatchedHTTPS(_Watched, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Even a redirect that is not followed would be read whole and prepared with the body."""
        return None


def hardened_session() -> requests.Session:
    """Return a session that obeys nothing but its caller."""
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    # A kept connection may be dead when it is used again, which would make an order unclear.
    session.headers.update({"Connection": "close", "Accept-Encoding": "identity"})
    session.headers["User-Agent"] = "fulfilment-desk"
    session.mount("http://", _Adapter(max_retries=0))
    session.mount("https://", _Adapter(max_retries=0))
    return session


class Gateway:
    """TrepStar's two functions over HTTP.

    ``url`` is the address without the function's path; ``seconds`` is the wall-clock limit of one
    call. One gateway may serve several threads at once.
    """

    def __init__(self, url: str, *, seconds: float) -> None:
        self.url = url.rstrip("/")
        self.seconds = seconds
        self.session = hardened_session()

    def submit(self, fields: Mapping[str, str], login: Login) -> Reply:
        """Hand one order over. Returning means accepted.

        ``fields`` are those of ``wire.submit_fields``. Raises ``Unreachable`` (nothing was sent),
        ``Refused`` (one clean ``[FAILURE]``) or ``Unclear`` (anything else).
        """
        reply = self._post(wire.SUBMIT_PATH, fields, login, limit=MAX_SUBMIT_BYTES)
        with _told_by(reply, login):
            wire.read_submit_reply(reply.http_status, reply.body)
        return reply

    def statuses(
        self, invoices: Sequence[str], login: Login
    ) -> tuple[Reply, list[status_xml.Section]]:
        """Ask for up to 100 invoices; return the answer and its readable sections.

        Raises ``Unreachable`` or ``Unclear``; an answer without one readable section is unclear.
        """
        fields = status_xml.status_fields(invoices)
        reply = self._post(status_xml.STATUS_PATH, fields, login, limit=MAX_STATUS_BYTES)
        with _told_by(reply, login):
            if reply.http_status != 200:
                raise Unclear(f"TrepStar answered with HTTP status {reply.http_status}.")
            sections = status_xml.read_sections(reply.body)
            if not sections:
                raise Unclear("TrepStar's answer holds no status section that can be read.")
        return reply, sections

    def _post(self, path: str, fields: Mapping[str, str], login: Login, *, limit: int) -> Reply:
        secrets = {"CoLoginEmail": login.email, "CoLoginPassword": login.password.reveal()}
        body = wire.encode_form({**fields, **secrets}, login.charset)
        call = _current.call = _Call()
        timer = threading.Timer(self.seconds, call.cut)
        timer.daemon = True
        timer.start()
        try:
            http_status, content = self._exchange(path, body, login.charset, limit)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            # ``from None``: the exception carries the request, and with it the password.
            raise self._failure(call, error) from None
        finally:
            timer.cancel()
        if call.late:
            # A body that ends with its connection looks whole when the timer has cut it.
            raise Unclear(f"TrepStar did not answer within {self.seconds:g} seconds.")
        if len(content) > limit:
            raise Unclear("TrepStar's answer is far longer than an answer needs.")
        excerpt = clean_of(wire.readable(content), login.password)[:MAX_EXCERPT]
        return Reply(http_status, content, excerpt)

    def _exchange(self, path: str, body: bytes, charset: str, limit: int) -> tuple[int, bytes]:
        with self.session.post(
            self.url + path,
            data=body,
            headers={"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"},
            timeout=(min(CONNECT_SECONDS, self.seconds), self.seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = b""
            for chunk in response.iter_content(16 * 1024):
                content += chunk
                if len(content) > limit:
                    break
            return response.status_code, content

    def _failure(self, call: _Call, error: Exception) -> GatewayError:
        kind = type(error).__name__
        if not call.wrote:
            return Unreachable(f"TrepStar could not be reached ({kind}); nothing was sent.")
        if call.late or isinstance(error, requests.Timeout):
            return Unclear(f"TrepStar did not answer within {self.seconds:g} seconds.")
        return Unclear(f"The connection broke before TrepStar's answer was whole ({kind}).")


@contextmanager
def _told_by(reply: Reply, login: Login) -> Iterator[None]:
    """Give an error raised inside the answer that it came from, cleaned of the password."""
    try:
        yield
    except GatewayError as error:
        error.text = clean_of(error.text, login.password)[:MAX_EXCERPT]
        error.excerpt, error.http_status = reply.excerpt, reply.http_status
        raise


def clean_of(text: str, secret: Secret) -> str:
    """Return ``text`` without ``secret`` in any form in which a page may echo it."""
    plain = secret.reveal()
    if not plain:
        return text
    forms = {plain, quote(plain), quote(plain, safe=""), quote_plus(plain), html.escape(plain)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text
