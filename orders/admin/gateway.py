"""What was said to TrepStar, and how the gateway and the workers are. Only to be looked at."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from orders import breaker, pausing, tasks
from orders.admin.buttons import Button, WithButtons
from orders.admin.publisher import note_of, pause_button
from orders.models import Attempt, Call, Gateway, Heartbeat
from products.scoped import ReadOnlyAdmin


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    publisher_path = "order__publisher"
    list_display = ("started_at", "order", "number", "outcome", "error_code", "text", "late")
    list_filter = ("outcome", "late", "started_at")
    list_select_related = ("order",)
    search_fields = ("order__invoice__istartswith", "error_code")
    ordering = ("-id",)


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    list_display = (
        "reserved_at",
        "publisher",
        "purpose",
        "invoices",
        "outcome",
        "sections",
        "text",
    )
    list_filter = (("publisher", admin.RelatedOnlyFieldListFilter), "purpose", "outcome")
    list_select_related = ("publisher",)


class InstallationAdmin(ReadOnlyAdmin):
    """Rows that belong to no publisher; shown to whoever may view them."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.model._default_manager.get_queryset()


@admin.register(Gateway)
class GatewayAdmin(WithButtons, InstallationAdmin):
    list_display = (
        "__str__",
        "paused_at",
        "open_since",
        "failures",
        "last_error",
        "sync_stopped_at",
    )
    button_permissions: ClassVar[dict[str, str]] = {
        "resume": "orders.change_gateway",
        "pause": "orders.change_gateway",
        "send_again": "orders.change_gateway",
    }

    def may_press(self, request: HttpRequest, name: str) -> bool:
        """The gateway is everybody's, so nobody's permissions for some publishers are enough."""
        return bool(request.user.is_superuser)

    def buttons_for(self, request: HttpRequest, row: Gateway) -> list[Button]:
        asking = [Button("resume", "Ask TrepStar again")] if row.sync_stopped_at else []
        if row.paused_at:
            return [*asking, Button("send_again", "Send again", style="main")]
        return [*asking, pause_button("Pause all sending", "the orders of all publishers")]

    def do_pause(self, request: HttpRequest, row: Gateway) -> str:
        pausing.pause_all(note_of(request))
        return "All sending is paused. What TrepStar was being sent is finished."

    def do_send_again(self, request: HttpRequest, row: Gateway) -> str:
        pausing.resume_all()
        tasks.nudge()
        return "Orders go out again, but for those of publishers that are paused themselves."

    def do_resume(self, request: HttpRequest, row: Gateway) -> str:
        breaker.note(sync_stopped_at=None)
        return "TrepStar is asked for news again."


@admin.register(Heartbeat)
class HeartbeatAdmin(InstallationAdmin):
    list_display = ("name", "beat_at")
