"""By what lists can be narrowed. A fixed set; a value that cannot be read is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters as filters
from django.core.exceptions import ValidationError
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from orders import status
from orders.api.pagination import names_of
from orders.models import Delivery, HookMessage, Order
from orders.models.hooks import EVENTS
from orders.models.order import Source
from orders.models.shopify import Outcome
from products.models import Product, SkuAlias
from products.sku import sku_key


class MomentField(IsoDateTimeField):
    """A moment in ISO 8601, in UTC; one outside of the calendar is refused."""

    def clean(self, value: Any) -> datetime | None:
        try:
            found: datetime | None = super().clean(value)
            return found.astimezone(UTC) if found else None
        except (OverflowError, ValueError):
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class Moment(filters.IsoDateTimeFilter):
    field_class = MomentField


class OneOf(filters.BaseInFilter, filters.ChoiceFilter):
    """One or several choices, with commas between them."""


class Text(filters.CharFilter):
    """The whole text, in its own case unless ``iexact`` is asked for."""

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        super().__init__(*args, max_length=most, strip=False, **kwargs)


class OrderFilters(filters.FilterSet):
    status = OneOf(choices=status.CHOICES, help_text="One or several, with commas between them.")
    publisher = Text(field_name="publisher__publisher_id", most=10)
    invoice = Text(most=50)
    source = filters.ChoiceFilter(choices=Source.choices)
    tracking = Text(field_name="tracking_id", most=100)
    reference = Text(most=64)
    email = Text(most=254, lookup_expr="iexact")
    created_after = Moment(field_name="created_at", lookup_expr="gte", help_text="At or after.")
    created_before = Moment(field_name="created_at", lookup_expr="lt")
    updated_since = Moment(
        field_name="updated_at",
        lookup_expr="gte",
        help_text="At or after; the list is then in the order of changes, oldest first. Ask again "
        "with the newest `updated_at` seen, less a minute.",
    )
    updated_before = Moment(field_name="updated_at", lookup_expr="lt")
    shipped_after = Moment(field_name="shipped_at", lookup_expr="gte", help_text="At or after.")
    shipped_before = Moment(field_name="shipped_at", lookup_expr="lt")

    class Meta:
        model = Order
        fields: ClassVar[list[str]] = []


class DeliveryFilters(filters.FilterSet):
    outcome = OneOf(choices=Outcome.choices, help_text="One or several, with commas between them.")
    publisher = Text(field_name="store__publisher__publisher_id", most=10)
    store = Text(field_name="store__domain", most=255)
    topic = Text(most=64)
    webhook_id = Text(most=100)
    received_after = Moment(field_name="received_at", lookup_expr="gte", help_text="At or after.")
    received_before = Moment(field_name="received_at", lookup_expr="lt")

    class Meta:
        model = Delivery
        fields: ClassVar[list[str]] = []


class HookMessageFilters(filters.FilterSet):
    type = OneOf(field_name="kind", choices=list(EVENTS.items()), help_text="One or several.")
    invoice = Text(most=50)
    state = filters.ChoiceFilter(
        choices=[(one, one) for one in ("delivered", "waiting", "failed")], method="by_state"
    )

    class Meta:
        model = HookMessage
        fields: ClassVar[list[str]] = []

    def by_state(self, rows: Any, name: str, value: str) -> Any:
        if value == "delivered":
            return rows.filter(delivered_at__isnull=False)
        return rows.filter(delivered_at=None, next_attempt_at__isnull=value == "failed")


class YesNo(filters.ChoiceFilter):
    """``true`` or ``false``, and nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, choices=[("true", "true"), ("false", "false")], **kwargs)

    def filter(self, rows: Any, value: Any) -> Any:
        return super().filter(rows, {"true": True, "false": False}.get(value, value))


class ProductFilters(filters.FilterSet):
    publisher = Text(field_name="publisher__publisher_id", most=10)
    project_id = Text(most=12)
    active = YesNo()

    class Meta:
        model = Product
        fields: ClassVar[list[str]] = []


class SkuFilters(filters.FilterSet):
    publisher = Text(field_name="publisher__publisher_id", most=10)
    sku = Text(method="by_sku", most=255, help_text="In any case.")
    product = filters.NumberFilter(
        field_name="product_id", min_value=1, max_value=2**53, decimal_places=0
    )

    class Meta:
        model = SkuAlias
        fields: ClassVar[list[str]] = []

    def by_sku(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(key=sku_key(value))


class Backend(DjangoFilterBackend):
    """Narrows a list; one without any filter does not even build their form."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        if not request.query_params.keys() & view.filterset_class.base_filters.keys():
            return queryset
        return super().filter_queryset(request, queryset, view)


def queries_of(filterset: type[filters.FilterSet], *more: str) -> frozenset[str]:
    """Return the query parameters that a list with this filter set knows."""
    return names_of([*filterset.base_filters, *more])
