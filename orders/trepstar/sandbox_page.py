"""The sandbox's own pages: what a publisher would see on TrepStar's dashboard, and the log.

Every text that came from outside is escaped, and a form counts only from this same page or from
a script: a site open in the same browser must not be able to press its buttons.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from html import escape
from urllib.parse import urlsplit

from orders.trepstar.sandbox import Sandbox
from orders.trepstar.sandbox_faults import FaultSpecError
from orders.trepstar.sandbox_rules import HOLD, Order
from orders.trepstar.sandbox_store import LoggedCall
from orders.trepstar.sandbox_style import STYLE
from orders.trepstar.status_xml import TEST_ORDER, Section

SHOWN_ORDERS = 100
SHOWN_CALLS = 50
MAX_AMOUNT = 10**9
TEXT = "text/plain; charset=utf-8"
_LOOPBACK = {"127.0.0.1", "localhost"}
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Page:
    """An answer of the sandbox's own pages. ``headers`` have underscores for hyphens."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def respond(
    sandbox: Sandbox,
    method: str,
    path: str,
    fields: Mapping[str, str],
    headers: Mapping[str, str],
) -> Page | None:
    """Return the page at ``path``, or None where the address is not one of ours."""
    shown = {"/": _dashboard, "/log.json": _log}.get(path)
    act = {"/pay": _pay, "/delete": _delete, "/faults": _set_faults}.get(path)
    if shown is None and act is None:
        return None
    if not _from_here(headers):
        return _said(403, "This page answers only to its own address on this computer.")
    if shown is not None:
        return shown(sandbox, fields)
    if act is None or method != "POST":
        return _said(405, "This address takes POST only.")
    answer = act(sandbox, fields)
    if answer.status == 200 and "text/html" in headers.get("Accept", ""):
        return Page(303, TEXT, b"", {"Location": "/"})
    return answer


def _from_here(headers: Mapping[str, str]) -> bool:
    host = headers.get("Host", "")
    origin = headers.get("Origin")
    return urlsplit(f"//{host}").hostname in _LOOPBACK and origin in (None, f"http://{host}")


def _said(status: int, sentence: str) -> Page:
    return Page(status, TEXT, f"{sentence}\n".encode())


def _pay(sandbox: Sandbox, fields: Mapping[str, str]) -> Page:
    publisher_id = fields.get("publisher_id", "").strip()
    try:
        amount = Decimal(fields.get("amount", "").strip())
        if not abs(amount) <= MAX_AMOUNT:
            raise InvalidOperation
    except InvalidOperation:
        return _said(400, "The amount is not a number of dollars.")
    try:
        sandbox.pay(publisher_id, amount)
    except ValueError as error:
        return _said(400, str(error))
    return _said(200, f"The balance of {publisher_id} is {_dollars(sandbox, publisher_id)}.")


def _delete(sandbox: Sandbox, fields: Mapping[str, str]) -> Page:
    number = fields.get("order", "").strip()
    if number.isascii() and number.isdigit() and len(number) < 19 and sandbox.delete(int(number)):
        return _said(200, f"Order {number} was deleted.")
    return _said(400, "Only an order on HOLD or a test order can be deleted.")


def _set_faults(sandbox: Sandbox, fields: Mapping[str, str]) -> Page:
    try:
        sandbox.set_faults(fields.get("spec", ""))
    except FaultSpecError as error:
        return _said(400, str(error))
    return _said(200, f"Faults: {sandbox.faults or 'none'}.")


def _log(sandbox: Sandbox, fields: Mapping[str, str]) -> Page:
    since = fields.get("since", "").strip() or "0"
    if not since.isascii() or not since.isdigit() or len(since) > 18:
        return _said(400, "The number after since= is the id of a call.")
    calls = [asdict(call) for call in sandbox.calls(since=int(since))]
    return Page(200, "application/json", json.dumps(calls).encode())


def _dashboard(sandbox: Sandbox, fields: Mapping[str, str]) -> Page:
    orders = [order for order in sandbox.orders() if not order.deleted]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>TrepStar sandbox</title><style>{STYLE}</style></head><body>",
        "<header><h1>TrepStar sandbox</h1><p>A stand-in for TrepStar’s gateway. Nothing here is "
        "made, posted or billed. Reload for news.</p></header><main>",
        _accounts(sandbox, orders),
        _orders(sandbox, orders),
        _calls(sandbox.calls(newest=SHOWN_CALLS)),
        _faults(sandbox),
        "</main></body></html>",
    ]
    headers = {"Content_Security_Policy": _POLICY, "Cache_Control": "no-store"}
    return Page(200, "text/html; charset=utf-8", "".join(parts).encode(), headers)


