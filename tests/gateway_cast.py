"""TrepStar as the tests of sending and asking meet it: on a socket, or told what to answer."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import requests
from django.db import connection
from requests.adapters import BaseAdapter

from orders import budget, lifecycle, submission, tracking
from orders.models import Attempt, Call, Order, OrderEvent
from orders.trepstar import client, status_xml, wire
from orders.trepstar.client import Gateway
from orders.trepstar.sandbox import Account, Sandbox
from orders.trepstar.sandbox_server import SandboxServer
from orders.trepstar.status_xml import Section
from orders.updating import update_each
from products.models import Publisher
from products.secret import Secret
from tests import base

PATIENT = 5.0
HASTY = 0.3

NORTH = Account(
    "66870",
    "desk@northlight.example",
    Secret(base.PASSWORD),
    {"66750": "dvd_case", "66760": "cd_sleeve", "66770": "usb_ecomailer"},
)
SOUTH = Account("70001", "post@southwind.example", Secret("other-password"), {"44100": "dvd_case"})

YES = wire.write_success("Order 1 was received.")
LOGIN_REFUSED = wire.write_failure("000601")
DUPLICATE = wire.write_failure("000035", date="11/21/2026", reason="it was.")
SILENCE = b"Thank you.\r\n"  # neither yes nor no
NO_CONNECTION = requests.ConnectionError("nothing was sent")


class TrepStar:
    """The sandbox on a real socket, and the desk's own client for it."""

    def __init__(self, sandbox: Sandbox, server: SandboxServer) -> None:
        self.sandbox, self.server = sandbox, server
        self.url = server.url

    def gateway(self, seconds: float = PATIENT) -> Gateway:
        return Gateway(self.url, seconds=seconds)

    def accepted(self, invoice: str) -> int:
        """Count how often an invoice was accepted."""
        return [one[1] for one in self.sandbox.acceptances()].count(invoice)

    def calls(self, kind: str) -> int:
        return len(self.sandbox.calls(kind))


@contextmanager
def running_trepstar() -> Iterator[TrepStar]:
    """Run a sandbox with the accounts of Northlight and Southwind, rich and without faults."""
    sandbox = Sandbox([NORTH, SOUTH], pace=3600, delay=0.6)
    with SandboxServer(sandbox) as server:
        yield TrepStar(sandbox, server)
    sandbox.close()


class Told(Gateway):
    """The desk's own client, told beforehand what TrepStar answers; the last answer stays.

    An answer is bytes, ``(HTTP status, bytes)``, an exception of the transport, or a function of
    the call's fields that returns one of these.
    """

    def __init__(self, *answers: Any) -> None:
        super().__init__("http://trepstar.invalid", seconds=PATIENT)
        self.transport = _ToldTransport(answers)
        self.session.mount("http://", self.transport)

    @property
    def bodies(self) -> list[bytes]:
        return self.transport.bodies

    @property
    def calls(self) -> list[dict[str, str]]:
        return [dict(wire.decode_form(body)) for body in self.bodies]


class _ToldTransport(BaseAdapter):
    def __init__(self, answers: Sequence[Any]) -> None:
        super().__init__()
        self.answers = list(answers)
        self.bodies: list[bytes] = []
        self.lock = threading.Lock()

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        with self.lock:
            self.bodies.append(request.body)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(dict(wire.decode_form(request.body)))
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, body = answer if isinstance(answer, tuple) else (200, answer)
        response.raw, response.url, response.request = io.BytesIO(body), request.url, request
        return response

    def close(self) -> None:
        """Nothing is open."""


def broken(fields: dict[str, str]) -> Exception:
    """Break the connection once the request has left."""
    client._current.call.wrote = True
    return requests.ConnectionError("broken")


def submit_next(gateway: Gateway) -> None:
    """Claim the one order that is next, and send it."""
    (claim,) = submission.claim(1)
    submission.submit(claim, gateway)


def sent(publisher: Publisher, *units: Any, answer: Any = YES, **values: Any) -> Order:
    """Place an order and send it, ``answer`` being what TrepStar says; accepted by default."""
    order = base.place(publisher, *units, **values)
    submit_next(Told(answer))
    return fresh(order)


def fresh(order: Order) -> Order:
    """Return the order as it now is in the database."""
    return Order.objects.select_related("publisher").get(pk=order.pk)


def section(order: Order, word: str = "PROCESSING", **values: Any) -> Section:
    """What TrepStar says of an order."""
    said = {
        "error_number": "0",
        "customer": order.name,
        "invoice": order.invoice,
        "status": word,
        "status_error_number": "0",
        "shipping_method": "standard",
    }
    return Section(**{**said, **values})


