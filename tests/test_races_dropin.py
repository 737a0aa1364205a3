"""A script that sends the same order twice at once; and a control without the lock."""

from __future__ import annotations

import pytest
from django.test import Client

from orders.dropin import submit
from orders.models import Order
from tests import base
from tests.gateway_cast import during
from tests.test_dropin import ORDER
from tests.test_races import no_row_locks

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def send() -> bytes:
    return bytes(Client().post("/custdata.asp", ORDER).content)


def race() -> tuple[list[bytes], int]:
    """Let a second call come between the first one's check for repeats and its order."""
    mine: list[bytes] = []
    other = during(submit.intake, "place", send, lambda: mine.append(send()))
    return [*mine, other.end()], Order.objects.count()


@pytest.fixture(autouse=True)
def north(transactional_db: None) -> None:
    base.product(base.northlight())


def test_the_second_waits_and_is_told_that_it_is_a_duplicate() -> None:
    answers, orders = race()
    assert sorted(b"[SUCCESS]" in answer for answer in answers) == [False, True]
    assert sorted(b"ERRCODE#000035" in answer for answer in answers) == [False, True]
    assert orders == 1


def test_control_without_the_lock_both_are_taken() -> None:
    with no_row_locks():
        answers, orders = race()
    assert [b"[SUCCESS]" in answer for answer in answers] == [True, True]
    assert orders == 2
