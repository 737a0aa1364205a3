"""What is wrong on the desk, who wants to be told of it, and what was told to whom."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from products.fields import SecretField
from products.models import Publisher


class AlertQuerySet(models.QuerySet["Alert"]):
    def for_user(self, user: Any) -> AlertQuerySet:
        """Return the alerts of the user's publishers and those of the whole desk."""
        if getattr(user, "is_superuser", False):
            return self
        return self.filter(Q(publisher=None) | Q(publisher__in=Publisher.objects.for_user(user)))

    def open(self) -> AlertQuerySet:
        return self.filter(settled=False, closed_at=None)


class Alert(models.Model):
    """One cause of trouble, from its beginning to its end.

    A cause that comes back within half an hour of its end is the same alert: its row stays
    unsettled until then, and there is one such row for each cause.
    """

    class Kind(models.TextChoices):
        LOGIN = "login", "TrepStar refuses a login"
        GATEWAY = "gateway", "TrepStar is down"
        SILENT = "silent", "a store is silent"
        WORKERS = "workers", "the workers have stopped"
        WORKER = "worker", "a worker has stopped"
        SIGNATURES = "signatures", "wrong signatures"
        ASKING = "asking", "asking has stopped"
        BACKLOG = "backlog", "orders are sent too late"
        DEVELOPER = "developer", "a developer must look"
        PRODUCT = "product", "a product is not in the account"
        ORDERS = "orders", "orders wait for a person"
        UNMATCHED = "unmatched", "deliveries wait for a person"
        EXPIRING = "expiring", "a project will be deleted"
        SECRET = "secret", "an old signing secret"
        RECOVERY = "recovery", "recovery mode is on"
        CLOCK = "clock", "a clock is wrong"
        HOOK = "hook", "a client's webhook was switched off"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    publisher = models.ForeignKey(
        Publisher, models.CASCADE, null=True, blank=True, related_name="alerts"
    )
    key = models.CharField(max_length=100)
    text = models.TextField()
    link = models.CharField(max_length=200, blank=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    settled = models.BooleanField(default=False)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"], name="alert_once", condition=Q(settled=False)
            )
        ]
        indexes = [
            # Read every minute by the alerts, and by the banners of each page.
            models.Index(fields=["kind"], name="alert_unsettled", condition=Q(settled=False)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.text}"


class AlertSubscription(models.Model):
    """What a member of staff wants to be told, of one publisher or of all that they may see."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="alert_subscriptions"
    )
    publisher = models.ForeignKey(
        Publisher,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Left blank, all publishers that you may see.",
    )
    by_email = models.BooleanField("by e-mail", default=True)
    email = models.EmailField(
        "e-mail", blank=True, help_text="Left blank, the address of your account."
    )
    webhook_url = models.CharField(
        "webhook address",
        max_length=500,
        blank=True,
        help_text="Gets the same as JSON, signed after Standard Webhooks.",
    )
    webhook_secret = SecretField(blank=True, default="")
    at_once = models.BooleanField(
        "grave ones at once",
        default=True,
        help_text="A refused login, TrepStar down, a silent store, stopped workers and the like.",
    )
    digest = models.BooleanField(
        "a digest every day", default=True, help_text="All that waits for a person, with numbers."
    )
    digest_hour = models.PositiveSmallIntegerField(
        "hour of the digest",
        default=7,
        validators=[MaxValueValidator(23)],
        help_text="0 to 23, in the desk's time zone. Nothing is sent on a good day.",
    )

    class Meta:
        ordering = ["user", "publisher"]
        permissions = [("others_alertsubscription", "Can change the alerts of colleagues")]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "publisher"],
                name="alert_subscription_once",
                violation_error_message="There are alerts for this publisher already.",
            ),
            models.UniqueConstraint(
                fields=["user"],
                name="alert_subscription_for_all",
                condition=Q(publisher=None),
                violation_error_message="There are alerts for all publishers already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} for {self.publisher or 'all publishers'}"

    @property
    def address(self) -> str:
        """Where its e-mails go; blank where none are wanted or no address is known."""
        return (self.email or self.user.email) if self.by_email else ""


class AlertNotice(models.Model):
    """One message to one address: made once, claimed by a conditional update, sent.

    ``target`` is the e-mail address, or a hash of the webhook address. ``next_attempt_at`` is None
    once nothing more is to be done; ``sent_at`` then says whether it went out.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", "e-mail"
        WEBHOOK = "webhook", "webhook"

    class Moment(models.TextChoices):
        OPENED = "opened", "opened"
        OVER = "over", "over"
        DIGEST = "digest", "digest"
        TEST = "test", "trial"

    alert = models.ForeignKey(Alert, models.CASCADE, null=True, blank=True, related_name="notices")
    subscription = models.ForeignKey(AlertSubscription, models.CASCADE, related_name="notices")
    channel = models.CharField(max_length=7, choices=Channel.choices)
    moment = models.CharField(max_length=6, choices=Moment.choices)
    target = models.CharField(max_length=254)
    day = models.DateField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Two subscriptions with one address are told of a cause once.
            models.UniqueConstraint(
                fields=["alert", "moment", "channel", "target"], name="alert_notice_once"
            ),
            models.UniqueConstraint(
                fields=["subscription", "channel", "day"],
                name="alert_digest_once",
                condition=Q(moment="digest"),
            ),
        ]
        indexes = [
            # Read every minute: what is to be sent now.
            models.Index(
                fields=["next_attempt_at"],
                name="alert_notice_due",
                condition=Q(next_attempt_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_moment_display()} by {self.get_channel_display()}"
