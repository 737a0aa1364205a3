"""The same request twice is done once: repeated, in parallel, and after its process was killed."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from orders import intake, privacy, tasks
from orders.api import idempotency
from orders.api.orders import Orders
from orders.models import IdempotencyKey, Order
from tests import admin_cast, api_cast
from tests.api_cast import Shop, form, problem
from tests.conftest import Clock
from tests.gateway_cast import Elsewhere, run_before
from tests.test_kill_points import kill_after, killed

REPLAYED = "Idempotent-Replayed"


@pytest.fixture
def shop(db: Any) -> Shop:
    return Shop()


@pytest.mark.django_db
class TestRepeat:
    def test_the_first_answer_comes_again_and_nothing_else_happens(self, shop: Shop) -> None:
        key = api_cast.key()
        first = shop.program.post("orders/", form(), idempotency_key=key)
        before = admin_cast.state()
        second = shop.program.post("orders/", form(), idempotency_key=key)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        assert first.headers["Location"] == second.headers["Location"]
        assert (first.headers.get(REPLAYED), second.headers[REPLAYED]) == (None, "true")
        assert admin_cast.state() == before
        assert (Order.objects.count(), OrmQ.objects.count()) == (1, 1)

    def test_the_answer_stays_the_first_though_the_order_changed(self, shop: Shop) -> None:
        order, key = shop.placed(), api_cast.key()
        where = f"orders/{order.invoice}/"
        first = shop.program.post(f"{where}hold/", {}, idempotency_key=key)
        shop.program.post(f"{where}release/")
        again = shop.program.post(f"{where}hold/", {}, idempotency_key=key)
        assert (first.content, first.headers["ETag"]) == (again.content, again.headers["ETag"])
        assert Order.objects.get().status == "ready"

    @pytest.mark.parametrize("other", ["body", "path", "query", "method"])
    def test_another_request_under_the_same_key_is_refused(self, shop: Shop, other: str) -> None:
        key = api_cast.key()
        order = shop.placed()
        where = f"orders/{order.invoice}/"
        assert shop.program.post(f"{where}hold/", {}, idempotency_key=key).status_code == 200
        before = admin_cast.state()
        path, body = f"{where}hold/", {}
        if other == "body":
            body = {"note": "x"}
        elif other == "path":
            path = f"{where}cancel/"
        elif other == "query":
            path = f"{where}hold/?"
        answer = (
            shop.program.send("PATCH", "products/1/", body, idempotency_key=key)
            if other == "method"
            else shop.program.post(path, body, idempotency_key=key)
        )
        if other == "query":  # a bare question mark asks for nothing else
            assert answer.headers[REPLAYED] == "true"
        else:
            assert problem(answer) == (422, "key-reused", [])
        assert admin_cast.state() == before

    def test_a_refusal_keeps_nothing_so_that_the_key_serves_the_mended_request(
        self, shop: Shop
    ) -> None:
        key = api_cast.key()
        for body, code in ((form(city=""), 400), (form({"sku": "NEW"}), 400), (form(), 201)):
            assert shop.program.post("orders/", body, idempotency_key=key).status_code == code
            assert IdempotencyKey.objects.count() == int(code == 201)
        assert Order.objects.count() == 1

    def test_an_error_of_ours_keeps_nothing_and_makes_nothing(self, shop: Shop) -> None:
        key = api_cast.key()
        before = admin_cast.state()
        with patch.object(tasks, "nudge", side_effect=ValueError):
            answer = shop.program.post("orders/", form(), idempotency_key=key)
        assert problem(answer)[:2] == (500, "internal")
        assert admin_cast.state() == before
        assert shop.program.post("orders/", form(), idempotency_key=key).status_code == 201

    def test_keys_belong_to_their_token(self, shop: Shop) -> None:
        key = api_cast.key()
        other = api_cast.program(shop.publisher)
        for program in (shop.program, other):
            answer = program.post("orders/", form(), idempotency_key=key)
            assert (answer.status_code, answer.headers.get(REPLAYED)) == (201, None)
        assert Order.objects.count() == 2

    @pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
    def test_a_key_has_up_to_255_visible_characters(self, shop: Shop, key: str) -> None:
        answer = shop.program.post("orders/", form(), idempotency_key=key)
        assert problem(answer) == (400, "invalid", [("Idempotency-Key", "format")])
        assert Order.objects.count() == 0
        good = shop.program.post("orders/", form(), idempotency_key="x" * 255)
        assert good.status_code == 201

    def test_every_post_takes_a_key(self, shop: Shop) -> None:
        key, body = api_cast.key(), {"sku": "POSTER", "product": None}
        first, second = (
            shop.program.post("sku-aliases/", body, idempotency_key=key) for _ in range(2)
        )
        assert (first.status_code, second.headers[REPLAYED]) == (201, "true")
        assert problem(shop.program.post("sku-aliases/", body))[2] == [("sku", "taken")]

    def test_keys_are_kept_for_a_day(self, shop: Shop) -> None:
        for hours in (23, 25):
            key = api_cast.key()
            shop.program.post("orders/", form(), idempotency_key=key)
            made = timezone.now() - timedelta(hours=hours)
            IdempotencyKey.objects.filter(key=key).update(created_at=made)
        tasks.prune()
        assert IdempotencyKey.objects.count() == 1

    def test_an_erased_customer_is_in_no_saved_answer(self, shop: Shop) -> None:
        key = api_cast.key()
        shop.program.post("orders/", form(name="Ana Unique"), idempotency_key=key)
        Order.objects.update(redact=True, status="cancelled")
        privacy.erase_closed()
        assert "Ana Unique" not in str(list(IdempotencyKey.objects.values()))
        answer = shop.program.post("orders/", form(name="Ana Unique"), idempotency_key=key)
        assert problem(answer) == (410, "gone", [])
        assert Order.objects.count() == 1


@pytest.mark.django_db
class TestStillRunning:
    def running(self, shop: Shop, key: str) -> None:
        """Let another process have begun the same request, and not ended it."""
        with patch.object(idempotency, "_let_go"), patch.object(intake, "place") as place:
            place.side_effect = ValueError
            shop.program.post("orders/", form(), idempotency_key=key)

    def test_a_request_that_still_runs_is_409(self, shop: Shop) -> None:
        key = api_cast.key()
        self.running(shop, key)
        answer = shop.program.post("orders/", form(), idempotency_key=key)
        assert problem(answer) == (409, "key-in-use", [])
        assert answer.headers["Retry-After"] == "2"
        assert Order.objects.count() == 0

    def test_once_its_lease_ended_it_is_done_anew(self, shop: Shop, desk_clock: Clock) -> None:
        key = api_cast.key()
        self.running(shop, key)
        desk_clock.forward(61)
        assert shop.program.post("orders/", form(), idempotency_key=key).status_code == 201
        answer = shop.program.post("orders/", form(), idempotency_key=key)
        assert answer.headers[REPLAYED] == "true"
        assert Order.objects.count() == 1

    def test_whoever_lost_its_lease_saves_neither_answer_nor_order(self, shop: Shop) -> None:
        def take_over() -> None:
            token = "00000000-0000-0000-0000-000000000009"
            IdempotencyKey.objects.update(lease_token=token)

        with run_before(idempotency, "_answer", take_over):
            answer = shop.program.post("orders/", form(), idempotency_key=api_cast.key())
        assert problem(answer) == (409, "key-in-use", [])
        assert (Order.objects.count(), OrmQ.objects.count()) == (0, 0)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestParallel:
    def parallel(self, shop: Shop, count: int, key: str) -> list[Any]:
        """Send the same request from ``count`` threads at the same moment."""
        together = threading.Barrier(count)

        def one() -> Any:
            program = api_cast.Program(shop.program.token)
            together.wait(20)
            return program.post("orders/", form(), idempotency_key=key)

        others = [Elsewhere(one, patience=0) for _ in range(count)]
        for other in others:
            other._thread.join(60)
        return [other.end() for other in others]

    def test_fifty_equal_requests_make_one_order(self, shop: Shop) -> None:
        key = api_cast.key()
        answers = self.parallel(shop, 50, key)
        codes = [answer.status_code for answer in answers]
        assert set(codes) <= {201, 409}
        assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
        assert {problem(one)[1] for one in answers if one.status_code == 409} <= {"key-in-use"}
        assert Order.objects.count() == 1
        last = shop.program.post("orders/", form(), idempotency_key=key)
        assert last.content in {answer.content for answer in answers}

    def test_control_without_keys_there_are_as_many_orders_as_requests(self, shop: Shop) -> None:
        def no_keys(request: Any, work: Any) -> Any:
            return work()

        with patch.object(idempotency, "run", no_keys):
            answers = self.parallel(shop, 5, api_cast.key())
        assert [answer.status_code for answer in answers] == [201] * 5
        assert Order.objects.count() == 5

    def test_fifty_parallel_requests_at_a_rate_of_ten_are_ten(
        self, shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.API_RATE = 10
        monkeypatch.setattr("orders.api.rates.time.time", lambda: 60_000.0)
        together = threading.Barrier(50)

        def one() -> int:
            program = api_cast.Program(shop.program.token)
            together.wait(20)
            return program.get("orders/").status_code

        others = [Elsewhere(one, patience=0) for _ in range(50)]
        for other in others:
            other._thread.join(60)
        codes = [other.end() for other in others]
        assert (codes.count(200), codes.count(429)) == (10, 40)


# Where the process that makes an order is killed -> orders that it left, and whether the next
# request is answered by what it saved.
KILLS = {
    "key taken": (idempotency, "_take", 0, False),
    "order made": (intake, "place", 0, False),
    "before commit": (idempotency, "_answer", 0, False),
    "after commit": (Orders, "once", 1, True),
    "before the answer": (Orders, "finalize_response", 1, True),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", KILLS)
def test_a_request_whose_process_was_killed_is_answered_once_and_the_same(
    shop: Shop, desk_clock: Clock, place: str
) -> None:
    target, name, left, saved = KILLS[place]
    key = api_cast.key()

    def post() -> Any:
        return shop.program.post("orders/", form(), idempotency_key=key)

    def in_child() -> None:
        kill_after(target, name)()
        post()

    assert killed(in_child)
    assert Order.objects.count() == left
    if not saved:
        assert problem(post()) == (409, "key-in-use", [])
        desk_clock.forward(61)
    first, second = post(), post()
    assert (first.status_code, first.headers.get(REPLAYED)) == (201, "true" if saved else None)
    assert (second.content, second.headers[REPLAYED]) == (first.content, "true")
    assert [order.invoice for order in Order.objects.all()] == ["NORTH-M1"]


@pytest.mark.django_db(transaction=True)
def test_control_an_answer_saved_apart_from_the_order_makes_it_twice(
    shop: Shop, desk_clock: Clock
) -> None:
    key = api_cast.key()

    def post() -> Any:
        return shop.program.post("orders/", form(), idempotency_key=key)

    def in_child() -> None:
        from contextlib import nullcontext
        from types import SimpleNamespace

        apart = SimpleNamespace(atomic=nullcontext)
        patch.object(idempotency, "transaction", apart).start()
        kill_after(Orders, "made")()
        post()

    assert killed(in_child)
    desk_clock.forward(61)
    assert post().status_code == 201
    assert Order.objects.count() == 2
