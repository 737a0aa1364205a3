"""Claiming an order, sending it, and what each kind of answer makes of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders import clock, pausing, settlement, status, submission
from orders.gateway import payload_hash
from orders.models import Attempt
from orders.trepstar import wire
from orders.trepstar.client import Gateway
from orders.trepstar.errors import REFUSALS
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    NO_CONNECTION,
    SILENCE,
    YES,
    Told,
    broken,
    fresh,
    kinds,
    last_event,
    nothing_changes,
    submit_next,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def film(north: Publisher) -> Product:
    return base.product(north, price=Decimal("19.00"))


class TestSubmit:
    def test_success_makes_it_accepted(self, north: Publisher, film: Product) -> None:
        order, gateway = base.place(north, (film, 2)), Told(YES)
        submit_next(gateway)
        order, attempt = fresh(order), Attempt.objects.get()
        assert (order.status, order.attempts, order.not_sent) == (status.ACCEPTED, 1, 0)
        assert (order.lease_token, order.lease_until) == (None, None)
        assert order.accepted_at is not None
        wait = (order.next_ask_at - order.accepted_at).total_seconds()
        assert wait == pytest.approx(900, abs=0.1)  # each told by the database as it writes
        assert kinds(order) == [
            "order.placed",
            "order.claimed",
            "order.attempted",
            "order.accepted",
        ]
        assert (attempt.outcome, attempt.number, attempt.http_status) == ("accepted", 1, 200)
        assert (attempt.credential_version, attempt.late, attempt.error_code) == (1, False, "")
        assert attempt.payload_hash == payload_hash(order.payload)
        assert attempt.excerpt.split() == ["Order", "1", "was", "received.", "[SUCCESS]"]

    def test_what_is_sent_is_what_was_frozen(self, north: Publisher, film: Product) -> None:
        order, gateway = base.place(north, (film, 2)), Told(YES)
        submit_next(gateway)
        (call,) = gateway.calls
        assert call.pop("CoLoginEmail") == "desk@northlight.example"
        assert call.pop("CoLoginPassword") == base.PASSWORD
        assert call == fresh(order).payload
        assert {k: call[k] for k in ("productid", "quantity", "Invoice", "nprice", "mode")} == {
            "productid": "66750",
            "quantity": "2",
            "Invoice": "NORTH-M1",
            "nprice": "38.00",
            "mode": "prod",
        }

    def test_what_is_sent_again_is_the_same_to_the_byte(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        base.place(north, (film, 1), special_text="Ünlock 123-23456")
        gateway = Told(NO_CONNECTION, NO_CONNECTION, YES)
        for _ in range(3):
            submit_next(gateway)
            desk_clock.forward(3600)
        assert len(gateway.bodies) == 3
        assert len(set(gateway.bodies)) == 1

    def test_the_attempt_is_in_the_database_before_the_call(
        self, north: Publisher, film: Product
    ) -> None:
        order, seen = base.place(north, (film, 1)), []

        def look(fields: dict[str, str]) -> bytes:
            seen.append((Attempt.objects.get().outcome, fresh(order).status))
            return YES

        submit_next(Told(look))
        assert seen == [("open", status.SUBMITTING)]

    @pytest.mark.parametrize("brake", ["login", "publisher", "all"])
    def test_an_order_claimed_before_a_brake_was_pulled_is_given_back_unsent(
        self, north: Publisher, film: Product, brake: str
    ) -> None:
        order, gateway = base.place(north, (film, 1)), Told(YES)
        (claim,) = submission.claim(1)
        if brake == "login":
            settlement.refuse_login(north.pk, north.credential_version)
        elif brake == "publisher":
            pausing.pause(north.pk)
        else:
            pausing.pause_all()
        submission.submit(claim, gateway)
        assert gateway.calls == []
        found = fresh(order)
        assert (found.status, found.attempts, found.lease_token) == (status.READY, 0, None)
        assert last_event(order).kind == "order.lease_ended"
        assert submission.claim(1) == []

    def test_waits_between_failures_to_send_double_up_to_an_hour(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        order, waits = base.place(north, (film, 1)), []
        for _ in range(8):
            submit_next(Told(NO_CONNECTION))
            order = fresh(order)
            assert (order.status, order.lease_token) == (status.READY, None)
            waits.append(round((order.next_attempt_at - clock.now()).total_seconds()))
            assert submission.claim(1) == []
            desk_clock.forward(waits[-1] + 1)
        assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
        assert (order.not_sent, order.unclear_rounds, order.question) == (8, 0, "")
        assert {one.outcome for one in Attempt.objects.all()} == {"not_sent"}
        assert last_event(order).kind == "order.not_sent"

    def test_a_closed_port_is_proof_that_nothing_was_sent(
        self, north: Publisher, film: Product
    ) -> None:
        order = base.place(north, (film, 1))
        submit_next(Gateway("http://127.0.0.1:9", seconds=2))
        assert (fresh(order).status, fresh(order).not_sent) == (status.READY, 1)

    @pytest.mark.parametrize(
        ("answer", "http_status"),
        [
            (SILENCE, 200),
            (b"", 200),
            (YES + YES, 200),
            (YES + wire.write_failure("000013"), 200),
            (b"[ERRORMSGBEGIN] ERRCODE#000013 [FAILURE] Name was", 200),
            ((500, YES), 500),
            ((302, YES), 302),
            (broken, None),
            (ZeroDivisionError("ours"), None),
        ],
    )
    def test_anything_doubtful_is_asked_for_and_not_sent_again(
        self, north: Publisher, film: Product, answer: Any, http_status: int | None
    ) -> None:
        order = base.place(north, (film, 1))
        submit_next(Told(answer))
        order, attempt = fresh(order), Attempt.objects.get()
        assert (order.status, order.question) == (status.UNCLEAR, "outcome")
        assert (order.unclear_rounds, order.not_found) == (1, 0)
        assert order.next_ask_at - order.unclear_since == timedelta(seconds=300)
        assert (attempt.outcome, attempt.http_status) == ("unclear", http_status)
        assert attempt.text.endswith(".")
        with nothing_changes():
            assert submission.claim(1) == []

    @pytest.mark.parametrize("code", ["000002", "000010", "000013", "000101", "003101"])
    def test_a_refusal_that_a_person_must_mend(
        self, north: Publisher, film: Product, code: str
    ) -> None:
        order = base.place(north, (film, 1))
        submit_next(Told(_refusal(code)))
        order, attempt = fresh(order), Attempt.objects.get()
        assert (order.status, order.gateway_error_number) == (status.REFUSED, code)
        assert order.gateway_error_text == " ".join(_text(code).split())
        assert (order.next_attempt_at, order.next_ask_at, order.unclear_rounds) == (None, None, 0)
        assert (attempt.outcome, attempt.error_code) == ("refused", code)
        assert last_event(order).data == {
            "attempt": 1,
            "code": code,
            "text": order.gateway_error_text,
        }

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("000505", "000505"),
            (b"[ERRORMSGBEGIN] ERRCODE#009999 [FAILURE] Too blue [ERRORMSGEND]", "009999"),
            (b"[FAILURE] no block at all", ""),
        ],
    )
    def test_a_doubtful_refusal_is_asked_for_first(
        self, north: Publisher, film: Product, body: Any, code: str
    ) -> None:
        order = base.place(north, (film, 1))
        submit_next(Told(_refusal(body) if isinstance(body, str) else body))
        order = fresh(order)
        assert (order.status, order.question) == (status.UNCLEAR, "refusal")
        assert (order.gateway_error_number, order.unclear_rounds) == (code, 0)
        assert last_event(order).kind == "order.refusal_doubted"

    def test_a_duplicate_is_a_question(self, north: Publisher, film: Product) -> None:
        order = base.place(north, (film, 1))
        submit_next(Told(_refusal("000035")))
        order = fresh(order)
        assert (order.status, order.question) == (status.UNCLEAR, "duplicate")
        assert (order.gateway_error_number, order.unclear_rounds) == ("000035", 1)

    def test_every_code_of_the_document_is_covered_here(self) -> None:
        mended = {"000002", "000010", "000013", "000101", "003101"}
        assert mended | {"000505", "000035", "000503", "000601"} == set(REFUSALS)

    def test_what_trepstar_would_refuse_is_held_unsent(
        self, north: Publisher, film: Product
    ) -> None:
        order, gateway = base.place(north, (film, 1)), Told(YES)
        Product.objects.update(active=False)
        submit_next(gateway)
        order = fresh(order)
        assert (order.status, order.hold_reason) == (status.HELD, "preflight")
        assert order.hold_note == "Film 66750 (66750) is switched off. Switch it on or remove it."
        assert (gateway.calls, Attempt.objects.count(), order.attempts) == ([], 0, 0)
        assert (order.lease_token, order.payload) == (None, None)


def _text(code: str) -> str:
    return REFUSALS[code].text.format(**_details)


def _refusal(code: str) -> bytes:
    return wire.write_failure(code, **_details)


_details = dict.fromkeys(
    ("source", "date", "reason", "product", "company", "parent", "quantities", "total"), "x"
)
