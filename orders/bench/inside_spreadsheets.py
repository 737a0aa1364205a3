"""What the section ``spreadsheets`` has done in its probes."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.contrib.auth import get_user_model

from orders import jobs
from orders.bench.timing import cpu_seconds
from orders.models import ImportFile, Job, Order
from orders.spreadsheet import importing
from orders.spreadsheet.columns import guess
from orders.spreadsheet.export import COLUMNS, HEADER, csv_lines
from orders.spreadsheet.export import rows as export_rows
from products.models import Product, Publisher

SLICE = 15.0
HEADING = (
    "ProductID", "Quantity", "CustomerEmail", "Invoice", "FirstName", "LastName", "ProductPrice",
    "Address", "Address2", "City", "State", "Zip", "Country",
)  # fmt: skip


def take(rows: int) -> int:
    """Take a file of so many good orders of the first publisher; return its id."""
    publisher = Publisher.objects.earliest("pk")
    products = Product.objects.filter(publisher=publisher, active=True)
    projects = list(products.values_list("project_id", flat=True)[:100])
    lines = _lines(rows, projects)
    user = get_user_model().objects.get(username="bench")
    return importing.take(publisher, "bench.csv", lines, user=user).pk


def _lines(rows: int, projects: list[str]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADING)
    for n in range(rows):
        writer.writerow(
            (
                projects[n % len(projects)], 1 + n % 3, f"reader{n}@example.com", f"IMPORT-{n:06}",
                "Ana", f"Peña {n}", "", f"{n} Harbour Street", "Apt 3", "Portland", "ME", "04101",
                "US",
            )
        )  # fmt: skip
        if text.tell() > 65_536:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def check(file: int) -> dict[str, float]:
    """Check a file by the columns that it names."""
    header = ImportFile.objects.get(pk=file).header
    return measured(lambda: importing.check(file, guess(header)))


def confirm(file: int) -> dict[str, float]:
    """Do what the press of a person does."""
    found = ImportFile.objects.defer("content").get(pk=file)
    user = get_user_model().objects.get(username="bench")
    return measured(
        lambda: importing.confirm(file, version=found.version, leave_out=False, user=user)
    )


def make(rows: int) -> dict[str, float]:
    """Do what one worker does with the confirmed file, slice after slice."""

    def work() -> None:
        while Job.objects.filter(state__in=Job.OPEN).exists():
            jobs.go_on(time.monotonic() + SLICE)

    found = measured(work)
    job = Job.objects.latest("pk")
    if job.done != rows:
        raise ValueError(f"{job.done} of {rows} rows were made: {job.params}.")
    return found


def export(backwards: bool) -> dict[str, float]:
    """Return the seconds of an export and of reading the same columns plainly."""
    ways = {"export": _export, "plain": _plain}
    found: dict[str, float] = {}
    for name in reversed(ways) if backwards else ways:
        began = time.perf_counter()
        found["rows"] = ways[name]()
        found[name] = time.perf_counter() - began
    return found


def export_memory() -> float:
    """Return the MB that an export adds to the process."""
    return measured(_export)["mb"]


def _export() -> int:
    count = 0
    for piece in csv_lines(HEADER, export_rows(Order.objects.all())):
        count += piece.count("\r\n")
    return count - 1


def _plain() -> int:
    names = [name for _, name in COLUMNS if name]
    return sum(1 for _ in Order.objects.order_by("-pk").values_list(*names).iterator())


def measured(do: Callable[[], object]) -> dict[str, float]:
    """Return the seconds and CPU seconds of a call, and the MB that it had beyond those before."""
    # Linux keeps the peak since it was last told to forget it.
    Path("/proc/self/clear_refs").write_text("5")
    before, cpu, began = _peak_mb(), cpu_seconds(), time.perf_counter()
    do()
    return {
        "seconds": time.perf_counter() - began,
        "cpu": cpu_seconds() - cpu,
        "mb": _peak_mb() - before,
    }


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
