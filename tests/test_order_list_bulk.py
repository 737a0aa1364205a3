"""Many orders at once from the list: the page that asks, the job, and what is refused."""

from __future__ import annotations

import itertools
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from orders import bulk, jobs, lifecycle, status
from orders.lifecycle import NotNow
from orders.models import Job, JobRow, Order
from tests import admin_cast as cast
from tests import base
from tests.admin_cast import Room

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/order/"


@pytest.fixture
def room() -> Room:
    return Room()


def many(room: Room, number: int, **values: Any) -> None:
    """Orders that were made long ago, without their timelines."""
    first = Order.objects.count()
    Order.objects.bulk_create(
        Order(publisher=room.publisher, source="admin", invoice=f"N-{first + n}", mode="prod",
              mail_method="standard", **{"status": "ready", **values})
        for n in range(number)
    )  # fmt: skip


def ask(client: Any, name: str, *orders: Order, query: str = "", **values: Any) -> Any:
    """Choose an action for the orders; for none, for the whole list as it is filtered."""
    ticked = [order.pk for order in orders] or [Order.objects.values_list("pk", flat=True).last()]
    chosen = {"action": f"{name}_selected", "_selected_action": ticked, "index": "0"}
    chosen["select_across"] = "0" if orders else "1"
    return client.post(LIST + query, {**chosen, **values})


def confirm(client: Any, page: Any, **values: Any) -> Any:
    """Post the page that asks as it is, with what a person enters."""
    shown = page.context
    form = {
        "action": shown["action"],
        "select_across": "1" if shown["across"] else "0",
        "_selected_action": ["0"] if shown["across"] else shown["ticked"],
        "expected": shown["seen"].total,
        "newest": shown["seen"].newest,
        "confirm": "yes",
        "reason": "staff",
    }
    return client.post(shown["back"], {**form, **values})


def work() -> None:
    jobs.go_on(time.monotonic() + 60)


def everything() -> list[Any]:
    return [cast.state(), Job.objects.count(), JobRow.objects.count()]


# The page that asks


def test_the_page_says_how_many_will_and_cannot_and_changes_nothing(room: Room) -> None:
    made = [room.ready(), room.ready(), room.held(), room.shipped()]
    made.append(cast.put(room.ready(), status.SUBMITTING))
    before = everything()
    page = ask(room.client, "hold", *made)
    assert page.status_code == 200
    assert page.context["title"] == "Hold 5 orders"
    assert page.context["seen"].will == [
        (2, "will be held."),
        (1, "is held already; its reason, note and date are replaced."),
        (1, "is being sent; it is held only if TrepStar does not get it."),
    ]
    assert page.context["seen"].cannot == [(1, "cannot because TrepStar has it.")]
    assert "<strong>2</strong> will be held." in cast.html(page)
    assert everything() == before


def test_where_nothing_can_be_done_nothing_is_offered(room: Room) -> None:
    before = everything()
    page = ask(room.client, "hold", room.shipped(), room.shipped()).content.decode()
    assert "So there is nothing to do here now." in page
    assert "bulk-form" not in page
    assert everything()[1:] == before[1:] == [0, 0]


def test_the_preview_says_of_every_status_what_the_desk_then_does(room: Room) -> None:
    for kind, here, stop, gone in itertools.product(
        bulk.PERMISSIONS, status.MEANING, ("", "cancel"), (False, True)
    ):
        order = room.held() if here == status.HELD else cast.put(room.ready(), here)
        stop = stop if here in status.IN_DOUBT else ""
        Order.objects.filter(pk=order.pk).update(stop_request=stop, not_found=3 if gone else 0)
        chosen = Order.objects.filter(pk=order.pk)
        seen = bulk.preview(kind, chosen)
        job = bulk.begin(
            kind, user=cast.User.objects.get(), orders=chosen, params={"reason": "staff"}, most=1
        )
        work()
        job.refresh_from_db()
        expected = (sum(n for n, _ in seen.will), sum(n for n, _ in seen.cannot))
        assert (job.done, job.refused) == expected, (kind, here, stop, gone)
        assert sum(expected) == seen.total == 1


