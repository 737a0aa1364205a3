"""Each fault as the desk's own client sees it over a real socket, and what was stored meanwhile."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from orders.trepstar import wire
from orders.trepstar.errors import GatewayError, Refused, Unclear, Unreachable
from orders.trepstar.sandbox import Sandbox
from orders.trepstar.sandbox_server import SandboxServer
from orders.trepstar.status_xml import Section, account_error, by_invoice
from tests.sandbox_cast import HASTY, LOGIN, ORDER, PATIENT, gateway, make_sandbox, submit, take


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = make_sandbox(delay=1.2)
    yield sandbox
    sandbox.close()


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[SandboxServer]:
    with SandboxServer(sandbox) as server:
        yield server


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until ``condition`` holds, at most 3 seconds."""
    deadline = time.monotonic() + 3
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def ask(server: SandboxServer, *invoices: str, seconds: float = PATIENT) -> list[Section]:
    return gateway(server, seconds=seconds).statuses(invoices, LOGIN)[1]


UNANSWERED = "TrepStar did not answer within 0.4 seconds."
BROKEN = "The connection broke before TrepStar's answer was whole"
NEITHER = "TrepStar's answer says neither yes nor no."


@pytest.mark.parametrize(
    ("fault", "stored", "text"),
    [
        ("hang-drop", 0, UNANSWERED),
        ("hang-accept", 1, UNANSWERED),
        ("slow", 1, UNANSWERED),
        ("drop-before", 0, BROKEN),
        ("drop-after", 1, BROKEN),
        ("reset", 0, f"{BROKEN} (ConnectionError)"),
        ("500-before", 0, "TrepStar answered with HTTP status 500."),
        ("500-after", 1, "TrepStar answered with HTTP status 500."),
        ("html-before", 0, NEITHER),
        ("html-after", 1, NEITHER),
        ("both", 1, "TrepStar's answer says both yes and no, or says it more than once."),
        ("neither", 1, NEITHER),
        ("trunc", 1, BROKEN),
        ("trunc-close", 1, NEITHER),
        ("redirect", 0, "TrepStar answered with HTTP status 307."),
    ],
)
def test_an_unclear_outcome(
    sandbox: Sandbox, server: SandboxServer, fault: str, stored: int, text: str
) -> None:
    sandbox.set_faults(f"{fault}@NORTH-1")
    with pytest.raises(Unclear) as unclear:
        submit(server, seconds=HASTY if text == UNANSWERED else PATIENT)
    assert unclear.value.text.startswith(text)
    assert len(sandbox.acceptances()) == stored
    (call,) = sandbox.calls()
    assert (call.fault, call.verdict) == (fault, "accepted" if stored else "unprocessed")
    if stored:
        with pytest.raises(Refused) as refused:
            submit(server)
        assert refused.value.code == "000035"
    else:
        submit(server)
    assert sandbox.acceptances() == [("66870", "NORTH-1", "66750")]


def test_a_delayed_acceptance_is_stored_after_the_client_has_gone(
    sandbox: Sandbox, server: SandboxServer
) -> None:
    sandbox.set_faults("delay-accept@*")
    with pytest.raises(Unclear, match=r"did not answer within 0\.4"):
        submit(server, seconds=HASTY)
    assert [s.error_number for s in ask(server, "NORTH-1")] == ["300"]
    wait_for(sandbox.orders)
    assert sandbox.acceptances() == [("66870", "NORTH-1", "66750")]
    assert sandbox.calls("submit")[0].fault == "delay-accept"


def test_a_refused_login_stores_nothing(sandbox: Sandbox, server: SandboxServer) -> None:
    sandbox.set_faults("login@NORTH-*")
    with pytest.raises(Refused) as refused:
        submit(server)
    assert refused.value.code == "000601"
    assert sandbox.orders() == []
    assert (sandbox.calls()[0].verdict, sandbox.calls()[0].fault) == ("refused", "login")


def test_the_address_of_a_redirect_tells_whether_somebody_followed(
    sandbox: Sandbox, server: SandboxServer
) -> None:
    sandbox.set_faults("redirect@*:all")
    with pytest.raises(Unclear):
        submit(server)
    assert len(sandbox.calls()) == 1
    requests.post(f"{server.url}/custdata.asp", data=ORDER, timeout=5)
    assert [call.path for call in sandbox.calls()][2:] == ["/moved/custdata.asp"]
    assert sandbox.calls()[-1].verdict == "unknown"
    assert sandbox.orders() == []


def test_a_reset_is_a_reset(sandbox: Sandbox, server: SandboxServer) -> None:
    sandbox.set_faults("reset@*")
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET /custdata.asp HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(100)


