"""From a file to orders: take it as a draft, check it, confirm it once; a worker makes the orders.

Nothing but the draft is written before it is confirmed. One file's content is taken once for each
publisher, and one invoice or shop's number is ordered once.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from orders import clock, jobs
from orders.job_rows import READERS, Reader, RowIn
from orders.lifecycle import NotNow
from orders.models import ColumnMapping, ImportFile, Job, JobRow
from orders.spreadsheet.checking import BATCH, Checker
from orders.spreadsheet.columns import Plan, guess, plan_of, signature
from orders.spreadsheet.limits import MAX_BYTES, Unreadable
from orders.spreadsheet.placing import packed
from orders.spreadsheet.reading import Table, read
from orders.spreadsheet.report import Report
from products.models import Publisher

KEPT_DAYS = 30
SMALL = 500
GONE = "The file was discarded. Import it anew."
RECHECK = (
    "What the desk knows has changed since the file was checked, so nothing was made. Check it "
    "again, look at the new result, and confirm that."
)


class TakenBefore(Exception):
    """The publisher's same file was taken before, as ``file``."""

    def __init__(self, file: ImportFile) -> None:
        super().__init__("The same file was taken before.")
        self.file = file


def take(publisher: Publisher, name: str, chunks: Iterable[bytes], *, user: Any) -> ImportFile:
    """Keep a file as a draft and return it. Writes nothing where it raises.

    Raises ``Unreadable`` for what is no spreadsheet, or more than 50 MB of one, and
    ``TakenBefore`` with the file that has the same content.
    """
    packed, digest, size = io.BytesIO(), hashlib.sha256(), 0
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=3, mtime=0) as target:
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_BYTES:
                raise Unreadable(
                    f"The file has more than {MAX_BYTES // 1024**2} MB. Split it and import the "
                    "parts."
                )
            digest.update(chunk)
            target.write(chunk)
    same = ImportFile.objects.filter(publisher=publisher, sha256=digest.hexdigest())
    if found := same.first():
        raise TakenBefore(found)
    content = packed.getvalue()
    table = _read(content)
    file = ImportFile(
        publisher=publisher,
        name=" ".join(name.replace("\x00", " ").split())[:200] or "Pasted cells",
        sha256=digest.hexdigest(),
        size=size,
        content=content,
        header=list(table.header),
        told=table.told[:200],
        plan=_remembered(publisher, table.header).as_json(),
        created_by=user,
    )
    try:
        with transaction.atomic():
            file.save(force_insert=True)
    except IntegrityError:
        raise TakenBefore(same.get()) from None
    return file


def _read(content: bytes) -> Table:
    return read(lambda: gzip.GzipFile(fileobj=io.BytesIO(content)))


def table_of(file: ImportFile) -> Table:
    """Return a file's rows. Raises ``Unreadable``, also where its content was erased."""
    if not file.content:
        raise Unreadable(f"The file's content was erased after {KEPT_DAYS} days. Import it anew.")
    return _read(bytes(file.content))


def first_rows(file: ImportFile, count: int = 20) -> list[tuple[str, ...]]:
    """Return a file's first rows below the header. Raises ``Unreadable``."""
    return [row.cells for row in islice(table_of(file).rows(), count)]


def _remembered(publisher: Publisher, header: tuple[str, ...]) -> Plan:
    """Return the plan of the publisher's last file with these columns, else what they say."""
    kept = ColumnMapping.objects.filter(publisher=publisher, signature=signature(header)).first()
    return plan_of(kept.plan, header) if kept else guess(header)


def check(file_id: int, plan: Plan) -> ImportFile:
    """Check a draft by a plan of its columns; write down the plan and what was found.

    Raises ``Unreadable`` at a row that cannot be read, and ``NotNow`` where columns are missing or
    the file is no draft any more.
    """
    file = _found(file_id)
    if plan.missing():
        raise NotNow(" ".join(plan.missing()))
    checker = Checker(file.publisher, table_of(file), plan)
    report = Report()
    for checked in checker.run():
        report.add(checked)
    _keep(file, plan, report)
    return file


def _keep(file: ImportFile, plan: Plan, report: Report) -> None:
    with transaction.atomic():
        present = _locked(file.pk)
        file.plan, file.report = plan.as_json(), report.as_json()
        file.version = present.version + 1
        file.save(update_fields=["plan", "report", "version"])
        ColumnMapping.objects.update_or_create(
            publisher=file.publisher,
            signature=signature(file.header),
            defaults={"plan": file.plan},
        )


def _found(file_id: int) -> ImportFile:
    file = ImportFile.objects.select_related("publisher").filter(pk=file_id).first()
    if file is None:
        raise NotNow(GONE)
    return file


