"""The list of orders: its columns, its filters, and what is done with several at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html

from orders import status
from orders.admin import bulk
from orders.bulk import PERMISSIONS
from orders.models import Job, Order
from orders.search import exact, search

ACTIONS = {
    "hold_selected": Job.Kind.HOLD,
    "release_selected": Job.Kind.RELEASE,
    "cancel_selected": Job.Kind.CANCEL,
}


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

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return search(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Open the one order whose invoice or tracking id was typed; else show the list."""
        if request.method == "GET" and IS_POPUP_VAR not in request.GET:
            orders = self.get_queryset(request)  # type: ignore[attr-defined]
            only = exact(orders, request.GET.get(SEARCH_VAR, ""))
            if only is not None and self.has_view_permission(request, only):  # type: ignore[attr-defined]
                return redirect("admin:orders_order_change", only.pk)
        if request.POST.get("action") in ACTIONS and not request.user.has_perm(
            PERMISSIONS[ACTIONS[request.POST["action"]]]
        ):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)  # type: ignore[misc]

    def has_hold_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSIONS[Job.Kind.HOLD])

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSIONS[Job.Kind.RELEASE])

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSIONS[Job.Kind.CANCEL])

    @admin.action(description="Hold", permissions=["hold"])
    def hold_selected(self, request: HttpRequest, rows: QuerySet[Order]) -> HttpResponse | None:
        return bulk.answer(self, request, rows, Job.Kind.HOLD)

    @admin.action(description="Release", permissions=["release"])
    def release_selected(self, request: HttpRequest, rows: QuerySet[Order]) -> HttpResponse | None:
        return bulk.answer(self, request, rows, Job.Kind.RELEASE)

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, rows: QuerySet[Order]) -> HttpResponse | None:
        return bulk.answer(self, request, rows, Job.Kind.CANCEL)

    def response_action(self, request: HttpRequest, queryset: Any, *args: Any) -> Any:
        """Do an action; a choice that cannot be read is nobody's, so nothing is done."""
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if not all(one.isascii() and one.isdigit() and len(one) < 19 for one in ticked):
            messages.error(request, "The choice of orders cannot be read. Tick them again.")
            return None
        return super().response_action(request, queryset, *args)  # type: ignore[misc]
