"""Posts to addresses that people typed in, without letting them reach into our own network.

The name is resolved once, every address it stands for must be a public one, and the connection is
made to just that address: a name that changes its mind afterwards (DNS rebinding) changes nothing.
No redirects, no proxies, no netrc; one wall-clock limit; of the answer only its status counts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import requests
from django.conf import settings
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from products.secret import Secret

CONNECT_SECONDS = 5.0
SECONDS = 15.0
SECRET_PREFIX = "whsec_"  # noqa: S105
SECRET_BYTES = range(24, 65)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Sent:
    """How a post went: ``ok`` for an answer 2xx, else ``text`` says why not, as a sentence."""

    ok: bool
    http_status: int | None = None
    text: str = ""


class NotAllowed(ValueError):
    """An address to which nothing is posted; the message is a whole sentence."""


def check_url(url: str) -> None:
    """Raise ``NotAllowed`` for an address that can be told to be wrong without asking anybody."""
    parts = _parts(url)
    try:
        literal = str(ipaddress.ip_address(parts.hostname or ""))
    except ValueError:
        return  # a name; what it stands for is checked when it is connected to
    _check_address(literal)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Sent:
    """Post ``body`` to ``url`` once and say how it went. Never raises for the other side's faults.

    https only and to public addresses only, unless ``ALLOW_PRIVATE_TARGETS`` is on.
    """
    try:
        parts = _parts(url)
        return _post(parts, body, headers)
    except NotAllowed as error:
        return Sent(False, text=str(error))
    except ssl.SSLError:
        return Sent(False, text="The address has no certificate that can be trusted.")
    except socket.gaierror:
        return Sent(False, text="The address has a name that does not exist.")
    except TimeoutError:
        return Sent(False, text=f"The address did not answer within {SECONDS:g} seconds.")
    except (OSError, http.client.HTTPException) as error:
        return Sent(False, text=f"The address could not be reached ({type(error).__name__}).")


def read_secret(text: str) -> bytes:
    """Return the key of a signing secret ``whsec_…``; raises ``ValueError`` for anything else."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise ValueError(
            "A signing secret is whsec_ and 24 to 64 random bytes in base64, as made by: "
            'echo "whsec_$(openssl rand -base64 32)"'
        )
    return key


def signed(secret: Secret, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks 1.0.0 for a message.

    The id stays the same over every attempt, so that the receiver may know a repeat.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.new(read_secret(secret.reveal()), content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def _parts(url: str) -> SplitResult:
    schemes = ("https", "http") if settings.ALLOW_PRIVATE_TARGETS else ("https",)
    try:
        # Spells the host in ASCII and escapes what a request line cannot hold.
        parts = urlsplit(requests.Request("POST", url).prepare().url or "")
        port = parts.port
    except (requests.RequestException, ValueError):
        raise NotAllowed("This is no address that can be posted to.") from None
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise NotAllowed("Enter an address that begins with https://.")
    if "@" in parts.netloc:
        raise NotAllowed("Enter an address without a user name or password.")
    return parts


def _check_address(address: str) -> None:
    """Raise ``NotAllowed`` unless ``address`` is a public one, also where it is wrapped in IPv6."""
    if settings.ALLOW_PRIVATE_TARGETS:
        return
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = [found]
    if isinstance(found, ipaddress.IPv6Address):
        inner += [one for one in (found.ipv4_mapped, found.sixtofour) if one]
        if found in _NAT64:
            inner.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
    if not all(one.is_global and not one.is_multicast for one in inner):
        raise NotAllowed("The address leads into a private network, so nothing is posted to it.")


def _connect(host: str, port: int) -> socket.socket:
    """Return a socket to a checked address of ``host``; the first that answers."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, place in found:
        _check_address(str(place[0]))
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, place in found:
        link = socket.socket(family, kind, protocol)
        link.settimeout(CONNECT_SECONDS)
        try:
            link.connect(place)
        except OSError as error:
            link.close()
            failure = error
            continue
        link.settimeout(SECONDS)
        return link
    raise failure


class _Plain(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = _connect(self.host, self.port)


class _Tls(http.client.HTTPSConnection):
    def connect(self) -> None:
        link = _connect(self.host, self.port)
        context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
        try:
            self.sock = context.wrap_socket(link, server_hostname=self.host)
        except BaseException:
            link.close()
            raise


def _post(parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> Sent:
    kind = _Tls if parts.scheme == "https" else _Plain
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    late = threading.Event()

    def cut() -> None:
        late.set()
        if connection.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    timer = threading.Timer(SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fixed = {"User-Agent": "fulfilment-desk", "Connection": "close"}
        connection.request("POST", path, body=body, headers={**fixed, **headers})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        if late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        connection.close()
    if late.is_set():
        raise TimeoutError
    if 200 <= status < 300:
        return Sent(True, status)
    return Sent(False, status, f"The address answered with HTTP status {status}.")
