"""Posts to typed-in addresses: where they may go, what travels, and how they end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from orders import outgoing
from orders.outgoing import NotAllowed, Sent
from products.secret import Secret

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
INSIDE = "The address leads into a private network, so nothing is posted to it."


class Receiver:
    """An HTTP server on this machine that keeps what it gets and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status, self.location, self.pause = 200, "", 0.0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                time.sleep(receiver.pause)
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def inside(settings: Any) -> None:
    settings.ALLOW_PRIVATE_TARGETS = True


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name stand for these addresses, each look-up for the next; return what is asked."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        return real(addresses[min(len(asked), len(addresses)) - 1], port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.5",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_is_never_connected_to(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    resolves_to(monkeypatch, address)
    monkeypatch.setattr(socket.socket, "connect", lambda *a: pytest.fail("connected"))
    assert outgoing.post("https://hooks.example/x", b"{}", {}) == Sent(False, text=INSIDE)
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(NotAllowed, match="private network"):
        outgoing.check_url(f"https://{literal}/x")


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("8.8.8.8", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: both)
    monkeypatch.setattr(socket.socket, "connect", lambda *a: pytest.fail("connected"))
    assert outgoing.post("https://hooks.example/", b"", {}).text == INSIDE


def test_a_name_that_changes_its_mind_is_connected_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = resolves_to(monkeypatch, "8.8.8.8", "127.0.0.1")
    connected: list[Any] = []

    def connect(link: socket.socket, where: Any) -> None:
        connected.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    sent = outgoing.post("https://rebinding.example/", b"", {})
    assert (asked, connected) == (["rebinding.example"], [("8.8.8.8", 443)])
    assert sent.text == "The address could not be reached (ConnectionRefusedError)."


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://hooks.example/", "Enter an address that begins with https://."),
        ("ftp://hooks.example/", "Enter an address that begins with https://."),
        ("hooks.example", "This is no address that can be posted to."),
        ("", "This is no address that can be posted to."),
        ("https://", "This is no address that can be posted to."),
        ("https://u:p@hooks.example/", "Enter an address without a user name or password."),
        ("https://hooks.example:99999/", "This is no address that can be posted to."),
        ("https://\ud800.example/", "This is no address that can be posted to."),
    ],
)
def test_an_address_of_another_kind_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        outgoing.check_url(url)
    assert str(caught.value) == sentence
    assert outgoing.post(url, b"", {}) == Sent(False, text=sentence)


def test_control_letters_in_an_address_become_no_header(receiver: Receiver, inside: None) -> None:
    sent = outgoing.post(f"{receiver.url}/a\r\nX-Evil: yes", b"", {})
    assert (sent.ok, len(receiver.got)) in ((True, 1), (False, 0))
    for path, headers, _ in receiver.got:
        assert "X-Evil" not in headers
        assert "\n" not in path


def test_what_arrives_is_what_was_posted(receiver: Receiver, inside: None) -> None:
    sent = outgoing.post(f"{receiver.url}/a b?c=ü", b'{"a": 1}', {"Content-Type": "text/x"})
    assert sent == Sent(True, 200)
    ((path, headers, body),) = receiver.got
    assert (path, body, headers["Content-Type"]) == ("/a%20b?c=%C3%BC", b'{"a": 1}', "text/x")
    assert "Authorization" not in headers


def test_without_the_setting_this_machine_gets_nothing(receiver: Receiver) -> None:
    url = receiver.url.replace("http://", "https://")
    assert outgoing.post(url, b"", {}).text == INSIDE
    assert receiver.got == []


@pytest.mark.parametrize("status", [301, 302, 307, 400, 410, 500])
def test_anything_but_2xx_is_a_failure_and_no_redirect_is_followed(
    receiver: Receiver, inside: None, status: int
) -> None:
    receiver.status, receiver.location = status, f"{receiver.url}/second"
    sent = outgoing.post(f"{receiver.url}/first", b"", {})
    told = f"The address answered with HTTP status {status}."
    assert sent == Sent(False, status, told)
    assert [path for path, _, _ in receiver.got] == ["/first"]


def test_proxies_of_the_environment_are_not_obeyed(
    receiver: Receiver, inside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert outgoing.post(receiver.url, b"", {}).ok


def test_the_wall_clock_ends_an_answer_that_drips(
    inside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "SECONDS", 0.6)
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        link, _ = listener.accept()
        for letter in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100:
            try:
                link.sendall(bytes([letter]))
            except OSError:
                break
            time.sleep(0.05)
        link.close()

    threading.Thread(target=drip, daemon=True).start()
    began = time.monotonic()
    sent = outgoing.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"", {})
    listener.close()
    assert sent.text == "The address did not answer within 0.6 seconds."
    assert time.monotonic() - began < 3


def test_a_certificate_nobody_vouches_for_gets_nothing(
    receiver: Receiver, inside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ssl.SSLCertVerificationError

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", refuse)
    sent = outgoing.post(receiver.url.replace("http:", "https:"), b"", {})
    assert sent.text == "The address has no certificate that can be trusted."
    assert receiver.got == []


def test_a_name_that_does_not_exist() -> None:
    sent = outgoing.post("https://nobody.invalid/", b"", {})
    assert sent == Sent(False, text="The address has a name that does not exist.")


def test_the_signature_is_that_of_standard_webhooks() -> None:
    found = outgoing.signed(Secret(SECRET), "msg_7", 1_700_000_000, b'{"a":1}')
    mac = hmac.new(b"k" * 32, b'msg_7.1700000000.{"a":1}', hashlib.sha256).digest()
    assert found == {
        "webhook-id": "msg_7",
        "webhook-timestamp": "1700000000",
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_???",
        base64.b64encode(b"k" * 32).decode(),
        "whsec_" + base64.b64encode(b"k" * 23).decode(),
        "whsec_" + base64.b64encode(b"k" * 65).decode(),
        "whsec_\x00é",
    ],
)
def test_a_secret_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="A signing secret is whsec_ and 24 to 64 random bytes"):
        outgoing.read_secret(text)
