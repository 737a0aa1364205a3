"""What the worker makes of a confirmed file, what is kept of it, and what it all costs."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders import desk, privacy, tasks
from orders.models import ImportFile, Job, JobRow, Order
from orders.spreadsheet import importing
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
    work,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Desk:
    return Desk()


def test_what_was_ordered_between_confirmation_and_work_is_refused(north: Desk) -> None:
    header = (*FORM, "Order No")
    file = north.check(csv_of([{**form_row(n), "Order No": f"#{n}"} for n in (1, 2, 3)], header))
    job = north.confirm(file)
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
    job = north.confirm(file)
    north.other.delete()
    work()
    assert [row.text for row in job.rows.order_by("number")] == [
        "A product of it was deleted meanwhile, so it was not made.",
        "NL-00002 was made.",
    ]


def test_a_worker_that_dies_within_a_row_makes_it_neither_twice_nor_never(north: Desk) -> None:
    north.confirm(north.check(form_csv({}, {}, {})))
    real, calls = importing.jobs.ACTS["import"], []

    def dies(job: Job, row: JobRow) -> str:
        told = real(job, row)
        calls.append(row.number)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return told

    with patch.dict(importing.jobs.ACTS, {"import": dies}), pytest.raises(KeyboardInterrupt):
        work()
    assert list(Order.objects.values_list("invoice", flat=True)) == ["NL-00001"]
    Job.objects.update(lease_until=None)
    work()
    assert sorted(Order.objects.values_list("invoice", flat=True)) == [
        "NL-00001",
        "NL-00002",
        "NL-00003",
    ]


# What is kept


def test_old_files_and_rows_lose_their_addresses(north: Desk) -> None:
    base.place(north.publisher, (north.film, 1), invoice="OTHER")
    made = north.check(form_csv({}, {}))
    job = north.confirm(made)
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


def test_memory_of_a_check_hardly_grows_with_the_rows(north: Desk) -> None:
    def most(rows: int) -> int:
        file = north.take(csv_of(form_row(n) for n in range(rows)))
        tracemalloc.start()
        importing.check(file.pk, guess(FORM))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    few, many = most(1_000), most(8_000)
    # What grows is the packed file and the numbers that were seen; a row itself weighs 1.5 kB.
    assert many - few < 7_000 * 300
