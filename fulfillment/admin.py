"""The desk's own admin site."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest


class DeskAdminSite(admin.AdminSite):
    """Django's admin under the desk's name; asks for a one-time password where that is required."""

    site_header = "Fulfilment desk"
    site_title = "Fulfilment desk"
    index_title = "Today"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Let active staff in; with ``REQUIRE_TOTP`` only those verified by their device."""
        if not super().has_permission(request):
            return False
        return not settings.REQUIRE_TOTP or request.user.is_verified()  # type: ignore[union-attr]
