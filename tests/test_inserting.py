"""Many rows at once: as an object's own INSERT writes them, and with ids that nobody else gets."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.safestring import mark_safe

from orders import clock, inserting, intake, intake_many
from orders.inserting import another, insert_many
from orders.lifecycle import WORKER
from orders.models import HookMessage, Order, OrderEvent
from orders.models.order import Source
from orders.recipient import Recipient
from products.models import Product, Publisher
from tests import base
from tests.hooks_cast import subscribed

pytestmark = pytest.mark.django_db

HOSTILE = "tab\tline\nback\\slash \\N “quote” 'x' é 𝄞"


def order(north: Publisher, invoice: str, **values: Any) -> Order:
    return Order(
        publisher=north,
        source="admin",
        mode="prod",
        status="ready",
        mail_method="standard",
        invoice=invoice,
        **values,
    )


EVERY_KIND: dict[str, Any] = {
    "name": HOSTILE,
    "hold_note": HOSTILE * 50,
    "price": Decimal("12.50"),
    "ship_date": date(2026, 2, 3),
    "next_attempt_at": datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC),
    "lease_token": UUID(int=7),
    "payload": {"text": HOSTILE, "none": None, "list": [1, 2.5, True]},
    "tracking_history": [HOSTILE],
    "price_on_customs": True,
    "attempts": 3,
}


@pytest.fixture(params=[0, inserting.FEW], ids=["thousands", "few"])
def few(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of PostgreSQL, whatever the number; SQLite has one."""
    monkeypatch.setattr(inserting, "FEW", request.param)


def test_a_row_alone_is_what_save_writes(north: Publisher) -> None:
    saved, ours = order(north, "A", **EVERY_KIND), order(north, "B", **EVERY_KIND)
    saved.save(force_insert=True)
    inserting.insert(ours)
    first, second = (
        {k: v for k, v in row.items() if k not in ("id", "invoice", "created_at", "updated_at")}
        for row in Order.objects.order_by("invoice").values()
    )
    assert first == second
    assert (ours._state.adding, ours._state.db) == (False, "default")
    assert Order.objects.get(invoice="B").pk == ours.pk
    assert Order.objects.get(invoice="B").created_at == ours.created_at


def test_what_the_database_works_out_itself_is_told(north: Publisher) -> None:
    made = order(north, "A")
    made.next_attempt_at = clock.later(60)
    inserting.insert(made, "next_attempt_at")
    due: Any = made.next_attempt_at
    assert due == Order.objects.get().next_attempt_at
    assert 59 < (due - clock.now()).total_seconds() <= 60


