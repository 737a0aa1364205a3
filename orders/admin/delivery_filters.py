"""Filters of the list of deliveries."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet

from orders.models import Delivery, DeliveryLine, Store
from orders.reading import TOPICS
from products.models import Publisher


class PublisherFilter(admin.SimpleListFilter):
    """Whose shop sent it; shown only in use, so that the plain list takes no more queries."""

    title = "publisher"
    parameter_name = "publisher"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        if not self.value():
            return []
        mine = Publisher.objects.for_user(request.user).values_list("pk", "name")
        return [(str(pk), name) for pk, name in mine]

    def queryset(self, request: Any, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
        wanted = self.value()
        if not wanted:
            return rows
        if wanted not in {str(value) for value, _ in self.lookup_choices}:
            return rows.none()
        return rows.filter(store__publisher=int(wanted))


class UnknownSkuFilter(admin.SimpleListFilter):
    """Deliveries with a line whose SKU is not known; ``=KEY`` names one SKU."""

    title = "unknown SKU"
    parameter_name = "unknown_sku"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        wanted = self.value() or ""
        return [("any", "Any"), *([(wanted, wanted[1:])] if wanted.startswith("=") else [])]

    def queryset(self, request: Any, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
        wanted = self.value()
        if not wanted:
            return rows
        lines = DeliveryLine.objects.filter(outcome=DeliveryLine.Outcome.UNMATCHED)
        if wanted == "any":
            return rows.filter(pk__in=lines.exclude(key="").values("delivery"))
        if not wanted.startswith("=") or "\0" in wanted:
            return rows.none()
        return rows.filter(pk__in=lines.filter(key=wanted[1:]).values("delivery"))


class StoreFilter(admin.RelatedFieldListFilter):
    """The user's stores; those that sent something would be found by reading every delivery."""

    def field_choices(self, field: Any, request: Any, model_admin: Any) -> list[Any]:
        return [(one.pk, str(one)) for one in Store.objects.for_user(request.user)]


class TopicFilter(admin.SimpleListFilter):
    """The topics that the desk knows, whether or not one came."""

    title = "topic"
    parameter_name = "topic"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [(topic, topic) for topic in sorted(TOPICS)]

    def queryset(self, request: Any, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
        return rows.filter(topic=self.value()) if self.value() else rows
