"""The orders that a user may see, and how far a list counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models

from orders.models.conditions import Unindexed
from products.models import Publisher

if TYPE_CHECKING:
    from orders.models.order import Order  # noqa: F401 - named in quotes below


class OrderQuerySet(models.QuerySet["Order"]):
    counted_to: int | None = None
    """How far a list counts these orders, where to find one more costs much; None by default."""

    def _clone(self) -> Any:
        clone = super()._clone()  # type: ignore[misc]
        clone.counted_to = self.counted_to
        return clone

    def for_user(self, user: object) -> OrderQuerySet:
        """Return the orders of the publishers that ``user`` may see."""
        if token := getattr(user, "api_token", None):
            # Said without a subquery, so that SQLite as well reads a page off the index.
            return self.filter(publisher=token.publisher_id)
        return self.filter(publisher__in=Publisher.objects.for_user(user))  # type: ignore[arg-type]

    def among(self, publisher_ids: Sequence[int]) -> OrderQuerySet:
        """Return the orders of these publishers, to be found by what else is asked of them."""
        return self.alias(owner=Unindexed("publisher_id")).filter(owner__in=publisher_ids)
