"""``orders/`` and ``orders/{invoice}/``: list, make, read and change."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import desk, intake, status, tasks
from orders.api import order_rows
from orders.api.authentication import actor_of
from orders.api.contents import Catalogue, changes_of, publisher_for, request_of
from orders.api.filters import Backend, OrderFilters, queries_of
from orders.api.order_forms import OrderChanges, OrderForm
from orders.api.order_shapes import (
    AttemptShape,
    EventShape,
    OrderShape,
    OrdersShape,
    wanted_fields,
)
from orders.api.pagination import TIME, Pager
from orders.api.permissions import Needs
from orders.api.problems import Problem
from orders.api.views import ANY, ApiView, wanted_version
from orders.lifecycle import Changed
from orders.models import Attempt, Order, OrderEvent

READ = Needs("orders:read", "orders.view_order")
FIELDS = OpenApiParameter(
    "fields", str, description="Only these fields of each order, with commas between them."
)


class OrderView(ApiView):
    """A mixin of the addresses that deal with orders."""

    serializer_class = OrderShape

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.wanted = wanted_fields(request.query_params.get("fields"))

    def found(self) -> Order:
        """Return the order of the address, or 404 where it is not there or not the caller's."""
        seen = Order.objects.for_user(self.request.user)
        return get_object_or_404(seen, invoice=self.kwargs["invoice"])

    def one(self, order: Order, code: int = 200) -> Response:
        """Return an order as it is now, tagged with its version."""
        now: Any = order_rows.rows().for_user(self.request.user).get(pk=order.pk)
        return Response(self.told(now), code, headers={"ETag": f'"{now.version}"'})

    def told(self, row: Any) -> dict[str, Any]:
        """Return one of ``order_rows.rows`` with the fields that the caller asked for."""
        return order_rows.shown(row, self.wanted)

    def made(self, orders: list[Order]) -> Response:
        """Return new orders, with the address of the first; wake a worker if any may go out."""
        if any(order.status == status.READY for order in orders):
            tasks.nudge()
        where = reverse("api:order", args=[orders[0].invoice])
        return Response(
            {"orders": order_rows.shown_new(orders)},
            201,
            headers={"Location": self.request.build_absolute_uri(where)},
        )


class Orders(OrderView):
    queryset = Order.objects.none()
    filter_backends = (Backend,)
    filterset_class = OrderFilters
    query_names = queries_of(OrderFilters, "fields")
    needs = {"GET": READ, "POST": Needs("orders:write", "orders.add_order")}

    def order_by(self, request: Request) -> str:
        return TIME if "updated_since" in request.query_params else "-id"

    @extend_schema(operation_id="orders_list", responses=OrderShape(many=True), parameters=[FIELDS])
    def get(self, request: Request) -> Response:
        """List orders with their lines, the newest first."""
        orders = self.filter_queryset(order_rows.rows().for_user(request.user))
        page = self.paginate_queryset(orders)
        assert page is not None
        return self.get_paginated_response([self.told(row) for row in page])

    @extend_schema(operation_id="orders_create", request=OrderForm, responses={201: OrdersShape})
    def post(self, request: Request) -> Response:
        """Make an order.

        Up to 250 pieces go into one box, and every box is an order of its own: so the answer is a
        list, of one order nearly always. `Location` is the first of them. What TrepStar would
        refuse is made as well, and held: see `hold_note` and `findings`.
        """
        return self.once(request, lambda: self._make(request))

    def _make(self, request: Request) -> Response:
        form = self.checked(OrderForm, request)
        publisher = publisher_for(request.user, form.get("publisher"))
        units = Catalogue(publisher, form["lines"]).units(form["lines"])
        placed = intake.place(request_of(form, publisher, units), actor=actor_of(request))
        return self.made(placed)


class OneOrder(OrderView):
    query_names = frozenset({"fields"})
    needs = {"GET": READ, "PATCH": Needs("orders:write", "orders.change_order")}
    if_match = {"PATCH": True}

    @extend_schema(operation_id="orders_retrieve", parameters=[FIELDS])
    def get(self, request: Request, invoice: str) -> Response:
        """Read one order. Its `ETag` is its version."""
        return self.one(self.found())

    @extend_schema(
        operation_id="orders_update",
        request=OrderChanges,
        responses=OrderShape,
        parameters=[FIELDS],
    )
    def patch(self, request: Request, invoice: str) -> Response:
        """Change an order that is held or refused.

        `If-Match` carries the version that you looked at. Lines are replaced as a whole.
        """
        order = self.found()
        version = wanted_version(request)
        if version is None:
            detail = "Send the order's ETag as If-Match, so that nobody's change is overwritten."
            raise Problem("version-required", detail)
        form = self.checked(OrderChanges, request)
        units = None
        if "lines" in form:
            units = Catalogue(order.publisher, form["lines"]).units(form["lines"])
        try:
            changed = desk.edit(
                order.pk,
                changes_of(form, order),
                actor=actor_of(request),
                version=order.version if version == ANY else version,
                units=units,
            )
        except Changed as error:
            raise Problem("stale", str(error)) from None
        return self.one(changed)


class Timeline(OrderView):
    serializer_class = EventShape  # type: ignore[assignment]
    queryset = OrderEvent.objects.none()
    needs = {"GET": Needs("orders:read", "orders.view_orderevent")}
    query_names = Pager.names

    def order_by(self, request: Request) -> str:
        return "id"

    @extend_schema(operation_id="orders_timeline_list", responses=EventShape(many=True))
    def get(self, request: Request, invoice: str) -> Response:
        """List what happened to an order, the oldest first."""
        events = OrderEvent.objects.filter(order=self.found()).select_related("actor_user")
        return self.listed(request, events)


class Attempts(OrderView):
    serializer_class = AttemptShape  # type: ignore[assignment]
    queryset = Attempt.objects.none()
    needs = {"GET": Needs("orders:read", "orders.view_attempt")}
    query_names = Pager.names

    def order_by(self, request: Request) -> str:
        return "id"

    @extend_schema(operation_id="orders_attempts_list", responses=AttemptShape(many=True))
    def get(self, request: Request, invoice: str) -> Response:
        """List the calls by which an order was sent to TrepStar, and what came of each."""
        return self.listed(request, Attempt.objects.filter(order=self.found()))
