"""Many rows by one statement, each with values of its own."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import DataError, connection, transaction
from django.utils import timezone

from orders import answers, lifecycle, status
from orders.models import Order
from orders.trepstar.status_xml import Section
from orders.updating import update_each
from products.models import Product, Publisher
from tests import base, hooks_cast
from tests.admin_cast import statements
from tests.gateway_cast import fresh, nothing_changes, section

pytestmark = pytest.mark.django_db
POSTGRES = connection.vendor == "postgresql"
WAIT = timedelta(seconds=900)


@pytest.fixture
def north() -> Publisher:
    return base.northlight()


@pytest.fixture
def film(north: Publisher) -> Product:
    return base.product(north)


def accepted(north: Publisher, film: Product, count: int) -> list[Order]:
    orders = [base.place(north, (film, 1)) for _ in range(count)]
    Order.objects.update(status=status.ACCEPTED, next_ask_at=timezone.now())
    return [fresh(one) for one in orders]


def test_every_row_gets_its_own_values_of_every_type(north: Publisher, film: Product) -> None:
    orders = accepted(north, film, 3)
    now = timezone.now()
    for number, order in enumerate(orders[:2]):
        order.flag, order.missed, order.redact = f"It's 100 % “{number}” ?", number, bool(number)
        order.ship_date = date(2026, 11, 20) if number else None
        order.asked_at = now if number else None
        order.tracking_history = ["a", number, "🙂"]
        order.payload = {"x": None} if number else None
        order.lease_token = None
    names = {"flag", "missed", "redact", "ship_date", "asked_at", "tracking_history", "payload"}
    untouched = fresh(orders[2])
    with statements() as done:
        assert update_each(orders[:2], {*names, "lease_token"}) == 2
    assert len(done) == 1
    for order in orders[:2]:
        found = fresh(order)
        assert {n: getattr(found, n) for n in names} == {n: getattr(order, n) for n in names}
    assert fresh(orders[2]).__dict__.keys() == untouched.__dict__.keys()
    assert fresh(orders[2]).flag == ""
    # Nothing is NULL there, not the null of JSON.
    assert Order.objects.filter(payload=None).count() == 0
    assert Order.objects.filter(payload__isnull=True).count() == 2


def test_nothing_to_write_is_no_statement(north: Publisher, film: Product) -> None:
    orders = accepted(north, film, 1)
    with statements() as done:
        assert (update_each([], ["flag"]), update_each(orders, [])) == (0, 0)
    assert len(done) == 0


@pytest.mark.skipif(not POSTGRES, reason="SQLite keeps texts of any length")
def test_what_is_too_long_is_refused_and_not_cut(north: Publisher, film: Product) -> None:
    orders = accepted(north, film, 2)
    orders[0].tracking_id = "9" * 101
    with nothing_changes(), pytest.raises(DataError), transaction.atomic():
        update_each(orders, ["tracking_id"])


@pytest.mark.skipif(not POSTGRES, reason="SQLite's driver refuses it before")
@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_what_is_no_text_is_refused(north: Publisher, film: Product, text: str) -> None:
    orders = accepted(north, film, 2)
    orders[1].flag = text
    with nothing_changes(), pytest.raises(DataError), transaction.atomic():
        update_each(orders, ["flag"])


# SQLite takes so many values in a statement of Django's that the messages need two.
@pytest.mark.parametrize(("webhooks", "more"), [(False, 0), (True, 1 if POSTGRES else 2)])
def test_a_batch_of_a_hundred_takes_four_statements(
    north: Publisher, film: Product, webhooks: bool, more: int
) -> None:
    if webhooks:
        hooks_cast.subscribed(north)
    orders = accepted(north, film, 100)
    found: dict[str, Section] = {one.invoice: section(one) for one in orders}
    with statements() as done:
        assert len(answers.apply(found, orders, WAIT)) == 100
    told = [one["sql"].split()[0] for one in done.captured_queries]
    written = [word for word in told if word not in ("SAVEPOINT", "RELEASE")]
    assert written == ["SELECT", "SELECT", "UPDATE", "INSERT", *["INSERT"] * more]
    assert {fresh(one).status for one in orders} == {"processing"}


def test_a_field_that_no_order_changes_is_not_written(north: Publisher, film: Product) -> None:
    orders = accepted(north, film, 2)
    change = lifecycle.Change(orders[0], status.ACCEPTED, fields={"missed": 0, "not_found": 1})
    with statements() as done, transaction.atomic():
        lifecycle.move_many([change], actor=lifecycle.WORKER)
    sql = next(one["sql"] for one in done.captured_queries if one["sql"].startswith("UPDATE"))
    assert ('"not_found"' in sql, '"missed"' in sql, '"status"' in sql) == (True, False, False)
