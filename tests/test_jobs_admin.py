"""A job's page and the list of jobs: progress, rows, stopping, and who sees what."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orders import jobs, tasks
from orders.models import Job, JobRow, Order
from tests import admin_cast as cast
from tests.admin_cast import Room

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def job(room: Room) -> Job:
    """A hold of an order that can be held, and of one that cannot."""
    room.ready()
    room.shipped()
    return jobs.start(
        "hold",
        user=room.user,
        title="Hold 2 orders",
        publisher=room.publisher,
        params={"note": "<b>Wait</b>", "until": "2030-01-02T03:04:00+00:00"},
        rows=Order.objects.all(),
    )


def work() -> None:
    jobs.go_on(time.monotonic() + 60)


def progress(job: Job) -> str:
    return f"/admin/orders/job/{job.pk}/progress/"


def test_the_page_shows_how_far_it_is_and_what_became_of_each(room: Room, job: Job) -> None:
    page = cast.html(room.client.get(cast.page(job)))
    assert 'data-from="' + progress(job) + '"' in page
    assert '<progress class="job-bar" max="2" value="0"' in page
    assert "“&lt;b&gt;Wait&lt;/b&gt;” Held until 2030-01-02 03:04." in page
    work()
    page = cast.html(room.client.get(cast.page(job)))
    assert "data-from" not in page
    assert "<strong>1</strong> of 2 done" in page
    assert "<strong>1</strong> refused" in page
    assert "Order NORTH-M2 has been shipped, so it cannot become held." in page
    assert f'href="{cast.page(Order.objects.get(invoice="NORTH-M1"))}"' in page
    assert "/do/stop/" not in page


def test_the_rows_can_be_narrowed_to_the_refused_ones(room: Room, job: Job) -> None:
    work()
    for shown, labels in {
        "refused": ["NORTH-M2"],
        "done": ["NORTH-M1"],
        "waiting": [],
        "": ["NORTH-M1", "NORTH-M2"],
        "nonsense": ["NORTH-M1", "NORTH-M2"],
    }.items():
        listed = room.client.get(cast.page(job), {"rows": shown}).context["listed"]
        assert [row.label for row in listed] == labels


@pytest.mark.parametrize("number", ["2", "99", "-1", "x", ""])
def test_the_rows_come_in_pages(room: Room, job: Job, number: str) -> None:
    JobRow.objects.bulk_create(
        JobRow(job=job, number=n, label=f"row {n}") for n in range(3, jobs.CHUNK)
    )
    listed = room.client.get(cast.page(job), {"page": number}).context["listed"]
    assert len(listed.object_list) == (50 if number in ("x", "") else 49)


def test_the_fragment_is_the_part_that_changes(room: Room, job: Job) -> None:
    before = cast.html(room.client.get(progress(job)))
    assert "A worker begins with it in a moment." in before
    assert "<html" not in before
    assert "data-ended" not in before
    work()
    assert "data-ended" in cast.html(room.client.get(progress(job)))
    for method in ("post", "put", "delete"):
        assert getattr(room.client, method)(progress(job)).status_code == 405


def test_a_job_is_stopped_by_its_button_and_says_by_whom(room: Room, job: Job) -> None:
    assert cast.said(cast.press(room.client, job, "stop")) == [
        "“Hold 2 orders” is stopped. What was done stays done."
    ]
    page = cast.html(room.client.get(cast.page(job)))
    assert "It was stopped by ana on" in page
    assert "2 rows were left as they were." in page
    work()
    assert set(Order.objects.values_list("status", flat=True)) == {"ready", "shipped"}
    assert cast.said(cast.press(room.client, job, "stop")) == [
        "“Hold 2 orders” is stopped already, so it cannot be stopped."
    ]


def test_the_list_shows_the_progress_of_jobs(room: Room, job: Job) -> None:
    where = cast.page(Job, "changelist")
    assert "0 of 2 done" in cast.html(room.client.get(where))
    work()
    assert "1 of 2 done, 1 refused" in cast.html(room.client.get(where))
    assert "Hold 2 orders" in cast.html(
        room.client.get(where, {"q": "hold", "state__exact": "done"})
    )


def test_the_empty_list_says_how_a_job_comes_to_be(room: Room) -> None:
    assert "No job yet. Tick orders in" in cast.html(room.client.get(cast.page(Job, "changelist")))


def test_the_page_and_the_list_are_as_many_statements_however_many_rows(room: Room) -> None:
    counted = []
    for more in (3, 60):
        for _ in range(more):
            room.ready()
        job = jobs.start("hold", user=room.user, title="All", rows=Order.objects.all())
        room.client.get(cast.page(job))
        with cast.statements() as page:
            room.client.get(cast.page(job))
        with cast.statements() as listed:
            room.client.get(cast.page(Job, "changelist"))
        with cast.statements() as fragment:
            room.client.get(progress(job))
        counted.append((len(page), len(listed), len(fragment)))
    assert counted[0] == counted[1]
    assert max(counted[0]) <= 14


# Who may


def test_a_stranger_sees_nothing_of_it_and_stops_nothing(room: Room, job: Job) -> None:
    theirs = cast.theirs()
    stranger = cast.signed_in(cast.colleague("bo", theirs.publisher))
    before = list(Job.objects.values())
    assert stranger.get(progress(job)).status_code == 404
    assert stranger.post(cast.button(job, "stop")).status_code == 404
    assert stranger.get(cast.page(job)).status_code == 302
    assert "Hold 2 orders" not in cast.html(stranger.get(cast.page(Job, "changelist")))
    for client in (Client(), cast.signed_in(cast.User.objects.create_user("customer"))):
        for where in (progress(job), cast.page(job), cast.page(Job, "changelist")):
            assert client.get(where).url == f"/admin/login/?next={where}"
    assert list(Job.objects.values()) == before


def test_a_viewer_sees_it_and_cannot_stop_it(room: Room, job: Job) -> None:
    viewer = cast.signed_in(cast.colleague("viewer", room.publisher, may="view"))
    assert "/do/" not in cast.html(viewer.get(cast.page(job)))
    assert viewer.get(progress(job)).status_code == 200
    assert viewer.post(cast.button(job, "stop")).status_code == 403
    assert Job.objects.get().state == "waiting"
    nobody = cast.signed_in(cast.colleague("nobody", room.publisher, may=["view_order"]))
    assert nobody.get(progress(job)).status_code == 403
    assert nobody.get(cast.page(job)).status_code == 403


def test_rows_of_a_publisher_that_is_no_longer_ones_own_are_not_shown(room: Room) -> None:
    theirs = cast.theirs()
    room.ready()
    user = cast.colleague("both", room.publisher, theirs.publisher)
    job = jobs.start("hold", user=user, title="Hold", rows=Order.objects.all())
    client = cast.signed_in(user)
    assert len(client.get(cast.page(job)).context["listed"].object_list) == 3
    theirs.publisher.staff.remove(user)
    page = client.get(cast.page(job))
    assert [row.label for row in page.context["listed"]] == ["NORTH-M1"]
    assert "SOUTH-" not in cast.html(page)


def test_nobody_adds_changes_or_deletes_a_job_by_hand(room: Room, job: Job) -> None:
    boss = cast.signed_in(cast.colleague("boss", superuser=True))
    before: Any = list(Job.objects.values())
    assert boss.get("/admin/orders/job/add/").status_code == 403
    assert boss.post(cast.page(job), {"state": "done"}).status_code == 403
    assert boss.post(cast.page(job, "delete"), {"post": "yes"}).status_code == 403
    assert list(Job.objects.values()) == before


def test_rows_are_put_away_a_month_after_the_job_ended(room: Room, job: Job) -> None:
    work()
    tasks.prune()
    assert job.rows.count() == 2
    Job.objects.update(finished_at=timezone.now() - timedelta(days=31))
    tasks.prune()
    assert (job.rows.count(), Job.objects.get().done) == (0, 1)
    assert "were put away a month after the job ended" in cast.html(room.client.get(cast.page(job)))
