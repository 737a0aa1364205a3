"""Alerts in the admin: what is wrong, and what each member of staff wants to be told of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst

from orders import alert_people, outgoing, tasks
from orders.admin.buttons import Button, WithButtons
from orders.lifecycle import NotNow
from orders.models import Alert, AlertSubscription
from products.models import Publisher
from products.scoped import ReadOnlyAdmin, ScopedAdmin
from products.secret import Secret

SHOWN_NOTICES = 10


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Wrong now"), ("over", "Over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        if self.value() in ("open", "over"):
            return queryset.filter(closed_at__isnull=self.value() == "open")
        return queryset


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ("what", "text", "whose", "opened_at", "over")
    list_filter = (OpenFilter, "kind", ("publisher", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("publisher",)
    fields = ("kind", "publisher", "text", "where", "opened_at", "closed_at")
    readonly_fields = ("where",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        return Alert.objects.for_user(request.user)

    @admin.display(description="what", ordering="kind")
    def what(self, alert: Alert) -> str:
        return capfirst(alert.get_kind_display())

    @admin.display(description="publisher", ordering="publisher")
    def whose(self, alert: Alert) -> str:
        return alert.publisher.name if alert.publisher else "the whole desk"

    @admin.display(description="over since", ordering="closed_at", empty_value="wrong now")
    def over(self, alert: Alert) -> Any:
        return alert.closed_at

    @admin.display(description="look at", empty_value="–")
    def where(self, alert: Alert) -> str | None:
        if not alert.link:
            return None
        return format_html('<a href="{}">the page where it is mended</a>', alert.link)


class SubscriptionForm(forms.ModelForm):
    """What one person is told; a webhook needs a signing secret, which goes in and never out."""

    owner: Any = None
    new_secret = forms.CharField(
        label="Signing secret of the webhook",
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    class Meta:
        model = AlertSubscription
        fields = (
            "publisher",
            "at_once",
            "digest",
            "digest_hour",
            "by_email",
            "email",
            "webhook_url",
        )
        widgets = {"webhook_url": forms.URLInput(attrs={"size": 60})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "publisher" in self.fields:
            chosen: Any = self.fields["publisher"]
            chosen.empty_label = "All that I may see"
            chosen.help_text = ""
            chosen.widget.can_add_related = chosen.widget.can_change_related = False
            chosen.widget.can_view_related = False
        if "new_secret" in self.fields:
            self.fields["new_secret"].help_text = (
                "One is set. Leave this blank to keep it."
                if self.instance.webhook_secret
                else 'whsec_ and 24 to 64 random bytes in base64: echo "whsec_$(openssl rand '
                '-base64 32)"'
            )

    def clean_webhook_url(self) -> str:
        url: str = self.cleaned_data["webhook_url"]
        if url:
            try:
                outgoing.check_url(url)
            except outgoing.NotAllowed as error:
                raise forms.ValidationError(str(error)) from None
        return url

    def clean_new_secret(self) -> str:
        typed: str = self.cleaned_data["new_secret"].strip()
        if typed:
            try:
                outgoing.read_secret(typed)
            except ValueError as error:
                raise forms.ValidationError(str(error)) from None
        return typed

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        has_secret = data.get("new_secret") or self.instance.webhook_secret
        if data.get("webhook_url") and not has_secret and "new_secret" not in self.errors:
            self.add_error("new_secret", "A webhook needs a signing secret.")
        if "publisher" in data:
            mine = AlertSubscription.objects.filter(user=self.owner, publisher=data["publisher"])
            if mine.exclude(pk=self.instance.pk).exists():
                self.add_error("publisher", "There are alerts for this already. Change those.")
        return data

    def save(self, commit: bool = True) -> Any:
        if self.cleaned_data.get("new_secret"):
            self.instance.webhook_secret = Secret(self.cleaned_data["new_secret"])
        return super().save(commit)


@admin.register(AlertSubscription)
class AlertSubscriptionAdmin(WithButtons, ScopedAdmin):
    """Everybody has their own; managers also those of colleagues for one of their publishers.

    One for all publishers is its owner's alone: its owner may see more than a manager does.
    """

    form = SubscriptionForm
    list_display = ("user", "about", "at_once", "digest", "digest_hour", "address", "webhook")
    list_select_related = ("user", "publisher")
    readonly_fields = ("recently",)
    fieldsets = (
        (None, {"fields": ("publisher", "at_once", "digest", "digest_hour")}),
        ("E-mail", {"fields": ("by_email", "email")}),
        ("Webhook", {"fields": ("webhook_url", "new_secret")}),
        ("Sent lately", {"fields": ("recently",)}),
    )
    button_permissions: ClassVar[dict[str, str]] = {"trial": "orders.change_alertsubscription"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertSubscription]:
        rows = AlertSubscription.objects.select_related("user", "publisher")
        if request.user.is_superuser:
            return rows
        seen = Q(user=request.user.pk)
        if request.user.has_perm("orders.others_alertsubscription"):
            seen |= Q(publisher__in=Publisher.objects.for_user(request.user))
        return rows.filter(seen)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Whoever could widen a colleague's alerts would read those of other publishers."""
        own = obj is None or obj.user_id == request.user.pk or request.user.is_superuser
        return self.readonly_fields if own else (*self.readonly_fields, "publisher")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:-1]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        made: Any = super().get_form(request, obj, change, **kwargs)
        made.owner = obj.user if obj else request.user
        return made

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.user = request.user
        super().save_model(request, obj, form, change)

    def derived(self, obj: Any, form: Any) -> set[str]:
        return {"webhook_secret"} if "new_secret" in form.changed_data else set()

    def buttons_for(self, request: HttpRequest, row: AlertSubscription) -> list[Button]:
        return [Button("trial", "Send a trial")]

    def do_trial(self, request: HttpRequest, row: AlertSubscription) -> str:
        if not alert_people.add_test(row):
            raise NotNow("No address is set: enter an e-mail or a webhook address, and save.")
        tasks.async_alert()
        return "A trial is being sent; look below in a moment how it went."

    @admin.display(description="about")
    def about(self, row: AlertSubscription) -> str:
        return str(row.publisher) if row.publisher else "all publishers they may see"

    @admin.display(description="e-mail", empty_value="–")
    def address(self, row: AlertSubscription) -> str | None:
        return row.address or None

    @admin.display(description="webhook", boolean=True)
    def webhook(self, row: AlertSubscription) -> bool:
        return bool(row.webhook_url)

    @admin.display(description="messages", empty_value="–")
    def recently(self, row: AlertSubscription) -> str:
        notices = list(row.notices.select_related("alert")[:SHOWN_NOTICES])
        if not notices:
            return "Nothing yet."
        lines = (
            (
                f"{one.created_at:%Y-%m-%d %H:%M} UTC",
                capfirst(
                    str(one.alert.get_kind_display() if one.alert else one.get_moment_display())
                ),
                one.get_channel_display(),
                _how(one),
            )
            for one in notices
        )
        items = format_html_join("", "<li>{} {} by {}: {}</li>", lines)
        return format_html("<ul>{}</ul>", items)


def _how(notice: Any) -> str:
    if notice.sent_at:
        return "sent"
    waits = " It is tried again." if notice.next_attempt_at else ""
    return f"{notice.error or 'waits to be sent.'}{waits if notice.error else ''}"
