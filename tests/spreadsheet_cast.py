"""Spreadsheets as people send them, and the two publishers' rooms to import them in."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import Workbook

from orders import jobs
from orders.models import ImportFile, Job, JobRow, Order, OrderEvent
from orders.spreadsheet import importing
from orders.spreadsheet.columns import Plan, guess
from orders.spreadsheet.reading import Table, read
from tests import admin_cast as cast
from tests import base

START = "/admin/import/"
SAMPLES = Path(__file__).parent / "samples" / "spreadsheets"
FORM = (
    "ProductID", "Quantity", "CustomerEmail", "Invoice", "FirstName", "LastName", "ProductPrice",
    "Address", "Address2", "City", "State", "Zip", "Country",
)  # fmt: skip


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def form_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A good row of TrepStar's form."""
    return {
        "ProductID": "VTD234-100",
        "Quantity": 1,
        "CustomerEmail": f"ana{number}@example.com",
        "Invoice": f"NL-{number:05}",
        "FirstName": "Ana",
        "LastName": f"Peña {number}",
        "ProductPrice": "",
        "Address": f"{number} Harbour Street",
        "Address2": "Apt 3",
        "City": "Portland",
        "State": "ME",
        "Zip": "04101",
        "Country": "US",
        **changes,
    }


def csv_of(rows: Iterable[dict[str, Any]], header: Sequence[str] = FORM, **how: Any) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, **how)
    writer.writerow(header)
    writer.writerows([row[name] for name in header] for row in rows)
    return text.getvalue().encode()


def form_csv(*changes: dict[str, Any]) -> bytes:
    """TrepStar's form with a row for each of the changes."""
    return csv_of(form_row(n, **one) for n, one in enumerate(changes, 1))


def xlsx_of(rows: Iterable[Sequence[Any]], title: str = "Orders") -> bytes:
    book = Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(list(row))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def table(content: bytes) -> Table:
    return read(lambda: io.BytesIO(content))


def cells(content: bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in table(content).rows()]


# Row -> what is changed in it, and what the desk says of it.
BAD_ROWS: dict[int, tuple[dict[str, Any], str]] = {
    3: (
        {"ProductID": "NOPE-1"},
        "Row 3, column “ProductID”: “NOPE-1” is no SKU or project id of Northlight Films. Correct "
        "it, or add it under SKUs.",
    ),
    57: (
        {"Quantity": "two"},
        "Row 57, column “Quantity”: “two” is no quantity. Write a whole number from 1 to 10,000.",
    ),
    101: (
        {"Invoice": "nl/101"},
        "Row 101, column “Invoice”: “nl/101” is no invoice. Use at most 50 capital letters, digits "
        "and hyphens, or leave it blank and the desk makes one.",
    ),
    222: (
        {"FirstName": "", "LastName": ""},
        "Row 222, column “Recipient's name”: The recipient has no name. Enter one.",
    ),
    333: (
        {"State": "Quebec"},
        "Row 333, column “State”: “Quebec” is no state of this country. Enter its two-letter code.",
    ),
    400: (
        {"Invoice": "NL-00009"},
        "Row 400, column “Invoice”: “NL-00009” stands in row 10 already. Give each order its own, "
        "or take the row out.",
    ),
    501: (
        {"ProductPrice": "12,50"},
        "Row 501, column “ProductPrice”: “12,50” is no price. Write US dollars with a point, such "
        "as 19.99.",
    ),
}


def five_hundred() -> bytes:
    """500 orders below the header, seven of them bad."""
    return csv_of(form_row(row - 1, **BAD_ROWS.get(row, ({},))[0]) for row in range(2, 502))


def changed(content: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """Return a workbook with one part changed."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(target, "w") as after:
        for part in before.namelist():
            data = before.read(part)
            if part == name:
                assert old in data, data
                data = data.replace(old, new)
            after.writestr(part, data)
    return target.getvalue()


class Desk:
    """Northlight with two films, a clerk, and the clerk's browser."""

    def __init__(self, **values: Any) -> None:
        self.publisher = base.northlight(**values)
        self.film = base.product(self.publisher, skus=["VTD234-100"])
        self.other = base.product(self.publisher, "66760", skus=["VTD333-200"])
        self.user = cast.colleague("ana", self.publisher)
        self.client = cast.signed_in(self.user)

    def take(self, content: bytes, name: str = "orders.csv") -> ImportFile:
        return importing.take(self.publisher, name, [content], user=self.user)

    def check(self, content: bytes, plan: Plan | None = None) -> ImportFile:
        file = self.take(content)
        return importing.check(file.pk, plan or guess(file.header))

    def problems(self, content: bytes, plan: Plan | None = None) -> list[str]:
        return [one["text"] for one in self.check(content, plan).report["problems"]]

    def confirm(self, file: ImportFile, *, leave_out: bool = False) -> Job:
        return importing.confirm(file.pk, version=file.version, leave_out=leave_out, user=self.user)

    def import_all(self, content: bytes, *, leave_out: bool = False) -> Job:
        """Import a file and have a worker make its orders."""
        job = self.confirm(self.check(content), leave_out=leave_out)
        work()
        return Job.objects.get(pk=job.pk)


def work() -> None:
    """Let a worker do what waits."""
    jobs.go_on(time.monotonic() + 120)


def read_rows(job: Job) -> Job:
    """Let a worker read the rows of a job, and die before it does any of them."""
    mine = jobs._lease(job)
    assert mine is not None
    assert jobs._read(mine, time.monotonic() + 120)
    Job.objects.filter(pk=job.pk).update(lease_until=None)
    job.refresh_from_db()
    return job


def state() -> list[Any]:
    """Everything an import could write but the draft; the same as before is "nothing changed"."""
    tables = (Order, OrderEvent, Job, JobRow)
    return [list(table.objects.order_by("pk").values()) for table in tables]


# A person's browser


def upload(client: Client, publisher: Any, content: bytes, name: str = "orders.csv") -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(START, {"publisher": getattr(publisher, "pk", publisher), "file": file})


def paste(client: Client, publisher: Any, cells: str) -> Any:
    return client.post(START, {"publisher": publisher.pk, "cells": cells})


def errors(response: Any) -> list[str]:
    form = response.context["form"]
    return [text for texts in form.errors.values() for text in texts]


def chosen(response: Any) -> dict[str, Any]:
    """The columns as the page proposes them."""
    form = response.context["form"]
    return {field.name: field.initial for field in form if field.initial != ""}


def checked(desk: Desk, content: bytes) -> str:
    """Upload and check a file as a person would; return the address of its page."""
    where = upload(desk.client, desk.publisher, content).url
    desk.client.post(f"{where}check/", chosen(desk.client.get(where)))
    return str(where)


def confirm(client: Client, where: str, **values: Any) -> list[str]:
    version = client.get(where).context["file"].version
    return cast.said(client.post(f"{where}confirm/", {"version": version, **values}, follow=True))
