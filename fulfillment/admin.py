"""The desk's own admin site."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe
from django_otp.admin import OTPAdminAuthenticationForm, OTPAdminSite

from orders import dashboard
from orders.banners import banners
from orders.figures import NoSuchPublisher


@dataclass(frozen=True)
class Page:
    """A page of the admin that belongs to no single model.

    ``route`` is its address below ``/admin/`` and ``name`` its name within ``admin:``; ``label`` is
    how the bar of pages calls it, left blank where it stands in no bar, and ``place`` its place
    there.
    """

    route: str
    name: str
    view: Callable[..., HttpResponseBase]
    permission: str
    label: str = ""
    place: int = 9

    @property
    def view_name(self) -> str:
        return f"admin:{self.name}"


class DeskAdminSite(admin.AdminSite):
    """Django's admin under the desk's name; asks for a one-time password where that is required."""

    site_header = "Fulfilment desk"
    site_title = "Fulfilment desk"
    index_title = "Fulfilment desk"
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.pages: list[Page] = []
        if settings.REQUIRE_TOTP:
            self.login_form = OTPAdminAuthenticationForm
            self.login_template = OTPAdminSite.login_template

    def register_page(self, page: Page) -> None:
        """Add a page; those without its permission get 403 and no link to it."""
        self.pages.append(page)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        own = [
            path(page.route, self.admin_view(_guarded(page)), name=page.name) for page in self.pages
        ]
        return [*own, *super().get_urls()]

    @method_decorator(require_safe)
    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """Show the dashboard, of one publisher with ``?publisher=<id>``."""
        try:
            board = dashboard.board(request.user, request.GET.get("publisher", ""))
        except NoSuchPublisher:
            raise Http404("You serve no such publisher.") from None
        shown = {"title": "Today", "board": board, **(extra_context or {})}
        return super().index(request, shown)

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
        inside = context["has_permission"]
        context["banners"] = banners(request.user) if inside else []
        may_open = [p for p in self.pages if inside and p.label and _may(request, p)]
        context["pages"] = sorted(may_open, key=lambda page: page.place)
        return context

    def has_permission(self, request: HttpRequest) -> bool:
        """Let active staff in; with ``REQUIRE_TOTP`` only those verified by their device."""
        if not super().has_permission(request):
            return False
        return not settings.REQUIRE_TOTP or request.user.is_verified()  # type: ignore[union-attr]


def _may(request: HttpRequest, page: Page) -> bool:
    return request.user.has_perm(page.permission)


def _guarded(page: Page) -> Callable[..., HttpResponseBase]:
    @wraps(page.view)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not _may(request, page):
            raise PermissionDenied
        return page.view(request, *args, **kwargs)

    return view
