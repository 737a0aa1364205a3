"""The table of API tokens. What a token is worth is in ``products.tokens``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

SCOPES: dict[str, str] = {
    "orders:read": "Read orders, deliveries and how the desk is",
    "orders:write": "Make, change, hold, release and cancel orders, replay deliveries",
    "catalogue:read": "Read products and SKUs",
    "catalogue:write": "Add and change products and SKUs",
}


class ApiToken(models.Model):
    """A key by which a program acts for one publisher, within its scopes, until it ends.

    Only the SHA-256 of the token is kept: it is shown once, when it is made.
    """

    publisher = models.ForeignKey("products.Publisher", models.CASCADE, related_name="api_tokens")
    name = models.CharField(
        max_length=100, help_text="Which program uses it. Shown in the timeline of its orders."
    )
    prefix = models.CharField("begins with", max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField(
        "ends", null=True, blank=True, help_text="Left blank, it lasts until it is revoked."
    )
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField("revoked", null=True, blank=True, editable=False)
    created_at = models.DateTimeField("made", auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name="made by",
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def state(self) -> str:
        """``revoked``, ``ended`` or ``active``."""
        if self.revoked_at:
            return "revoked"
        return "ended" if self.expires_at and self.expires_at <= timezone.now() else "active"

    def allows(self, scope: str) -> bool:
        """Say whether the token reaches as far as ``scope``."""
        scopes: Any = self.scopes
        return scope in scopes
