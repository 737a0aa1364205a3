"""Doing the same with many orders: the page that asks before, and the job that is begun after."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from orders import bulk, jobs
from orders.lifecycle import NotNow
from orders.models import Job, Order

TYPED_ABOVE = 50
LONGEST_HOLD = timedelta(days=366)
REASONS = (
    ("staff", "Another reason (say it below)"),
    ("customer", "The customer asked to wait"),
    ("address", "The address is in doubt"),
    ("payment", "The customer's payment is not settled"),
    ("stock", "A product cannot be made at present"),
)
VERBS: dict[str, str] = {
    Job.Kind.HOLD: "Hold",
    Job.Kind.RELEASE: "Release",
    Job.Kind.CANCEL: "Cancel",
}


class WhyForm(forms.Form):
    """What every order of a job gets."""

    def params(self) -> dict[str, Any]:
        """Return what was entered, as a job keeps it."""
        return dict(self.cleaned_data)


class CancelForm(WhyForm):
    note = forms.CharField(
        label="Why (shown to everybody)",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class HoldForm(CancelForm):
    reason = forms.ChoiceField(label="Reason", choices=REASONS)
    until = forms.DateTimeField(
        label="Until (released by itself then)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        error_messages={"invalid": "The date until which they are held cannot be read."},
    )
    field_order = ("reason", "note", "until")

    def clean_until(self) -> datetime | None:
        until: datetime | None = self.cleaned_data["until"]
        now = timezone.now()
        if until and until <= now:
            raise ValidationError("The date until which they are held lies in the past.")
        if until and until > now + LONGEST_HOLD:
            raise ValidationError("Orders are held for a year at most. Choose a date before that.")
        return until

    def params(self) -> dict[str, Any]:
        until = self.cleaned_data["until"]
        return {**self.cleaned_data, "until": until.isoformat() if until else None}


FORMS: dict[str, type[WhyForm]] = {
    Job.Kind.HOLD: HoldForm,
    Job.Kind.RELEASE: WhyForm,
    Job.Kind.CANCEL: CancelForm,
}


def answer(
    page: Any, request: HttpRequest, orders: QuerySet[Order], kind: str
) -> HttpResponse | None:
    """Answer an action of the order list: show what would happen, then begin the job.

    ``orders`` are those that were ticked, or all of the list as it is filtered; the page that asks
    posts to the list's own address, so that no more than a page's ids are ever sent. None means the
    list is shown again, with a message.
    """
    if not request.user.has_perm(bulk.PERMISSIONS[kind]):
        raise PermissionDenied
    confirmed = "confirm" in request.POST
    newest = _whole(request, "newest")
    if confirmed and newest:
        orders = orders.filter(pk__lte=newest)
    seen = bulk.preview(kind, orders)
    if not seen.total or seen.total > jobs.MAX_ORDERS:
        messages.error(request, jobs.wrong_number(seen.total))
        return None
    form = FORMS[kind](request.POST if confirmed else None)
    problem = ""
    if confirmed and form.is_valid():
        problem = _typed_wrong(request)
        if not problem:
            try:
                return _begin(request, orders, kind, form.params())
            except NotNow as not_now:
                problem = str(not_now)
    context = _context(request, seen, form) | {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "sample": bulk.sample(kind, orders),
        "problem": problem,
    }
    return TemplateResponse(request, "admin/bulk_confirm.html", context)


def _context(request: HttpRequest, seen: bulk.Preview, form: WhyForm) -> dict[str, Any]:
    number = f"{seen.total:,} order{'' if seen.total == 1 else 's'}"
    return {
        "title": f"{VERBS[seen.kind]} {number}",
        "kind": seen.kind,
        "seen": seen,
        "form": form,
        "typed": seen.total > TYPED_ABOVE,
        "across": request.POST.get("select_across") == "1",
        "action": request.POST.get("action", ""),
        "ticked": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "back": request.get_full_path(),
    }


def _typed_wrong(request: HttpRequest) -> str:
    """Return why the number that was typed does not confirm the number that was shown."""
    shown, typed = _whole(request, "expected"), request.POST.get("typed", "").strip()
    if shown <= TYPED_ABOVE or typed.replace(",", "") == str(shown):
        return ""
    return f"Type the number of orders, {shown}, to confirm. Nothing was begun."


def _begin(
    request: HttpRequest, orders: QuerySet[Order], kind: str, params: dict[str, Any]
) -> HttpResponse:
    most = _whole(request, "expected")
    job = bulk.begin(kind, user=request.user, orders=orders, params=params, most=most)
    messages.success(request, f"“{job}” was begun. It goes on without this page.")
    if not request.user.has_perm("orders.view_job"):
        return HttpResponseRedirect(request.get_full_path())
    return HttpResponseRedirect(reverse("admin:orders_job_change", args=[job.pk]))


def _whole(request: HttpRequest, name: str) -> int:
    """Return a number that the page sent back; 0 for what is none."""
    value = request.POST.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0