def test_a_release_shows_why_they_wait_and_what_trepstar_would_refuse(room: Room) -> None:
    good = room.held()
    bad = room.held(recipient=base.Recipient(name="Ana", country="US", state="ME", zip="04101"))
    page = ask(room.client, "release", good, bad, room.ready())
    assert page.context["seen"].held_for == [(2, "Held by a member of staff.")]
    assert [(one.order, bool(one.findings)) for one in page.context["sample"]] == [
        (good, False),
        (bad, True),
    ]
    assert "The street address is blank. Enter it." in cast.html(page)
    confirm(room.client, page)
    work()
    found = Job.objects.get().rows.values_list("label", "state", "text")
    assert list(found) == [
        ("NORTH-M1", "done", ""),
        ("NORTH-M2", "refused", "The street address is blank. Enter it. The city is blank. "
         "Enter it."),
        ("NORTH-M3", "refused", "Order NORTH-M3 may be sent now, so there is nothing to release."),
    ]  # fmt: skip


def test_the_page_is_as_many_statements_for_5000_orders_as_for_5(room: Room) -> None:
    counted = []
    for more in (5, 4995):
        many(room, more)
        room.client.get(LIST)
        with cast.statements() as asked:
            page = ask(room.client, "hold")
        with cast.statements() as begun:
            response = confirm(room.client, page, typed=page.context["seen"].total)
        assert response.status_code == 302
        counted.append((len(asked), len(begun)))
    assert Job.objects.first().total == 5000
    assert counted[0] == counted[1]
    assert max(counted[0]) <= 26


# Confirming


def test_a_hold_of_ticked_orders_is_a_job_with_reason_note_and_date(room: Room) -> None:
    chosen, left = [room.ready(), room.ready()], room.ready()
    OrmQ.objects.all().delete()
    until = (timezone.now() + timedelta(days=3)).replace(second=0, microsecond=0)
    page = ask(room.client, "hold", *chosen)
    answer = confirm(
        room.client, page, reason="customer", note=" Holiday. ", until=f"{until:%Y-%m-%dT%H:%M}"
    )
    job = Job.objects.get()
    assert (answer.status_code, answer.url) == (302, cast.page(job))
    assert (job.title, job.publisher, job.created_by) == (
        "Hold 2 orders",
        room.publisher,
        room.user,
    )
    assert [task.func() for task in OrmQ.objects.all()] == ["orders.tasks.work_jobs"]
    assert set(Order.objects.values_list("status", flat=True)) == {"ready"}
    work()
    for order in chosen:
        order.refresh_from_db()
        assert (order.status, order.hold_reason, order.hold_note, order.hold_until) == (
            "held",
            "customer",
            "Holiday.",
            until,
        )
        assert order.events.last().actor_user == room.user
    left.refresh_from_db()
    assert left.status == "ready"


def test_all_of_the_filtered_list_are_chosen_by_its_address(room: Room) -> None:
    many(room, 120)
    many(room, 30, status="shipped")
    page = ask(room.client, "hold", query="?status__exact=ready")
    assert (page.context["seen"].total, page.context["ticked"]) == (
        120,
        [str(Order.objects.last().pk)],
    )
    assert cast.html(page).count('name="_selected_action"') == 1
    confirm(room.client, page, typed="120")
    work()
    assert Order.objects.filter(status="held").count() == 120
    assert Order.objects.filter(status="shipped").count() == 30


@pytest.mark.parametrize("typed", ["", "50", "52", "510", "fifty-one", "５１"])
def test_above_50_the_number_must_be_typed_and_else_nothing_changed(room: Room, typed: str) -> None:
    many(room, 51)
    page = ask(room.client, "cancel")
    assert "Type <strong>51</strong> to confirm" in cast.html(page)
    before = everything()
    again = confirm(room.client, page, typed=typed)
    assert again.context["problem"] == (
        "Type the number of orders, 51, to confirm. Nothing was begun."
    )
    assert everything() == before
    assert confirm(room.client, page, typed=" 51 ").status_code == 302