class TestStatusFaults:
    @pytest.fixture(autouse=True)
    def three_orders(self, sandbox: Sandbox) -> None:
        for invoice, name in (("A", "Ana Peña"), ("B", "Bell & Sons"), ("C", "Cy – Ōe")):
            take(sandbox, Invoice=invoice, name=name)

    @pytest.mark.parametrize(
        ("fault", "text"),
        [
            ("timeout", UNANSWERED),
            ("500", "TrepStar answered with HTTP status 500."),
            ("html", "TrepStar's answer holds no status section that can be read."),
            ("trunc", BROKEN),
        ],
    )
    def test_no_answer(
        self, sandbox: Sandbox, server: SandboxServer, fault: str, text: str
    ) -> None:
        sandbox.set_faults(f"status:{fault}@B")
        with pytest.raises(Unclear) as unclear:
            ask(server, "A", "B", "C", seconds=HASTY if text == UNANSWERED else PATIENT)
        assert unclear.value.text.startswith(text)
        call = sandbox.calls("status")[0]
        assert (call.verdict, call.fault, call.invoices) == ("answered", fault, ["A", "B", "C"])
        assert len(ask(server, "A", "B", "C")) == 3

    @pytest.mark.parametrize(
        ("fault", "invoices"),
        [
            ("shuffled", ["C", "B", "A"]),
            ("missing", ["A", "C"]),
            ("twice", ["A", "B", "C", "A"]),
            ("bare-amp", ["A", "B", "C"]),
            ("cp1252", ["A", "B", "C"]),
            ("no-root", ["A", "B", "C"]),
        ],
    )
    def test_a_spoilt_answer(
        self, sandbox: Sandbox, server: SandboxServer, fault: str, invoices: list[str]
    ) -> None:
        sandbox.set_faults(f"status:{fault}@*")
        sections = ask(server, "A", "B", "C")
        assert [section.invoice for section in sections] == invoices
        names = {s.invoice: s.customer for s in sections}
        told = {"A": "Ana Peña", "B": "Bell & Sons", "C": "Cy – Ōe"}
        assert names == {invoice: told[invoice] for invoice in invoices}
        assert {s.status for s in by_invoice(sections, ["A", "B", "C"]).values()} == {"PROCESSING"}

    def test_what_is_spoilt_in_the_bytes(self, sandbox: Sandbox, server: SandboxServer) -> None:
        def body(fault: str) -> bytes:
            sandbox.set_faults(f"status:{fault}@*")
            return gateway(server).statuses(["A", "B", "C"], LOGIN)[0].body

        assert b"Bell & Sons" in body("bare-amp")
        assert b"&amp;" not in body("bare-amp")
        assert "Ana Peña".encode("cp1252") in body("cp1252")
        assert body("no-root").startswith(b"<Status1>")
        assert body("no-root").endswith(b"</Status3>")

    def test_twice_with_different_contents_is_believed_by_nobody(
        self, sandbox: Sandbox, server: SandboxServer
    ) -> None:
        sandbox.set_faults("status:twice@*")
        assert set(by_invoice(ask(server, "A", "B"), ["A", "B"])) == {"B"}

    def test_login(self, sandbox: Sandbox, server: SandboxServer) -> None:
        sandbox.set_faults("status:login@*")
        assert account_error(ask(server, "A")) == "200"
        assert sandbox.calls("status")[0].code == "200"


class TestServer:
    def test_nobody_is_there_after_stop(self, sandbox: Sandbox) -> None:
        server = SandboxServer(sandbox)
        server.start()
        submit(server)
        server.stop()
        with pytest.raises(Unreachable):
            submit(server)
        with SandboxServer(sandbox, port=server.port) as again:
            assert ask(again, "NORTH-1")[0].status == "PROCESSING"

    def test_stop_lets_go_of_calls_that_hang(self, sandbox: Sandbox) -> None:
        sandbox.set_faults("hang-drop@*")
        server = SandboxServer(sandbox)
        server.start()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(submit, server, seconds=20.0)
            wait_for(sandbox.calls)
            server.stop()
            assert isinstance(waiting.exception(timeout=3), Unclear)

    def test_latency_comes_before_the_answer(self) -> None:
        with SandboxServer(make_sandbox(latency=0.15)) as server:
            started = time.monotonic()
            submit(server)
            assert time.monotonic() - started >= 0.15

    def test_twenty_at_once_with_one_invoice_are_one_order(
        self, sandbox: Sandbox, server: SandboxServer
    ) -> None:
        def attempt(_: int) -> str:
            try:
                submit(server, seconds=PATIENT)
            except GatewayError as error:
                return str(getattr(error, "code", error))
            return "accepted"

        with ThreadPoolExecutor(20) as pool:
            outcomes = sorted(pool.map(attempt, range(20)))
        assert outcomes == ["000035"] * 19 + ["accepted"]
        assert len(sandbox.acceptances()) == 1

    def test_a_get_in_utf_8_and_a_post_in_windows_1252(
        self, sandbox: Sandbox, server: SandboxServer
    ) -> None:
        query = {**ORDER, "name": "Ana Peña"}
        assert "[SUCCESS]" in requests.get(f"{server.url}/custdata.asp", query, timeout=5).text
        fields = {**ORDER, "Invoice": "NORTH-2", "name": "José H. Smith"}
        body = wire.encode_form(fields, "windows-1252")
        assert b"Jos%E9" in body
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=windows-1252"}
        requests.post(f"{server.url}/CUSTDATA.ASP", data=body, headers=headers, timeout=5)
        assert [o.name for o in sandbox.orders()] == ["Ana Peña", "José H. Smith"]

    def test_a_form_that_breaks_off_is_no_order(
        self, sandbox: Sandbox, server: SandboxServer
    ) -> None:
        body = wire.encode_form(ORDER)
        head = f"POST /custdata.asp HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(head.encode() + body[:-20])
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100) == b""
        assert (sandbox.orders(), sandbox.calls()) == ([], [])
