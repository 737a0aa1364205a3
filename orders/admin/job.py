"""Jobs in the admin: how far each is, what became of every row, and the button that stops it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from orders import jobs
from orders.admin.buttons import Button, WithButtons
from orders.models import Job, JobRow
from products.scoped import ReadOnlyAdmin

ROWS_A_PAGE = 50
SHOWN = ("", *JobRow.State.values)


@admin.register(Job)
class JobAdmin(WithButtons, ReadOnlyAdmin):
    """Own jobs, and those of one's publishers; of the rows only those of one's publishers."""

    change_form_template = "admin/orders/job/change_form.html"
    change_list_template = "admin/orders/job/change_list.html"
    list_display = ("title", "how", "progress", "created_by", "created_at")
    list_filter = ("state", "kind")
    list_select_related = ("created_by",)
    search_fields = ("title",)
    search_help_text = "Words of the title."
    ordering = ("-id",)
    button_permissions: ClassVar[dict[str, str]] = {"stop": "orders.stop_job"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return Job.objects.for_user(request.user)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return []  # its page shows it better than a form

    @admin.display(description="state", ordering="state")
    def how(self, job: Job) -> str:
        return format_html(
            '<span class="badge badge-{}">{}</span>', job.state, job.get_state_display()
        )

    @admin.display(description="progress")
    def progress(self, job: Job) -> str:
        refused = f", {job.refused:,} refused" if job.refused else ""
        return f"{job.done:,} of {job.total:,} done{refused}"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.progress_view)
        return [
            path("<int:job_id>/progress/", view, name="orders_job_progress"),
            *super().get_urls(),
        ]

    @method_decorator(require_safe)
    def progress_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Answer with the part of a job's page that changes while it goes on."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = self.get_queryset(request).filter(pk=job_id).first()
        if job is None:
            raise Http404
        return render(request, "admin/orders/job/progress.html", {"row": job})

    def buttons_for(self, request: HttpRequest, row: Job) -> list[Button]:
        if row.state not in Job.OPEN:
            return []
        explains = "What is done stays done; the rows that still wait are left as they are."
        return [Button("stop", "Stop", style="grave", explains=explains)]

    def do_stop(self, request: HttpRequest, row: Job) -> str:
        jobs.stop(row, request.user)
        return f"“{row}” is stopped. What was done stays done."

    def page_of(self, request: HttpRequest, row: Job) -> dict[str, Any]:
        shown = request.GET.get("rows", "")
        shown = shown if shown in SHOWN else ""
        rows = row.rows.for_user(request.user).order_by("number").select_related("order")
        listed = rows.filter(state=shown) if shown else rows
        pages = Paginator(listed, ROWS_A_PAGE)
        until = row.params.get("until")
        return {
            "title": row.title,
            "until": datetime.fromisoformat(until) if until else None,
            "shown": shown,
            "listed": pages.get_page(request.GET.get("page")),
            "filters": [
                ("", "All", row.total),
                (JobRow.State.REFUSED, "Refused", row.refused),
                (JobRow.State.WAITING, "Waiting", row.waiting),
                (JobRow.State.DONE, "Done", row.done),
            ],
        }
