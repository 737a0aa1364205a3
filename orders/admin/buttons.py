"""Buttons on a row's page: each is a POST to an address of its own, guarded like a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from orders.lifecycle import NotNow


@dataclass(frozen=True)
class Field:
    """An input that a button asks for; ``kind`` is an HTML input type, or ``select``.

    ``options`` are what a select offers, each with its label; ``value`` is chosen at first.
    """

    name: str
    label: str
    kind: str = "text"
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    value: str = ""


@dataclass(frozen=True)
class Button:
    """A button: its address' last part, its label, what it asks for, and how grave it is."""

    name: str
    label: str
    fields: tuple[Field, ...] = ()
    style: str = ""
    explains: str = ""


def back_to_queue(request: HttpRequest, *, done: bool) -> str:
    """Return the address of the queue in which the button stood, or blank where it stood elsewhere.

    What was done leads to the row after it; what was not shows the same row again. Nothing that is
    posted names a page: it only says which part of the queue to show.
    """
    posted = request.POST
    if posted.get("back") != "attention":
        return ""
    place = {name: posted.get(f"queue_{name}", "")[:64] for name in ("reason", "publisher")}
    place["after" if done else "from"] = posted.get("queue_key", "")[:64]
    query = urlencode({name: value for name, value in place.items() if value})
    return reverse("admin:attention") + (f"?{query}" if query else "")


class WithButtons:
    """A mixin for a model admin with buttons.

    ``button_permissions`` names every button with the permission that it takes, and
    ``buttons_for`` says which of them a row has now. The button ``hold`` is done by the method
    ``do_hold(request, row)``, which returns a sentence and raises ``NotNow`` where it may not be.
    """

    change_form_template: ClassVar[Any] = "admin/with_buttons.html"
    button_permissions: ClassVar[dict[str, str]] = {}

    def buttons_for(self, request: HttpRequest, row: Any) -> list[Button]:
        raise NotImplementedError

    def may_press(self, request: HttpRequest, name: str) -> bool:
        """Say whether the user may press this button on the rows that the user may see."""
        return request.user.has_perm(self.button_permissions[name])

    def get_urls(self) -> list[URLPattern]:
        meta = self.model._meta  # type: ignore[attr-defined]
        own = [
            path(
                f"<path:object_id>/do/{name}/",
                self.admin_site.admin_view(partial(self.press, name=name)),  # type: ignore[attr-defined]
                name=f"{meta.app_label}_{meta.model_name}_do_{name}",
            )
            for name in self.button_permissions
        ]
        return own + super().get_urls()  # type: ignore[misc]

    @method_decorator(require_POST)
    def press(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Do what a button says, tell how it went, and return to the page it stood on."""
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if row is None:
            raise Http404
        if not self.may_press(request, name):
            raise PermissionDenied
        act: Callable[[HttpRequest, Any], str] = getattr(self, f"do_{name}")
        done = False
        try:
            with transaction.atomic():
                told = act(request, row)
        except NotNow as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, told)
            done = True
        queue = back_to_queue(request, done=done)
        if queue:
            return HttpResponseRedirect(queue)
        meta = self.model._meta  # type: ignore[attr-defined]
        here = f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_change"  # type: ignore[attr-defined]
        return HttpResponseRedirect(reverse(here, args=[row.pk]))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        context = {"row": row, "subtitle": None, **(extra_context or {})}
        if row is not None:
            buttons = self.buttons_for(request, row)
            context["buttons"] = [b for b in buttons if self.may_press(request, b.name)]
            context |= self.page_of(request, row)
        return super().change_view(request, object_id, form_url, context)  # type: ignore[misc]

    def page_of(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the row's page shows beside its form."""
        return {}
