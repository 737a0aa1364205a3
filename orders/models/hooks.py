"""Webhooks of API clients: who wants to be told of orders, and every message to them (row 93)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from products.fields import SecretField
from products.models import Publisher

EVENTS: dict[str, str] = {
    "order.created": "It was made, ready or held",
    "order.changed": "Its address or contents were changed",
    "order.held": "It waits for a person",
    "order.released": "It may go out",
    "order.cancelled": "It will not be made",
    "order.accepted": "TrepStar has it",
    "order.awaiting_payment": "It waits at TrepStar for a payment",
    "order.processing": "It is being made",
    "order.refused": "TrepStar refused it",
    "order.problem": "It is in trouble at TrepStar",
    "order.shipped": "It left TrepStar",
    "order.tracking": "It has a tracking id, or another one",
    "order.tested": "It was a test and will never be made",
    "order.reshipped": "It is made again under a new invoice",
}


class HookSubscriptionQuerySet(models.QuerySet["HookSubscription"]):
    def for_user(self, user: Any) -> HookSubscriptionQuerySet:
        """Return the webhooks of the user's publishers, those that were deleted left out."""
        return self.filter(ended_at=None, publisher__in=Publisher.objects.for_user(user))


class HookSubscription(models.Model):
    """An address of a client that is told of a publisher's orders.

    It is written by ``orders.hook_desk`` alone, which also keeps ``Publisher.hook_routes``. One
    that is deleted stays as a row for a while: a transaction that began before may still write a
    message for it, and must not fail on that.
    """

    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="hooks")
    url = models.CharField("address", max_length=500)
    secret = SecretField("signing secret", editable=False)
    events = models.JSONField(default=list)
    active = models.BooleanField(default=True)
    disabled_at = models.DateTimeField("switched off", null=True, blank=True)
    disabled_note = models.TextField("why", blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    rest_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    served_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField("made", auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    client = models.CharField("made by the program", max_length=100, blank=True)

    objects = HookSubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "webhook of a client"
        verbose_name_plural = "webhooks of clients"

    def __str__(self) -> str:
        return self.url

    @property
    def state(self) -> str:
        """``active``, ``failing``, ``off``, or ``failed``: off by the desk after long failure."""
        if not self.active:
            return "failed" if self.disabled_note else "off"
        return "failing" if self.failing_since else "active"


class HookMessageQuerySet(models.QuerySet["HookMessage"]):
    def for_user(self, user: Any) -> HookMessageQuerySet:
        """Return the messages to webhooks of the user's publishers."""
        return self.filter(subscription__in=HookSubscription.objects.for_user(user))


class HookMessage(models.Model):
    """One event of an order that one webhook is told: written with the event, sent afterwards.

    ``body`` is what is sent, to the byte, on every try. ``next_attempt_at`` is None once nothing
    more is tried; ``delivered_at`` then says whether it arrived.
    """

    subscription = models.ForeignKey(HookSubscription, models.CASCADE, related_name="messages")
    event = models.ForeignKey("orders.OrderEvent", models.CASCADE, related_name="+")
    kind = models.CharField("event", max_length=40)
    invoice = models.CharField(max_length=50)
    body = models.TextField()
    attempts = models.PositiveSmallIntegerField("tries", default=0)
    replays = models.PositiveIntegerField("asked for again", default=0)
    next_attempt_at = models.DateTimeField("next try", null=True, blank=True)
    delivered_at = models.DateTimeField("delivered", null=True, blank=True)
    last_status = models.PositiveSmallIntegerField("last HTTP status", null=True, blank=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField("made", db_default=Now())

    objects = HookMessageQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "message to a webhook"
        verbose_name_plural = "messages to webhooks"
        permissions = [("replay_hookmessage", "Can send messages to webhooks again")]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "event"], name="hook_message_once")
        ]
        indexes = [
            # Read by orders.hook_sending: what a webhook is still to be told, in its order.
            models.Index(
                fields=["subscription", "id"],
                name="hook_message_waiting",
                condition=Q(next_attempt_at__isnull=False),
            ),
            # Read by the nightly prune.
            models.Index(fields=["created_at"], name="hook_message_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.invoice}"

    @property
    def message_id(self) -> str:
        """The ``webhook-id``: the same on every try, so that the receiver knows a repeat."""
        return f"msg_order_{self.pk}"

    @property
    def state(self) -> str:
        """``delivered``, ``waiting`` or ``failed``."""
        if self.delivered_at:
            return "delivered"
        return "waiting" if self.next_attempt_at else "failed"
