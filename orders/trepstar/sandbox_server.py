"""Puts the sandbox on a loopback socket and plays its faults there. Knows no rules."""

from __future__ import annotations

import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from orders.trepstar import sandbox_faults as faults
from orders.trepstar import sandbox_page, wire
from orders.trepstar.sandbox import OTHER, Call, Sandbox
from orders.trepstar.sandbox_answers import (
    BOTH_MARKERS,
    MAINTENANCE,
    NEITHER_MARKER,
    SERVER_ERROR,
    cut_answer,
)
from orders.trepstar.sandbox_faults import STATUS, SUBMIT, Fault

HOST = "127.0.0.1"
MAX_BODY = 1024 * 1024
HANG_SECONDS = 120
DRIP_SECONDS = 0.2
MOVED = "/moved"
TEXT = "text/plain; charset=utf-8"
XML = "text/xml; charset=utf-8"
HTML = "text/html"


class SandboxServer:
    """Serves a ``Sandbox`` at ``url`` in a thread of its own, on 127.0.0.1 only.

    ``port`` 0 takes any free port. Making one raises ``OSError`` when the port is in use. May be
    used in a ``with`` statement; ``stop()`` leaves the sandbox and its state as they are.
    """

    def __init__(self, sandbox: Sandbox, port: int = 0) -> None:
        self._server = _Server(sandbox, port)
        self.port: int = self._server.server_address[1]
        self.url = f"http://{HOST}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="sandbox", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Free the port, and let go of every call that hangs."""
        self._server.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> SandboxServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_port = False
    request_queue_size = 128

    def __init__(self, sandbox: Sandbox, port: int) -> None:
        self.sandbox = sandbox
        self.stopping = threading.Event()
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own asks the name service for this host's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report our own mistakes; a client that went away is what this server is for."""
        if not self.stopping.is_set() and not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "TrepStarSandbox"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        body = self._body()
        if body is not None:
            self._serve(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the calls are in the log table."""

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self.answer(411, TEXT, b"A Content-Length is needed.\n")
        elif int(length) > MAX_BODY:
            self.answer(413, TEXT, b"That is far more than an order needs.\n")
        else:
            body = self.rfile.read(int(length))
            # A form that broke off on its way could pass for an order with fewer fields.
            return body if len(body) == int(length) else None
        return None

    def _serve(self, body: bytes) -> None:
        self.close_connection = True
        address = urlsplit(self.path)
        query = address.query.encode("latin-1", "replace")
        charset = self.headers.get_content_charset("utf-8")
        fields = wire.merged_fields(query, body, charset)
        headers = {name.title(): value for name, value in self.headers.items()}
        page = sandbox_page.respond(
            self.server.sandbox, self.command, address.path, fields, headers
        )
        if page is not None:
            self.answer(page.status, page.content_type, page.body, **page.headers)
            return
        call = Call(path=address.path, method=self.command, fields=fields)
        if call.kind == OTHER:
            self.server.sandbox.note(call, verdict="unknown")
            self.answer(404, TEXT, b"There is nothing here.\n")
        else:
            self._play(call)

    def _play(self, call: Call) -> None:
        sandbox, stopping = self.server.sandbox, self.server.stopping
        fault = sandbox.draw(call)
        late = sandbox.delay if fault and fault.play == faults.DELAY else sandbox.latency
        if late and stopping.wait(late):
            return
        name = fault.name if fault else ""
        body = b""
        if fault and not fault.processed:
            sandbox.note(call, verdict="unprocessed", fault=name)
        else:
            process = sandbox.submit if call.kind == SUBMIT else sandbox.statuses
            body = process(call, fault=name)
        if fault:
            _PLAYS[fault.play](self, call, fault, body)
        else:
            self.answer(200, _type_of(call), body)

    def answer(self, status: int, content_type: str, body: bytes, **headers: str) -> None:
        """Send one whole answer and close the connection."""
        self.head(status, content_type, len(body), **headers)
        self.wfile.write(body)

    def head(self, status: int, content_type: str, length: int | None, **headers: str) -> None:
        """Send the head of an answer; with ``length`` None its body ends with the connection."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def hang(self) -> None:
        """Keep the connection open until the client has gone."""
        self.connection.settimeout(0.1)
        deadline = time.monotonic() + HANG_SECONDS
        while time.monotonic() < deadline and not self.server.stopping.is_set():
            try:
                if not self.connection.recv(1024):
                    return
            except TimeoutError:
                continue


def _type_of(call: Call) -> str:
    return XML if call.kind == STATUS else TEXT


def _hang(handler: _Handler, call: Call, fault: Fault, body: bytes) -> None:
    handler.hang()


def _drop(handler: _Handler, call: Call, fault: Fault, body: bytes) -> None:
    """Say nothing: the connection is closed when the handler returns."""


def _reset(handler: _Handler, call: Call, fault: Fault, body: bytes) -> None:
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    # A shutdown would send an orderly end first; closing every handle at once sends the reset.
    handler.rfile.close()
    handler.connection.close()


def _page(handler: _Handler, call: Call, fault: Fault, body: bytes) -> None:
    if fault.name.startswith("500"):
        handler.answer(500, HTML, SERVER_ERROR)
    else:
        handler.answer(200, HTML, MAINTENANCE)


def _body(handler: _Handler, call: Call, fault: Fault, body: bytes) -> None:
    instead = {"both": BOTH_MARKERS, "neither": NEITHER_MARKER}.get(fault.name, body)
    content_type = "text/xml" if fault.name == "cp1252" else _type_of(call)
    handler.answer(200, content_type, instead)


def _cut(handler: _Handler, call: Call, fault: Fault, body: bytes) -> None:
    handler.head(200, _type_of(call), len(body))
    handler.wfile.write(cut_answer(body))


def _cut_close(handler: _Handler, call: Call, fault: Fault, body: bytes) -> None:
    handler.head(200, _type_of(call), None)
    handler.wfile.write(cut_answer(body))


def _drip(handler: _Handler, call: Call, fault: Fault, body: bytes) -> None:
    handler.head(200, _type_of(call), len(body))
    for place in range(len(body)):
        if handler.server.stopping.wait(DRIP_SECONDS):
            return
        handler.wfile.write(body[place : place + 1])


def _redirect(handler: _Handler, call: Call, fault: Fault, body: bytes) -> None:
    # Its own log shows whether anybody followed, password and all.
    location = f"http://{HOST}:{handler.server.server_port}{MOVED}{call.path}"
    handler.answer(307, HTML, b"", Location=location)


_PLAYS: dict[str, Callable[[_Handler, Call, Fault, bytes], None]] = {
    faults.HANG: _hang,
    faults.DELAY: _hang,
    faults.DROP: _drop,
    faults.RESET: _reset,
    faults.PAGE: _page,
    faults.BODY: _body,
    faults.CUT: _cut,
    faults.CUT_CLOSE: _cut_close,
    faults.DRIP: _drip,
    faults.REDIRECT: _redirect,
}
