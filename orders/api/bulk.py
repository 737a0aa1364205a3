"""``orders/bulk/``: up to 500 new orders in one request, with a result for each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from orders import intake, status, tasks
from orders.api.authentication import actor_of
from orders.api.contents import Catalogue, publisher_for, request_of, wrong
from orders.api.order_forms import MAX_BULK_PIECES, BulkForm, OrderForm
from orders.api.order_shapes import BulkShape
from orders.api.permissions import Needs
from orders.api.problems import invalid
from orders.api.views import ApiView
from orders.models import Order
from products.models import Publisher


class Row:
    """One row of a bulk: what it asks for, what was made of it, or why it was refused."""

    def __init__(self, number: int, data: Any) -> None:
        self.number, self.orders = number, list[Order]()
        self.errors: list[dict[str, str]] = []
        self.form: dict[str, Any] = {}
        reader = OrderForm(data=data)
        if reader.is_valid():
            self.form = reader.validated_data
        else:
            self.refuse(reader.errors)

    def refuse(self, detail: Any) -> None:
        self.errors = invalid(detail).errors  # type: ignore[assignment]

    def pieces(self) -> int:
        return sum(line["quantity"] for line in self.form.get("lines", ()))

    def result(self) -> dict[str, Any]:
        code = 400 if self.errors else 201
        return {
            "row": self.number,
            "status": code,
            "orders": self.orders,
            "errors": self.errors,
        }


class Bulk(ApiView):
    needs = {"POST": Needs("orders:write", "orders.add_order")}

    @extend_schema(operation_id="orders_bulk", request=BulkForm, responses=BulkShape)
    def post(self, request: Request) -> Response:
        """Make up to 500 orders.

        A row is what `POST orders/` takes. Each is made or refused by itself: 200 says that all
        were looked at, and each row's `status` what came of it. Repeat it under the same
        `Idempotency-Key` and nothing is made twice; mended rows go into a new request.
        """
        return self.once(request, lambda: self._make(request))

    def _make(self, request: Request) -> Response:
        given = self.checked(BulkForm, request)["orders"]
        rows = [Row(number, data) for number, data in enumerate(given)]
        if sum(row.pieces() for row in rows) > MAX_BULK_PIECES:
            told = f"One request holds at most {MAX_BULK_PIECES} pieces. Send several."
            raise wrong("orders", "too_many", told)
        for publisher, theirs in self._by_publisher(rows):
            lines = [line for row in theirs for line in row.form["lines"]]
            catalogue = Catalogue(publisher, lines)
            for row in theirs:
                self._place(row, catalogue)
        if any(order.status == status.READY for row in rows for order in row.orders):
            tasks.nudge()
        refused = sum(bool(row.errors) for row in rows)
        answer = {
            "made": len(rows) - refused,
            "refused": refused,
            "results": [row.result() for row in rows],
        }
        return Response(BulkShape(answer).data)

    def _by_publisher(self, rows: list[Row]) -> Iterator[tuple[Publisher, list[Row]]]:
        groups: dict[str | None, list[Row]] = {}
        for row in rows:
            if not row.errors:
                groups.setdefault(row.form.get("publisher"), []).append(row)
        for given, theirs in groups.items():
            try:
                yield publisher_for(self.request.user, given), theirs
            except ValidationError as error:
                for row in theirs:
                    row.refuse(error.detail)

    def _place(self, row: Row, catalogue: Catalogue) -> None:
        try:
            units = catalogue.units(row.form["lines"])
            wanted = request_of(row.form, catalogue.publisher, units)
            with transaction.atomic():
                row.orders = intake.place(wanted, actor=actor_of(self.request))
        except ValidationError as error:
            row.refuse(error.detail)
