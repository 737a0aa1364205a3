"""Products in the admin with a filter for those that TrepStar is about to delete."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from orders import clock
from orders.alert_work import unordered
from products.admin import ProductAdmin
from products.models import Product

admin.site.unregister(Product)


class ExpiringFilter(admin.SimpleListFilter):
    """TrepStar deletes a project that nobody orders for 300 days."""

    title = "near deletion at TrepStar"
    parameter_name = "expiring"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Not ordered for 270 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        return unordered(queryset, clock.now()) if self.value() == "yes" else queryset


@admin.register(Product)
class DeskProductAdmin(ProductAdmin):
    list_filter: ClassVar[Any] = (*ProductAdmin.list_filter, ExpiringFilter)