def _accounts(sandbox: Sandbox, orders: Sequence[Order]) -> str:
    rows = []
    for account in sandbox.accounts:
        mine = [order for order in orders if order.account == account.publisher_id]
        form = (
            '<form method="post" action="/pay">'
            f'<input type="hidden" name="publisher_id" value="{escape(account.publisher_id)}">'
            '<label>$ <input name="amount" value="100" size="7" inputmode="decimal" '
            f'aria-label="Dollars to pay for {escape(account.publisher_id)}"></label>'
            "<button>Pay</button></form>"
        )
        balance = _dollars(sandbox, account.publisher_id)
        cells = (account.publisher_id, account.email, balance, str(len(mine)))
        rows.append(_row(("Account", "E-mail", "Balance", "Orders"), cells, "Pay the bill", form))
    return _table("Accounts", ("Account", "E-mail", "Balance", "Orders", "Pay the bill"), rows)


def _orders(sandbox: Sandbox, orders: Sequence[Order]) -> str:
    names = ("Order", "Account", "Invoice", "Product", "To", "Status", "Tracking")
    rows = []
    for order in reversed(orders[-SHOWN_ORDERS:]):
        section = sandbox.section(order)
        cells = (
            str(order.id),
            order.account,
            order.invoice,
            f"{order.productid} × {order.quantity}",
            order.name,
            _status(section),
            section.tracking_id,
        )
        rows.append(_row(names, cells, "Delete", _delete_form(order, section)))
    title = f"Orders ({len(orders)})"
    return _table(title, (*names, "Delete"), rows, empty="No order has come in yet.")


def _status(section: Section) -> str:
    if section.ship_date:
        return f"{section.status} {section.ship_date}"
    if section.status_error_number != "0":
        return f"{section.status} {section.status_error_number}: {section.status_error_text}"
    return section.status


def _delete_form(order: Order, section: Section) -> str:
    if section.status != HOLD and section.status_error_number != TEST_ORDER:
        return ""
    return (
        '<form method="post" action="/delete">'
        f'<input type="hidden" name="order" value="{order.id}">'
        f'<button aria-label="Delete order {order.id}">Delete</button></form>'
    )


def _calls(calls: Sequence[LoggedCall]) -> str:
    names = ("Call", "Time (UTC)", "Function", "Account", "Invoices", "Verdict", "Fault")
    rows = [_row(names, _call_cells(call)) for call in reversed(calls)]
    return _table("Last calls", names, rows, empty="Nobody has called yet.")


def _call_cells(call: LoggedCall) -> tuple[str, ...]:
    time = datetime.fromtimestamp(call.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    invoices = ", ".join(call.invoices[:3])
    if len(call.invoices) > 3:
        invoices += f" and {len(call.invoices) - 3} more"
    verdict = f"{call.verdict} {call.code}".strip()
    return str(call.id), time, call.kind, call.account, invoices, verdict, call.fault


def _faults(sandbox: Sandbox) -> str:
    return (
        '<section><h2>Faults</h2><form method="post" action="/faults" class="wide">'
        f'<input name="spec" value="{escape(sandbox.faults)}" aria-label="Faults" '
        'placeholder="hang-accept=4%,status:timeout=3%,500-after@NORTH-7">'
        '<button>Set</button></form><p>Blank for none. The whole log: <a href="/log.json">log.json'
        "</a></p></section>"
    )


def _table(title: str, names: Sequence[str], rows: Sequence[str], *, empty: str = "") -> str:
    if not rows:
        return f"<section><h2>{title}</h2><p>{empty}</p></section>"
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(rows)
    return (
        f"<section><h2>{title}</h2><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></section>"
    )


def _row(
    names: Sequence[str], cells: Sequence[str], last: str = "", form: str | None = None
) -> str:
    pairs = zip(names, cells, strict=True)
    inside = "".join(f'<td data-name="{name}">{escape(cell)}</td>' for name, cell in pairs)
    if form is not None:
        inside += f'<td data-name="{last}">{form}</td>'
    return f"<tr>{inside}</tr>"


def _dollars(sandbox: Sandbox, publisher_id: str) -> str:
    return f"${sandbox.balance(publisher_id):,.2f}"
