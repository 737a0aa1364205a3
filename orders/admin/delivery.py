"""Deliveries in the admin: what came, what became of each line, and the replay."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from orders import deliveries, tasks
from orders.admin.buttons import Button, Field, WithButtons
from orders.admin.delivery_filters import (
    PublisherFilter,
    StoreFilter,
    TopicFilter,
    UnknownSkuFilter,
)
from orders.admin.paging import CappedPaginator, FilterInLinks
from orders.lifecycle import NotNow, person
from orders.models import Delivery, DeliveryLine, Order, TurnedAway
from products.scoped import ReadOnlyAdmin

MAX_SHOWN = 200_000
REPLAY = Button(
    "replay",
    "Replay",
    (Field("make_again", "Make units again whose orders were cancelled", "checkbox"),),
    "main",
)


@admin.register(Delivery)
class DeliveryAdmin(WithButtons, ReadOnlyAdmin):
    publisher_path = "store__publisher"
    change_form_template = "admin/orders/delivery/change_form.html"
    list_display = ("received_at", "topic", "shop", "result", "orders", "again")
    list_filter = (
        "outcome",
        PublisherFilter,
        ("store", StoreFilter),
        UnknownSkuFilter,
        TopicFilter,
        "received_at",
    )
    list_select_related = ("store", "shop_order")
    # As they came, by an index that there is anyway.
    ordering = ("-id",)
    sortable_by = ()
    paginator = CappedPaginator
    search_fields = ("webhook_id", "event_id", "shop_order__name", "lines__sku__istartswith")
    search_help_text = "Webhook id, event id, shop's order number or SKU."
    button_permissions: ClassVar[dict[str, str]] = {
        "replay": "orders.replay_delivery",
        "not_ours": "orders.replay_delivery",
    }
    fields = (
        "store",
        "topic",
        "result",
        "reason",
        "orders",
        "received_at",
        "triggered_at",
        "webhook_id",
        "event_id",
        "api_version",
        "matched_secret",
        "repeats",
    )

    @admin.display(description="shop's order")
    def shop(self, delivery: Delivery) -> str:
        name = delivery.shop_order or ""
        return format_html('{} <span class="quiet">{}</span>', name, delivery.store)

    @admin.display(description="outcome", ordering="outcome")
    def result(self, delivery: Delivery) -> str:
        return format_html(
            '<span class="badge badge-{}" title="{}">{}</span>',
            delivery.outcome,
            delivery.reason,
            delivery.outcome,
        )

    @admin.display(description="orders")
    def orders(self, delivery: Delivery) -> str:
        where = reverse("admin:orders_order_changelist")
        links = ((where, invoice, invoice) for invoice in delivery.invoices)
        return format_html_join(" ", '<a href="{}?q={}">{}</a>', links)

    @admin.display(description="repeats", ordering="repeats")
    def again(self, delivery: Delivery) -> str:
        return f"x{delivery.repeats + 1}" if delivery.repeats else ""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FilterInLinks]:
        return FilterInLinks

    def buttons_for(self, request: HttpRequest, row: Delivery) -> list[Button]:
        if row.body is None or row.outcome not in deliveries.REPLAYABLE:
            return []
        return [REPLAY]

    def do_replay(self, request: HttpRequest, row: Delivery) -> str:
        make_again = request.POST.get("make_again") == "on"
        done = deliveries.replay(row.pk, actor=person(request.user), make_again=make_again)
        if Order.objects.filter(invoice__in=done.invoices, status="ready").exists():
            tasks.nudge()
        orders = ", ".join(done.invoices) or "no order"
        return f"The delivery was read again: {done.outcome}, {orders}. {done.reason}".strip()

    def do_not_ours(self, request: HttpRequest, row: Delivery) -> str:
        """Mark a line that has no SKU to map as not ours."""
        line_id = request.POST.get("line", "")
        lines = row.lines.filter(key="", outcome=DeliveryLine.Outcome.UNMATCHED)
        chosen = (
            lines.filter(pk=line_id).first() if line_id.isascii() and line_id.isdigit() else None
        )
        if chosen is None:
            raise NotNow("Only a line without any SKU can be marked here; map the others.")
        chosen.outcome, chosen.reason = DeliveryLine.Outcome.NOT_OURS, "Marked by staff."
        chosen.save(update_fields=["outcome", "reason"])
        return self.do_replay(request, row)

    def page_of(self, request: HttpRequest, row: Delivery) -> dict[str, Any]:
        return {
            "title": f"{row.topic} {row.shop_order or ''}".strip(),
            "lines": row.lines.select_related("product", "order"),
            "body_text": _pretty(row),
            "map_url": reverse("admin:mapping_choose"),
        }


def _pretty(delivery: Delivery) -> str:
    if delivery.body is None:
        return "The body was erased."
    raw = bytes(delivery.body)
    try:
        text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = raw.decode("utf-8", "replace")
    more = "\n… and more" if len(text) > MAX_SHOWN else ""
    return text[:MAX_SHOWN].encode("utf-8", "replace").decode() + more


@admin.register(TurnedAway)
class TurnedAwayAdmin(ReadOnlyAdmin):
    list_display = ("day", "publisher", "kind", "count", "last_at")
    list_filter = ("kind",)
