"""Stores in the admin: signing secrets go in and never come out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from orders import clock
from orders.models import Store
from orders.shopify.payload import CREATING_TOPICS
from products.scoped import ScopedAdmin
from products.secret import Secret


class StoreForm(forms.ModelForm):
    """A store; a new signing secret is put before the present ones, so that both hold."""

    new_secret = forms.CharField(
        label="New signing secret",
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    forget_others = forms.BooleanField(
        label="Forget all other signing secrets",
        required=False,
        help_text="After a rotation, once no delivery is signed with the old one any more.",
    )
    create_on = forms.MultipleChoiceField(
        label="Topics that make orders",
        choices=[(topic, topic) for topic in CREATING_TOPICS],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Store
        fields = ("publisher", "domain", "create_on", "mail_rules")
        widgets = {"mail_rules": forms.Textarea(attrs={"rows": 4, "cols": 60})}
        help_texts = {
            "mail_rules": "The first rule that fits a shipping line's title or code decides: "
            '[{"match": "Express*", "where": "any", "method": "express"}]. '
            "Where none fits, the publisher's method is used."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "new_secret" in self.fields:
            known = len(self.instance.webhook_secrets)
            self.fields["new_secret"].help_text = (
                f"{known} set. Leave this blank to keep things as they are."
                if known
                else "None is set, so every delivery is turned away. Shopify shows it under "
                "Settings, Notifications, Webhooks."
            )

    def save(self, commit: bool = True) -> Any:
        typed = self.cleaned_data.get("new_secret", "").strip()
        secrets = list(self.instance.webhook_secrets)
        if self.cleaned_data.get("forget_others"):
            secrets = [] if typed else secrets[:1]
        if typed:
            secrets.insert(0, Secret(typed))
        if secrets != self.instance.webhook_secrets:
            self.instance.secrets_changed_at = clock.now()
        self.instance.webhook_secrets = secrets
        return super().save(commit)


@admin.register(Store)
class StoreAdmin(ScopedAdmin):
    form = StoreForm
    list_display = ("domain", "publisher", "topics", "secrets")
    list_filter = (("publisher", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("publisher",)
    search_fields = ("domain",)
    autocomplete_fields = ("publisher",)
    readonly_fields = ("webhook_address",)
    fieldsets = (
        (None, {"fields": ("publisher", "domain", "webhook_address")}),
        ("Signing secrets", {"fields": ("new_secret", "forget_others")}),
        ("Orders", {"fields": ("create_on", "mail_rules")}),
    )

    @admin.display(description="webhook address")
    def webhook_address(self, store: Store) -> str:
        if store.publisher_id is None:
            return "It is shown once the store is saved."
        where = f"/webhooks/shopify/?idpub={store.publisher.publisher_id}"
        return format_html("<code>{}</code> after the desk's own https address", where)

    @admin.display(description="makes orders on")
    def topics(self, store: Store) -> str:
        return ", ".join(store.create_on)

    @admin.display(description="signing secrets")
    def secrets(self, store: Store) -> str:
        return f"{len(store.webhook_secrets)} set" if store.webhook_secrets else "none set"

    def derived(self, obj: Any, form: Any) -> set[str]:
        typed = {"new_secret", "forget_others"} & set(form.changed_data)
        return {"webhook_secrets", "secrets_changed_at"} if typed else set()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Its deliveries and orders would stay behind with the old publisher."""
        base = tuple(self.readonly_fields)
        return base if obj is None else (*base, "publisher")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