def test_50_orders_need_no_number(room: Room) -> None:
    many(room, 50)
    page = ask(room.client, "cancel")
    assert "to confirm" not in cast.html(page)
    assert confirm(room.client, page).status_code == 302


def test_an_order_that_is_made_meanwhile_is_not_of_the_job(room: Room) -> None:
    many(room, 3)
    page = ask(room.client, "hold", query="?status__exact=ready")
    room.ready()
    confirm(room.client, page)
    assert Job.objects.get().total == 3


def test_orders_that_left_meanwhile_do_not_stop_the_others(room: Room) -> None:
    many(room, 60)
    page = ask(room.client, "hold", query="?status__exact=ready")
    Order.objects.filter(pk__in=Order.objects.values("pk")[:5]).update(status="shipped")
    confirm(room.client, page, typed="60")
    assert (Job.objects.get().total, Job.objects.get().title) == (55, "Hold 55 orders")


def test_a_selection_that_has_grown_is_shown_again_and_nothing_changed(room: Room) -> None:
    many(room, 2)
    many(room, 1, status="shipped")
    page = ask(room.client, "hold", query="?status__exact=ready")
    newest = Order.objects.latest("pk").pk
    Order.objects.update(status="ready")
    before = everything()
    again = confirm(room.client, page, newest=newest)
    assert again.context["problem"] == (
        "The selection has grown from 2 to 3 orders meanwhile, so nothing was begun. "
        "Look at it again."
    )
    assert again.context["seen"].total == 3
    assert everything() == before


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("until", "2020-01-01T10:00", "The date until which they are held lies in the past."),
        ("until", "tomorrow", "The date until which they are held cannot be read."),
        ("until", "9999-12-31T23:59", "Orders are held for a year at most."),
        ("until", "0001-01-01T00:00", "lies in the past."),
        ("reason", "internal", "Select a valid choice."),
        ("note", "x" * 2001, "Ensure this value has at most 2000 characters"),
        ("note", "a\x00b", "Null characters are not allowed."),
    ],
)
def test_what_cannot_be_entered_is_told_and_nothing_changed(
    room: Room, field: str, value: str, told: str
) -> None:
    order = room.ready()
    page = ask(room.client, "hold", order)
    before = everything()
    again = confirm(room.client, page, **{field: value})
    assert again.status_code == 200
    assert told in cast.html(again)
    assert everything() == before


