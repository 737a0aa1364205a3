"""A light load generator: signed deliveries over kept connections, each its own order.

It runs in a probe of its own, so that it shares neither process nor lock with what it measures.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator

from orders.bench import data_body
from orders.bench.data_body import LINES, PRODUCTS_EACH, PUBLISHERS
from orders.shopify.signature import HEADER, sign
from products.secret import Secret

CONNECTIONS = 8
PER_CONNECTION = 20
MOST_AGAIN = 3
PATIENCE = 120.0
"""A connection is renewed after so many requests, else it sticks to one worker for good."""
FIRST_SHOP_ORDER = 7_000_000_000_000
CREATED: tuple[bytes, ...] = (b'"created"',)
EITHER = (*CREATED, b'"repeat"')


def delivery(number: int, base: str, lines: int = LINES) -> tuple[str, dict[str, str], bytes]:
    """Return the query, the headers and the body of delivery ``number``, signed by its shop."""
    publisher = 1 + number % PUBLISHERS
    skus = [
        data_body.sku(publisher, 1 + (number + place) % PRODUCTS_EACH) for place in range(lines)
    ]
    body = data_body.body(FIRST_SHOP_ORDER + number, number, skus, base)
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": data_body.TOPIC,
        "X-Shopify-Shop-Domain": data_body.domain(publisher),
        "X-Shopify-Webhook-Id": f"load-{number}",
        HEADER: sign(Secret(data_body.signing_secret(publisher)), body),
    }
    return f"idpub={data_body.publisher_id(publisher)}", headers, body


def requests(path: str, first: int, most: int) -> list[bytes]:
    """Return the requests for deliveries ``first`` and following as they go over the wire."""
    base = data_body.template()
    found = []
    for number in range(first, first + most):
        query, headers, body = delivery(number, base)
        lines = [f"POST {path}?{query} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        found.append(head.encode() + body)
    return found


class Connection:
    """One connection to one port, which has at most one request under way."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self.port, self.selector, self.left = port, selector, 0
        self.socket: socket.socket | None = None
        self.request = self.received = b""
        self.wanted, self.again = CREATED, 0

    def send(self, request: bytes) -> None:
        if self.left < 1:
            self.close()
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(self.socket, selectors.EVENT_READ, self)
            self.left = PER_CONNECTION
        assert self.socket
        self.request, self.received = request, b""
        self.wanted = EITHER if self.again else CREATED
        self.left -= 1
        self.socket.sendall(request)

    def answer(self) -> bytes | None:
        """Read what came; return the whole answer once it is there.

        A server may close a kept connection just as a request comes; that is then sent again on a
        new one, as shops do, and may have come before.
        """
        assert self.socket
        try:
            more = self.socket.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            self._send_again()
            return None
        self.received += more
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if not end or len(body) < length:
            return None
        self.again = 0
        return self.received

    def _send_again(self) -> None:
        self.again += 1
        if self.again > MOST_AGAIN:
            raise RuntimeError("The server closes every connection instead of answering.")
        self.left = 0
        self.send(self.request)

    def close(self) -> None:
        if self.socket:
            self.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None


def fire(path: str, ports: list[int], first: int, most: int, seconds: float) -> dict[str, float]:
    """Post deliveries from number ``first`` on, for so long or until ``most`` were sent.

    The connections are shared out over ``ports``. Returns how many were answered and in how many
    ``seconds``; raises ``RuntimeError`` for any answer but "created".
    """
    left = iter(requests(path, first, most))
    with selectors.DefaultSelector() as selector:
        connections = [
            Connection(ports[place % len(ports)], selector) for place in range(CONNECTIONS)
        ]
        began = time.perf_counter()
        until = began + seconds
        busy = sum(_next(one, left) for one in connections)
        answered = 0
        while busy:
            for key, _ in selector.select(timeout=PATIENCE) or _silence():
                answer = key.data.answer()
                if answer is None:
                    continue
                created = any(outcome in answer for outcome in key.data.wanted)
                if not (answer.startswith(b"HTTP/1.1 200") and created):
                    raise RuntimeError(f"A delivery was answered with {answer[:400]!r}.")
                answered += 1
                if time.perf_counter() > until or not _next(key.data, left):
                    busy -= 1
        took = time.perf_counter() - began
        for one in connections:
            one.close()
    return {"answered": answered, "seconds": took}


def _next(one: Connection, left: Iterator[bytes]) -> bool:
    request = next(left, None)
    if request is not None:
        one.send(request)
    return request is not None


def _silence() -> list[tuple[selectors.SelectorKey, int]]:
    raise RuntimeError(f"The server answered nothing for {PATIENCE:.0f} seconds.")
