"""The order's form and its lines; they say what is wanted, and ``orders.desk`` does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError

from orders.desk import EDITABLE_FIELDS
from orders.intake import Units
from orders.models import Order, OrderEvent, OrderLine
from orders.recipient import FIELDS, Recipient
from orders.sentences import actor, sentence
from products.models import Product, Publisher

MAX_NEWS = 20


@dataclass(frozen=True)
class Conflict:
    """A field that was changed under the editor: what was typed, and what it is now."""

    name: str
    label: str
    mine: str
    theirs: str


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _news_since(order: Order, version: Any) -> list[tuple[OrderEvent, str, str]]:
    """Return what happened since a version, as event, sentence and who; each counted one on."""
    if not isinstance(version, int) or not 0 < version < order.version:
        return []
    newest = order.events.select_related("actor_user").order_by("-id")
    events = newest[: min(order.version - version, MAX_NEWS)]
    return [(event, sentence(event), actor(event)) for event in reversed(events)]


class OrderForm(forms.ModelForm):
    """A new order, or the fields of one that waits for a person.

    It carries the version that was looked at; where the order has changed since, the form shows
    what it is now beside what was typed, and saves nothing.
    """

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    conflicts: Sequence[Conflict] = ()
    since: Sequence[tuple[OrderEvent, str, str]] = ()

    class Meta:
        model = Order
        fields = ("publisher", *EDITABLE_FIELDS)
        widgets = {
            "address": forms.TextInput(attrs={"class": "vLargeTextField"}),
            "special_text": forms.Textarea(attrs={"rows": 3, "cols": 60}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["version"].initial = self.instance.version
        elif "mail_method" in self.fields:
            self.fields["mail_method"].required = False
            self.fields["mail_method"].help_text = "Left blank, it is the publisher's."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.instance.pk:
            now = Order.objects.get(pk=self.instance.pk)
            if cleaned.get("version") != now.version:
                raise ValidationError(self._what_changed(now))
        return cleaned

    def _what_changed(self, now: Order) -> str:
        self.conflicts = [
            Conflict(name, str(self.fields[name].label or name), _shown(mine), _shown(theirs))
            for name in EDITABLE_FIELDS
            if name in self.cleaned_data
            and (mine := self.cleaned_data[name]) != (theirs := getattr(now, name))
        ]
        self.since = _news_since(now, self.cleaned_data.get("version"))
        theirs = [f"{one.label} is now “{one.theirs}”" for one in self.conflicts]
        told = "; ".join(theirs) or f"it {now.meaning}"
        return (
            f"The order was changed while you looked at it ({told}). Nothing was saved. "
            "Open it again to go on from its present state."
        )

    def changes(self) -> dict[str, Any]:
        """Return the editable fields as they are wanted."""
        return {
            name: self.cleaned_data[name] for name in EDITABLE_FIELDS if name in self.cleaned_data
        }

    def recipient(self) -> Recipient:
        return Recipient(**{name: self.cleaned_data.get(name) or "" for name in FIELDS})


class ProductSelect(AutocompleteSelect):
    """A product found by typing; the one that a line has already is not looked up once more."""

    chosen: Product | None = None

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> list[Any]:
        if self.chosen is None or list(value) != [str(self.chosen.pk)]:
            return super().optgroups(name, value, attrs)
        option = self.create_option(name, self.chosen.pk, str(self.chosen), True, 0, attrs=attrs)
        return [(None, [option], 0)]


class LineForm(forms.ModelForm):
    """A line; it may ask for more than one box holds, as intake splits and preflight tells."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = self.fields["product"].widget if "product" in self.fields else None
        select = getattr(widget, "widget", widget)
        if self.instance.pk and isinstance(select, ProductSelect):
            select.chosen = self.instance.product

    quantity = forms.IntegerField(
        min_value=1, max_value=10_000, widget=forms.NumberInput(attrs={"class": "vIntegerField"})
    )

    def _get_validation_exclusions(self) -> set[str]:
        return {*super()._get_validation_exclusions(), "quantity"}  # type: ignore[misc]


class LineFormSet(forms.BaseInlineFormSet):
    """The lines of one order; all of its publisher, at least one."""

    only_shown = False  # the user may not change lines, so none are posted

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.initial_extra:
            # A copy shows each line of the order that it copies.
            self.extra = len(self.initial_extra)

    def clean(self) -> None:
        super().clean()
        if self.only_shown or any(self.errors):
            return
        units = self.units()
        if not units:
            raise ValidationError("Add at least one product.")
        publisher = self._publisher()
        for unit in units:
            if publisher and unit.product.publisher_id != publisher.pk:
                raise ValidationError(f"{unit.product} does not belong to {publisher}.")

    def _publisher(self) -> Publisher | None:
        if self.instance.pk:
            return Order.objects.select_related("publisher").get(pk=self.instance.pk).publisher
        return getattr(self.instance, "publisher", None) if self.instance.publisher_id else None

    def units(self) -> list[Units]:
        """Return the lines as they are wanted, in their order."""
        found = []
        for form in self.forms:
            data = getattr(form, "cleaned_data", None) or {}
            if data.get("DELETE") or not data.get("product"):
                continue
            line: OrderLine = form.instance
            found.append(
                Units(data["product"], data["quantity"], sku=line.sku, line_id=line.source_line_id)
            )
        return found
