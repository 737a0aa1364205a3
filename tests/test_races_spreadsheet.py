"""Two people with the same file at the same time: each race beside its control."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from orders import jobs
from orders.lifecycle import NotNow
from orders.models import ImportFile, Job, Order
from orders.spreadsheet import importing, placing
from orders.spreadsheet.importing import TakenBefore
from tests.gateway_cast import Elsewhere, run_before
from tests.spreadsheet_cast import FORM, Desk, csv_of, form_csv, form_row, work
from tests.test_races import no_row_locks

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def north() -> Desk:
    return Desk()


def waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def during(target: Any, name: str, act: Callable[[], Any], main: Callable[[], Any]) -> Elsewhere:
    """Run ``main``; just before ``target.name`` in it, another does ``act`` or waits for it."""
    others: list[Elsewhere] = []

    def other_goes_first() -> None:
        others.append(Elsewhere(act, patience=0))
        deadline = time.monotonic() + 10
        while others[0].waits and not waits():
            assert time.monotonic() < deadline, "the other neither ended nor waits for a lock"
            time.sleep(0.005)

    with run_before(target, name, other_goes_first):
        main()
    return others[0]


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
        found = [north.confirm(file).rows.select_related("job").get() for file in rows]
        Job.objects.update(state=Job.State.RUNNING)  # as once a worker has taken them

        def do(row: Any) -> str:
            jobs._do(row.job, row.pk)
            return ""

        during(placing.intake, "place", lambda: do(found[1]), lambda: do(found[0])).end()
        return sorted(Order.objects.values_list("invoice", flat=True))

    def test_the_number_is_made_once(self, north: Desk) -> None:
        assert self.race(north) == ["A-1"]

    def test_control_without_the_lock_it_is_made_twice(self, north: Desk) -> None:
        with no_row_locks():
            assert self.race(north) == ["A-1", "B-1"]
