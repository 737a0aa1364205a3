"""The forms that made orders, so that a second press of Save makes nothing."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from orders.models.order import Order


class UsedForm(models.Model):
    """One sheet of the order form that was handed out to a person and has made an order.

    ``token`` stood on the sheet; it counts for the person who posts it alone.
    """

    token = models.UUIDField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    order = models.ForeignKey(Order, models.CASCADE, null=True, related_name="+")
    used_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "token"], name="used_form_once")]

    def __str__(self) -> str:
        return str(self.token)