def test_more_than_a_job_may_take_are_refused_and_nothing_changed(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_ORDERS", 3)
    many(room, 4)
    before = everything()
    response = ask(room.client, "hold")
    assert (response.status_code, response.url) == (302, LIST)
    assert cast.said(room.client.get(LIST)) == [
        "4 orders are chosen; at most 3 can be worked on at once. "
        "Choose fewer by a filter, such as a range of dates."
    ]
    assert everything() == before


def test_a_choice_that_cannot_be_read_or_is_gone_is_told_and_nothing_changed(room: Room) -> None:
    before = everything()
    for ids, told in {
        ("abc",): "The choice of orders cannot be read. Tick them again.",
        ("9" * 30,): "The choice of orders cannot be read. Tick them again.",
        ("4711",): "There is nothing to do: nothing is chosen.",
    }.items():
        chosen = {"action": "hold_selected", "_selected_action": list(ids)}
        assert cast.said(room.client.post(LIST, chosen, follow=True)) == [told]
    assert everything() == before


@pytest.mark.parametrize("newest", ["", "-1", "x", "9" * 40, "²"])
def test_spoilt_hidden_numbers_begin_nothing_that_was_not_shown(room: Room, newest: str) -> None:
    page = ask(room.client, "hold", room.ready())
    before = everything()
    again = confirm(room.client, page, newest=newest, expected=newest)
    assert again.status_code == 200
    assert everything() == before


# Who may


def test_others_orders_are_never_of_a_selection(room: Room) -> None:
    theirs = cast.theirs()
    before = Order.objects.filter(pk=theirs.order.pk).values().get()
    page = ask(room.client, "hold", theirs.order, room.ready())
    assert page.context["seen"].total == 1
    assert "SOUTH-" not in cast.html(page)
    across = ask(room.client, "hold")
    assert across.context["seen"].total == 1
    confirm(room.client, across)
    work()
    assert list(Job.objects.latest("pk").rows.values_list("label", flat=True)) == ["NORTH-M1"]
    assert Order.objects.filter(pk=theirs.order.pk).values().get() == before
    with pytest.raises(NotNow, match="There is nothing to do"):
        bulk.begin("hold", user=room.user, orders=Order.objects.filter(pk=theirs.order.pk),
                   params={}, most=9)  # fmt: skip


@pytest.mark.parametrize("name", ["hold", "release", "cancel"])
def test_without_the_permission_the_action_is_not_there_and_is_refused(
    room: Room, name: str
) -> None:
    may = [p for p in ("view_order", "hold_order", "release_order", "cancel_order", "view_job")
           if p != f"{name}_order"]  # fmt: skip
    order = room.held()
    reader = cast.signed_in(cast.colleague("reader", room.publisher, may=may))
    assert f"{name}_selected" not in cast.html(reader.get(LIST))
    before = everything()
    for more in ({}, {"confirm": "yes", "expected": "1", "reason": "staff"}):
        assert ask(reader, name, order, **more).status_code == 403
    assert everything() == before


def test_strangers_are_sent_to_the_sign_in_and_forged_posts_are_refused(room: Room) -> None:
    order = room.ready()
    before = everything()
    assert ask(cast.Client(), "hold", order).status_code == 302
    forged = cast.signed_in(room.user, enforce_csrf_checks=True)
    assert ask(forged, "hold", order, confirm="yes", expected=1, reason="staff").status_code == 403
    assert everything() == before


def test_who_may_see_no_jobs_returns_to_the_list(room: Room) -> None:
    may = ["view_order", "hold_order"]
    client = cast.signed_in(cast.colleague("bo", room.publisher, may=may))
    response = confirm(client, ask(client, "hold", room.ready()))
    assert response.url == LIST


def test_a_job_across_publishers_belongs_to_none(room: Room) -> None:
    theirs = cast.theirs()
    boss = cast.signed_in(cast.colleague("boss", superuser=True))
    confirm(boss, ask(boss, "hold", room.ready(), theirs.order))
    job = Job.objects.latest("pk")
    assert (job.publisher, job.total) == (None, 2)
    assert room.client.get(cast.page(job)).status_code == 302  # "doesn't exist"


def test_a_release_wakes_the_worker_that_sends(room: Room) -> None:
    from orders import tasks

    room.publisher.__class__.objects.update(login_password="x")
    confirm(room.client, ask(room.client, "release", room.held()))
    OrmQ.objects.all().delete()
    tasks.work_jobs()
    assert [task.func() for task in OrmQ.objects.all()] == ["orders.tasks.submit_due"]


def test_a_row_whose_order_is_not_there_any_more_is_refused(room: Room) -> None:
    order = room.ready()
    confirm(room.client, ask(room.client, "hold", order))
    JobRow.objects.update(order=None)
    work()
    assert list(JobRow.objects.values_list("state", "text")) == [
        ("refused", "The order is not there any more.")
    ]


def test_the_timeline_names_who_began_the_job(room: Room) -> None:
    order = room.ready()
    confirm(room.client, ask(room.client, "cancel", order), note="Paid back.")
    work()
    event = order.events.last()
    assert (event.kind, event.actor_kind, event.actor_user, event.data) == (
        "order.cancelled",
        lifecycle.Kind.PERSON,
        room.user,
        {"note": "Paid back."},
    )
