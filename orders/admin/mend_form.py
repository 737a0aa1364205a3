"""The fields of an order that the queue lets staff mend in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from orders.countries import COUNTRIES, country_code, state_code
from orders.models import Order
from orders.preflight import Finding
from orders.recipient import FIELDS, one_line

MENDABLE = (*FIELDS, "special_text", "price")
COUNTRY_LIST = "country-names"


class MendForm(forms.ModelForm):
    """Some of an order's fields, and the version that was looked at.

    The country is typed, as a name or as its code: a choice of all countries, once for every row
    of the queue, would be most of the page.
    """

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    country = forms.CharField(required=False, max_length=80)

    class Meta:
        model = Order
        fields = MENDABLE
        widgets = {"special_text": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, names: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wanted = {*names, "version"}
        for name in set(self.fields) - wanted:
            del self.fields[name]
        for name, field in self.fields.items():
            field.widget.attrs["autocomplete"] = "off"
            if name in ("name", "address"):
                field.widget.attrs["class"] = "wide"
        self.initial["version"] = self.instance.version
        if "country" in self.fields:
            code = self.instance.country
            self.initial["country"] = COUNTRIES.get(code, code)
            self.fields["country"].widget.attrs["list"] = COUNTRY_LIST

    def explain(self, findings: Sequence[Finding]) -> None:
        """Show each finding at the field that it is about."""
        for name, field in self.fields.items():
            texts = [finding.text for finding in findings if finding.field == name]
            if texts:
                field.help_text = " ".join(texts)
                field.widget.attrs["aria-invalid"] = "true"

    def clean_country(self) -> str:
        typed = " ".join(self.cleaned_data["country"].split())
        code = country_code(typed) if typed else ""
        if typed and not code:
            raise ValidationError(f"“{typed}” is no country. Enter its name or two-letter code.")
        return code

    def clean(self) -> dict[str, Any]:
        """Bring the recipient into the form in which a shop's own address is taken."""
        cleaned = super().clean() or {}
        for name in cleaned.keys() & set(FIELDS):
            cleaned[name] = one_line(cleaned[name])
        if "state" in cleaned:
            country = cleaned.get("country", self.instance.country)
            cleaned["state"] = state_code(cleaned["state"], country)
        return cleaned

    def changes(self) -> dict[str, Any]:
        """Return the fields as they are wanted."""
        return {name: self.cleaned_data[name] for name in MENDABLE if name in self.cleaned_data}


def mendable(order: Order, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return the fields that are to be mended: the whole recipient where any of it is wrong."""
    found = {finding.field for finding in findings}
    recipient = order.hold_reason == "address" or order.status == "refused" or found & set(FIELDS)
    names = set(FIELDS) if recipient else set()
    return tuple(name for name in MENDABLE if name in names | found)
