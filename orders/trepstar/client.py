"""The only module that speaks HTTP to TrepStar.

One hardened session: POST only, no redirects, no proxies or netrc from the environment, no
retries, a wall-clock limit on the whole call, a capped answer. The password leaves in the body of
that POST and nowhere else.
"""

from __future__ import annotations

import html
import re
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from html.entities import codepoint2name
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from orders.killpoint import reached
from orders.trepstar import status_xml, wire
from orders.trepstar.errors import GatewayError, Unclear, Unreachable
from products.secret import MASK, Secret

CONNECT_SECONDS = 10
MAX_SUBMIT_BYTES = 256 * 1024
MAX_STATUS_BYTES = 512 * 1024
MAX_EXCERPT = 4000
# As many as SUBMIT_IN_FLIGHT may be: beyond it the pool would complain of what it throws away.
MOST_AT_ONCE = 64
_ENTITIES = codepoint2name | {ord("'"): "apos"}


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
    body: bytes = field(repr=False)
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
                # The plain socket's method: TLS's own would pull the cipher from under a reader.
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


class _Current(threading.local):
    call = _Call()


_current = _Current()


class _Watched:
    """Notes the socket, so that a timer can cut it, and whether a byte of the request left."""

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        _current.call.socket = self.sock  # type: ignore[attr-defined]

    def send(self, data: Any) -> None:
        if self.sock is None:  # type: ignore[attr-defined]
            self.connect()
        if _current.call.late:
            raise TimeoutError("The call's time was over before this part of it was sent.")
        _current.call.wrote = True
        super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        reached("sent")
        return super().getresponse()  # type: ignore[misc]

    @property
    def is_connected(self) -> bool:
        """Say no to the pool, which asks before it would use a kept connection again."""
        return False


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
        return


def hardened_session() -> requests.Session:
    """Return a session that obeys nothing but its caller."""
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    # A kept connection may be dead when it is used again, which would make an order unclear.
    session.headers.update({"Connection": "close", "Accept-Encoding": "identity"})
    session.headers["User-Agent"] = "fulfilment-desk"
    session.mount("http://", _Adapter(max_retries=0, pool_maxsize=MOST_AT_ONCE))
    session.mount("https://", _Adapter(max_retries=0, pool_maxsize=MOST_AT_ONCE))
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
        try:
            wire.read_submit_reply(reply.http_status, reply.body)
        except GatewayError as error:
            # Without its traceback, whose frames hold the page as it came.
            raise _told_by(error, reply, login).with_traceback(None) from None
        return reply

    def statuses(
        self, invoices: Sequence[str], login: Login
    ) -> tuple[Reply, list[status_xml.Section]]:
        """Ask for up to 100 invoices; return the answer and its readable sections.

        Raises ``Unreachable`` or ``Unclear``; an answer without one readable section is unclear.
        """
        fields = status_xml.status_fields(invoices)
        reply = self._post(status_xml.STATUS_PATH, fields, login, limit=MAX_STATUS_BYTES)
        if reply.http_status != 200:
            unclear = Unclear(f"TrepStar answered with HTTP status {reply.http_status}.")
            raise _told_by(unclear, reply, login)
        sections = status_xml.read_sections(reply.body)
        if not sections:
            unclear = Unclear("TrepStar's answer holds no status section that can be read.")
            raise _told_by(unclear, reply, login)
        return reply, sections

    def _post(self, path: str, fields: Mapping[str, str], login: Login, *, limit: int) -> Reply:
        failure: Exception | None = None
        call = _current.call = _Call()
        timer = threading.Timer(self.seconds, call.cut)
        timer.daemon = True
        timer.start()
        try:
            http_status, content = self._exchange(path, fields, login, limit)
        except UnicodeEncodeError:
            failure = ValueError(f"{login.charset} lacks a letter of it; nothing was sent.")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = self._failure(call, error)
        finally:
            timer.cancel()
        reached("reply_read")
        if failure is not None:
            # Raised out here, since the caught exception carries the request with the password.
            raise failure
        if call.late:
            # A body that ends with its connection looks whole when the timer has cut it.
            raise Unclear(
                f"TrepStar did not answer within {self.seconds:g} seconds.", http_status=http_status
            )
        if len(content) > limit:
            raise Unclear(
                "TrepStar's answer is far longer than an answer needs.", http_status=http_status
            )
        excerpt = clean_of(wire.readable(content), login.password)[:MAX_EXCERPT]
        return Reply(http_status, content, excerpt)

    def _exchange(
        self, path: str, fields: Mapping[str, str], login: Login, limit: int
    ) -> tuple[int, bytes]:
        # The password is in plain text in this frame only, and no error leaves it as it is.
        secrets = {"CoLoginEmail": login.email, "CoLoginPassword": login.password.reveal()}
        body = wire.encode_form({**fields, **secrets}, login.charset)
        form = f"application/x-www-form-urlencoded; charset={login.charset}"
        with self.session.post(
            self.url + path,
            data=body,
            headers={"Content-Type": form},
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


def _told_by(error: GatewayError, reply: Reply, login: Login) -> GatewayError:
    """Give an error the answer that it came from, and clean it of the password."""
    error.text = clean_of(error.text, login.password)[:MAX_EXCERPT]
    error.args = (error.text,)
    error.excerpt, error.http_status = reply.excerpt, reply.http_status
    return error


def clean_of(text: str, secret: Secret) -> str:
    """Return ``text`` without ``secret`` in any form in which a page may echo it."""
    if not secret:
        return text
    return re.sub("".join(_spellings(letter) for letter in secret.reveal()), MASK, text)


# Kept by the letter: all of a password's take longer to work out than a whole call otherwise does.
@lru_cache(maxsize=1024)
def _spellings(letter: str) -> str:
    """Return a pattern for a letter as it is, URL-encoded, escaped for HTML, or misread.

    Letter by letter, because encoders differ in what they leave alone: classic ASP writes ``%2E``
    for a full stop and ``&#39;`` for an apostrophe.
    """
    number = ord(letter)
    forms = {letter, html.escape(letter), f"&{_ENTITIES.get(number, '#' + str(number))};"}
    patterns = {re.escape(form) for form in forms} | {f"&#0*{number};", f"(?i:&#x0*{number:x};)"}
    for charset in ("utf-8", "cp1252"):
        octets = letter.encode(charset, "ignore")
        if octets:
            patterns.add("(?i:" + "".join(f"%{octet:02x}" for octet in octets) + ")")
            patterns.add(re.escape(octets.decode("cp1252", "replace")))
    if letter == " ":
        patterns |= {r"\+", r"\s+"}
    return f"(?:{'|'.join(sorted(patterns))})"
