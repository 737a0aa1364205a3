"""The catalogue in the admin: publishers, products, SKUs."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import IntegrityError
from django.db.models import QuerySet
from django.forms import Script
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django_otp.plugins.otp_totp.admin import TOTPDeviceAdmin
from django_otp.plugins.otp_totp.models import TOTPDevice

from products.forms import ProductForm, PublisherForm, SkuAliasForm
from products.models import Product, Publisher, SkuAlias
from products.scoped import ScopedAdmin
from products.sku import can_be_written, format_id_string

RAW_NAME = re.compile(r"^[^\[]* object \(\d+\)$")


@admin.register(Publisher)
class PublisherAdmin(ScopedAdmin):
    """A TrepStar account. ``orders.admin`` adds its button "check login"."""

    form = PublisherForm
    publisher_path = ""
    list_display = ("name", "publisher_id", "mode", "auto_submit", "mail_method", "login_state")
    list_filter = ("mode", "auto_submit")
    search_fields = ("name", "publisher_id", "login_email")
    readonly_fields = ("login_state",)
    filter_horizontal = ("staff",)
    fieldsets = (
        (None, {"fields": ("name", "publisher_id", "invoice_prefix", "mode")}),
        (
            "TrepStar login",
            {"fields": ("login_email", "new_password", "login_state", "charset", "script_access")},
        ),
        (
            "New orders",
            {
                "fields": (
                    "auto_submit",
                    "partial_orders",
                    "mail_method",
                    "notify_customer",
                    "price_on_customs",
                )
            },
        ),
        ("Limits and people", {"fields": ("status_calls_per_day", "staff")}),
    )

    @admin.display(description="login")
    def login_state(self, publisher: Publisher) -> str:
        if publisher.pk is None or not publisher.login_password:
            return format_html('<span class="badge badge-held">{}</span>', "not set")
        if publisher.login_refused_at:
            since = f"refused since {publisher.login_refused_at:%Y-%m-%d %H:%M} UTC"
            return format_html('<span class="badge badge-problem">{}</span>', since)
        if publisher.login_checked_at:
            return format_html('<span class="badge badge-shipped">{}</span>', "accepted")
        return format_html('<span class="badge badge-ready">{}</span>', "not checked")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Whose rows somebody sees is for superusers to say."""
        base = tuple(self.readonly_fields)
        return base if request.user.is_superuser else (*base, "staff")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def derived(self, obj: Any, form: Any) -> set[str]:
        login = {"login_password", "credential_version", "login_refused_at", "login_email"}
        return login if form.login_changed else set()


class Unraced:
    """A mixin: of two who save the same SKU at once, the second is told and nothing is saved."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]
        except IntegrityError:
            told = "Somebody else saved one of these SKUs at this moment, so nothing was saved."
            messages.error(request, f"{told} Look at what it stands for now, and try again.")
            return HttpResponseRedirect(request.get_full_path())


@admin.register(Product)
class ProductAdmin(Unraced, ScopedAdmin):
    form = ProductForm

    class Media:
        css: ClassVar[Any] = {"all": ("desk/mapping.css",)}
        js = (Script("desk/copy.js", defer=True),)

    list_display = ("title", "project_id", "publisher", "package", "price", "skus", "active")
    list_filter = (("publisher", admin.RelatedOnlyFieldListFilter), "package", "active")
    search_fields = ("title", "project_id", "aliases__sku")
    list_select_related = ("publisher",)
    autocomplete_fields = ("publisher",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).prefetch_related("aliases")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Its SKUs and orders would stay behind with the old publisher."""
        return () if obj is None else ("sku_list", "publisher")

    @admin.display(description="eCommerceIDString")
    def id_string(self, product: Product) -> str:
        """The SKUs as those see them who may not change them."""
        skus = [alias.sku for alias in product.aliases.all()]
        return format_id_string([sku for sku in skus if can_be_written(sku)])

    @admin.display(description="SKUs one by one")
    def sku_list(self, product: Product) -> str:
        return self.skus(product) or "None. The shop's project id alone is matched."

    @admin.display(description="SKUs")
    def skus(self, product: Product) -> str:
        return format_html_join(" ", "<code>{}</code>", ((a.sku,) for a in product.aliases.all()))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        form.save_aliases(form.instance)


@admin.register(SkuAlias)
class SkuAliasAdmin(Unraced, ScopedAdmin):
    form = SkuAliasForm
    list_display = ("sku", "stands_for", "publisher")
    list_filter = (
        ("publisher", admin.RelatedOnlyFieldListFilter),
        ("product", admin.EmptyFieldListFilter),
    )
    search_fields = ("sku", "product__title", "product__project_id")
    list_select_related = ("publisher", "product")
    autocomplete_fields = ("publisher", "product")

    @admin.display(description="stands for", ordering="product")
    def stands_for(self, alias: SkuAlias) -> str:
        return str(alias.product) if alias.product else "not ours to make"

    def derived(self, obj: Any, form: Any) -> set[str]:
        return {"key"}


class ForSuperusers:
    """A mixin: whoever may change people may give themselves any right."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name what goes along, without the bare memberships: "Group_permissions object (1)"."""
        stock: Any = super()
        found, *rest = stock.get_deleted_objects(objs, request)
        return _with_names(found), *rest


def _with_names(found: list[Any]) -> list[Any]:
    named = [_with_names(one) if isinstance(one, list) else one for one in found]
    return [one for one in named if one != [] and not RAW_NAME.search(str(one))]


for _model, _stock in ((User, UserAdmin), (Group, GroupAdmin), (TOTPDevice, TOTPDeviceAdmin)):
    admin.site.unregister(_model)
    admin.site.register(_model, type(f"Desk{_stock.__name__}", (ForSuperusers, _stock), {}))
