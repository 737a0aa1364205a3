"""What the REST API remembers of its clients: answers by idempotency key, and how much they ask."""

from __future__ import annotations

from django.db import models


class IdempotencyKey(models.Model):
    """A key that a client sent with a change, and the answer once there is one.

    The row is committed before the work begins; the work and the answer are committed together. A
    row without an answer belongs to a request that still runs, or, after ``lease_until``, to one
    that ended in the middle and left nothing behind.
    """

    owner = models.CharField(max_length=30)
    key = models.CharField(max_length=255)
    digest = models.CharField("SHA-256 of the request", max_length=64)
    lease_token = models.UUIDField()
    lease_until = models.DateTimeField()
    code = models.PositiveSmallIntegerField("HTTP status of the answer", null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    erased = models.BooleanField("customer data in it was erased", default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="idempotency_key_once")
        ]
        indexes = [
            # Read by the nightly prune.
            models.Index(fields=["created_at"], name="idempotency_key_age"),
        ]

    def __str__(self) -> str:
        return f"{self.owner} {self.key}"


class RequestCount(models.Model):
    """How many requests a token or a person made in the newest minute in which there were any."""

    owner = models.CharField(max_length=30, primary_key=True)
    minute = models.BigIntegerField("minutes since 1970")
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.owner}: {self.count}"
