"""The list of orders: its columns, its filters, and what is done with several at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from orders import desk, status, tasks
from orders.lifecycle import NotNow, person
from orders.models import Order


class FlaggedFilter(admin.SimpleListFilter):
    title = "needs a look"
    parameter_name = "flagged"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Flagged"), ("attention", "Waits for a person")]

    def queryset(self, request: Any, rows: QuerySet[Order]) -> QuerySet[Order]:
        if self.value() == "yes":
            return rows.exclude(flag="")
        if self.value() == "attention":
            return rows.filter(Q(status__in=status.NEEDS_ATTENTION) | ~Q(flag=""))
        return rows


class OrderList:
    """A mixin for the order admin: columns and actions."""

    @admin.display(description="status", ordering="status")
    def status_badge(self, order: Order) -> str:
        mark = ' <span class="badge badge-test">test</span>' if order.mode == "test" else ""
        flag = ' <span class="badge badge-flag" title="{}">look</span>' if order.flag else ""
        why = f": {order.get_hold_reason_display()}" if order.hold_reason else ""
        return format_html(
            '<span class="badge badge-{}">{}{}</span>' + mark + flag,
            order.status,
            order.get_status_display(),
            why,
            *([order.flag] if order.flag else []),
        )

    @admin.display(description="to", ordering="name")
    def recipient(self, order: Order) -> str:
        place = ", ".join(part for part in (order.city, order.country) if part)
        return format_html('{} <span class="quiet">{}</span>', order.name or "no name", place)

    @admin.display(description="pieces")
    def pieces(self, order: Any) -> int:
        return order.pieces_sum or 0

    @admin.display(description="tracking")
    def tracking(self, order: Order) -> str:
        if not order.tracking_id:
            return ""
        short = order.tracking_id if len(order.tracking_id) <= 14 else f"…{order.tracking_id[-10:]}"
        return format_html(
            '<a href="{}" title="{}" rel="noreferrer">{}</a>',
            order.tracking_url,
            order.tracking_id,
            short,
        )

    def has_hold_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.hold_order")

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.release_order")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.cancel_order")

    @admin.action(description="Hold", permissions=["hold"])
    def hold_selected(self, request: HttpRequest, rows: QuerySet[Order]) -> None:
        _each(request, rows, desk.hold, "held")

    @admin.action(description="Release", permissions=["release"])
    def release_selected(self, request: HttpRequest, rows: QuerySet[Order]) -> None:
        if _each(request, rows, desk.release, "released"):
            tasks.nudge()

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, rows: QuerySet[Order]) -> None:
        _each(request, rows, desk.cancel, "cancelled")


def _each(request: HttpRequest, rows: QuerySet[Order], act: Any, word: str) -> int:
    """Do the same with every order, each in a transaction of its own; tell what went wrong."""
    done, problems = 0, []
    for order_id in rows.values_list("pk", flat=True):
        try:
            act(order_id, actor=person(request.user))
            done += 1
        except NotNow as problem:
            problems.append(str(problem))
    if done:
        messages.success(request, f"{done} {'order was' if done == 1 else 'orders were'} {word}.")
    for told in problems[:20]:
        messages.error(request, told)
    if len(problems) > 20:
        messages.error(request, f"{len(problems) - 20} more orders could not be {word}.")
    return done
