"""Webhooks of API clients in the admin: who is told of what, and what was sent."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_variables

from orders import hook_desk, outgoing, tasks
from orders.admin.buttons import Button, WithButtons
from orders.lifecycle import NotNow, person
from orders.models import HookMessage, HookSubscription
from orders.models.hooks import EVENTS
from products.scoped import ReadOnlyAdmin, ScopedAdmin
from products.secret import Secret

_BADGES = {
    "active": "shipped",
    "failing": "unclear",
    "off": "cancelled",
    "failed": "refused",
    "delivered": "shipped",
    "waiting": "held",
}


def _badge(state: str) -> str:
    return format_html('<span class="badge badge-{}">{}</span>', _BADGES[state], state)


class HookForm(forms.ModelForm):
    """Whom a new webhook tells of what. Its secret is made, never typed."""

    events = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {told}") for name, told in EVENTS.items()],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = HookSubscription
        fields = ("publisher", "url", "events")
        widgets = {"url": forms.URLInput(attrs={"size": 60})}

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            outgoing.check_url(url)
        except outgoing.NotAllowed as error:
            raise forms.ValidationError(str(error)) from None
        return url

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        publisher = data.get("publisher")
        if publisher and publisher.hooks.filter(ended_at=None).count() >= hook_desk.MOST:
            self.add_error("publisher", f"It has {hook_desk.MOST} webhooks. Delete one first.")
        return data


@admin.register(HookSubscription)
class HookSubscriptionAdmin(WithButtons, ScopedAdmin):
    """A webhook is made, switched off and on, and deleted; its address stays as it was made."""

    form = HookForm
    list_display = ("url", "publisher", "standing", "failing_since", "maker", "created_at")
    list_filter = (("publisher", admin.RelatedOnlyFieldListFilter), "active")
    list_select_related = ("publisher", "created_by")
    search_fields = ("url",)
    autocomplete_fields = ("publisher",)
    actions = None
    button_permissions: ClassVar[dict[str, str]] = {
        "switch_on": "orders.change_hooksubscription",
        "switch_off": "orders.change_hooksubscription",
        "end": "orders.delete_hooksubscription",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[HookSubscription]:
        return super().get_queryset(request).filter(ended_at=None)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("publisher", "url", "events")
        told = ("standing", "failing_since", "disabled_at", "disabled_note")
        return ("publisher", "url", "told_of", *told, "messages", "created_at", "maker")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its row stays for a while, so that it is deleted by a button of its own."""
        return False

    @admin.display(description="state")
    def standing(self, row: HookSubscription) -> str:
        return _badge(row.state)

    @admin.display(description="told of")
    def told_of(self, row: HookSubscription) -> str:
        return ", ".join(row.events)

    @admin.display(description="made by")
    def maker(self, row: HookSubscription) -> str:
        return str(row.created_by or row.client or "–")

    @admin.display(description="messages")
    def messages(self, row: HookSubscription) -> str:
        where = reverse("admin:orders_hookmessage_changelist")
        return format_html(
            '<a href="{}?subscription__id__exact={}">what it was told in the last 30 days</a>',
            where,
            row.pk,
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = form.cleaned_data
        made = hook_desk.make(
            given["publisher"], given["url"], given["events"], actor=person(request.user)
        )
        obj.__dict__.update(made.__dict__)

    @sensitive_variables("secret")
    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the signing secret in this one answer."""
        secret: Secret = obj.secret
        context = {
            **self.admin_site.each_context(request),
            "title": "Signing secret",
            "opts": self.opts,
            "row": obj,
            "secret": secret.reveal(),
        }
        answer = TemplateResponse(request, "admin/orders/hooksubscription/made.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def buttons_for(self, request: HttpRequest, row: HookSubscription) -> list[Button]:
        gone = "Nothing more is sent to it, and it is shown no longer."
        if row.active:
            switch = Button("switch_off", "Switch off", explains="Its program is told no more.")
        else:
            waits = "What waited is sent; what happened since it was switched off is not."
            switch = Button("switch_on", "Switch on", explains=waits)
        return [switch, Button("end", "Delete", style="grave", explains=gone)]

    def do_switch_on(self, request: HttpRequest, row: HookSubscription) -> str:
        hook_desk.change(row, active=True)
        tasks.tell_clients()
        self.log_change(request, row, "Switched on.")
        return "The webhook is switched on."

    def do_switch_off(self, request: HttpRequest, row: HookSubscription) -> str:
        if not row.active:
            raise NotNow("The webhook was switched off before.")
        hook_desk.change(row, active=False)
        self.log_change(request, row, "Switched off.")
        return "The webhook is switched off."

    def press(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        answer: HttpResponse = super().press(request, object_id, name)
        if name == "end" and answer.status_code == 302:  # its own page is gone
            return HttpResponseRedirect(reverse("admin:orders_hooksubscription_changelist"))
        return answer

    def do_end(self, request: HttpRequest, row: HookSubscription) -> str:
        hook_desk.end(row)
        self.log_change(request, row, "Deleted.")
        return f"The webhook to {row.url} is deleted."


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("delivered", "Delivered"), ("waiting", "Waiting"), ("failed", "Failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "delivered":
            return queryset.filter(delivered_at__isnull=False)
        if self.value() in ("waiting", "failed"):
            failed = self.value() == "failed"
            return queryset.filter(delivered_at=None, next_attempt_at__isnull=failed)
        return queryset


@admin.register(HookMessage)
class HookMessageAdmin(WithButtons, ReadOnlyAdmin):
    publisher_path = "subscription__publisher"
    list_display = (
        "kind",
        "invoice",
        "webhook",
        "standing",
        "attempts",
        "last_error",
        "created_at",
    )
    list_filter = (
        StateFilter,
        "kind",
        ("subscription__publisher", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("subscription",)
    search_fields = ("invoice__startswith",)
    search_help_text = "An invoice."
    button_permissions: ClassVar[dict[str, str]] = {"replay": "orders.replay_hookmessage"}
    fields = (
        "kind", "invoice", "webhook", "message_id", "standing", "attempts", "next_attempt_at",
        "delivered_at", "last_status", "last_error", "body", "created_at",
    )  # fmt: skip
    readonly_fields = ("webhook", "message_id", "standing")

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        own = lookup == "subscription__id__exact"
        return own or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[HookMessage]:
        rows = super().get_queryset(request).filter(subscription__ended_at=None)
        return rows.select_related("subscription")

    @admin.display(description="webhook", ordering="subscription")
    def webhook(self, row: HookMessage) -> str:
        return row.subscription.url

    @admin.display(description="webhook-id")
    def message_id(self, row: HookMessage) -> str:
        return row.message_id

    @admin.display(description="state")
    def standing(self, row: HookMessage) -> str:
        return _badge(row.state)

    def buttons_for(self, request: HttpRequest, row: HookMessage) -> list[Button]:
        told = "Under the same id, so that a program which has it already can tell."
        return [Button("replay", "Send again", explains=told)]

    def do_replay(self, request: HttpRequest, row: HookMessage) -> str:
        hook_desk.replay(row)
        tasks.tell_clients()
        self.log_change(request, row, "Sent again.")
        return "The message is sent again; look in a moment how it went."
