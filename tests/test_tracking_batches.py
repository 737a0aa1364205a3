"""One call for up to 100 invoices: which go in, and what a spoilt answer costs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings

from orders import budget, clock, lifecycle, news, status, tracking
from orders.models import Call, Order
from orders.trepstar import status_xml
from orders.trepstar.status_xml import Section
from products.models import Product, Publisher
from tests import base
from tests.gateway_cast import (
    Told,
    answer,
    fresh,
    kinds,
    not_found,
    section,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Publisher:
    return Publisher.objects.get(pk=base.northlight().pk)


def many(
    north: Publisher, film: Product, count: int, *, due_in: float = -1, **values: Any
) -> list[Order]:
    """Make so many accepted orders, to be asked for in ``due_in`` seconds."""
    orders = [base.place(north, (film, 1)) for _ in range(count)]
    fields = {
        "status": status.ACCEPTED,
        "accepted_at": clock.now() - timedelta(hours=3),
        "next_ask_at": clock.now() + timedelta(seconds=due_in),
        **values,
    }
    Order.objects.filter(pk__in=[one.pk for one in orders]).update(**fields)
    return [fresh(one) for one in orders]


def invoices(gateway: Told) -> list[list[str]]:
    return [call["Invoice"].split("[*|*]") for call in gateway.calls]


def echo(fields: dict[str, str]) -> bytes:
    """Say PROCESSING for every invoice that was asked for."""
    return answer(
        *(
            Section(error_number="0", customer="Ana Peña", invoice=one, status="PROCESSING")
            for one in fields["Invoice"].split("[*|*]")
        )
    )


class TestChoice:
    def test_250_due_orders_take_three_calls(self, north: Publisher, film: Product) -> None:
        orders, gateway = many(north, film, 250), Told(echo)
        assert tracking.sync(north.pk, gateway) == 3
        asked_for = invoices(gateway)
        assert [len(batch) for batch in asked_for] == [100, 100, 50]
        assert sorted(itertools.chain(*asked_for)) == sorted(one.invoice for one in orders)
        assert set(Order.objects.values_list("status", flat=True)) == {status.PROCESSING}
        assert list(Call.objects.order_by("pk").values_list("invoices", flat=True)) == [
            100,
            100,
            50,
        ]

    def test_orders_that_fall_due_one_by_one_share_a_call(
        self, north: Publisher, film: Product
    ) -> None:
        many(north, film, 1)
        gateway = Told(echo)
        assert tracking.sync(north.pk, gateway) == 1
        later = many(north, film, 2, status=status.UNCLEAR, question="outcome")
        assert tracking.sync(north.pk, gateway) == 0
        assert {fresh(one).status for one in later} == {status.UNCLEAR}
        wait = 4 * settings.SWEEP_SECONDS
        Call.objects.update(reserved_at=clock.now() - timedelta(seconds=wait))
        assert tracking.sync(north.pk, gateway) == 1
        assert [len(batch) for batch in invoices(gateway)][0] == 1
        assert {one.invoice for one in later} <= set(invoices(gateway)[1])

    def test_a_full_call_waits_for_nobody(self, north: Publisher, film: Product) -> None:
        many(north, film, 1)
        gateway = Told(echo)
        assert tracking.sync(north.pk, gateway) == 1
        many(north, film, 100)
        assert tracking.sync(north.pk, gateway) == 1
        assert [len(batch) for batch in invoices(gateway)] == [1, 100]

    def test_a_call_for_one_is_filled_up_with_those_that_fall_due_next(
        self, north: Publisher, film: Product
    ) -> None:
        asked = clock.now() - timedelta(hours=1)
        later = many(north, film, 60, due_in=600, asked_at=asked)
        sooner = many(north, film, 60, due_in=500, asked_at=asked)
        next_ones = many(north, film, 2, due_in=400)
        (due,) = many(north, film, 1)
        chosen = [one.pk for one in tracking.choose(north)]
        assert chosen[0] == due.pk
        assert chosen[1:3] == [one.pk for one in next_ones]
        assert chosen[3:63] == [one.pk for one in sooner]
        assert chosen[63:] == [one.pk for one in later][:37]
        assert len(chosen) == 100

    def test_it_is_never_filled_up_with_one_asked_within_sync_seconds(
        self, north: Publisher, film: Product
    ) -> None:
        now = clock.now()
        many(north, film, 5, due_in=500, asked_at=now - timedelta(seconds=890))
        (rested,) = many(north, film, 1, due_in=500, asked_at=now - timedelta(seconds=910))
        (due,) = many(north, film, 1)
        assert [one.pk for one in tracking.choose(north)] == [due.pk, rested.pk]

    def test_nothing_is_filled_up_where_nothing_is_due(
        self, north: Publisher, film: Product
    ) -> None:
        many(north, film, 5, due_in=500)
        assert tracking.choose(north) == []

    def test_unclear_orders_come_first_and_are_never_used_to_fill_up(
        self, north: Publisher, film: Product
    ) -> None:
        many(north, film, 120)
        lost = many(north, film, 2, status=status.UNCLEAR, question="outcome")
        many(north, film, 1, status=status.UNCLEAR, question="outcome", due_in=100)
        chosen = tracking.choose(north)
        assert ([one.pk for one in chosen[:2]], len(chosen)) == ([one.pk for one in lost], 100)
        assert [one.status for one in chosen].count(status.UNCLEAR) == 2

    def test_another_publishers_orders_are_never_asked_for(
        self, north: Publisher, film: Product
    ) -> None:
        south = base.southwind()
        many(south, base.product(south, "44100"), 3)
        (mine,) = many(north, film, 1)
        assert [one.pk for one in tracking.choose(north)] == [mine.pk]

    def test_a_shipped_order_that_is_done_with_is_never_used_to_fill_up(
        self, north: Publisher, film: Product
    ) -> None:
        many(north, film, 3, status=status.SHIPPED, next_ask_at=None)
        many(north, film, 1)
        assert len(tracking.choose(north)) == 1


class TestAnswer:
    @pytest.fixture
    def three(self, north: Publisher, film: Product) -> list[Order]:
        return many(north, film, 3)

    def ask(self, north: Publisher, reply: bytes) -> list[str]:
        """Sync with that answer; return the statuses of all orders, oldest first."""
        tracking.sync(north.pk, Told(reply))
        return list(Order.objects.order_by("pk").values_list("status", flat=True))

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_sections_are_matched_by_invoice_and_not_by_position(
        self, north: Publisher, three: Sequence[Order], order: tuple[int, ...]
    ) -> None:
        said = [
            section(o, w) for o, w in zip(three, ("HOLD", "PROCESSING", "SHIPPED"), strict=True)
        ]
        found = self.ask(north, answer(*(said[place] for place in order)))
        assert found == ["awaiting_payment", "processing", "shipped"]

    def test_a_missing_section_is_asked_for_in_its_turn(
        self, north: Publisher, three: Sequence[Order]
    ) -> None:
        found = self.ask(north, answer(section(three[0]), section(three[2])))
        assert found == ["processing", "accepted", "processing"]
        missed = fresh(three[1])
        assert missed.next_ask_at - missed.asked_at == timedelta(seconds=900)
        assert (missed.version, missed.not_found) == (three[1].version, 0)
        call = Call.objects.get()
        assert (call.sections, call.dropped, call.outcome) == (2, 0, "answered")
        assert "<Status1>" in call.excerpt

    def test_a_section_that_comes_twice_with_different_words_is_not_believed(
        self, north: Publisher, three: Sequence[Order]
    ) -> None:
        said = [section(one) for one in three]
        found = self.ask(north, answer(*said, replace(said[0], status="SHIPPED")))
        assert found == ["accepted", "processing", "processing"]
        assert Call.objects.get().dropped == 2

    def test_a_section_that_comes_twice_the_same_is_believed(
        self, north: Publisher, three: Sequence[Order]
    ) -> None:
        said = [section(one) for one in three]
        assert self.ask(north, answer(*said, said[0])) == ["processing"] * 3

    @pytest.mark.parametrize("invoice", ["", "SOMEBODY-ELSE", "north-m1", "NORTH-M 1"])
    def test_an_unknown_invoice_is_dropped(
        self, north: Publisher, three: Sequence[Order], invoice: str
    ) -> None:
        said = [section(three[0], invoice=invoice), section(three[1]), section(three[2])]
        assert self.ask(north, answer(*said)) == ["accepted", "processing", "processing"]
        assert Call.objects.get().dropped == 1

    def test_an_order_that_was_not_asked_for_is_never_written(
        self, north: Publisher, three: Sequence[Order]
    ) -> None:
        south = base.southwind()
        (theirs,) = many(south, base.product(south, "44100"), 1, due_in=999)
        found = self.ask(north, answer(*(section(one) for one in three), section(theirs)))
        assert found == ["processing"] * 3 + ["accepted"]

    def test_a_bare_ampersand_costs_nothing(self, north: Publisher, three: Sequence[Order]) -> None:
        said = [section(three[0], status_error_text="A &amp B & C"), *map(section, three[1:])]
        reply = answer(*said).replace(b"&amp;", b"&")
        assert self.ask(north, reply) == ["processing"] * 3

    def test_a_broken_section_costs_that_section_only(
        self, north: Publisher, three: Sequence[Order]
    ) -> None:
        reply = answer(*map(section, three)).replace(b"NORTH-M2<", b"NORTH-M2<<")
        assert self.ask(north, reply) == ["processing", "accepted", "processing"]

    def test_found_and_not_found_stand_side_by_side(
        self, north: Publisher, three: Sequence[Order]
    ) -> None:
        found = self.ask(north, answer(section(three[0]), not_found(three[1]), section(three[2])))
        assert found == ["processing", "accepted", "processing"]
        assert fresh(three[1]).not_found == 1

    def test_one_order_that_cannot_be_written_does_not_cost_the_others(
        self, north: Publisher, three: Sequence[Order]
    ) -> None:
        real = news.read

        def read(order: Order, *args: Any, **kwargs: Any) -> lifecycle.Change:
            if order.pk == three[1].pk:
                raise ZeroDivisionError
            return real(order, *args, **kwargs)

        with patch.object(news, "read", read):
            found = self.ask(north, answer(*map(section, three)))
        assert found == ["processing", "accepted", "processing"]
        assert [kinds(one)[-1] for one in three] == [
            "order.processing",
            "order.placed",
            "order.processing",
        ]
        assert fresh(three[1]).next_ask_at > clock.now()

    def test_a_document_type_makes_the_whole_answer_garbage(
        self, north: Publisher, three: Sequence[Order]
    ) -> None:
        reply = b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + answer(*map(section, three))
        assert self.ask(north, reply) == ["accepted"] * 3
        assert Call.objects.get().outcome == "failed"


class TestPurpose:
    def test_a_batch_with_an_unclear_order_settles_it(
        self, north: Publisher, film: Product
    ) -> None:
        many(north, film, 2)
        many(north, film, 1, status=status.UNCLEAR, question="outcome")
        gateway = Told(echo)
        tracking.sync(north.pk, gateway)
        assert [len(batch) for batch in invoices(gateway)] == [3]
        assert Call.objects.get().purpose == Call.Purpose.RESOLVE

    def test_a_used_up_share_for_unclear_orders_does_not_stop_the_sweep(
        self, north: Publisher, film: Product, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(budget.SHARES, Call.Purpose.RESOLVE, 0)
        earlier = budget.reserve(north, Call.Purpose.RESOLVE, 1)
        Call.objects.filter(pk=earlier.pk).update(reserved_at=clock.now() - timedelta(minutes=5))
        (order,) = many(north, film, 1)
        many(north, film, 1, status=status.UNCLEAR, question="outcome")
        tracking.sync(north.pk, Told(echo))
        assert fresh(order).status == status.PROCESSING

    def test_the_limit_of_a_call_is_the_documents(self) -> None:
        assert status_xml.MAX_INVOICES == 100
