"""The indexes of orders, each with its reader; what is read seldom stands in none.

A change of status writes to every index that holds the row, so those of few orders are partial: the
others cost nothing. A query must state the condition of a partial index as it stands here.
"""

from __future__ import annotations

from django.db import models

from orders import status
from orders.models.conditions import one_of
from orders.models.prefix import LastWord, PrefixIndex

MISSES_UNTIL_FLAG = 3
"""So often TrepStar has to say that it does not know an order before a person is told."""

NOT_KNOWN = models.Q(not_found__gte=MISSES_UNTIL_FLAG) & one_of(
    "status", status.ASKED - {status.SHIPPED}
)
"""Orders that TrepStar had accepted and no longer knows, as ``Order.not_known`` says of one."""
MAY_WAIT = (
    one_of("status", status.NEEDS_ATTENTION | {status.UNCLEAR}) | ~models.Q(flag="") | NOT_KNOWN
)
"""Orders that may wait for a person; which of them do, and why, says ``orders.attention``."""

ABROAD = ~models.Q(country="US") & ~models.Q(country="")
NOT_FROM_SHOPIFY = ~models.Q(source="shopify")
IS_TEST = models.Q(mode="test")
PARTLY_BLANK = frozenset({"reference", "tracking_id", "email"})
"""Columns whose index for searches leaves out the orders where they are blank."""

INDEXES = [
    # Read by the REST API: the orders of a publisher, newest first.
    models.Index(fields=["publisher", "-id"], name="order_of_publisher"),
    # Read by the REST API: what changed since a client last asked.
    models.Index(fields=["publisher", "updated_at", "id"], name="order_updated"),
    # Read by the gateway for scripts: an order by the caller's invoice.
    models.Index(
        fields=["publisher", "caller_invoice"],
        name="order_of_script",
        condition=~models.Q(caller_invoice=""),
    ),
    # Read by the gateway for scripts: an e-mail's orders without an invoice.
    models.Index(
        fields=["publisher", "created_at"],
        name="order_of_script_email",
        condition=models.Q(source="gateway", caller_invoice=""),
    ),
    # Read by the order list, by status.
    models.Index(fields=["status", "-created_at", "-id"], name="order_list"),
    # Read by the order list for publishers, with a status or without, and figures.orders_per_day.
    models.Index(fields=["publisher", "-created_at", "-id", "status"], name="order_arrivals"),
    # Read by the order list, each for a filter that few orders fit.
    models.Index(fields=["-created_at", "-id"], name="order_tests", condition=IS_TEST),
    models.Index(fields=["-created_at", "-id"], name="order_abroad", condition=ABROAD),
    models.Index(
        fields=["source", "-created_at", "-id"], name="order_sources", condition=NOT_FROM_SHOPIFY
    ),
    # Read by the order list without a filter, and by its range of creation dates.
    models.Index(fields=["-created_at", "-id"], name="order_newest"),
    # Read by the order list, by its range of shipping dates and "Shipped this week", and by
    # figures.shipped_today.
    models.Index(
        fields=["-shipped_at"],
        name="order_list_shipped",
        condition=models.Q(shipped_at__isnull=False),
    ),
    # Read by orders.search, each for one thing that is searched for.
    PrefixIndex("reference", name="order_by_reference", condition=~models.Q(reference="")),
    PrefixIndex("tracking_id", name="order_by_tracking", condition=~models.Q(tracking_id="")),
    PrefixIndex("email", name="order_by_email", condition=~models.Q(email="")),
    PrefixIndex("name", name="order_by_name"),
    PrefixIndex(LastWord("name"), name="order_by_last_name"),
    # Read by submission.claim.
    models.Index(
        fields=["publisher", "next_attempt_at", "id"],
        name="order_due_to_send",
        condition=models.Q(status=status.READY),
    ),
    # Read by the sweep for workers that died.
    models.Index(
        fields=["lease_until"],
        name="order_leases",
        condition=models.Q(status=status.SUBMITTING),
    ),
    # Read by tracking.choose.
    models.Index(
        fields=["publisher", "next_ask_at", "id"],
        name="order_due_to_ask",
        condition=models.Q(next_ask_at__isnull=False),
    ),
    # Read by tracking.choose, which begins with the unclear ones.
    models.Index(
        fields=["publisher", "next_ask_at"],
        name="order_unclear",
        condition=models.Q(status=status.UNCLEAR),
    ),
    # Read by privacy.forget_old, every night.
    models.Index(
        fields=["updated_at"],
        name="order_to_forget",
        condition=models.Q(redact=False) & one_of("status", status.FINAL | {status.SHIPPED}),
    ),
    # Read by privacy.erase_closed; what was erased leaves the index.
    models.Index(
        fields=["id"],
        name="order_to_erase",
        condition=models.Q(redact=True) & ~models.Q(email="erased"),
    ),
    # Read by figures.open_orders and figures.oldest_waiting: what is left to do, and since when.
    models.Index(
        fields=["publisher", "status", "created_at"],
        name="order_open",
        condition=one_of("status", status.OPEN),
    ),
    # Read by the queue of what needs attention, oldest first.
    models.Index(fields=["created_at", "id"], name="order_waits", condition=MAY_WAIT),
    # Read by the same queue for one hold reason, and by its counts.
    models.Index(
        fields=["hold_reason", "created_at", "id"],
        name="order_held",
        condition=models.Q(status=status.HELD),
    ),
    # Read by the sweep that ends holds, and by the same queue for holds that end so.
    models.Index(
        fields=["hold_until"], name="order_holds_end", condition=~models.Q(hold_until=None)
    ),
    # Read by the same queue for notes, and by the order list's filter for them.
    models.Index(fields=["created_at", "id"], name="order_noted", condition=~models.Q(flag="")),
    # Read by intake and privacy: the orders that were made of a shop's order.
    models.Index(
        fields=["shop_order"],
        name="order_of_shop_order",
        condition=models.Q(shop_order__isnull=False),
    ),
    # Read by the order page and by desk.reship: the boxes that were made again.
    models.Index(
        fields=["reship_of"], name="order_reships", condition=models.Q(reship_of__isnull=False)
    ),
    # Read by the REST API's filter, and by imports, which ask of every row whether the shop's
    # number was ordered before.
    models.Index(
        fields=["publisher", "reference"],
        name="order_by_shops_number",
        condition=~models.Q(reference=""),
    ),
    # Read by the same queue for orders that TrepStar does not know.
    models.Index(fields=["created_at", "id"], name="order_not_known", condition=NOT_KNOWN),
]
