"""The pages by which orders come from spreadsheets: upload, columns, result, confirmation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.db import OperationalError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from fulfillment.admin import Page
from orders import jobs
from orders.admin.spreadsheet_forms import ColumnsForm, FileForm
from orders.lifecycle import NotNow
from orders.models import ImportFile, Job
from orders.spreadsheet import importing
from orders.spreadsheet.columns import EXTRA, plan_of
from orders.spreadsheet.export import csv_lines
from orders.spreadsheet.limits import Unreadable
from orders.status import HOLD_REASONS
from products.models import Publisher

log = logging.getLogger(__name__)

LISTED = 20
SECONDS = 5.0
PERMISSION = "orders.import_order"
View = Callable[..., HttpResponseBase]


def _context(request: HttpRequest, **more: Any) -> dict[str, Any]:
    return {**admin.site.each_context(request), "title": "Import orders", **more}


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Take a file or pasted cells as a draft; show what was imported lately."""
    publishers = Publisher.objects.for_user(request.user).order_by("name")
    form = FileForm(request.POST or None, request.FILES or None, publishers=publishers)
    if getattr(request, "upload_stopped", False):
        form.stopped = True
    if request.method == "POST" and form.is_valid():
        try:
            file = importing.take(
                form.cleaned_data["publisher"], form.name(), form.chunks(), user=request.user
            )
            return _to(file)
        except importing.TakenBefore as problem:
            if problem.file.state == ImportFile.State.DRAFT:
                messages.info(request, "This file is here already as a draft. Go on with it.")
                return _to(problem.file)
            form.add_error(None, _taken(problem.file))
        except Unreadable as problem:
            form.add_error(None, str(problem))
    files = ImportFile.objects.for_user(request.user).defer("content", "report", "header", "plan")
    files = files.select_related("publisher", "job", "created_by")
    context = _context(request, form=form, files=files[:LISTED], publishers=len(publishers))
    return TemplateResponse(request, "admin/import/start.html", context)


def _taken(file: ImportFile) -> str:
    when = f" on {file.confirmed_at:%Y-%m-%d %H:%M}" if file.confirmed_at else ""
    who = f" by {file.created_by}" if file.created_by else ""
    return (
        f"The same file was imported as “{file.name}”{when}{who}, so it is not taken a second "
        "time. To have boxes made again, use Reship on their orders."
    )


def _to(file: ImportFile) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:import_file", args=[file.pk]))


def _of_file(view: Callable[[HttpRequest, ImportFile], HttpResponseBase]) -> View:
    """Give a view the file of its address; one of another publisher's is not there."""

    @wraps(view)
    def found(request: HttpRequest, file_id: int) -> HttpResponseBase:
        rows = ImportFile.objects.for_user(request.user).defer("content")
        file = rows.select_related("publisher", "job", "created_by").filter(pk=file_id).first()
        if file is None:
            raise Http404
        return view(request, file)

    return found


@require_safe
@_of_file
def show(request: HttpRequest, file: ImportFile) -> HttpResponse:
    """Show a file: its columns, what the last check found, and how far its job is."""
    samples: list[tuple[str, ...]] = []
    if file.state == ImportFile.State.DRAFT:
        try:
            samples = importing.first_rows(file)
        except Unreadable as problem:
            messages.error(request, str(problem))
    report = dict(file.report)
    held = [(HOLD_REASONS.get(why, why), count) for why, count in report.get("held", {}).items()]
    context = _context(
        request,
        title=file.name,
        file=file,
        form=ColumnsForm(plan=plan_of(file.plan, file.header), header=file.header, rows=samples),
        report=report,
        held=held,
        left_out=report.get("left_out", {}).items(),
        has_store=file.publisher.stores.exists(),
    )
    return TemplateResponse(request, "admin/import/file.html", context)


@require_POST
@_of_file
def check(request: HttpRequest, file: ImportFile) -> HttpResponse:
    """Check the file by the columns that were chosen."""
    form = ColumnsForm(request.POST, header=file.header)
    if not form.is_valid():
        messages.error(request, "Choose each column from the list.")
        return _to(file)
    try:
        importing.check(file.pk, form.plan())
    except (NotNow, Unreadable) as problem:
        messages.error(request, str(problem))
    return _to(file)


@require_POST
@_of_file
def confirm(request: HttpRequest, file: ImportFile) -> HttpResponse:
    """Have the orders made that the person saw in the result."""
    version = request.POST.get("version", "")
    try:
        job = importing.confirm(
            file.pk,
            version=int(version) if version.isascii() and version.isdigit() else 0,
            leave_out=request.POST.get("leave_out") == "on",
            user=request.user,
        )
    except (NotNow, Unreadable) as problem:
        messages.error(request, str(problem))
    else:
        _begin(request, file, job)
    return _to(file)


def _begin(request: HttpRequest, file: ImportFile, job: Job) -> None:
    """Make the orders of a small file at once; say what became of it, or that a worker does it."""
    if importing.is_small(file):
        try:
            jobs.do_now(job, time.monotonic() + SECONDS)
        except OperationalError:
            log.exception("Job %s is left to a worker.", job.pk)
    if job.state == Job.State.STOPPED:
        return  # the page says why
    if job.state != Job.State.DONE:
        orders = file.report["good"]
        told = "1 order is" if orders == 1 else f"{orders:,} orders are"
        messages.success(request, f"{told} being made now; this page shows how far it is.")
    else:
        told = "1 order was" if job.done == 1 else f"{job.done:,} orders were"
        refused = f"; {job.refused:,} refused, as their rows say" if job.refused else ""
        messages.success(request, f"{told} made{refused}.")


@require_POST
@_of_file
def discard(request: HttpRequest, file: ImportFile) -> HttpResponse:
    """Forget a draft."""
    try:
        importing.discard(file.pk)
    except NotNow as problem:
        messages.error(request, str(problem))
        return _to(file)
    messages.success(request, f"“{file.name}” was discarded; nothing of it was made.")
    return HttpResponseRedirect(reverse("admin:import"))


@require_safe
@_of_file
def problems(request: HttpRequest, file: ImportFile) -> HttpResponseBase:
    """Send the bad rows as CSV, each with what is wrong with it, to be mended and imported."""
    if not file.report or not file.content:
        raise Http404
    width = len(file.header)
    cells: Iterator[list[str | int]] = (
        [*row, *[""] * (width - len(row)), number, told]
        for row, number, told in importing.problems(file)
    )
    lines = csv_lines([*file.header, *EXTRA], cells)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = slugify(file.name.rpartition(".")[0] or file.name) or "import"
    response["Content-Disposition"] = f'attachment; filename="{name[:60]}-bad-rows.csv"'
    return response


for _page in (
    Page("import/", "import", start, PERMISSION, "Import"),
    Page("import/<int:file_id>/", "import_file", show, PERMISSION),
    Page("import/<int:file_id>/check/", "import_check", check, PERMISSION),
    Page("import/<int:file_id>/confirm/", "import_confirm", confirm, PERMISSION),
    Page("import/<int:file_id>/discard/", "import_discard", discard, PERMISSION),
    Page("import/<int:file_id>/bad-rows.csv", "import_problems", problems, PERMISSION),
):
    admin.site.register_page(_page)  # type: ignore[attr-defined]
