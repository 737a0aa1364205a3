"""Forms of the catalogue: secrets go in and never come out, SKUs are edited as TrepStar does."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from products.models import Product, Publisher, SkuAlias
from products.secret import Secret
from products.sku import SkuSyntaxError, can_be_written, format_id_string, parse_id_string, sku_key


class PublisherForm(forms.ModelForm):
    """A publisher; the password can be set here and is never shown."""

    new_password = forms.CharField(
        label="TrepStar password",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Publisher
        fields = (
            "publisher_id",
            "name",
            "login_email",
            "mode",
            "auto_submit",
            "mail_method",
            "notify_customer",
            "price_on_customs",
            "partial_orders",
            "invoice_prefix",
            "charset",
            "script_access",
            "status_calls_per_day",
            "staff",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "new_password" in self.fields:
            known = bool(self.instance.pk and self.instance.login_password)
            self.fields["new_password"].help_text = (
                "A password is set. Leave this blank to keep it."
                if known
                else "No password is set, so nothing is sent for this publisher yet."
            )

    def clean(self) -> dict[str, Any]:
        """Refuse a new password that the charset of TrepStar's forms cannot carry."""
        cleaned = super().clean() or {}
        typed, charset = cleaned.get("new_password"), cleaned.get("charset")
        try:
            (typed or "").encode(charset or "utf-8")
        except UnicodeEncodeError:
            self.add_error("charset", f"{charset} has no letters for this login; choose UTF-8.")
        return cleaned

    def save(self, commit: bool = True) -> Any:
        """Take the login over; a changed one reopens a refused account."""
        typed = self.cleaned_data.get("new_password")
        publisher = self.instance
        email = self.cleaned_data.get("login_email", publisher.login_email)
        publisher.login_email = self.initial.get("login_email", publisher.login_email)
        password = Secret(typed) if typed else publisher.login_password
        self.login_changed = publisher.set_login(email, password)
        return super().save(commit)


class ProductForm(forms.ModelForm):
    """A product with its SKUs in TrepStar's own grammar."""

    id_string = forms.CharField(
        label="eCommerceIDString",
        required=False,
        widget=forms.TextInput(
            attrs={"class": "vLargeTextField", "spellcheck": "false", "data-copy": True}
        ),
        help_text="As TrepStar writes it, to copy or to paste: VTD234-100, or "
        "{VTD234-100}{VTD333-200}.",
    )

    class Meta:
        model = Product
        fields = (
            "publisher",
            "project_id",
            "title",
            "package",
            "price",
            "special_text",
            "active",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            skus = [alias.sku for alias in self.instance.aliases.all() if can_be_written(alias.sku)]
            self.fields["id_string"].initial = format_id_string(skus)

    def clean_id_string(self) -> list[str]:
        try:
            return parse_id_string(self.cleaned_data["id_string"])
        except SkuSyntaxError as error:
            raise ValidationError(f"{error}.") from None

    def clean(self) -> dict[str, Any]:
        """Refuse a SKU that another product of the publisher has."""
        cleaned = super().clean() or {}
        publisher = cleaned.get("publisher") or getattr(self.instance, "publisher", None)
        keys = {sku_key(sku) for sku in cleaned.get("id_string") or []}
        others = SkuAlias.objects.filter(publisher=publisher, key__in=keys)
        if self.instance.pk:
            others = others.exclude(product=self.instance)
        for alias in others.select_related("product"):
            owner = alias.product or "the SKUs that are not ours"
            self.add_error("id_string", f"The SKU {alias.sku} already belongs to {owner}.")
        return cleaned

    def save_aliases(self, product: Product) -> None:
        """Make the SKUs of the form the SKUs of ``product``, spelled as they were typed.

        A SKU with braces in it cannot be written in TrepStar's grammar, so it stays as it is.
        """
        wanted = {sku_key(sku): sku for sku in self.cleaned_data["id_string"]}
        for alias in SkuAlias.objects.filter(product=product):
            typed = wanted.pop(alias.key, None)
            if typed is None and can_be_written(alias.sku):
                alias.delete()
            elif typed is not None and typed != alias.sku:
                alias.sku = typed
                alias.save(update_fields=["sku"])
        for sku in wanted.values():
            SkuAlias.objects.create(publisher=product.publisher, product=product, sku=sku)


class SkuAliasForm(forms.ModelForm):
    """One SKU; checked after trimming and case-folding."""

    class Meta:
        model = SkuAlias
        fields = ("publisher", "sku", "product")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        product, publisher = cleaned.get("product"), cleaned.get("publisher")
        if product and publisher and product.publisher_id != publisher.pk:
            self.add_error("product", "This product belongs to another publisher.")
        if publisher and cleaned.get("sku"):
            same = SkuAlias.objects.filter(publisher=publisher, key=sku_key(cleaned["sku"]))
            if same.exclude(pk=self.instance.pk).exists():
                self.add_error("sku", "This publisher has this SKU already.")
        return cleaned
