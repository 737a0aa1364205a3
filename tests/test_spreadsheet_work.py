"""What the worker makes of a confirmed file, what is kept of it, and what it all costs."""

from __future__ import annotations

import gzip
import io
import logging
import tracemalloc
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders import desk, job_rows, jobs, privacy, tasks
from orders.models import ImportFile, Job, JobRow, Order, OrderEvent
from orders.spreadsheet import importing, placing
from orders.spreadsheet.columns import guess
from orders.spreadsheet.importing import TakenBefore
from orders.spreadsheet.limits import Unreadable
from tests import base
from tests.spreadsheet_cast import (
    FORM,
    Desk,
    csv_of,
    five_hundred,
    form_csv,
    form_row,
    read_rows,
    work,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Desk:
    return Desk()


def test_what_was_ordered_between_the_last_check_and_the_making_is_refused(north: Desk) -> None:
    header = (*FORM, "Order No")
    file = north.check(csv_of([{**form_row(n), "Order No": f"#{n}"} for n in (1, 2, 3)], header))
    job = read_rows(north.confirm(file))
    base.place(north.publisher, (north.film, 1), invoice="NL-00001")
    base.place(north.publisher, (north.film, 1), reference="#2")
    work()
    job.refresh_from_db()
    assert (job.done, job.refused) == (1, 2)
    assert [row.text for row in job.rows.order_by("number")] == [
        "The invoice “NL-00001” was used meanwhile.",
        "Order NORTH-M1 was made for “#2” meanwhile.",
        "NL-00003 was made.",
    ]
    assert Order.objects.count() == 3


def test_a_product_that_is_gone_refuses_its_row(north: Desk) -> None:
    file = north.check(form_csv({"ProductID": "66760"}, {}))
    job = read_rows(north.confirm(file))
    north.other.delete()
    work()
    assert [row.text for row in job.rows.order_by("number")] == [
        "A product of it was deleted meanwhile, so it was not made.",
        "NL-00002 was made.",
    ]


def invoices() -> list[str]:
    return sorted(Order.objects.values_list("invoice", flat=True))


def test_a_worker_that_dies_while_it_makes_orders_makes_none_twice_and_none_never(
    north: Desk,
) -> None:
    north.confirm(north.check(form_csv({}, {}, {}, {})))
    real, calls = job_rows.ACTS_ON_MANY["import"], []

    def dies(job: Job, rows: Sequence[JobRow]) -> Any:
        told = real(job, rows)
        calls.append(invoices())
        if len(calls) == 2:
            raise KeyboardInterrupt
        return told

    with (
        patch.dict(job_rows.ACTS_ON_MANY, {"import": dies}),
        patch.object(jobs, "CHUNK_OF_MANY", 2),
        pytest.raises(KeyboardInterrupt),
    ):
        work()
    assert calls == [["NL-00001", "NL-00002"], ["NL-00001", "NL-00002", "NL-00003", "NL-00004"]]
    assert invoices() == ["NL-00001", "NL-00002"]
    Job.objects.update(lease_until=None)
    work()
    assert invoices() == ["NL-00001", "NL-00002", "NL-00003", "NL-00004"]
    assert OrderEvent.objects.count() == 4
    assert Job.objects.get().done == 4


def test_where_many_fail_together_each_is_made_or_refused_by_itself(north: Desk) -> None:
    job = north.confirm(north.check(form_csv({}, {}, {})))
    real = placing._used_invoices

    def too_late(wanted: set[str]) -> set[str]:
        """The invoice is used just after the look at those that there are."""
        found = real(wanted)
        if not Order.objects.exists():
            base.place(south, (film, 1), invoice="NL-00002")
        return found

    south = base.southwind()
    film = base.product(south)
    logging.disable(logging.CRITICAL)
    with patch.object(placing, "_used_invoices", too_late):
        work()
    logging.disable(logging.NOTSET)
    assert [row.text for row in job.rows.order_by("number")] == [
        "NL-00001 was made.",
        "The invoice “NL-00002” was used meanwhile.",
        "NL-00003 was made.",
    ]
    assert invoices() == ["NL-00001", "NL-00002", "NL-00003"]


def test_orders_made_in_bulk_are_what_one_made_alone_is(north: Desk) -> None:
    """The same rows, through the bulk and one by one: the same orders, lines and events."""
    changes: list[dict[str, Any]] = [
        {},
        {"Invoice": "", "ProductPrice": "12.50"},
        {"Quantity": 600, "ProductID": "66760"},
        {"Invoice": ""},
    ]

    def made(**bulk: Any) -> list[Any]:
        with patch.dict(job_rows.ACTS_ON_MANY, bulk, clear=not bulk), transaction.atomic():
            north.import_all(form_csv(*changes))
            found = [
                (
                    row.label,
                    row.text,
                    [plain(line) for line in order.lines.all()],
                    [plain(event) for event in order.events.all()],
                    plain(order),
                )
                for row, order in zip(
                    JobRow.objects.order_by("number"),
                    Order.objects.filter(pk__in=JobRow.objects.values("order")).order_by("pk"),
                    strict=True,
                )
            ]
            found.append(Order.objects.count())
            transaction.set_rollback(True)
        return found

    def plain(row: Any) -> dict[str, Any]:
        moments = {"id", "order_id", "created_at", "updated_at", "next_attempt_at"}
        return {k: v for k, v in vars(row).items() if k not in moments and k[0] != "_"}

    bulk, alone = made(**job_rows.ACTS_ON_MANY), made()
    assert bulk == alone
    assert bulk[-1] == 6


# How it is read


def go_on_in_bits(job: Job) -> int:
    """Let workers read a job of which each has time for one batch; return how many it took."""
    for turn in range(1, 100):
        mine = jobs._lease(job)
        assert mine is not None
        done = jobs._read(mine, 0)
        Job.objects.filter(pk=job.pk).update(lease_until=None)
        if done:
            return turn
        job.refresh_from_db()
        if job.state != "running":
            return turn
    raise AssertionError


def test_a_file_is_read_bit_by_bit_by_many_workers(north: Desk) -> None:
    rows = [form_row(n) for n in range(1, 8)]
    rows[1]["ProductID"] = "x"
    rows[5]["Invoice"] = rows[0]["Invoice"]  # known to be the same in another bit
    job = north.confirm(north.check(csv_of(rows)), leave_out=True)
    with patch.object(importing, "BATCH", 2), patch("orders.spreadsheet.checking.BATCH", 2):
        assert go_on_in_bits(job) == 5
    job.refresh_from_db()
    assert (job.total, job.params["read"]) == (5, 7)
    assert list(job.rows.values_list("number", "label")) == [
        (1, "Row 2, NL-00001"),
        (2, "Row 4, NL-00003"),
        (3, "Row 5, NL-00004"),
        (4, "Row 6, NL-00005"),
        (5, "Row 8, NL-00007"),
    ]
    assert Order.objects.count() == 0
    work()
    assert Order.objects.count() == 5


def test_a_change_in_the_midst_of_the_reading_stops_it(north: Desk) -> None:
    job = north.confirm(north.check(form_csv({}, {}, {})))
    with patch.object(importing, "BATCH", 1), patch("orders.spreadsheet.checking.BATCH", 1):
        mine = jobs._lease(job)
        assert mine is not None
        assert not jobs._read(mine, 0)
        assert job.rows.count() == 1
        base.place(north.publisher, (north.film, 1), invoice="NL-00003")
        work()
    job.refresh_from_db()
    assert (job.state, job.rows.count()) == ("stopped", 0)
    assert invoices() == ["NL-00003"]


def test_a_job_that_is_stopped_while_it_is_read_gives_the_file_back(north: Desk) -> None:
    file = north.check(form_csv({}, {}))
    job = north.confirm(file)
    jobs.stop(job, north.user)
    work()
    assert (Order.objects.count(), JobRow.objects.count()) == (0, 0)
    file.refresh_from_db()
    assert (file.state, file.report) == ("draft", {})
    north.confirm(importing.check(file.pk, guess(FORM)))
    work()
    assert invoices() == ["NL-00001", "NL-00002"]


def test_a_job_that_is_stopped_while_orders_are_made_does_not(north: Desk) -> None:
    file = north.check(form_csv({}, {}))
    job = read_rows(north.confirm(file))
    jobs.stop(job, north.user)
    work()
    file.refresh_from_db()
    assert (Order.objects.count(), JobRow.objects.count(), file.state) == (0, 2, "confirmed")


def test_a_file_whose_making_is_not_done_is_not_erased(north: Desk) -> None:
    file = north.check(form_csv({}))
    north.confirm(file)
    old = timezone.now() - timedelta(days=31)
    ImportFile.objects.update(created_at=old)
    importing.forget_old()
    work()
    assert invoices() == ["NL-00001"]
    importing.forget_old()
    file.refresh_from_db()
    assert bytes(file.content) == b""


# What is kept


def test_old_files_and_rows_lose_their_addresses(north: Desk) -> None:
    base.place(north.publisher, (north.film, 1), invoice="OTHER")
    made = north.check(form_csv({}, {}))
    job = read_rows(north.confirm(made))
    base.place(north.publisher, (north.film, 1), invoice="NL-00001")
    work()
    draft = north.check(form_csv({"City": "Bath"}))
    new = north.take(form_csv({"City": "York"}))
    assert JobRow.objects.exclude(data={}).count() == 1
    old = timezone.now() - timedelta(days=31)
    ImportFile.objects.filter(pk__in=[made.pk, draft.pk]).update(created_at=old)
    Job.objects.filter(pk=job.pk).update(finished_at=old)
    tasks.prune()
    made.refresh_from_db()
    assert (bytes(made.content), made.report) == (b"", {})
    assert JobRow.objects.exclude(data={}).count() == 0
    assert set(ImportFile.objects.values_list("pk", flat=True)) == {made.pk, new.pk}
    with pytest.raises(TakenBefore):
        north.take(form_csv({}, {}))
    with pytest.raises(Unreadable, match=r"^The file's content was erased after 30 days\."):
        importing.table_of(made)


def test_erasing_an_orders_customer_erases_the_file_it_came_in(north: Desk) -> None:
    north.import_all(form_csv({"LastName": "Canary"}))
    order = Order.objects.get()
    desk.cancel(order.pk, actor=importing.jobs.actor_of(Job.objects.get()))
    Order.objects.update(redact=True)
    assert privacy.erase_closed() == 1
    file = ImportFile.objects.get()
    assert (bytes(file.content), file.report) == (b"", {})
    everything = str([list(m.objects.values()) for m in (ImportFile, Job, JobRow, Order)])
    assert "Canary" not in everything


def test_a_file_is_kept_packed(north: Desk) -> None:
    file = north.take(five_hundred())
    assert gzip.GzipFile(fileobj=io.BytesIO(bytes(file.content))).read() == five_hundred()
    assert len(file.content) * 4 < file.size


# Cost


def test_queries_grow_with_batches_and_not_with_rows(north: Desk) -> None:
    counted = []
    for count in (2, 400):
        file = north.check(csv_of(form_row(n) for n in range(count)))
        with CaptureQueriesContext(connection) as queries:
            importing.check(file.pk, guess(FORM))
        counted.append(len(queries))
    assert counted[0] == counted[1] <= 13


@pytest.mark.parametrize("counts", [(2, 250), (320, 480)])
def test_orders_are_made_by_as_many_queries_for_many_as_for_few(
    north: Desk, monkeypatch: pytest.MonkeyPatch, counts: tuple[int, int]
) -> None:
    # A worker that is slower than this would prolong its lease: other queries, as many as seconds.
    monkeypatch.setattr(jobs, "PROLONG_SECONDS", 3600.0)
    counted = []
    for count, first in zip(counts, (1, 1000), strict=True):
        job = read_rows(
            north.confirm(north.check(csv_of(form_row(first + n) for n in range(count))))
        )
        with CaptureQueriesContext(connection) as queries:
            work()
        job.refresh_from_db()
        assert job.done == count
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_memory_of_a_check_hardly_grows_with_the_rows(north: Desk) -> None:
    def most(rows: int) -> int:
        file = north.take(csv_of(form_row(n) for n in range(rows)))
        tracemalloc.start()
        importing.check(file.pk, guess(FORM))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    few, many = most(2_000), most(9_000)
    # What grows is the packed file and the numbers that were seen; a row itself weighs 1.5 kB.
    assert many - few < 7_000 * 300
