"""The publisher's page with its buttons: check the login, pause sending, send again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from orders import budget, pausing, setup, tasks
from orders.admin.buttons import Button, Field, WithButtons
from orders.lifecycle import NotNow
from products.admin import PublisherAdmin
from products.models import Publisher

admin.site.unregister(Publisher)


def pause_button(label: str, what: str) -> Button:
    """Return the button that stops sending; ``what`` names the orders that then wait."""
    explains = (
        f"New deliveries are still taken and {what} wait until somebody lets them go out again. "
        "TrepStar is still asked for news."
    )
    return Button("pause", label, (Field("note", "Why (shown to everybody)"),), "grave", explains)


def note_of(request: HttpRequest) -> str:
    """Return the typed note on one line, without what PostgreSQL cannot store."""
    return " ".join(request.POST.get("note", "").replace("\x00", "").split())


@admin.register(Publisher)
class DeskPublisherAdmin(WithButtons, PublisherAdmin):
    change_form_template = "admin/products/publisher/change_form.html"
    button_permissions: ClassVar[dict[str, str]] = {
        "check_login": "products.change_publisher",
        "pause": "products.pause_publisher",
        "resume": "products.pause_publisher",
    }

    def buttons_for(self, request: HttpRequest, row: Publisher) -> list[Button]:
        found = [Button("check_login", "Check login")] if row.login_password else []
        if row.paused_at:
            return [*found, Button("resume", "Send again", style="main")]
        return [*found, pause_button("Pause sending", "its orders")]

    def do_pause(self, request: HttpRequest, row: Publisher) -> str:
        pausing.pause(row.pk, note_of(request))
        return f"Sending is paused for {row.name}. What TrepStar was being sent is finished."

    def do_resume(self, request: HttpRequest, row: Publisher) -> str:
        pausing.resume(row.pk)
        tasks.nudge()
        return f"The orders of {row.name} go out again."

    def do_check_login(self, request: HttpRequest, row: Publisher) -> str:
        if not row.login_password:
            raise NotNow("No TrepStar password is set. Enter one, save, and check it then.")
        tasks.async_check_login(row.pk)
        return "TrepStar is being asked whether the login is right; look again in a moment."

    def page_of(self, request: HttpRequest, row: Publisher) -> dict[str, Any]:
        steps = setup.steps(row, secure=request.is_secure())
        waiting = row.orders.filter(status="ready").count()
        return {
            "calls_used": budget.used(row),
            "calls_limit": row.status_call_limit,
            "waiting": waiting,
            "paused": pausing.sentence(row),
            "last_call": row.calls.first(),
            "webhook_address": request.build_absolute_uri(setup.webhook_path(row)),
            "steps": [(step, _address(request, step.fix)) for step in steps],
            "steps_done": sum(step.state == setup.DONE for step in steps),
        }


def _address(request: HttpRequest, fix: setup.Fix | None) -> str:
    """Return where a step is mended, or blank for those who may not mend it."""
    if fix is None or not request.user.has_perm(fix.permission):
        return ""
    return reverse(f"admin:{fix.view}", args=[] if fix.row is None else [fix.row]) + fix.rest