def test_a_row_that_is_there_is_not_inserted_once_more(north: Publisher) -> None:
    assert inserting.insert_once(order(north, "A"))
    again = order(north, "A")
    assert not inserting.insert_once(again)
    assert (again.pk, Order.objects.count()) == (None, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        inserting.insert(order(north, "A"))


@pytest.mark.usefixtures("few")
def test_rows_are_what_their_own_insert_writes(north: Publisher) -> None:
    alone, many = order(north, "A", **EVERY_KIND), order(north, "B", **EVERY_KIND)
    alone.save(force_insert=True)
    assert insert_many([many, order(north, "C")]) == 2
    first, second = (
        {k: v for k, v in row.items() if k not in ("id", "invoice", "created_at", "updated_at")}
        for row in Order.objects.filter(invoice__in="AB").order_by("invoice").values()
    )
    assert first == second
    assert (many._state.adding, many._state.db) == (False, "default")
    assert Order.objects.get(pk=many.pk).created_at == many.created_at
    assert Order.objects.get(invoice="C").payload is None


@pytest.mark.usefixtures("few")
def test_ids_rise_in_the_order_of_the_rows_and_are_not_given_again(north: Publisher) -> None:
    before = order(north, "0")
    before.save()
    rows = [order(north, str(n)) for n in range(1, 6)]
    insert_many(rows)
    after = order(north, "6")
    after.save()
    ids = [one.pk for one in (before, *rows, after)]
    assert ids == sorted(set(ids))
    assert list(Order.objects.order_by("pk").values_list("invoice", flat=True)) == list("0123456")


@pytest.mark.usefixtures("few")
def test_texts_of_several_classes_stand_in_one_column(north: Publisher) -> None:
    rows = [order(north, "A"), order(north, "B", flag=mark_safe("<b>"), hold_note="x")]
    rows[0].source = Source.API
    insert_many(rows)
    found = Order.objects.order_by("invoice").values_list("source", "flag", "hold_note")
    assert list(found) == [("api", "", ""), ("admin", "<b>", "x")]


def test_a_time_that_is_given_as_an_expression_is_stored_as_any_other(north: Publisher) -> None:
    made = order(north, "A", next_attempt_at=clock.later(-5))
    inserting.insert(made, "next_attempt_at")
    plain = order(north, "B", next_attempt_at=made.next_attempt_at)
    plain.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(next_attempt_at AS varchar) FROM orders_order ORDER BY id")
        first, second = cursor.fetchall()
    assert first == second


def test_nothing_takes_no_statement() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert insert_many([]) == 0
    assert len(queries) == 0


@pytest.mark.usefixtures("few")
def test_what_the_database_refuses_is_an_integrity_error_and_nothing_is_written(
    north: Publisher,
) -> None:
    order(north, "TAKEN").save()
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_many([order(north, "NEW"), order(north, "TAKEN")])
    assert list(Order.objects.values_list("invoice", flat=True)) == ["TAKEN"]


def test_another_has_the_values_and_relations_of_its_template(north: Publisher) -> None:
    template = order(north, "A", name="Ana")
    made = another(template, invoice="B")
    assert (made.invoice, made.name, made.publisher_id) == ("B", "Ana", north.pk)
    assert made._state.fields_cache["publisher"] is north
    made.publisher = base.southwind()
    assert (template.publisher, template.invoice) == (north, "A")


# Placing many


def request(north: Publisher, film: Product, **values: Any) -> intake.Request:
    to = Recipient("Ana", "", "1 Harbour Street", "Portland", "ME", "04101", "US")
    usual = {"recipient": to, "units": (intake.Units(film, 1),)}
    return intake.Request(publisher=north, source=Source.CSV, **{**usual, **values})


def test_many_are_placed_as_one_is(north: Publisher, film: Product) -> None:
    requests = [
        request(north, film),
        request(north, film, invoice="OWN"),
        request(north, film, units=(intake.Units(film, 300),)),
        request(north, film, recipient=Recipient("Bo")),
        request(north, film, hold_reason="staff", hold_note="Wait."),
    ]
    made = intake_many.place_many(requests, actor=WORKER)
    assert [[one.invoice for one in orders] for orders in made] == [
        ["NORTH-M1"],
        ["OWN"],
        ["NORTH-M2-P1", "NORTH-M2-P2"],
        ["NORTH-M3"],
        ["NORTH-M4"],
    ]
    assert [one.status for orders in made for one in orders] == ["ready"] * 4 + ["held"] * 2
    assert [one.next_attempt_at is None for orders in made for one in orders] == [
        *[False] * 4,
        *[True] * 2,
    ]
    found = Order.objects.order_by("pk")
    assert [sum(line.quantity for line in one.lines.all()) for one in found] == [
        1, 1, 250, 50, 1, 1
    ]  # fmt: skip
    assert set(OrderEvent.objects.values_list("kind", "actor_kind")) == {("order.placed", "worker")}
    north.refresh_from_db()
    assert north.last_serial == 4


def test_clients_are_told_of_each_of_many(north: Publisher, film: Product) -> None:
    subscribed(north)
    north.refresh_from_db()
    intake_many.place_many([request(north, film), request(north, film)], actor=WORKER)
    assert sorted(HookMessage.objects.values_list("kind", "invoice")) == [
        ("order.created", "NORTH-M1"),
        ("order.created", "NORTH-M2"),
    ]


def test_many_of_two_publishers_or_of_a_shop_are_refused_and_nothing_is_made(
    north: Publisher, film: Product
) -> None:
    south = base.southwind()
    first = base.place(north, (film, 1))
    with pytest.raises(ValueError, match="more than one publisher"):
        intake_many.place_many([request(north, film), request(south, film)], actor=WORKER)
    with pytest.raises(ValueError, match="one by one"):
        intake_many.place_many([request(north, film, reship_of=first)], actor=WORKER)
    assert intake_many.place_many([], actor=WORKER) == []
    assert Order.objects.count() == 1


def test_where_one_invoice_is_taken_none_is_made(north: Publisher, film: Product) -> None:
    base.place(north, (film, 1), invoice="TAKEN")
    requests = [request(north, film), request(north, film, invoice="TAKEN")]
    with pytest.raises(IntegrityError):
        intake_many.place_many(requests, actor=WORKER)
    assert (Order.objects.count(), OrderEvent.objects.count()) == (1, 1)
    north.refresh_from_db()
    assert north.last_serial == 0
