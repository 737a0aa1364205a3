"""What clients send for orders, checked field by field before anything is looked up."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.utils import timezone
from rest_framework import serializers

from orders.api.strict import Strict
from orders.countries import country_code
from orders.desk import MAX_NOTE
from orders.recipient import DEFAULT_LIMIT, LIMITS
from orders.trepstar.wire import MAX_PIECES, MAX_SPECIAL_TEXT
from products.models import MailMethod, no_html
from products.sku import MAX_SKU_LENGTH

MAX_LINES = 100
# The parts of a split are numbered up to 99.
MAX_BOXES = 99
MAX_ORDER_PIECES = MAX_BOXES * MAX_PIECES
MAX_BULK = 500
MAX_BULK_PIECES = MAX_BULK * MAX_PIECES


def _limit(name: str) -> int:
    return LIMITS.get(name, DEFAULT_LIMIT)


class LineForm(Strict):
    """So many of one product, named in one of three ways."""

    product = serializers.IntegerField(
        required=False, min_value=1, max_value=2**53, help_text="Our id of the product."
    )
    project_id = serializers.CharField(
        required=False,
        max_length=12,
        validators=[RegexValidator(r"\A[0-9]+\Z", "Enter digits only, as TrepStar shows them.")],
        help_text="TrepStar's project id.",
    )
    sku = serializers.CharField(
        required=False, max_length=MAX_SKU_LENGTH, help_text="A SKU that is known here."
    )
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_ORDER_PIECES, default=1)

    def validate(self, line: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("product", "project_id", "sku") if name in line]
        if len(named) != 1:
            raise serializers.ValidationError(
                "Name the product in one way: by product, project_id or sku.", code="one_name"
            )
        return line


class RecipientForm(Strict):
    """The fields of an order that may be given when it is made and changed while it waits."""

    name = serializers.CharField(required=False, max_length=_limit("name"))
    company = serializers.CharField(required=False, allow_blank=True, max_length=_limit("company"))
    address = serializers.CharField(
        required=False, max_length=_limit("address"), help_text="Street and number, on one line."
    )
    city = serializers.CharField(required=False, max_length=_limit("city"))
    state = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=_limit("state"),
        help_text="State or province; its two-letter code where the country has one.",
    )
    zip = serializers.CharField(required=False, allow_blank=True, max_length=_limit("zip"))
    country = serializers.CharField(
        required=False, max_length=100, help_text="Two-letter code, or the English name."
    )
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    mail_method = serializers.ChoiceField(required=False, choices=MailMethod.choices)
    special_text = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=MAX_SPECIAL_TEXT,
        validators=[no_html],
        help_text="Printed for this customer. Left blank, the product's own text is printed.",
    )
    price = serializers.DecimalField(
        required=False,
        allow_null=True,
        max_digits=9,
        decimal_places=2,
        min_value=0,
        help_text="Printed price in USD. Null is the sum of the products' prices, 0 prints none.",
    )
    price_on_customs = serializers.BooleanField(required=False)
    notify_customer = serializers.BooleanField(required=False)

    def validate_country(self, given: str) -> str:
        code = country_code(given)
        if not code:
            raise serializers.ValidationError("This country is not known.", code="unknown_country")
        return code


class OrderForm(RecipientForm):
    """A new order."""

    publisher = serializers.CharField(
        required=False,
        max_length=10,
        help_text="TrepStar's publisher id. A token knows its own; staff of several say which.",
    )
    reference = serializers.CharField(
        required=False, allow_blank=True, max_length=64, help_text="Your own number for it."
    )
    lines = serializers.ListField(child=LineForm(), allow_empty=False, max_length=MAX_LINES)
    hold = serializers.BooleanField(
        default=False, help_text="Held until it is released, whatever the publisher's setting."
    )
    hold_note = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NOTE)

    always = ("name", "address", "city", "country")

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return _not_too_many(lines)


class OrderChanges(RecipientForm):
    """What is to change in an order that waits for a person; what is left out stays."""

    lines = serializers.ListField(
        child=LineForm(), required=False, allow_empty=False, max_length=MAX_LINES
    )

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return _not_too_many(lines)


def _not_too_many(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if sum(line["quantity"] for line in lines) > MAX_ORDER_PIECES:
        raise serializers.ValidationError(
            f"One order holds at most {MAX_ORDER_PIECES} pieces.", code="too_many"
        )
    return lines


class BulkForm(Strict):
    """Many new orders at once; each row is read by itself."""

    orders = serializers.ListField(
        child=serializers.JSONField(), allow_empty=False, max_length=MAX_BULK
    )


class HoldForm(Strict):
    note = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MAX_NOTE, help_text="Why."
    )
    until = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Released by itself then."
    )

    def validate_until(self, until: Any) -> Any:
        if until is not None and until <= timezone.now():
            raise serializers.ValidationError("This moment lies in the past.", code="past")
        return until


class CancelForm(Strict):
    note = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MAX_NOTE, help_text="Why."
    )


class ReshipForm(Strict):
    reason = serializers.CharField(max_length=MAX_NOTE, help_text="Why it is made again; kept.")


class NoteForm(Strict):
    text = serializers.CharField(max_length=MAX_NOTE, help_text="For the timeline.")