def not_found(order: Order) -> Section:
    return Section(error_number="300", error_text="Record Not found.", invoice=order.invoice)


def answer(*sections: Section) -> bytes:
    return status_xml.write_sections(sections)


def asked(order: Order, *sections: Section) -> Order:
    """Let the order be asked for, TrepStar answering with ``sections``; return it as it is then."""
    order = fresh(order)
    call = budget.reserve(order.publisher, Call.Purpose.SWEEP, 1)
    assert call is not None
    told = Told(answer(*sections))
    tracking.ask(order.publisher, [order], call, told, budget.interval_of(order.publisher))
    return fresh(order)


def kinds(order: Order) -> list[str]:
    """Return the kinds of the order's events, oldest first."""
    return list(order.events.order_by("id").values_list("kind", flat=True))


def last_event(order: Order) -> OrderEvent:
    return order.events.order_by("id").last()


def rows() -> dict[str, list[Any]]:
    """Return all that an order could be changed in."""
    found = {m.__name__: list(m.objects.order_by("pk").values()) for m in (Order, OrderEvent)}
    lines = [list(order.lines.values()) for order in Order.objects.order_by("pk")]
    return {**found, "lines": lines, "Attempt": list(Attempt.objects.order_by("pk").values())}


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Check that the block leaves orders, lines, timelines and attempts as they were."""
    before = rows()
    yield
    assert rows() == before


@contextmanager
def run_before(target: Any, name: str, act: Callable[[], Any]) -> Iterator[None]:
    """Run ``act`` once, just before the first call of ``target.name``."""
    with _once(target, name, act, after=False):
        yield


@contextmanager
def run_after(target: Any, name: str, act: Callable[[], Any]) -> Iterator[None]:
    """Run ``act`` once, just after the first call of ``target.name``."""
    with _once(target, name, act, after=True):
        yield


@contextmanager
def _once(target: Any, name: str, act: Callable[[], Any], *, after: bool) -> Iterator[None]:
    real, done = getattr(target, name), threading.Lock()

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        first = done.acquire(blocking=False)
        if first and not after:
            act()
        result = real(*args, **kwargs)
        if first and after:
            act()
        return result

    with patch.object(target, name, wrapped):
        yield
    assert done.locked(), f"{name} was never called, so no race was forced"


class Elsewhere:
    """Something done by another worker: a thread with a database connection of its own.

    It is waited for until it has ended or waits for a lock of ours, however slow the machine is.
    """

    def __init__(self, act: Callable[[], Any], *, patience: float = 10.0) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(act,), daemon=True)
        self._thread.start()
        give_up = time.monotonic() + patience
        while self.waits and time.monotonic() < give_up and not somebody_waits_for_us():
            self._thread.join(0.005)

    def _run(self, act: Callable[[], Any]) -> None:
        try:
            self.result = act()
        except BaseException as error:
            self.error = error
        finally:
            connection.close()

    @property
    def waits(self) -> bool:
        """Say whether it is still under way, as when it waits for a lock."""
        return self._thread.is_alive()

    def end(self) -> Any:
        """Wait for its end; return its result or raise its error."""
        self._thread.join(10)
        assert not self.waits, "the other worker never came to an end"
        if self.error:
            raise self.error
        return self.result


def somebody_waits_for_us() -> bool:
    """Say whether another transaction waits for a lock that this thread's holds."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks "
            "WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])


def during(target: Any, name: str, act: Callable[[], Any], main: Callable[[], Any]) -> Elsewhere:
    """Run ``main``; just before ``target.name`` in it, another does ``act`` or waits for it."""
    others: list[Elsewhere] = []
    with run_before(target, name, lambda: others.append(Elsewhere(act))):
        main()
    return others[0]


@contextmanager
def no_guards() -> Iterator[None]:
    """The controls' desk: locks lock nothing, versions and tokens are not compared."""

    def lock(order_id: int, *, token: Any = None, version: int | None = None) -> Order:
        return Order.objects.select_related("publisher").get(pk=order_id)

    def write(order: Order, to: str, kind: str, actor: Any, data: Any, fields: Any) -> Order:
        values = {**fields, "status": to, "version": order.version + 1}
        Order.objects.filter(pk=order.pk).update(**values)
        lifecycle._event(order, kind, order.status, to, actor, data).save(force_insert=True)
        for name, value in values.items():
            setattr(order, name, value)
        return order

    def write_many(rows: Any, names: Any, *, versions: Any) -> int:
        return update_each(rows, names)

    with (
        patch.object(lifecycle, "lock", lock),
        patch.object(lifecycle, "_write", write),
        patch.object(lifecycle, "update_each", write_many),
    ):
        yield
