"""Several orders on their way at once: one thread claims, others send, errors come out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import connection

from orders import sending, settlement, submission
from orders.sending import Sender
from orders.submission import Claim
from products.models import Product, Publisher
from tests import base
from tests.gateway_cast import YES, Told, fresh

GATEWAY: Any = object()


class Desk:
    """Stands for claim and submit: hands out numbers and notes who sent them, and when."""

    def __init__(self, waiting: int) -> None:
        self.waiting = list(range(waiting))
        self.asked: list[int] = []
        self.sent: list[int] = []
        self.given_back: list[int] = []
        self.written: list[int] = []
        self.flying = self.most_flying = 0
        self.lock = threading.Lock()
        self.seconds = 0.01
        self.fails: set[int] = set()

    def claim(self, most: int) -> list[Any]:
        self.asked.append(most)
        found, self.waiting = self.waiting[:most], self.waiting[most:]
        return [Claim(number, uuid4()) for number in found]

    def send(self, claim: Claim, gateway: Any) -> Claim:
        assert gateway is GATEWAY
        with self.lock:
            self.flying += 1
            self.most_flying = max(self.most_flying, self.flying)
        time.sleep(self.seconds)
        with self.lock:
            self.flying -= 1
            self.sent.append(claim.order_id)
        if claim.order_id in self.fails:
            raise RuntimeError(f"Order {claim.order_id} failed.")
        return claim

    def write_down(self, sent: Claim) -> None:
        self.written.append(sent.order_id)

    def let_go(self, order_id: int, token: Any) -> None:
        self.given_back.append(order_id)

    def due(self, now: Any) -> Any:
        return self

    def exists(self) -> bool:
        return bool(self.waiting)


@pytest.fixture
def desk() -> Iterator[Desk]:
    one = Desk(40)
    with (
        patch.object(submission, "claim", one.claim),
        patch.object(submission, "send", one.send),
        patch.object(submission, "write_down", one.write_down),
        patch.object(submission, "due", one.due),
        patch.object(settlement, "let_go", one.let_go),
        patch.object(sending.clock, "now", time.monotonic),
    ):
        yield one


def send(places: int, seconds: float = 10) -> None:
    with Sender(GATEWAY, places) as sender:
        sender.send_until(time.monotonic() + seconds)


def test_everything_due_is_sent_once(desk: Desk) -> None:
    send(4)
    assert sorted(desk.sent) == sorted(desk.written) == list(range(40))


def test_no_more_are_on_their_way_than_there_are_places(desk: Desk) -> None:
    send(3)
    assert desk.most_flying == 3
    assert max(desk.asked) == 4


def test_all_free_places_and_a_few_ahead_are_claimed_for_at_once(desk: Desk) -> None:
    send(8)
    assert desk.asked[0] == 12
    assert desk.most_flying == 8


def test_at_the_end_of_its_time_it_waits_for_what_is_on_its_way(desk: Desk) -> None:
    desk.seconds = 0.3
    send(4, seconds=0.1)
    assert sorted(desk.sent) == [0, 1, 2, 3]
    assert desk.flying == 0
    assert desk.waiting == list(range(6, 40))


def test_what_was_claimed_ahead_is_given_back_where_no_time_is_left(desk: Desk) -> None:
    desk.seconds = 0.3
    send(4, seconds=0.1)
    assert sorted(desk.given_back) == [4, 5]


def test_control_without_an_end_it_is_sent(desk: Desk) -> None:
    desk.waiting = desk.waiting[:5]
    send(4)
    assert (sorted(desk.sent), desk.given_back) == ([0, 1, 2, 3, 4], [])


def test_it_ends_at_once_where_nothing_is_due(desk: Desk) -> None:
    desk.waiting = []
    began = time.monotonic()
    send(4)
    assert time.monotonic() - began < 5
    assert desk.sent == []


def test_it_looks_again_where_others_hold_what_is_due(desk: Desk) -> None:
    looks = iter([[], [], [7]])
    desk.waiting = [7]

    def claim(most: int) -> list[Claim]:
        found = [Claim(number, uuid4()) for number in next(looks, [])]
        if found:
            desk.waiting = []
        return found

    with patch.object(submission, "claim", claim):
        send(4)
    assert desk.sent == [7]


def test_an_error_comes_out_after_the_others_have_landed(desk: Desk) -> None:
    desk.fails = {2}
    with pytest.raises(RuntimeError, match="Order 2 failed."):
        send(4)
    assert set(range(4)) <= set(desk.sent)
    assert desk.flying == 0


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_statements_are_kept_for_the_threads_that_send_and_for_nobody_else(
    north: Publisher, film: Product
) -> None:
    orders = [base.place(north, (film, 1)) for _ in range(12)]
    kept: list[int] = []
    real = submission.write_down

    def write_down(sent: Any) -> None:
        real(sent)
        kept.append(statements_kept())

    # One thread sends them all: of several, each might send too few for a statement to be kept.
    with patch.object(submission, "write_down", write_down), Sender(Told(YES), 1) as sender:
        sender.send_until(time.monotonic() + 30)
    assert {fresh(order).status for order in orders} == {"accepted"}
    assert kept[0] == 0
    assert kept[-1] > 5
    assert "server_side_binding" not in connection.settings_dict["OPTIONS"]
    assert statements_kept() == 0


def statements_kept() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql")
        return int(cursor.fetchone()[0])
