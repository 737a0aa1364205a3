"""A TrepStar gateway to try things out on: its two functions, its rules, and faults on demand.

In-process core: what a call is answered and what is remembered of it. ``sandbox_server`` puts it
on a socket. Meant for loopback; knows no Django.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from orders.trepstar import sandbox_rules as rules
from orders.trepstar import status_xml, wire
from orders.trepstar.client import clean_of
from orders.trepstar.order_rules import EMAIL_REPEATS, Account, Rejected, check_order, refusal
from orders.trepstar.sandbox_answers import spoilt_sections
from orders.trepstar.sandbox_faults import STATUS, SUBMIT, Fault, FaultPlan
from orders.trepstar.sandbox_rules import Order
from orders.trepstar.sandbox_store import LoggedCall, Store
from orders.trepstar.status_xml import Section
from products.secret import Secret

OTHER = "other"
LOGIN_FIELDS = frozenset({"cologinemail", "cologinpassword"})
PATHS = {wire.SUBMIT_PATH.lower(): SUBMIT, status_xml.STATUS_PATH.lower(): STATUS}

__all__ = ["OTHER", "PATHS", "Account", "Call", "Sandbox"]


@dataclass(frozen=True)
class Call:
    """One call as it came in. ``fields`` have the names as sent; each name comes once."""

    path: str
    method: str
    fields: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The function that the address names: submit, status or other."""
        return PATHS.get(self.path.lower(), OTHER)

    @property
    def values(self) -> dict[str, str]:
        """The fields under lower-case names, since classic ASP takes any case."""
        return {name.lower(): value for name, value in self.fields.items()}

    @property
    def invoices(self) -> tuple[str, ...]:
        """The invoices that the call is about; a status call may name up to 100."""
        text = self.values.get("invoice", "")
        if self.kind != STATUS:
            return (text.strip(),)
        parts = text.split(wire.INVOICE_DELIMITER)[: status_xml.MAX_INVOICES]
        return tuple(part.strip() for part in parts)


