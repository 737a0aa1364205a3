"""What every page of the admin has in common: people see the rows of their publishers only."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from products.models import Publisher
from products.moments import ago


@cache
def moment_column(name: str, label: str) -> Callable[[models.Model], str]:
    """Return a list's column of a field's moments: "3 hours ago", the exact time on hover."""

    @admin.display(description=label, ordering=name)
    def column(row: models.Model) -> str:
        return ago(getattr(row, name))

    column.__name__ = name
    return column


class ScopedAdmin(admin.ModelAdmin):
    """A model admin whose every query starts from the publishers that the user may see.

    ``publisher_path`` leads from the model to its publisher; blank means the model is the
    publisher itself. Changes save the fields that were changed, never whole rows, because workers
    write to the same rows.
    """

    publisher_path = "publisher"
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        path = f"{self.publisher_path}__in" if self.publisher_path else "pk__in"
        return rows.filter(**{path: Publisher.objects.for_user(request.user)})

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Tell every moment of the list in the reader's words."""
        return [self._column(one) for one in super().get_list_display(request)]

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> list[Any]:
        found = super().get_list_display_links(request, list_display) or ()
        return [self._column(one) for one in found]

    def _column(self, name: Any) -> Any:
        fields = {f.name: f for f in self.opts.fields if isinstance(f, models.DateTimeField)}
        field = fields.get(name) if isinstance(name, str) else None
        return moment_column(field.name, str(field.verbose_name)) if field else name

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        title = str(self.opts.verbose_name_plural)
        context = {"title": title[0].upper() + title[1:], **(extra_context or {})}
        return super().changelist_view(request, context)

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Offer only rows of the user's publishers."""
        target = self.admin_site._registry.get(db_field.related_model)
        if isinstance(target, ScopedAdmin):
            kwargs["queryset"] = target.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.save()
            return
        own = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=sorted(own & (set(form.changed_data) | self.derived(obj, form))))

    def derived(self, obj: Any, form: Any) -> set[str]:
        """Return the fields that change along with those of the form."""
        return set()


class ReadOnlyAdmin(ScopedAdmin):
    """Rows that are only ever looked at: nobody adds, changes or deletes them by hand."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
