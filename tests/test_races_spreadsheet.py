"""Two people with the same file at the same time: each race beside its control."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError, connection, transaction

from orders import desk, job_rows, jobs, privacy
from orders.lifecycle import NotNow
from orders.models import ImportFile, Job, JobRow, Order, OrderEvent, OrderLine
from orders.spreadsheet import checking, importing, placing
from orders.spreadsheet.importing import TakenBefore
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import Elsewhere, during, run_before
from tests.spreadsheet_cast import FORM, Desk, csv_of, form_csv, form_row, read_rows, work
from tests.test_kill_points import killed
from tests.test_races import no_row_locks

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def north() -> Desk:
    return Desk()


class TestTwoConfirmations:
    def race(self, north: Desk) -> Elsewhere:
        file = north.check(form_csv({}, {}))
        confirm = lambda: north.confirm(file)  # noqa: E731
        return during(jobs, "start", confirm, confirm)

    def test_one_of_two_confirmations_makes_the_job(self, north: Desk) -> None:
        other = self.race(north)
        with pytest.raises(NotNow, match="^The file was confirmed already"):
            other.end()
        assert Job.objects.count() == 1
        work()
        assert Order.objects.count() == 2

    def test_control_without_the_lock_there_are_two_jobs(self, north: Desk) -> None:
        with no_row_locks():
            self.race(north).end()
        assert Job.objects.count() == 2


class TestTwoUploads:
    def race(self, north: Desk) -> Elsewhere:
        take = lambda: north.take(form_csv({}))  # noqa: E731
        others = []
        with run_before(
            importing, "_remembered", lambda: others.append(Elsewhere(take, patience=10))
        ):
            taken = None
            try:
                taken = take()
            except TakenBefore:
                pass
            assert taken is None, "the second upload was taken as well"
        return others[0]

    def test_one_of_two_uploads_is_taken(self, north: Desk) -> None:
        assert self.race(north).end() == ImportFile.objects.get()

    def test_control_without_the_constraint_both_are_taken(self, north: Desk) -> None:
        with connection.cursor() as cursor:
            table = ImportFile._meta.db_table
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT import_file_once")
        try:
            with pytest.raises(AssertionError, match="the second upload was taken"):
                self.race(north)
            assert ImportFile.objects.count() == 2
        finally:
            ImportFile.objects.all().delete()
            with connection.cursor() as cursor:
                cursor.execute(
                    f"ALTER TABLE {table} ADD CONSTRAINT import_file_once "
                    "UNIQUE (publisher_id, sha256)"
                )


class TestDiscardWhileConfirming:
    def test_a_discard_waits_for_the_confirmation_and_is_refused(self, north: Desk) -> None:
        file = north.check(form_csv({}))
        other = during(
            jobs, "start", lambda: importing.discard(file.pk), lambda: north.confirm(file)
        )
        with pytest.raises(NotNow, match="^The file was confirmed already"):
            other.end()
        assert (ImportFile.objects.count(), Job.objects.count()) == (1, 1)


class TestTheSameNumberInTwoFiles:
    """Both were checked before either was made."""

    def race(self, north: Desk) -> list[str]:
        header = (*FORM, "Order No")
        rows = []
        for invoice in ("A-1", "B-1"):
            content = csv_of([{**form_row(1, Invoice=invoice), "Order No": "#1"}], header)
            file = north.check(content)
            rows.append(file)
        found = [read_rows(north.confirm(file)) for file in rows]

        def do(job: Job) -> str:
            (row_id,) = job.rows.values_list("pk", flat=True)
            assert job_rows.do_many(job, [row_id])
            return ""

        during(placing, "place_many", lambda: do(found[1]), lambda: do(found[0])).end()
        return sorted(Order.objects.values_list("invoice", flat=True))

    def test_the_number_is_made_once(self, north: Desk) -> None:
        assert self.race(north) == ["A-1"]

    def test_control_without_the_lock_it_is_made_twice(self, north: Desk) -> None:
        with no_row_locks():
            assert self.race(north) == ["A-1", "B-1"]


class TestTheSameInvoiceByAnotherWay:
    """An invoice that is used between the look at those that there are and the making."""

    def test_the_rest_is_made_and_its_row_is_refused(self, north: Desk) -> None:
        job = read_rows(north.confirm(north.check(form_csv({}, {}))))
        south = base.southwind()
        film = base.product(south)
        place = lambda: base.place(south, (film, 1), invoice="NL-00001") and ""  # noqa: E731
        logging.disable(logging.CRITICAL)
        during(placing, "place_many", place, work).end()
        logging.disable(logging.NOTSET)
        assert [row.text for row in job.rows.order_by("number")] == [
            "The invoice “NL-00001” was used meanwhile.",
            "NL-00002 was made.",
        ]
        assert Order.objects.filter(publisher=north.publisher).count() == 1


@contextmanager
def bits(size: int) -> Iterator[None]:
    """Read and make so many orders at a time."""
    with (
        patch.object(importing, "BATCH", size),
        patch.object(checking, "BATCH", size),
        patch.object(jobs, "CHUNK_OF_MANY", size),
    ):
        yield


class TestTwoWorkersThatRead:
    """A worker pauses between two batches until its lease has ended and another has gone on."""

    def race(self, north: Desk, desk_clock: Clock) -> list[str]:
        job = north.confirm(north.check(csv_of(form_row(n) for n in range(1, 7))))
        with bits(2):
            mine = jobs._lease(job)
            assert mine is not None
            reading = job_rows.READERS["import"].read
            others: list[int] = []

            def paused(one: Job) -> Iterator[Any]:
                for number, found in enumerate(reading(one)):
                    if number == 1 and not others:
                        others.append(1)
                        desk_clock.forward(jobs.LEASE.total_seconds() + 1)
                        work()
                    yield found

            reader = replace(job_rows.READERS["import"], read=paused)
            with patch.dict(job_rows.READERS, {"import": reader}):
                jobs._work(mine, time.monotonic() + 60)
        return sorted(Order.objects.values_list("invoice", flat=True))

    def test_the_one_that_paused_writes_no_more(self, north: Desk, desk_clock: Clock) -> None:
        assert self.race(north, desk_clock) == [f"NL-{n:05}" for n in range(1, 7)]
        job = Job.objects.get()
        assert (job.state, job.total, job.done, job.rows.count()) == ("done", 6, 6, 6)

    def test_control_without_the_look_at_the_lease_it_does(
        self, north: Desk, desk_clock: Clock
    ) -> None:
        with (
            patch.object(jobs, "_is_ours", lambda present, job: True),
            pytest.raises(IntegrityError, match="job_row_once"),
        ):
            self.race(north, desk_clock)


class TestAWorkerThatIsKilled:
    def kill(self, target: Any, name: str, after: int) -> None:
        """Kill a worker at the end of a step, before it is committed, after so many of them."""
        real, done = getattr(target, name), [0]

        def step(*args: Any) -> Any:
            told = real(*args)
            if done[0] == after:
                os.kill(os.getpid(), signal.SIGKILL)
            done[0] += 1
            return told

        with bits(2), patch.object(target, name, step):
            assert killed(work)

    def goes_on(self, desk_clock: Clock) -> None:
        desk_clock.forward(jobs.LEASE.total_seconds() + 1)
        with bits(2):
            work()
        expected = [f"NL-{n:05}" for n in range(1, 8)]
        assert sorted(Order.objects.values_list("invoice", flat=True)) == expected
        assert OrderEvent.objects.count() == OrderLine.objects.count() == 7
        job = Job.objects.get()
        assert (job.state, job.total, job.done, job.refused) == ("done", 7, 7, 0)
        assert JobRow.objects.exclude(data={}).count() == 0

    @pytest.fixture
    def job(self, north: Desk) -> Job:
        return north.confirm(north.check(csv_of(form_row(n) for n in range(1, 8))))

    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_while_it_reads(self, job: Job, desk_clock: Clock, after: int) -> None:
        self.kill(jobs, "insert_many", after)
        assert job.rows.count() == 2 * after
        assert Order.objects.count() == 0
        self.goes_on(desk_clock)

    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_while_it_makes_orders(self, job: Job, desk_clock: Clock, after: int) -> None:
        self.kill(job_rows, "_write_many", after)
        assert Order.objects.count() == 2 * after
        assert job.rows.filter(state="done").count() == 2 * after
        self.goes_on(desk_clock)

    def test_control_with_the_mark_in_a_transaction_of_its_own_orders_would_be_made_twice(
        self, job: Job, desk_clock: Clock
    ) -> None:
        """The desk's own invoices: nothing but the mark keeps them from being made again."""
        read_rows(job)
        for row in job.rows.all():
            row.data["invoice"] = ""
            row.save()

        def do_many(job: Job, row_ids: Sequence[int]) -> bool:
            rows = list(JobRow.objects.filter(pk__in=row_ids).order_by("number"))
            with transaction.atomic():
                told = job_rows.ACTS_ON_MANY["import"](job, rows)
            if os.environ.get("KILL_AT") == "row":
                os.kill(os.getpid(), signal.SIGKILL)
            job_rows._write_many(rows, told)
            return True

        with bits(2), patch.object(job_rows, "do_many", do_many):
            assert killed(work, KILL_AT="row")
        desk_clock.forward(jobs.LEASE.total_seconds() + 1)
        with bits(2):
            work()
        assert Order.objects.count() == 7 + 2


class TestErasingInTheMidst:
    def test_a_customer_is_erased_while_the_rest_is_made(self, north: Desk) -> None:
        """The first order's customer is erased, with the file, before the last one is made."""
        job = read_rows(north.confirm(north.check(form_csv({"LastName": "Canary"}, {}, {}))))

        def erase() -> str:
            order = Order.objects.earliest("pk")
            desk.cancel(order.pk, actor=jobs.actor_of(job))
            Order.objects.filter(pk=order.pk).update(redact=True)
            with transaction.atomic():
                privacy.erase_closed()
            return ""

        turns = iter([False, True])
        real = placing.place_many

        def second(*args: Any, **values: Any) -> Any:
            if next(turns, False):
                other = Elsewhere(erase, patience=10)
                other.end()
            return real(*args, **values)

        with bits(2), patch.object(placing, "place_many", second):
            work()
        assert Order.objects.count() == 3
        assert Order.objects.earliest("pk").email == "erased"
        file = ImportFile.objects.get()
        assert (bytes(file.content), file.report) == (b"", {})
        everything = str([list(m.objects.values()) for m in (ImportFile, Job, JobRow, Order)])
        assert "Canary" not in everything
