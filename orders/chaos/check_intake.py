"""What must be true of deliveries and of the answers that shops got: I1, I2, I12, I13. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from orders.chaos.history import MALFORMED, MUST_ANSWER, ORDER, UNKNOWN_SKU, History, Sent

EXPLAINED = ("unmatched", "quarantined", "ignored", "linked", "recorded")
NAMES_IT = ("created", "linked")
DOWN_FOR = 5.0  # seconds after a kill in which a 5xx is nobody's fault


def every_delivery_leads_somewhere(history: History) -> Iterator[str]:
    """I1: each delivery answered 2xx is stored once, and made one order or has one reason."""
    rows = Counter((d.store, d.webhook_id, d.body_hash) for d in history.deliveries)
    orders = Counter((o.store, o.shop_order_id) for o in history.orders if o.shop_order_id)
    told = {(o.store, o.shop_order_id): o.invoice for o in history.orders}
    for key, count in Counter(history.shop_orders).items():
        if count != 1:
            yield f"shop order {key[1]} has {count} rows"
    for (store, webhook_id, _), count in rows.items():
        if count != 1:
            yield f"delivery {webhook_id} of {store} is stored {count} times"
    answered = [sent for sent in history.sent if 200 <= sent.status < 300]
    for sent in answered:
        if not rows[(sent.store, sent.webhook_id, sent.body_hash)]:
            yield f"delivery {sent.webhook_id} was answered {sent.status} and is not stored"
        mine = (told.get(_order(sent), ""),)
        if sent.outcome in NAMES_IT and sent.invoices != mine:
            yield f"delivery {sent.webhook_id} was answered {sent.outcome} {sent.invoices}"
    for store, shop_order_id in sorted({_order(s) for s in answered if s.kind == ORDER}):
        if orders[(store, shop_order_id)] != 1:
            yield f"shop order {shop_order_id} led to {orders[(store, shop_order_id)]} orders"
    yield from _without_reason(history)


def _order(sent: Sent) -> tuple[str, int]:
    return sent.store, sent.shop_order_id


def _without_reason(history: History) -> Iterator[str]:
    odd = {s.webhook_id for s in history.sent if s.kind in (UNKNOWN_SKU, MALFORMED)}
    for row in history.deliveries:
        if row.outcome in ("unmatched", "quarantined") and not row.reason:
            yield f"delivery {row.webhook_id} is {row.outcome} without a reason"
        if row.failures:
            yield f"the desk failed on delivery {row.webhook_id}: {row.reason}"
        if row.webhook_id in odd and row.outcome not in EXPLAINED:
            yield f"delivery {row.webhook_id} is {row.outcome}, and nothing in it can be made"


def nothing_out_of_nothing(history: History) -> Iterator[str]:
    """I2: no order without an authentic delivery (staff make none in a run)."""
    authentic = {_order(sent) for sent in history.sent if sent.kind == ORDER}
    genuine = {
        (s.store, s.webhook_id, s.body_hash) for s in history.sent if MUST_ANSWER[s.kind] == 200
    }
    for order in history.orders:
        if (order.store, order.shop_order_id) not in authentic:
            yield f"order {order.invoice} comes from no authentic delivery"
    for row in history.deliveries:
        if (row.store, row.webhook_id, row.body_hash) not in genuine:
            yield f"delivery {row.webhook_id} is stored, and nobody authentic sent it"
    for sent in history.sent:
        if 0 < sent.status < 500 and sent.status != MUST_ANSWER[sent.kind]:
            yield f"a {sent.kind} delivery {sent.webhook_id} was answered {sent.status}"


def nobody_sees_others(history: History) -> Iterator[str]:
    """I12: a publisher's user sees no row of another publisher. The REST API is not built yet."""
    if not any(peek.status == 200 for peek in history.peeks):
        yield "the publisher's user never got a page, so nothing was proved"
    for peek in history.peeks:
        if peek.seen:
            yield f"{peek.path} showed {peek.seen}"


def shops_are_answered(history: History) -> Iterator[str]:
    """I13: every delivery is answered, and 5xx only while the database or the web was down."""
    if not any(sent.status for sent in history.sent):
        yield "no delivery was answered"
        return
    for sent in history.sent:
        if sent.status >= 500 and not _was_down(history, sent.at, sent.at + sent.seconds):
            yield f"delivery {sent.webhook_id} was answered {sent.status} while all was up"
        if not sent.status and not _was_down(history, sent.at, sent.at + sent.seconds):
            yield f"delivery {sent.webhook_id} got no answer while all was up"


def in_time(history: History) -> Iterator[str]:
    """I13: the 99th percentile is under 1 s, and none over 5 s."""
    answered = [sent for sent in history.sent if sent.status]
    slow = percentile([sent.seconds for sent in answered], 99) if answered else 0.0
    if slow >= 1.0:
        yield f"the 99th percentile of the answers is {slow:.2f} s"
    for sent in answered:
        if sent.seconds > 5.0:
            yield f"delivery {sent.webhook_id} was answered after {sent.seconds:.1f} s"


def _was_down(history: History, begins: float, ends: float) -> bool:
    return any(
        kill.at <= ends and begins <= kill.until + DOWN_FOR
        for kill in history.kills
        if kill.kind in ("web", "database")
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that ``percent`` % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