def _locked(file_id: int) -> ImportFile:
    """Lock a draft. Raises ``NotNow`` where it was confirmed or discarded."""
    rows = ImportFile.objects.select_for_update(of=("self",), no_key=True).defer("content")
    file = rows.filter(pk=file_id).first()
    if file is None:
        raise NotNow(GONE)
    if file.state != ImportFile.State.DRAFT:
        raise NotNow("The file was confirmed already, so it is not imported a second time.")
    return file


def confirm(file_id: int, *, version: int, leave_out: bool, user: Any) -> Job:
    """Have a worker make the good orders of a checked draft, once, and return the job.

    ``version`` is the check that the person saw; ``leave_out`` says that bad rows may be left out.
    Raises ``NotNow`` and makes nothing where the file was confirmed, checked anew, or holds bad
    rows that may not be left out.
    """
    with transaction.atomic():
        file = _locked(file_id)
        report = file.report
        if not report or file.version != version:
            raise NotNow(
                "The file was checked anew meanwhile. Look at the result, and confirm again."
            )
        if report["bad"] and not leave_out:
            raise NotNow(
                "Bad rows are left out only if you say so. Tick that, or mend the file and import "
                "it again."
            )
        if not report["good"]:
            raise NotNow(jobs.wrong_number(0))
        job = jobs.start(
            Job.Kind.IMPORT,
            user=user,
            title=f"Import of {file.name}",
            publisher=file.publisher,
            params={"file": file.pk},
            rows=None,
        )
        file.state, file.job, file.confirmed_at = ImportFile.State.CONFIRMED, job, clock.now()
        file.save(update_fields=["state", "job", "confirmed_at"])
    return job


def is_small(file: ImportFile) -> bool:
    """Say whether a checked file is made within the request that confirms it."""
    report = file.report
    return report["good"] + report["bad"] + sum(report["left_out"].values()) <= SMALL


def _read_again(job: Job) -> Iterator[tuple[list[RowIn], dict[str, Any]]]:
    """Check a confirmed file once more, batch by batch, and yield its good orders.

    Raises ``NotNow`` where it is not as the person saw it who confirmed it.
    """
    file = ImportFile.objects.select_related("publisher").filter(job=job).first()
    if file is None:
        raise NotNow(GONE)
    checked_before, report = job.params.get("read", 0), Report.behind(job.params.get("numbers", []))
    try:
        checker = Checker(file.publisher, table_of(file), plan_of(file.plan, file.header))
        orders = checker.run(behind=checked_before)
        while batch := list(islice(orders, BATCH)):
            for checked in batch:
                report.add(checked)
            checked_before += len(batch)
            rows = [packed(checked) for checked in batch if checked.request]
            here = {"read": checked_before, "numbers": report.numbers()}
            yield rows, {**job.params, **here}
    except Unreadable as problem:
        raise NotNow(str(problem)) from None
    if report.numbers() != _numbers(file.report):
        raise NotNow(RECHECK)


def _numbers(report: dict[str, Any]) -> list[Any]:
    return [report.get(key) for key in ("good", "bad", "pieces", "left_out", "held")]


def _reopen(job: Job) -> None:
    """Make a draft of a file again of which nothing was made; it must be checked anew."""
    files = ImportFile.objects.filter(job=job, state=ImportFile.State.CONFIRMED)
    files.update(
        state=ImportFile.State.DRAFT, confirmed_at=None, report={}, version=F("version") + 1
    )


READERS[Job.Kind.IMPORT] = Reader(read=_read_again, given_up=_reopen)


def discard(file_id: int) -> None:
    """Forget a draft. Raises ``NotNow`` where it was confirmed."""
    with transaction.atomic():
        _locked(file_id).delete()


def problems(file: ImportFile) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """Yield the rows of bad orders as they are in the file, their numbers, and what is wrong."""
    checker = Checker(file.publisher, table_of(file), plan_of(file.plan, file.header))
    for checked in checker.run():
        if not checked.problems:
            continue
        for row in checked.wanted.rows:
            told = " ".join(str(one) for one in checked.problems if one.row == row.number)
            yield row.cells, row.number, told


def forget_old() -> None:
    """Erase the addresses in old files and in the rows of old jobs. Called by the nightly job."""
    old = clock.now() - timedelta(days=KEPT_DAYS)
    ImportFile.objects.filter(state=ImportFile.State.DRAFT, created_at__lt=old).delete()
    kept = ImportFile.objects.filter(created_at__lt=old).exclude(content=b"")
    kept = kept.exclude(job__state__in=Job.OPEN)  # it may still be read
    kept.update(content=b"", report={})
    rows = JobRow.objects.filter(job__kind=Job.Kind.IMPORT, job__finished_at__lt=old)
    rows.exclude(data={}).update(data={})
