"""API tokens in the admin: made for a publisher, shown once, revoked by a button."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_variables

from orders.admin.buttons import Button, WithButtons
from orders.lifecycle import NotNow
from products import tokens
from products.models import ApiToken
from products.scoped import ScopedAdmin
from products.secret import Secret
from products.token_model import SCOPES

_BADGES = {"active": "shipped", "ended": "held", "revoked": "cancelled"}


class TokenForm(forms.ModelForm):
    """What a new token is for. The token itself is made, never typed."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, f"{scope}: {told}") for scope, told in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text="What the program may do. Reading and writing are apart.",
    )

    class Meta:
        model = ApiToken
        fields = ("publisher", "name", "scopes", "expires_at")

    def clean_expires_at(self) -> Any:
        moment = self.cleaned_data["expires_at"]
        if moment is not None and moment <= timezone.now():
            raise ValidationError("This moment lies in the past.")
        return moment


@admin.register(ApiToken)
class ApiTokenAdmin(WithButtons, ScopedAdmin):
    """A token is made and revoked; nothing of it is changed in between."""

    form = TokenForm
    list_display = ("name", "begins", "publisher", "reach", "standing", "last_used_at")
    list_filter = (("publisher", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("name", "prefix")
    list_select_related = ("publisher",)
    autocomplete_fields = ("publisher",)
    actions = None
    button_permissions: ClassVar[dict[str, str]] = {"revoke": "products.change_apitoken"}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        new = ("publisher", "name", "scopes", "expires_at")
        told = ("begins", "reach", "standing", "expires_at", "last_used_at")
        return new if obj is None else ("publisher", "name", *told, "created_at", "created_by")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A revoked token stays: the timeline names it."""
        return False

    @admin.display(description="begins with", ordering="prefix")
    def begins(self, token: ApiToken) -> str:
        return format_html("<code>{}…</code>", token.prefix)

    @admin.display(description="may")
    def reach(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    @admin.display(description="state")
    def standing(self, token: ApiToken) -> str:
        return format_html(
            '<span class="badge badge-{}">{}</span>', _BADGES[token.state], token.state
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = form.cleaned_data
        row, secret = tokens.issue(
            given["publisher"],
            given["name"],
            given["scopes"],
            expires_at=given["expires_at"],
            created_by=request.user,
        )
        obj.__dict__.update(row.__dict__)
        obj.shown_once = secret

    @sensitive_variables("secret")
    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the token in this one answer: no message, no session and no page holds it later."""
        secret: Secret = obj.shown_once
        context = {
            **self.admin_site.each_context(request),
            "title": f"Token for {obj.name}",
            "opts": self.opts,
            "row": obj,
            "token": secret.reveal(),
        }
        answer = TemplateResponse(request, "admin/products/apitoken/made.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def buttons_for(self, request: HttpRequest, row: ApiToken) -> list[Button]:
        if row.revoked_at:
            return []
        explains = "Programs that use it are refused at once, for good."
        return [Button("revoke", "Revoke", style="grave", explains=explains)]

    def do_revoke(self, request: HttpRequest, row: ApiToken) -> str:
        if not tokens.revoke(row):
            raise NotNow(f"The token {row.prefix}… was revoked before.")
        self.log_change(request, row, "Revoked.")
        return f"The token {row.prefix}… is revoked."
