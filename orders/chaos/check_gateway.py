"""What must be true between our tables and TrepStar's: I3, I4, I5, I8, I9, I14. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from orders.chaos.history import GatewayCall, History
from orders.status import AT_GATEWAY, CANCELLED

MAX_ATTEMPTS = 6
ATTEMPTS_PER_ORDER = 1.25
FILLED = 10  # invoices a status call should name on average, where there are many orders
REACHED = ("answered", "refused")  # outcomes of our ledger that prove a call arrived
DAY = 24 * 3600.0


def accepted_once(history: History) -> Iterator[str]:
    """I3: TrepStar accepted no invoice twice, and no customer's box twice."""
    accepted = history.accepted()
    invoices = Counter((call.account, call.invoices[0]) for call in accepted)
    boxes = Counter((call.account, call.email) for call in accepted if call.email)
    for (account, invoice), count in invoices.items():
        if count > 1:
            yield f"invoice {invoice} of account {account} was accepted {count} times"
    orders = Counter((order.account, order.email) for order in history.orders)
    for (account, email), count in boxes.items():
        if count > max(1, orders[(account, email)]):
            yield f"the box for {email} of account {account} was accepted {count} times"


def always_the_same(history: History) -> Iterator[str]:
    """I4: one invoice an order, and one payload an invoice unless it was proved not to be there.

    Staff may edit an order only while it waits for them, so every change of a payload must follow
    such an edit, with no acceptance before it.
    """
    by_email: dict[tuple[str, str], set[str]] = defaultdict(set)
    by_invoice: dict[str, list[GatewayCall]] = defaultdict(list)
    for call in history.submits():
        by_email[(call.account, call.email)].add(call.invoices[0])
        by_invoice[call.invoices[0]].append(call)
    for (_, email), invoices in by_email.items():
        if email and len(invoices) > 1:
            yield f"the box for {email} was sent under {', '.join(sorted(invoices))}"
    known = {order.invoice: order.id for order in history.orders}
    edits: dict[int, list[float]] = defaultdict(list)
    for event in history.events:
        if event.kind == "order.edited":
            edits[event.order_id].append(event.at)
    for invoice, calls in by_invoice.items():
        if invoice not in known:
            yield f"invoice {invoice} was sent, and no order has it"
            continue
        yield from _payload_changes(invoice, calls, edits[known[invoice]])


def _payload_changes(invoice: str, calls: list[GatewayCall], edits: list[float]) -> Iterator[str]:
    for before, after in zip(calls, calls[1:], strict=False):
        if before.payload_hash == after.payload_hash:
            continue
        if not any(before.at <= at <= after.at for at in edits):
            yield f"invoice {invoice} was sent with another payload, and nobody edited it"
        if any(c.verdict == "accepted" for c in calls[: calls.index(after)]):
            yield f"invoice {invoice} was sent with another payload after it was accepted"


def both_sides_agree(history: History) -> Iterator[str]:
    """I5: an order is accepted here if and only if it is accepted there."""
    there = {call.invoices[0] for call in history.accepted()}
    here = {o.invoice for o in history.orders if o.status in AT_GATEWAY}
    gone = {o.invoice for o in history.orders if o.status == CANCELLED and o.accepted}
    status_of = {order.invoice: order.status for order in history.orders}
    for invoice in sorted(there - here - gone):
        yield f"{invoice} is accepted at TrepStar and {status_of.get(invoice, 'unknown')} here"
    for invoice in sorted(here - there):
        yield f"{invoice} is {status_of[invoice]} here and TrepStar never accepted it"


def within_the_budget(history: History) -> Iterator[str]:
    """I8: status calls keep to the limit, the ledger knows each of them, and each is filled."""
    orders = Counter(order.account for order in history.orders)
    for account in sorted(orders):
        there = [c.at for c in history.gateway if c.kind == "status" and c.account == account]
        ledger = [row for row in history.ledger if row.account == account]
        most = sum(row.outcome != "not_sent" for row in ledger)
        least = sum(row.outcome in REACHED for row in ledger)
        if not least <= len(there) <= most:
            yield (
                f"account {account}: TrepStar counted {len(there)} status calls, and our ledger "
                f"{least} answered among {most} made"
            )
        if _most_in_a_day(there) > history.limits.status_calls:
            yield f"account {account}: {_most_in_a_day(there)} status calls in 24 hours"
        own = [row.invoices for row in ledger if row.purpose != "staff"]
        wanted = min(FILLED, orders[account] / FILLED / 2)
        if own and sum(own) / len(own) < wanted:
            yield f"account {account}: a status call named {sum(own) / len(own):.1f} invoices"


def _most_in_a_day(times: list[float]) -> int:
    ordered, first, most = sorted(times), 0, 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= DAY:
            first += 1
        most = max(most, last - first + 1)
    return most


def a_refused_login_stops(history: History) -> Iterator[str]:
    """I9: after the first refusal only the calls in flight go out, until staff change the login."""
    for window in history.refusals:
        calls = [
            c
            for c in history.gateway
            if c.account == window.account and window.begins <= c.at < window.mended
        ]
        refused = [c for c in calls if c.fault == "login"]
        if not refused:
            yield f"account {window.account}: no call was refused, so nothing was proved"
            continue
        after = sum(c.at >= refused[0].at for c in calls) - 1
        if after > history.limits.in_flight:
            yield f"account {window.account}: {after} calls after the first refused login"


def few_attempts(history: History) -> Iterator[str]:
    """I14: at most 1.25 attempts an order over all, and 6 for any."""
    attempts = Counter(attempt.order_id for attempt in history.attempts)
    if history.orders and len(history.attempts) > ATTEMPTS_PER_ORDER * len(history.orders):
        ratio = len(history.attempts) / len(history.orders)
        yield f"{ratio:.2f} attempts an order"
    for order in history.orders:
        if attempts[order.id] > MAX_ATTEMPTS:
            yield f"order {order.invoice} took {attempts[order.id]} attempts"
