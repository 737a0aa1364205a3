"""Preview and confirmation on the mapping desk: what is told, what is made, who comes second."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django_q.models import OrmQ

from orders import tasks
from orders.models import Order
from products.models import SkuAlias
from tests import admin_cast as cast
from tests import base
from tests.test_mapping_desk import CONFIRM, PREVIEW, Desk, desk, everything, in_role, orders

__all__ = ["desk"]
pytestmark = pytest.mark.django_db


def test_the_preview_tells_and_writes_nothing(desk: Desk) -> None:
    desk.came("NEW", id=77)
    desk.came("VTD234-100", "NEW", id=78, name="#1002")
    before = everything()
    response = desk.client.post(PREVIEW, desk.form(("new", desk.film.pk)))
    page = cast.html(response)
    assert everything() == before
    assert "Order NORTH-1001-S77-1 would be made, with 1 piece." in page
    assert "Order NORTH-1002-S78-1 would be completed, with 2 pieces." in page
    assert "stands for Film 66750 (66750)" in page
    assert "Map and replay 2 deliveries" in page
    assert (response.context["found"].made, response.context["found"].released) == (1, 1)


def test_nothing_chosen_is_told(desk: Desk) -> None:
    desk.came("NEW")
    before = everything()
    for form in (desk.form(("new", "")), desk.form(), {"publisher": desk.publisher.pk}):
        response = desk.client.post(PREVIEW, form, follow=True)
        assert cast.said(response) == ["Choose what at least one SKU stands for."]
        assert desk.client.post(CONFIRM, form).status_code == 302
    assert everything() == before


def test_mapping_makes_the_orders_that_waited(desk: Desk) -> None:
    desk.came("NEW", id=77)
    desk.came("VTD234-100", "NEW", id=78, name="#1002")
    told, done = desk.confirm(("new", desk.film.pk))
    assert told == "The SKU NEW stands for Film 66750 (66750) now."
    links = [
        f'<a href="{cast.page(one)}">{one.invoice}</a> ready'
        for one in Order.objects.order_by("pk")
    ]
    assert done == f"2 deliveries were read again. The orders: {', '.join(links)}."
    assert sorted(orders()) == [("#1001", "ready"), ("#1002", "ready")]
    assert {task.func() for task in OrmQ.objects.all()} == {"orders.tasks.submit_due"}
    assert "Every SKU is mapped" in desk.page()
    (entry,) = LogEntry.objects.all()
    assert (entry.user, entry.object_repr) == (desk.user, "NEW")
    assert entry.get_change_message() == "Stands for Film 66750 (66750)."
    made = Order.objects.get(reference="#1001").events.get()
    assert made.actor_user == desk.user


def test_several_skus_are_mapped_in_one_step(desk: Desk) -> None:
    desk.came("A", "B")
    desk.came("MUG", name="#2")
    told = desk.confirm(("a", desk.film.pk), ("b", desk.film.pk), ("mug", "not_ours"))
    assert told[0] == (
        "The SKU A stands for Film 66750 (66750) now. The SKU B stands for Film 66750 (66750) now. "
        "The SKU MUG is known now and is not ours to make."
    )
    assert orders() == [("#1001", "ready")]
    assert Order.objects.get().pieces() == 2


def test_mapping_only_makes_nothing_yet(desk: Desk) -> None:
    desk.came("NEW")
    told = desk.confirm(("new", desk.film.pk), replay="no")
    assert told[1] == "1 delivery waits for a replay; nothing was made yet."
    assert (orders(), OrmQ.objects.count()) == ([], 0)


def test_what_is_too_much_for_a_request_is_left_to_a_worker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.admin.mapping.AT_ONCE", 2)
    for number in range(5):
        desk.came("NEW", name=f"#{number}")
    told = desk.confirm(("new", desk.film.pk))
    assert told[-1] == "A worker reads the other 3 again; this list shrinks with it."
    assert len(orders()) == 2
    task = OrmQ.objects.order_by("id")[0]
    alias = SkuAlias.objects.get(sku="NEW")
    assert task.func() == "orders.tasks.replay_alias"
    assert tuple(task.task["args"]) == (alias.pk, 0)
    tasks.replay_alias(*task.task["args"])
    assert len(orders()) == 5


def test_the_second_of_two_is_told_and_nothing_is_made_twice(desk: Desk) -> None:
    desk.came("NEW")
    bob = cast.signed_in(in_role("mapper", "bob", desk.publisher))
    desk.confirm(("new", desk.film.pk))
    before = everything()
    for where in (PREVIEW, CONFIRM):
        form = desk.form(("new", "not_ours"), replay="yes")
        assert cast.said(bob.post(where, form, follow=True)) == [
            "Somebody else changed the SKU NEW meanwhile: it stands for Film 66750 (66750) now. "
            "Nothing was changed; look at the list as it is now."
        ]
    assert everything() == before


def test_a_lock_that_is_not_to_be_had_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    desk.came("NEW")
    before = everything()
    monkeypatch.setattr("orders.mapping.apply", busy)
    for where in (PREVIEW, CONFIRM):
        form = desk.form(("new", "not_ours"), replay="yes")
        assert cast.said(desk.client.post(where, form, follow=True)) == [
            "Somebody else works on the same orders at this moment, so nothing was changed. "
            "Try again in a moment."
        ]
    assert everything() == before


def test_an_ambiguous_sku_is_settled(desk: Desk) -> None:
    other = base.product(desk.publisher, "66760")
    SkuAlias.objects.create(publisher=desk.publisher, sku="66760", product=desk.film)
    desk.came("66760")
    told = desk.confirm(("66760", other.pk, str(desk.film.pk)))
    assert told[0] == "The SKU 66760 stands for Film 66760 (66760) now."
    assert Order.objects.get().lines.get().product == other
    assert LogEntry.objects.get().is_change()
