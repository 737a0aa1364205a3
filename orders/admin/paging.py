"""Pages of long lists: what they cost does not depend on how long a list is."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property

MOST_LISTED = 10_000


class FilterInLinks(ChangeList):
    """Puts the filter to come back to into the address of each row.

    Django would do the same, and resolve every address again to see where it leads.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._come_back, self.preserved_filters = self.preserved_filters, ""

    def url_for_result(self, result: Any) -> str:
        address = super().url_for_result(result)
        return f"{address}?{self._come_back}" if self._come_back else address


class CappedPaginator(Paginator):
    """Counts no further than a list goes, and looks for a page by its ids, from the nearer end."""

    @cached_property
    def most(self) -> int:
        """So many rows the list has at most; a query set says itself if it is fewer."""
        return getattr(self.object_list, "counted_to", None) or MOST_LISTED

    @cached_property
    def count(self) -> int:
        """The number of rows; one more than ``most`` where there are more."""
        if self.most < MOST_LISTED:
            return len(self._short)
        rows: Any = self.object_list
        # Any order will do.
        return int(rows.order_by().values("pk")[: self.most + 1].count())

    @cached_property
    def _short(self) -> list[Any]:
        """The ids of a list that ends soon: they are looked for once, to count and to show."""
        rows: Any = self.object_list
        return list(rows.values_list("pk", flat=True)[: self.most + 1])

    @property
    def goes_on(self) -> bool:
        """Whether more rows fit than the list shows."""
        return self.count > self.most

    @cached_property
    def num_pages(self) -> int:
        return max(1, -(-min(self.count, self.most) // self.per_page))

    def page(self, number: int | str) -> Page:
        """Return a page; its rows are read for itself, those before it by their ids at most."""
        number = self.validate_number(number)
        bottom, rows = (number - 1) * self.per_page, self.object_list
        top = min(bottom + self.per_page, self.count, self.most)
        ids: Any = rows.values_list("pk", flat=True)  # type: ignore[attr-defined]
        if self.most < MOST_LISTED:
            chosen = self._short[bottom:top]
        elif bottom > self.count // 2 and not self.goes_on:
            chosen = ids.reverse()[self.count - top : self.count - bottom]
        else:
            chosen = ids[bottom:top]
        return self._get_page(rows.filter(pk__in=chosen), number, self)  # type: ignore[attr-defined]