class Sandbox:
    """TrepStar's rules over a remembered state.

    ``state`` is a SQLite file or ``:memory:``; ``balance`` (dollars) is what an account starts
    with; a paid order ships after ``pace`` seconds; ``faults`` as in ``sandbox_faults``, drawn with
    ``seed``; ``latency`` is the seconds before each answer; ``delay`` is how late ``delay-accept``
    stores. Safe between threads.
    """

    def __init__(
        self,
        accounts: Sequence[Account],
        *,
        state: str = ":memory:",
        balance: Decimal | float = 100_000,
        pace: float = 20.0,
        faults: str = "",
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        latency: float = 0.0,
        delay: float = 3.0,
        bad_address: str = "BADADDRESS",
    ) -> None:
        self.accounts = tuple(accounts)
        self.pace, self.clock = pace, clock
        self.latency, self.delay = latency, delay
        self.bad_address = bad_address
        self._generator = random.Random(seed)  # noqa: S311 - it draws faults, not secrets
        self._plan = FaultPlan(faults, self._generator)
        self._store = Store(state)
        for account in self.accounts:
            self._store.open_account(account.publisher_id, _cents(balance))

    def close(self) -> None:
        """Let go of the state."""
        self._store.close()

    @property
    def faults(self) -> str:
        """The specification of the faults now in force."""
        return self._plan.spec

    def set_faults(self, spec: str) -> None:
        """Replace all faults. Raises ``FaultSpecError`` and then changes nothing."""
        self._plan = FaultPlan(spec, self._generator)

    def draw(self, call: Call) -> Fault | None:
        """Return the fault to play on ``call``, or None."""
        return self._plan.draw(call.kind, call.invoices)

    def submit(self, call: Call, *, fault: str = "") -> bytes:
        """Take or refuse one order, log it, and return the answer."""
        with self._store.transaction():
            try:
                if fault == "login":
                    raise refusal("000601")
                order = self._take(call.values)
            except Rejected as refused:
                self._log(call, "refused", code=refused.code, fault=fault)
                return refused.body
            # One transaction with the order: whoever reads the log sees every acceptance.
            self._log(call, "accepted", fault=fault, order_id=order.id)
        invoice = f", invoice {order.invoice}" if order.invoice else ""
        return wire.write_success(f"Order {order.id} for {order.name}{invoice} was received.")

    def statuses(self, call: Call, *, fault: str = "") -> bytes:
        """Answer one status call and log it; ``fault`` may spoil the answer's text."""
        with self._store.transaction():
            code, sections = self._sections(call, fault)
            self._log(call, "answered", code=code, fault=fault)
        return spoilt_sections(sections, fault)

    def note(self, call: Call, *, verdict: str, fault: str = "") -> None:
        """Log a call that was not processed."""
        with self._store.transaction():
            self._log(call, verdict, fault=fault)

    def pay(self, publisher_id: str, amount: Decimal | float) -> None:
        """Add dollars to a balance and release the orders on hold that it now pays for.

        A negative amount takes money away. Raises ``ValueError`` for an unknown account.
        """
        self._known(publisher_id)
        with self._store.transaction():
            self._store.add_balance(publisher_id, _cents(amount))
            self._pay_what_is_due(publisher_id)

    def delete(self, order_id: int) -> bool:
        """Delete an order as the dashboard can: on HOLD, or a test. Say whether it was deleted."""
        with self._store.transaction():
            order = self._store.order_by_id(order_id)
            if order is None or order.paid_at is not None:
                return False
            self._store.set_deleted(order_id)
            return True

    def balance(self, publisher_id: str) -> Decimal:
        """Return an account's balance in dollars. Raises ``ValueError`` for an unknown one."""
        self._known(publisher_id)
        return Decimal(self._store.balance(publisher_id)) / 100

    def orders(self) -> list[Order]:
        """Return every order that was ever taken, oldest first, deleted ones too."""
        return self._store.orders()

    def acceptances(self) -> list[tuple[str, str, str]]:
        """Return (account, invoice, productid) of every order that was ever taken."""
        return [(order.account, order.invoice, order.productid) for order in self.orders()]

    def calls(
        self, kind: str | None = None, *, since: int = 0, newest: int = -1
    ) -> list[LoggedCall]:
        """Return the logged calls, oldest first: of one kind, after an id, the newest so many."""
        found = self._store.calls(since=since, newest=newest)
        return [call for call in found if kind in (None, call.kind)]

    def section(self, order: Order) -> Section:
        """Return what a status call would say of ``order`` now."""
        return rules.section_of(
            order, now=self.clock(), pace=self.pace, bad_address=self.bad_address
        )

    def _take(self, values: Mapping[str, str]) -> Order:
        candidate = check_order(
            values,
            partial(rules.find_account, self.accounts),
            partial(rules.owner_of, self.accounts),
        )
        number, now = self._store.next_order_id(), self.clock()
        order = rules.order_of(candidate, number=number, now=now)
        products = [project for project, _ in candidate.items]
        self._refuse_duplicates(order, products)
        self._store.add_order(order, products)
        self._pay_what_is_due(order.account)
        return order

    def _refuse_duplicates(self, order: Order, products: Sequence[str]) -> None:
        since = order.accepted_at - EMAIL_REPEATS.total_seconds()
        for product in products:
            earlier = None
            if order.invoice:
                earlier = self._store.same_invoice(order.account, order.invoice, product)
            elif order.email:
                earlier = self._store.same_email(order.account, order.email, product, after=since)
            if earlier:
                raise rules.duplicate(earlier)

    def _pay_what_is_due(self, publisher_id: str) -> None:
        balance = self._store.balance(publisher_id)
        if balance <= 0:
            return
        for order in self._store.unpaid(publisher_id):
            if order.price <= balance:
                balance -= order.price
                self._store.add_balance(publisher_id, -order.price)
                self._store.set_paid(order.id, self.clock())

    def _sections(self, call: Call, fault: str) -> tuple[str, list[Section]]:
        values = call.values
        account = rules.find_account(self.accounts, values)
        code = ""
        if values.get("function") != status_xml.FUNCTION:
            code = status_xml.UNKNOWN_FUNCTION
        elif account is None or fault == "login":
            code = status_xml.LOGIN_REFUSED
        if code or account is None:
            return code, [status_xml.error_section(code)]
        return "", [self._section_for(account, invoice) for invoice in call.invoices]

    def _section_for(self, account: Account, invoice: str) -> Section:
        order = self._store.newest(account.publisher_id, invoice) if invoice else None
        if order is None:
            return status_xml.error_section(status_xml.NOT_FOUND, invoice)
        return self.section(order)

    def _log(
        self,
        call: Call,
        verdict: str,
        *,
        code: str = "",
        fault: str = "",
        order_id: int | None = None,
    ) -> None:
        values = call.values
        secret = Secret(values.get("cologinpassword", ""))
        email = values.get("cologinemail", "").strip().lower()
        named = (a.publisher_id for a in self.accounts if a.email.lower() == email)
        kept = {n: v for n, v in call.fields.items() if n.lower() != "cologinpassword"}
        entry = LoggedCall(
            id=0,
            at=self.clock(),
            path=call.path,
            method=call.method,
            kind=call.kind,
            invoices=[clean_of(invoice, secret) for invoice in call.invoices],
            account=next(named, ""),
            fields={clean_of(n, secret): clean_of(v, secret) for n, v in kept.items()},
            verdict=verdict,
            code=code,
            fault=fault,
            payload_hash=payload_hash(call.fields),
            order_id=order_id,
        )
        self._store.add_call(entry)

    def _known(self, publisher_id: str) -> None:
        if publisher_id not in {account.publisher_id for account in self.accounts}:
            raise ValueError(f"There is no account {publisher_id}.")


def payload_hash(fields: Mapping[str, str]) -> str:
    """Return the SHA-256 of the fields, sorted by name and URL-encoded, without the login."""
    kept = {n: fields[n] for n in sorted(fields) if n.lower() not in LOGIN_FIELDS}
    return hashlib.sha256(wire.encode_form(kept)).hexdigest()


def _cents(dollars: Decimal | float) -> int:
    return int((Decimal(str(dollars)) * 100).to_integral_value())
