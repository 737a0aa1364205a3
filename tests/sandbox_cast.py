"""The small cast of the sandbox's tests: two accounts, one order, and a clock that is set."""

from __future__ import annotations

from typing import Any

from orders.trepstar import status_xml, wire
from orders.trepstar.client import Gateway, Login
from orders.trepstar.sandbox import Account, Call, Sandbox
from orders.trepstar.sandbox_server import SandboxServer
from orders.trepstar.status_xml import Section
from products.secret import Secret

PASSWORD = "canary-Pa55 wörd&"
NORTH = Account(
    "66870",
    "desk@northlight.example",
    Secret(PASSWORD),
    {"66750": "dvd_case", "66760": "cd_sleeve", "66770": "usb_ecomailer"},
)
SOUTH = Account("55501", "desk@south.example", Secret("other"), {"44100": "dvd_case"})
LOGIN = Login(NORTH.email, NORTH.password)

NOON = 1_795_262_400.0  # 21 November 2026, 12:00 UTC

ORDER = {
    "source": "cdfulfill",
    "ordermethod": "url",
    "CoLoginEmail": NORTH.email,
    "CoLoginPassword": PASSWORD,
    "productid": "66750",
    "quantity": "1",
    "Invoice": "NORTH-1",
    "typeMailMethod": "standard",
    "mode": "prod",
    "name": "John H. Smith",
    "addr": "123 Some Street, Apt 123",
    "city": "Minneapolis",
    "st": "MN",
    "zip": "55401",
    "country": "US",
    "email": "john@example.com",
}


PATIENT = 10.0  # a good answer, even on a busy machine
HASTY = 0.4  # where no answer is expected


class Clock:
    """Tells the time that it was set to."""

    now = NOON

    def __call__(self) -> float:
        return self.now


def make_sandbox(**options: Any) -> Sandbox:
    """Return a sandbox with both accounts; ``options`` as for ``Sandbox``."""
    return Sandbox([NORTH, SOUTH], **{"clock": Clock(), **options})


def order_call(**changes: str | None) -> Call:
    """Return the submit call of ORDER with ``changes``; None leaves a field out."""
    fields = {name: value for name, value in {**ORDER, **changes}.items() if value is not None}
    return Call(path=wire.SUBMIT_PATH, method="POST", fields=fields)


def take(sandbox: Sandbox, **changes: str | None) -> bytes:
    """Submit ORDER with ``changes`` and return the answer."""
    return sandbox.submit(order_call(**changes))


def status_call(*invoices: str, **changes: str | None) -> Call:
    """Return the status call for ``invoices``."""
    fields = {
        "function": status_xml.FUNCTION,
        "Invoice": wire.INVOICE_DELIMITER.join(invoices),
        "CoLoginEmail": NORTH.email,
        "CoLoginPassword": PASSWORD,
    }
    kept = {name: value for name, value in {**fields, **changes}.items() if value is not None}
    return Call(path=status_xml.STATUS_PATH, method="GET", fields=kept)


def ask(sandbox: Sandbox, *invoices: str, **changes: str | None) -> list[Section]:
    """Return the sections that the sandbox answers for ``invoices``."""
    return status_xml.read_sections(sandbox.statuses(status_call(*invoices, **changes)))


def gateway(server: SandboxServer, *, seconds: float = PATIENT) -> Gateway:
    """Return the desk's own client for ``server``."""
    return Gateway(server.url, seconds=seconds)


def submit(server: SandboxServer, *, seconds: float = PATIENT, **changes: str) -> bytes:
    """Submit ORDER with ``changes`` through the desk's own client; return the answer's bytes."""
    login_fields = {"CoLoginEmail", "CoLoginPassword"}
    fields = {n: v for n, v in {**ORDER, **changes}.items() if n not in login_fields}
    return gateway(server, seconds=seconds).submit(fields, LOGIN).body
