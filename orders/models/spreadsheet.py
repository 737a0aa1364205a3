"""Files of orders on their way in, and which column of theirs holds what."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from orders.models.job import Job
from products.models import Publisher


class ImportFileQuerySet(models.QuerySet["ImportFile"]):
    def for_user(self, user: object) -> ImportFileQuerySet:
        """Return the files of the publishers that ``user`` may see."""
        return self.filter(publisher__in=Publisher.objects.for_user(user))  # type: ignore[arg-type]


class ImportFile(models.Model):
    """A file of orders: a draft until somebody confirms it, and never taken a second time.

    ``content`` is gzipped, and blank once the file is old: it holds the addresses of customers.
    ``plan`` says which column holds what; ``report`` is what the last check found, and
    ``version`` counts the checks.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        CONFIRMED = "confirmed", "confirmed"

    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="imports")
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    content = models.BinaryField()
    header = models.JSONField(default=list)
    told = models.CharField(max_length=200)
    plan = models.JSONField(default=dict)
    report = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=9, choices=State.choices, default=State.DRAFT)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="imports")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    objects = ImportFileQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["publisher", "sha256"], name="import_file_once")
        ]

    def __str__(self) -> str:
        return self.name


class ColumnMapping(models.Model):
    """The plan by which a publisher's last file with these columns was read."""

    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="+")
    signature = models.CharField(max_length=64)
    plan = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["publisher", "signature"], name="column_mapping_once")
        ]

    def __str__(self) -> str:
        return self.signature
