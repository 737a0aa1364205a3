"""What Shopify sent, kept as it came, and what became of every line of it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

from orders.models.conditions import one_of
from orders.models.order import Order
from orders.shopify.payload import CREATING_TOPICS
from products.fields import SecretListField
from products.models import MailMethod, Product, Publisher

MAIL_RULE_KEYS = {"match", "where", "method"}
MAIL_RULE_PLACES = ("any", "domestic", "international")


def default_topics() -> list[str]:
    """The seed's own event: Shopify's "Order fulfillment"."""
    return ["orders/fulfilled"]


def check_topics(value: Any) -> None:
    """Raise ``ValidationError`` unless ``value`` is a list of topics that may make orders."""
    if not isinstance(value, list) or not set(value) <= set(CREATING_TOPICS):
        raise ValidationError(f"Choose among the topics {', '.join(CREATING_TOPICS)}.")


def check_mail_rules(value: Any) -> None:
    """Raise ``ValidationError`` unless ``value`` is a list of mail rules.

    A rule is ``{"match": "Express*", "where": "any", "method": "express"}``: the title or code of a
    shipping line (``*`` stands for anything), the place (any, domestic, international), the method.
    """
    good = isinstance(value, list) and all(
        isinstance(rule, dict)
        and set(rule) <= MAIL_RULE_KEYS
        and isinstance(rule.get("match"), str)
        and rule.get("where", "any") in MAIL_RULE_PLACES
        and rule.get("method") in MailMethod.values
        for rule in value
    )
    if not good:
        raise ValidationError(
            'Each rule looks like {"match": "Express*", "where": "any", "method": "express"}.'
        )


class StoreQuerySet(models.QuerySet["Store"]):
    def for_user(self, user: object) -> StoreQuerySet:
        return self.filter(publisher__in=Publisher.objects.for_user(user))  # type: ignore[arg-type]


class Store(models.Model):
    """A Shopify shop that sends deliveries for a publisher."""

    publisher = models.ForeignKey(Publisher, models.PROTECT, related_name="stores")
    domain = models.CharField(
        "myshopify domain",
        max_length=255,
        validators=[
            RegexValidator(
                r"\A[a-z0-9][a-z0-9-]*\.myshopify\.com\Z",
                "Enter the shop's own address, such as northlight.myshopify.com.",
            )
        ],
    )
    webhook_secrets = SecretListField("signing secrets", blank=True, default=list)
    secrets_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    create_on = models.JSONField(
        "topics that make orders", default=default_topics, validators=[check_topics]
    )
    mail_rules = models.JSONField(default=list, blank=True, validators=[check_mail_rules])

    objects = StoreQuerySet.as_manager()

    class Meta:
        ordering = ["domain"]
        constraints = [
            models.UniqueConstraint(
                fields=["publisher", "domain"],
                name="store_domain",
                violation_error_message="This publisher has this store already.",
            )
        ]

    def __str__(self) -> str:
        return self.domain


class ShopOrder(models.Model):
    """An order of a shop; locked before its units are counted, so that each is made once."""

    store = models.ForeignKey(
        Store, models.PROTECT, related_name="shop_orders", db_index=False
    )  # shop_order_once begins with it
    shop_order_id = models.BigIntegerField("Shopify order id")
    name = models.CharField(max_length=64, blank=True)
    shop_updated_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    address = models.JSONField(null=True, blank=True)
    boxes = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "shop_order_id"], name="shop_order_once")
        ]
        # Read by orders.search.
        indexes = [models.Index(fields=["shop_order_id"], name="shop_order_by_id")]

    def __str__(self) -> str:
        return self.name or str(self.shop_order_id)


class Outcome(models.TextChoices):
    """What became of a delivery."""

    CREATED = "created", "created"
    LINKED = "linked", "linked"
    IGNORED = "ignored", "ignored"
    UNMATCHED = "unmatched", "unmatched"
    QUARANTINED = "quarantined", "quarantined"
    RECORDED = "recorded", "recorded"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def for_user(self, user: object) -> DeliveryQuerySet:
        return self.filter(
            store__publisher__in=Publisher.objects.for_user(user)  # type: ignore[arg-type]
        )


class Delivery(models.Model):
    """One authentic webhook, with its raw body and its outcome. Kept as it came."""

    store = models.ForeignKey(
        Store, models.PROTECT, related_name="deliveries", db_index=False
    )  # delivery_by_store begins with it
    shop_order = models.ForeignKey(
        ShopOrder, models.PROTECT, null=True, blank=True, related_name="deliveries"
    )
    webhook_id = models.CharField(max_length=100)
    body_hash = models.CharField(max_length=64)
    event_id = models.CharField(max_length=100, blank=True)
    topic = models.CharField(max_length=64)
    api_version = models.CharField(max_length=20, blank=True)
    triggered_at = models.DateTimeField(null=True, blank=True)
    test_header = models.BooleanField(default=False)
    matched_secret = models.PositiveSmallIntegerField(
        "which secret matched", help_text="1 is the first of the store's list."
    )
    body = models.BinaryField(null=True)
    shop_updated_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=11, choices=Outcome.choices)
    reason = models.TextField(blank=True)
    invoices = models.JSONField(default=list)
    repeats = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    received_at = models.DateTimeField(auto_now_add=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at", "-id"]
        verbose_name_plural = "deliveries"
        permissions = [("replay_delivery", "Can replay deliveries")]
        constraints = [
            models.UniqueConstraint(
                fields=["store", "webhook_id", "body_hash"], name="delivery_once"
            )
        ]
        indexes = [
            # Read by the delivery list, by outcome.
            models.Index(fields=["outcome", "-received_at", "-id"], name="delivery_list"),
            # Read by the sweep, which tries internal failures again.
            models.Index(
                fields=["id"],
                name="delivery_to_retry",
                condition=models.Q(outcome="quarantined", failures__gt=0),
            ),
            # Read by silence.heard and figures.deliveries_today.
            models.Index(fields=["store", "received_at"], name="delivery_by_store"),
            # Read by the queue of what needs attention, oldest first.
            models.Index(
                fields=["received_at", "id"],
                name="delivery_waits",
                condition=one_of("outcome", ["quarantined", "unmatched"])
                & models.Q(body__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.webhook_id}"


class DeliveryLine(models.Model):
    """One line of a delivered body and what became of it.

    ``quantity`` is what the body asks for, ``units`` what this delivery had made of it. The units
    of a shop's line are summed over its deliveries, so that staff's edits never make any twice.
    """

    class Outcome(models.TextChoices):
        ORDERED = "ordered", "ordered"
        LINKED = "linked", "ordered before"
        NOT_OURS = "not_ours", "not ours"
        UNMATCHED = "unmatched", "unmatched"
        LEFT_OUT = "left_out", "left out"

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="lines")
    shop_order = models.ForeignKey(ShopOrder, models.PROTECT, related_name="lines")
    line_id = models.BigIntegerField()
    fulfillment_id = models.BigIntegerField(null=True, blank=True)
    fulfillment_active = models.BooleanField(default=True)
    sku = models.CharField("SKU", max_length=255, blank=True)
    key = models.CharField(max_length=800, blank=True)
    title = models.CharField(max_length=255, blank=True)
    quantity = models.PositiveIntegerField()
    units = models.PositiveIntegerField("units ordered", default=0)
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    reason = models.TextField(blank=True)
    product = models.ForeignKey(Product, models.SET_NULL, null=True, blank=True, related_name="+")
    order = models.ForeignKey(Order, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["id"]
        verbose_name = "line"
        indexes = [
            # Read by the replay of everything that waits for a SKU.
            models.Index(
                fields=["key"], name="line_unmatched", condition=models.Q(outcome="unmatched")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku or self.title}"


class TurnedAway(models.Model):
    """How many requests of a day were turned away before they became deliveries."""

    class Kind(models.TextChoices):
        SIGNATURE = "signature", "not authentic"
        SIZE = "size", "too large"

    day = models.DateField()
    publisher = models.ForeignKey(Publisher, models.CASCADE, null=True, blank=True)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-day"]
        verbose_name = "turned away"
        verbose_name_plural = "turned away"
        constraints = [
            models.UniqueConstraint(
                fields=["day", "publisher", "kind"], name="turned_away_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.get_kind_display()} on {self.day}"


class TurnedAwayMinute(models.Model):
    """How many requests with a wrong signature came in one minute, for a warning of many.

    Kept for a day; ``TurnedAway`` has the numbers of each day.
    """

    minute = models.DateTimeField()
    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="+")
    count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-minute"]
        constraints = [
            models.UniqueConstraint(fields=["minute", "publisher"], name="turned_away_minute_once")
        ]

    def __str__(self) -> str:
        return f"{self.count} at {self.minute:%H:%M}"
