"""What was said to TrepStar and what came back, and how the gateway and the workers are."""

from __future__ import annotations

from django.db import models

from orders.models.order import Order
from products.models import Publisher


class Attempt(models.Model):
    """One submit call. Committed before the call is made; its outcome is written afterwards."""

    class Outcome(models.TextChoices):
        OPEN = "open", "under way"
        ACCEPTED = "accepted", "accepted"
        REFUSED = "refused", "refused"
        UNCLEAR = "unclear", "unclear"
        NOT_SENT = "not_sent", "not sent"

    order = models.ForeignKey(Order, models.CASCADE, related_name="attempt_set")
    number = models.PositiveIntegerField()
    token = models.UUIDField(unique=True)
    credential_version = models.PositiveIntegerField()
    payload_hash = models.CharField(max_length=64)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.OPEN)
    late = models.BooleanField("came after its lease", default=False)
    error_code = models.CharField(max_length=6, blank=True)
    text = models.TextField(blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    excerpt = models.TextField(blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            # Read by the breaker: how the last five minutes went.
            models.Index(fields=["finished_at"], name="attempt_finished"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} for {self.order.invoice}"


class Call(models.Model):
    """One status call of a publisher: reserved in this ledger before it is made."""

    class Purpose(models.TextChoices):
        SWEEP = "sweep", "sweep"
        RESOLVE = "resolve", "unclear orders"
        STAFF = "staff", "asked by staff"

    class Outcome(models.TextChoices):
        RESERVED = "reserved", "reserved"
        ANSWERED = "answered", "answered"
        REFUSED = "refused", "refused"
        FAILED = "failed", "failed"
        NOT_SENT = "not_sent", "not sent"

    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="calls")
    purpose = models.CharField(max_length=7, choices=Purpose.choices)
    invoices = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.RESERVED)
    sections = models.PositiveSmallIntegerField("sections matched", default=0)
    dropped = models.PositiveSmallIntegerField("sections dropped", default=0)
    text = models.TextField(blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    excerpt = models.TextField(blank=True)
    reserved_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "status call"
        indexes = [
            # Read by the budget: the calls of the last 24 hours.
            models.Index(fields=["publisher", "reserved_at"], name="call_budget"),
        ]

    def __str__(self) -> str:
        return f"status call {self.pk} ({self.get_purpose_display()})"


class Gateway(models.Model):
    """The one row that says how TrepStar's gateway is: its breaker, and whether asking stopped."""

    THE_ONE = 1

    failures = models.PositiveIntegerField("failed in a row", default=0)
    open_since = models.DateTimeField(null=True, blank=True)
    probe_at = models.DateTimeField(null=True, blank=True)
    probe_seconds = models.FloatField(default=0)
    last_error = models.TextField(blank=True)
    sync_stopped_at = models.DateTimeField("asking stopped", null=True, blank=True)
    recovery_since = models.DateTimeField("in recovery mode since", null=True, blank=True)
    reopened_at = models.DateTimeField("back after an outage", null=True, blank=True)
    paused_at = models.DateTimeField("all sending paused since", null=True, blank=True)
    paused_note = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "gateway"
        verbose_name_plural = "gateway"

    def __str__(self) -> str:
        return "TrepStar's gateway"


class Heartbeat(models.Model):
    """When a worker cluster last finished its canary task, from fetch to acknowledgement."""

    name = models.CharField(max_length=100, primary_key=True)
    beat_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
