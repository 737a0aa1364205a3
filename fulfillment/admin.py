"""The desk's own admin site."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django_otp.admin import OTPAdminAuthenticationForm, OTPAdminSite

from orders.banners import banners


class DeskAdminSite(admin.AdminSite):
    """Django's admin under the desk's name; asks for a one-time password where that is required."""

    site_header = "Fulfilment desk"
    site_title = "Fulfilment desk"
    index_title = "Fulfilment desk"
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        if settings.REQUIRE_TOTP:
            self.login_form = OTPAdminAuthenticationForm
            self.login_template = OTPAdminSite.login_template

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """List the day's work first, the catalogue next, people last."""
        found = super().get_app_list(request, app_label)
        first = ["orders", "products", "auth"]
        return sorted(
            found, key=lambda app: first.index(app["app_label"]) if app["app_label"] in first else 9
        )

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Put the troubles of the desk above every page of those who may see pages."""
        context = super().each_context(request)
        context["banners"] = banners(request.user) if context["has_permission"] else []
        return context

    def has_permission(self, request: HttpRequest) -> bool:
        """Let active staff in; with ``REQUIRE_TOTP`` only those verified by their device."""
        if not super().has_permission(request):
            return False
        return not settings.REQUIRE_TOTP or request.user.is_verified()  # type: ignore[union-attr]
