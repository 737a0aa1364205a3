"""The forms of an import: the file, and which of its columns holds what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from orders.spreadsheet.columns import FIELDS, LAYOUTS, ROWS, Plan
from orders.spreadsheet.limits import MAX_BYTES
from products.models import Publisher

SAMPLE_LENGTH = 28
PASTED = "Pasted cells"


class FileForm(forms.Form):
    """A publisher, and a file or cells pasted from a spreadsheet program."""

    publisher = forms.ModelChoiceField(Publisher.objects.none(), empty_label="Choose one")
    file = forms.FileField(
        label="CSV or XLSX file",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
        help_text="Up to 50 MB and 100,000 rows. Its first row names the columns.",
    )
    cells = forms.CharField(
        label="Or cells pasted from your spreadsheet",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "wrap": "off"}),
        help_text="With the row that names the columns. Upload a file instead of more than 4 MB.",
    )

    def __init__(self, *args: Any, publishers: QuerySet[Publisher], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stopped = False
        chosen: Any = self.fields["publisher"]
        chosen.queryset = publishers
        if len(publishers) == 1:
            chosen.initial = publishers[0].pk

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.stopped:
            size = MAX_BYTES // 1024**2
            raise ValidationError(
                f"The file has more than {size} MB. Split it and import the parts."
            )
        has_file, has_cells = bool(cleaned.get("file")), bool(cleaned.get("cells", "").strip())
        if has_file == has_cells:
            raise ValidationError("Choose a file, or paste cells, and not both.")
        return cleaned

    def name(self) -> str:
        return self.cleaned_data["file"].name if self.cleaned_data["file"] else PASTED

    def chunks(self) -> Iterable[bytes]:
        if self.cleaned_data["file"]:
            return self.cleaned_data["file"].chunks()
        return [self.cleaned_data["cells"].encode("utf-8", "replace")]


class ColumnsForm(forms.Form):
    """Which column holds what, field by field, and how rows make orders."""

    layout = forms.ChoiceField(
        label="How rows make orders", choices=list(LAYOUTS.items()), widget=forms.RadioSelect
    )

    def __init__(
        self,
        *args: Any,
        header: Sequence[str],
        plan: Plan | None = None,
        rows: Sequence[Sequence[str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["layout"].initial = plan.layout if plan else ROWS
        choices = [("", "not in this file"), *_columns(header, rows)]
        for one in FIELDS.values():
            self.fields[one.name] = forms.ChoiceField(
                label=one.label,
                choices=choices,
                required=False,
                initial=plan.columns.get(one.name, "") if plan else "",
                help_text=one.explains,
            )

    def plan(self) -> Plan:
        """Return what was chosen."""
        chosen = {name: self.cleaned_data[name] for name in FIELDS}
        columns = {name: int(column) for name, column in chosen.items() if column}
        return Plan(columns, self.cleaned_data["layout"])

    def columns(self) -> Iterator[Any]:
        """Yield the fields of the columns, for the page."""
        return (self[name] for name in FIELDS)


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield the columns with what stands first in them, so that they are told apart."""
    for column, name in enumerate(header):
        cells = (row[column] for row in rows if column < len(row) and row[column])
        sample = " ".join(next(cells, "").split())
        short = sample[:SAMPLE_LENGTH] + ("…" if len(sample) > SAMPLE_LENGTH else "")
        shown = name or f"Column {column + 1}"
        yield str(column), f"{shown} ({short})" if short else shown
