"""The list of orders: its columns, its filters, and what is done with several at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from orders import saved_views
from orders.admin import bulk
from orders.admin.order_filters import VIEWS
from orders.admin.paging import CappedPaginator, FilterInLinks
from orders.bulk import PERMISSIONS
from orders.lifecycle import NotNow
from orders.models import Job, Order
from orders.search import exact, search

ACTIONS = {
    "hold_selected": Job.Kind.HOLD,
    "release_selected": Job.Kind.RELEASE,
    "cancel_selected": Job.Kind.CANCEL,
}


class SortedByIndex(FilterInLinks):
    """Sorts by the columns that may be sorted by, whatever the address asks for."""

    def get_ordering_field(self, field_name: Any) -> Any:
        sortable = field_name in (self.sortable_by or ())
        return super().get_ordering_field(field_name) if sortable else None


class OrderList:
    """A mixin for the order admin: columns, search, views and actions."""

    change_list_template: Any = "admin/orders/order/change_list.html"
    paginator: Any = CappedPaginator
    search_help_text: Any = (
        "Invoice, Shopify number or order id, tracking id, e-mail, first or last name, or SKU: "
        "how it begins is enough."
    )

    @admin.display(description="status")
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

    @admin.display(description="to")
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

    def get_sortable_by(self, request: HttpRequest) -> list[Any]:
        """Sort by what an index sorts: by any other column, all orders would be read."""
        columns = self.get_list_display(request)  # type: ignore[attr-defined]
        return [one for one in columns if getattr(one, "__name__", one) == "created_at"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SortedByIndex]:
        return SortedByIndex

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
        context = self._views(request) | (extra_context or {})
        return super().changelist_view(request, context)  # type: ignore[misc]

    # Views

    def get_urls(self) -> list[URLPattern]:
        save, delete = (
            self.admin_site.admin_view(view)  # type: ignore[attr-defined]
            for view in (self.save_view, self.delete_view_of_list)
        )
        return [
            path("views/save/", save, name="orders_order_view_save"),
            path("views/<int:view_id>/delete/", delete, name="orders_order_view_delete"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def _views(self, request: HttpRequest) -> dict[str, Any]:
        """Return the views above the list, and what its page needs to save one."""
        here = saved_views.normal(request.GET.urlencode())
        everybodys = [(f"view={key}", view.label, view.shows) for key, view in VIEWS.items()]
        shown: list[tuple[str, str, str, int | None]] = [
            ("", "All orders", "Every order of your publishers.", None),
            *((*view, None) for view in everybodys),
            *((one.query, one.name, "Own view", one.pk) for one in saved_views.of(request.user)),
        ]
        views = [
            {"query": query, "label": label, "shows": shows, "id": pk, "current": query == here}
            for query, label, shows, pk in shown
        ]
        return {
            "views": views,
            "present_query": here,
            "may_save_view": not any(view["current"] for view in views),
        }

    @method_decorator(require_POST)
    def save_view(self, request: HttpRequest) -> HttpResponse:
        """Save the list's filter under a name for the user."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        query = saved_views.normal(request.POST.get("query", ""))
        try:
            view = saved_views.save(request.user, request.POST.get("name", ""), query)
        except NotNow as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, f"The view “{view}” is saved, for you alone.")
        return HttpResponseRedirect(f"{reverse('admin:orders_order_changelist')}?{query}")

    @method_decorator(require_POST)
    def delete_view_of_list(self, request: HttpRequest, view_id: int) -> HttpResponse:
        """Delete one of the user's own views."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        name = saved_views.delete(request.user, view_id)
        if name is None:
            raise Http404
        messages.success(request, f"The view “{name}” is deleted. No order was changed.")
        return HttpResponseRedirect(reverse("admin:orders_order_changelist"))

    # Actions

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
