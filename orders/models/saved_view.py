"""A filter of the order list under a name, for the person who saved it."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """What one person looks for again and again; ``query`` is the list's query string."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=2000)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        default_permissions = ()  # nobody but its owner has to do with it
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="saved_view_once"),
        ]

    def __str__(self) -> str:
        return self.name
