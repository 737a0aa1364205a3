"""Orders as clients see them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from orders import sentences, status
from orders.models import Attempt, Order, OrderEvent, OrderLine
from orders.models.order import Source


class LineShape(serializers.ModelSerializer[OrderLine]):
    product = serializers.IntegerField(source="product_id")
    project_id = serializers.CharField(source="product.project_id")
    title = serializers.CharField(source="product.title")

    class Meta:
        model = OrderLine
        fields = ("product", "project_id", "title", "quantity", "sku")
        read_only_fields = fields


class FindingShape(serializers.Serializer[Any]):
    """Why TrepStar would refuse the order as it stands."""

    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField(source="text")


class OrderShape(serializers.ModelSerializer[Order]):
    """One box to one address."""

    # Declared here; what is sent is built by ``orders.api.order_rows``.

    publisher = serializers.CharField(source="publisher.publisher_id")
    source = serializers.ChoiceField(choices=Source.choices)  # type: ignore[assignment]
    status = serializers.ChoiceField(choices=status.CHOICES)
    country = serializers.CharField()
    hold_reason = serializers.CharField()
    stop_request = serializers.CharField()
    lines = LineShape(many=True)
    pieces = serializers.IntegerField(read_only=True)
    findings = FindingShape(many=True, read_only=True)
    tracking_url = serializers.CharField()
    reship_of = serializers.CharField(source="reship_of.invoice", allow_null=True, default=None)

    class Meta:
        model = Order
        fields = (
            "invoice",
            "publisher",
            "source",
            "reference",
            "mode",
            "status",
            "hold_reason",
            "hold_note",
            "hold_until",
            "stop_request",
            "findings",
            "flag",
            "name",
            "company",
            "address",
            "city",
            "state",
            "zip",
            "country",
            "email",
            "mail_method",
            "special_text",
            "price",
            "price_on_customs",
            "notify_customer",
            "lines",
            "pieces",
            "gateway_status",
            "gateway_error_number",
            "gateway_error_text",
            "shipping_method",
            "ship_date",
            "tracking_id",
            "tracking_url",
            "attempts",
            "next_attempt_at",
            "reship_of",
            "version",
            "created_at",
            "updated_at",
            "accepted_at",
            "shipped_at",
        )
        read_only_fields = fields


class OrdersShape(serializers.Serializer[Any]):
    """What was made: one order for each box, which is one order for up to 250 pieces."""

    orders = OrderShape(many=True)


class EventShape(serializers.ModelSerializer[OrderEvent]):
    text = serializers.SerializerMethodField(help_text="What happened, as a sentence.")
    actor = serializers.SerializerMethodField(help_text="Who did it.")

    class Meta:
        model = OrderEvent
        fields = ("kind", "from_status", "to_status", "text", "actor", "actor_kind", "created_at")
        read_only_fields = fields

    def get_text(self, event: OrderEvent) -> str:
        return sentences.sentence(event)

    def get_actor(self, event: OrderEvent) -> str:
        return sentences.actor(event)


class AttemptShape(serializers.ModelSerializer[Attempt]):
    class Meta:
        model = Attempt
        fields = (
            "number",
            "outcome",
            "late",
            "error_code",
            "text",
            "http_status",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields


class RowProblemShape(serializers.Serializer[Any]):
    """One wrong field of one row."""

    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class MadeShape(serializers.Serializer[Order]):
    invoice = serializers.CharField()
    status = serializers.ChoiceField(choices=status.CHOICES)
    hold_reason = serializers.CharField()
    hold_note = serializers.CharField()


ATTEMPT_OUTCOMES = Attempt.Outcome.choices
ROW_STATUS = [(201, "made"), (400, "refused")]


class BulkRowShape(serializers.Serializer[Any]):
    """What became of one row: its orders, or its errors."""

    row = serializers.IntegerField(help_text="Counted from 0, in the order they were sent.")
    status = serializers.ChoiceField(choices=ROW_STATUS)
    orders = MadeShape(many=True)
    errors = RowProblemShape(many=True)  # type: ignore[assignment]


class BulkShape(serializers.Serializer[Any]):
    made = serializers.IntegerField(help_text="How many rows became orders.")
    refused = serializers.IntegerField()
    results = BulkRowShape(many=True)


def wanted_fields(given: str | None) -> list[str] | None:
    """Return the names in ``fields=``, None without it; refuses a name that is not known."""
    if given is None:
        return None
    known = set(OrderShape.Meta.fields)
    names = list(dict.fromkeys(name.strip() for name in given.split(",")))
    if unknown := [name[:50] for name in names if name not in known]:
        told = f"These fields are not known: {', '.join(unknown[:5])}."
        raise serializers.ValidationError({"fields": [ErrorDetail(told, code="unknown")]})
    return names
