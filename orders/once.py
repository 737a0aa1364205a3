"""An order made by hand is made once, however often its form arrives."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction

from orders import intake
from orders.lifecycle import Actor, NotNow
from orders.models import Order, UsedForm


class AlreadyMade(NotNow):
    """The same form has made ``order`` before, so nothing was made now."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            f"This form has made order {order.invoice} already, and nothing was made again. "
            "To have another one like it, duplicate it."
        )
        self.order = order


def place(token: UUID | None, request: intake.Request, *, actor: Actor) -> list[Order]:
    """Make the orders of a form's request, as ``intake.place`` does, once for each token.

    Raises ``AlreadyMade`` where this person's form has made its order. What has no token, or no
    person, is not guarded. Two at once wait for each other: the token is taken before anything is
    made, in the same transaction.
    """
    if token is None or actor.user_id is None:
        return intake.place(request, actor=actor)
    with transaction.atomic():
        try:
            with transaction.atomic():
                used = UsedForm.objects.create(token=token, user_id=actor.user_id)
        except IntegrityError:
            first = UsedForm.objects.select_related("order").get(token=token, user=actor.user_id)
            assert first.order is not None
            raise AlreadyMade(first.order) from None
        orders = intake.place(request, actor=actor)
        used.order = orders[0]
        used.save(update_fields=["order"])
        return orders
