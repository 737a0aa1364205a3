"""``deliveries/``: what the shops sent, what became of it, and reading it again."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orders import deliveries, status, tasks
from orders.api.authentication import actor_of
from orders.api.filters import Backend, DeliveryFilters, queries_of
from orders.api.permissions import Needs
from orders.api.strict import Strict
from orders.api.views import ApiView
from orders.lifecycle import NotNow
from orders.models import Delivery, DeliveryLine, Order
from orders.models.shopify import Outcome

LINE_OUTCOMES = DeliveryLine.Outcome.choices
READ = Needs("orders:read", "orders.view_delivery")


class DeliveryShape(serializers.ModelSerializer[Delivery]):
    """One webhook of a shop. Its body is not shown."""

    publisher = serializers.CharField(source="store.publisher.publisher_id")
    store = serializers.CharField(source="store.domain")
    shop_order = serializers.CharField(source="shop_order.name", allow_null=True, default=None)
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    orders = serializers.ListField(
        source="invoices", child=serializers.CharField(), help_text="The invoices that came of it."
    )

    class Meta:
        model = Delivery
        fields = (
            "id",
            "publisher",
            "store",
            "topic",
            "webhook_id",
            "event_id",
            "shop_order",
            "outcome",
            "reason",
            "orders",
            "repeats",
            "received_at",
            "triggered_at",
        )
        read_only_fields = fields


class DeliveryLineShape(serializers.ModelSerializer[DeliveryLine]):
    outcome = serializers.ChoiceField(choices=LINE_OUTCOMES)
    order = serializers.CharField(source="order.invoice", allow_null=True, default=None)

    class Meta:
        model = DeliveryLine
        fields = (
            "line_id",
            "fulfillment_id",
            "sku",
            "title",
            "quantity",
            "units",
            "outcome",
            "reason",
            "order",
        )
        read_only_fields = fields


class OneDeliveryShape(DeliveryShape):
    """One webhook of a shop, with what became of each of its lines."""

    lines = DeliveryLineShape(many=True)

    class Meta:
        model = Delivery
        fields = (*DeliveryShape.Meta.fields, "lines")
        read_only_fields = fields


class ReplayForm(Strict):
    make_again = serializers.BooleanField(
        default=False, help_text="Make units again whose orders were cancelled."
    )


def shown(user: Any) -> QuerySet[Delivery]:
    """Return the deliveries that ``user`` may see, without their bodies."""
    rows = Delivery.objects.for_user(user).select_related("store__publisher", "shop_order")
    return rows.defer("body")


class Deliveries(ApiView):
    serializer_class = DeliveryShape
    queryset = Delivery.objects.none()
    filter_backends = (Backend,)
    filterset_class = DeliveryFilters
    query_names = queries_of(DeliveryFilters)
    needs = {"GET": READ}

    @extend_schema(operation_id="deliveries_list", responses=DeliveryShape(many=True))
    def get(self, request: Request) -> Response:
        """List deliveries, the newest first."""
        return self.listed(request, shown(request.user))


class OneDelivery(ApiView):
    serializer_class = OneDeliveryShape
    needs = {"GET": READ}

    @extend_schema(operation_id="deliveries_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """Read one delivery with its lines."""
        return Response(_with_lines(request, pk))


class Replay(ApiView):
    needs = {"POST": Needs("orders:write", "orders.replay_delivery")}

    @extend_schema(operation_id="deliveries_replay", request=ReplayForm, responses=OneDeliveryShape)
    def post(self, request: Request, pk: int) -> Response:
        """Read a stored delivery again, as after a SKU was mapped. Makes no unit twice."""
        return self.once(request, lambda: self._replay(request, pk))

    def _replay(self, request: Request, pk: int) -> Response:
        form = self.checked(ReplayForm, request)
        delivery = get_object_or_404(shown(request.user), pk=pk)
        if delivery.outcome not in deliveries.REPLAYABLE:
            raise NotNow(f"This delivery was {delivery.outcome}, so there is nothing to replay.")
        done = deliveries.replay(
            delivery.pk, actor=actor_of(request), make_again=form["make_again"]
        )
        if Order.objects.filter(invoice__in=done.invoices, status=status.READY).exists():
            tasks.nudge()
        return Response(_with_lines(request, pk))


def _with_lines(request: Request, pk: int) -> Any:
    rows = shown(request.user).prefetch_related("lines__order")
    return OneDeliveryShape(get_object_or_404(rows, pk=pk)).data
