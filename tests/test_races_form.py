"""The same form of a new order, posted twice at one moment, beside its control."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import transaction

from orders import intake, lifecycle, once
from orders.models import Order, UsedForm
from tests import admin_cast as cast
from tests import base
from tests.gateway_cast import Elsewhere

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
TOKEN = UUID("8f4e1b9a-7d52-4a3c-9a0e-2f6f1b1f0c11")


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
def test_two_presses_at_one_moment_make_one_order(guarded: bool) -> None:
    north = base.northlight()
    film = base.product(north)
    ana = lifecycle.person(cast.colleague("ana", north))
    wanted = intake.Request(
        publisher=north, source="admin", recipient=base.ANA, units=(intake.Units(film, 1),)
    )
    token = TOKEN if guarded else None

    with transaction.atomic():
        (first,) = once.place(token, wanted, actor=ana)
        second = Elsewhere(lambda: once.place(token, wanted, actor=ana), patience=1)
        # With the token it waits for the first press; without, for the serial number.
        assert second.waits
    if guarded:
        with pytest.raises(once.AlreadyMade) as found:
            second.end()
        assert found.value.order == first
        north.refresh_from_db()
        assert (Order.objects.count(), UsedForm.objects.count(), north.last_serial) == (1, 1, 1)
    else:
        second.end()
        assert Order.objects.count() == 2


def test_a_first_press_that_fails_leaves_the_form_good() -> None:
    north = base.northlight()
    film = base.product(north)
    ana = lifecycle.person(cast.colleague("ana", north))
    wanted = intake.Request(
        publisher=north, source="admin", recipient=base.ANA, units=(intake.Units(film, 1),)
    )
    with transaction.atomic():
        once.place(TOKEN, wanted, actor=ana)
        second = Elsewhere(lambda: once.place(TOKEN, wanted, actor=ana), patience=1)
        assert second.waits
        transaction.set_rollback(True)
    (made,) = second.end()
    assert list(Order.objects.all()) == [made]
