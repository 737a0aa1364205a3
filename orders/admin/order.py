"""Orders in the admin: the list, the page of one order, and what staff may do with it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponseRedirect

from orders import desk, pausing, status
from orders.admin.order_add import OrderAdding
from orders.admin.order_buttons import OrderButtons
from orders.admin.order_filters import (
    DateRangeFilter,
    FlaggedFilter,
    HoldReasonFilter,
    ModeFilter,
    PublisherFilter,
    SourceFilter,
    ViewFilter,
)
from orders.admin.order_form import LineForm, LineFormSet, OrderForm, ProductSelect
from orders.admin.order_list import OrderList
from orders.admin.order_page import facts
from orders.lifecycle import NotNow, person
from orders.models import Order, OrderLine
from orders.once import AlreadyMade
from products.scoped import ScopedAdmin


class LineInline(admin.TabularInline):
    model = OrderLine
    form = LineForm
    formset = LineFormSet
    fields = ("product", "quantity", "sku")
    readonly_fields = ("sku",)
    autocomplete_fields = ("product",)
    extra = 0
    verbose_name_plural = "What is in the box"

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderLine]:
        return super().get_queryset(request).select_related("product")

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj else 1

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        editable = obj is None or obj.status in status.EDITABLE
        return editable and super().has_change_permission(request, obj)

    has_add_permission = has_delete_permission = has_change_permission

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        made: Any = super().get_formset(request, obj, **kwargs)
        made.only_shown = obj is not None and not self.has_change_permission(request, obj)
        return made

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Know only products of the user's publishers, so that none is named to a stranger."""
        kwargs["queryset"] = self.admin_site._registry[db_field.related_model].get_queryset(request)
        if db_field.name == "product":
            kwargs["widget"] = ProductSelect(db_field, self.admin_site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Order)
class OrderAdmin(OrderList, OrderAdding, OrderButtons, ScopedAdmin):
    """An order is changed through ``orders.desk`` alone; this page never saves its row."""

    form = OrderForm
    change_form_template = "admin/orders/order/change_form.html"
    inlines = (LineInline,)
    list_display = (
        "invoice",
        "status_badge",
        "recipient",
        "reference",
        "pieces",
        "tracking",
        "created_at",
    )
    list_filter = (
        ViewFilter,
        "status",
        FlaggedFilter,
        ("hold_reason", HoldReasonFilter),
        ("publisher", PublisherFilter),
        ("created_at", DateRangeFilter),
        ("shipped_at", DateRangeFilter),
        ("mode", ModeFilter),
        ("source", SourceFilter),
    )
    list_select_related = ("publisher",)
    search_fields = ("invoice",)  # the box is shown; orders.search says what it finds
    actions = ("hold_selected", "release_selected", "cancel_selected")
    fieldsets = (
        (None, {"fields": ("publisher", "version")}),
        (
            "Recipient",
            {
                "fields": (
                    "name",
                    "company",
                    "address",
                    ("city", "state"),
                    ("zip", "country"),
                    "email",
                )
            },
        ),
        (
            "How it is made",
            {
                "fields": (
                    "mail_method",
                    "special_text",
                    ("price", "price_on_customs"),
                    "notify_customer",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        # A subquery: joined lines would be counted again by a search for a SKU.
        lines = OrderLine.objects.filter(order=OuterRef("pk")).order_by().values("order")
        pieces = Subquery(lines.annotate(pieces=Sum("quantity")).values("pieces"))
        return super().get_queryset(request).annotate(pieces_sum=pieces)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only an order that waits for a person has a form; the others are shown."""
        editable = obj is None or obj.status in status.EDITABLE
        return editable and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("publisher",)

    # The page of one order

    def page_of(self, request: HttpRequest, row: Order) -> dict[str, Any]:
        offered = [button.name for button in self.buttons_for(request, row)]
        if self.has_change_permission(request, row):
            offered.append("change")
        return {
            **facts(row),
            "reasons": self.reasons_for(request, row, offered),
            "may_note": self.may_press(request, "note"),
            "may_add": self.has_add_permission(request),
            "may_see_calls": request.user.has_perm("orders.view_call"),
            "paused": pausing.sentence(row.publisher) if row.status == status.READY else "",
        }

    # Adding and editing

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing is saved here: see ``save_related``, which knows the lines as well."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        lines = formsets[0] if formsets else None
        units = lines.units() if lines and not lines.only_shown else None
        if not change:
            return self.make(request, form, units)
        desk.edit(
            form.instance.pk,
            form.changes(),
            actor=person(request.user),
            version=form.cleaned_data["version"],
            units=units,
        )
        return None

    def construct_change_message(self, *args: Any, **kwargs: Any) -> list[Any]:
        """The timeline tells what was changed, and by whom."""
        return []

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except AlreadyMade as problem:
            return self.made_before(request, problem)
        except NotNow as problem:
            messages.error(request, str(problem))
            return HttpResponseRedirect(request.get_full_path())
