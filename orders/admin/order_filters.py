"""What the list of orders can be narrowed by: views, ranges of dates, publishers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from orders import status
from orders.models import Order, OrderEvent
from orders.models.conditions import Unindexed
from orders.models.order import Source
from orders.models.order_indexes import ABROAD, IS_TEST, MAY_WAIT, NOT_FROM_SHOPIFY
from orders.models.order_rows import OrderQuerySet
from orders.reasons import any_condition
from products.models import Mode, Publisher

SILENCE = timedelta(days=3)
SILENT_COUNTED = 500
YEARS = range(2000, 2101)
Rows = QuerySet[Order]


def attention(rows: Rows) -> Rows:
    """The orders in the queue of what needs attention."""
    return rows.filter(MAY_WAIT, any_condition(timezone.now()))


def silent(rows: Rows) -> Rows:
    """TrepStar has them, has not shipped them, and nothing has happened for three days."""
    since = timezone.now() - SILENCE
    # No EXISTS, for which PostgreSQL would read the events of all orders.
    events = OrderEvent.objects.filter(order=OuterRef("pk")).order_by("-id")
    found = rows.alias(last_news=Subquery(events.values("created_at")[:1])).filter(
        status__in=status.ASKED - {status.SHIPPED}, last_news__lte=since
    )
    if isinstance(found, OrderQuerySet):
        found.counted_to = SILENT_COUNTED
    return found


def shipped_this_week(rows: Rows) -> Rows:
    today = timezone.localdate()
    monday = _midnight(today - timedelta(days=today.weekday()))
    found = rows.alias(present=Unindexed("status"))
    return found.filter(present=status.SHIPPED, shipped_at__gte=monday)


@dataclass(frozen=True)
class View:
    """A view that everybody has: its label, what it shows, and how the orders are narrowed."""

    label: str
    shows: str
    narrow: Callable[[Rows], Rows]


VIEWS: dict[str, View] = {
    "attention": View(
        "Needs attention", "Whatever waits for a person, as the queue lists it.", attention
    ),
    "payment": View(
        "Awaiting payment",
        "TrepStar has them and waits for a payment.",
        lambda rows: rows.filter(status=status.AWAITING_PAYMENT),
    ),
    "silent": View(
        "Silent for 3 days", "At TrepStar, not shipped, and without news for 3 days.", silent
    ),
    "international": View(
        "International",
        "To countries other than the USA.",
        lambda rows: rows.filter(ABROAD),
    ),
    "week": View("Shipped this week", "Shipped since Monday.", shipped_this_week),
}


class ViewFilter(admin.SimpleListFilter):
    """The views that everybody has; shown above the list, so not beside it again."""

    title = "view"
    parameter_name = "view"
    template = "admin/orders/order/no_filter.html"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, view.label) for key, view in VIEWS.items()]

    def queryset(self, request: Any, rows: Rows) -> Rows:
        view = VIEWS.get(self.value() or "")
        return view.narrow(rows) if view else rows


class FlaggedFilter(admin.SimpleListFilter):
    title = "needs a look"
    parameter_name = "flagged"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Flagged"), ("attention", "Waits for a person")]

    def queryset(self, request: Any, rows: Rows) -> Rows:
        if self.value() == "yes":
            return rows.exclude(flag="")
        return attention(rows) if self.value() == "attention" else rows


class ChoiceFilter(admin.ChoicesFieldListFilter):
    """One of a field's choices, with the condition of the index that holds the orders of it."""

    also: dict[str, Q] = {}

    def queryset(self, request: Any, rows: Rows) -> Rows:
        found: Any = super().queryset(request, rows)
        value = self.lookup_val
        chosen = value[-1] if isinstance(value, list) else value
        wanted: Rows = found.filter(self.also.get(str(chosen), Q())) if chosen else found
        return wanted


class HoldReasonFilter(ChoiceFilter):
    also = dict.fromkeys(status.HOLD_REASONS, Q(status=status.HELD))


class ModeFilter(ChoiceFilter):
    also = {Mode.TEST: IS_TEST}


class SourceFilter(ChoiceFilter):
    also = {source: NOT_FROM_SHOPIFY for source in Source if source != Source.SHOPIFY}


class PublisherFilter(admin.RelatedFieldListFilter):
    """The user's publishers; Django's own would read every order to see which have any."""

    def field_choices(self, field: Any, request: Any, model_admin: Any) -> list[Any]:
        return [(one.pk, str(one)) for one in Publisher.objects.for_user(request.user)]


class DateRangeFilter(admin.FieldListFilter):
    """From one day to another, both included, in the desk's time zone.

    A day that cannot be read is told, and then no order is shown: a bulk action on a filter that
    was left out would reach orders that nobody saw.
    """

    template = "admin/date_range.html"

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        self.field_name = field.name
        super().__init__(field, *args, **kwargs)
        self.title = {"created_at": "day of arrival", "shipped_at": "day of shipping"}.get(
            field.name, self.title
        )

    def expected_parameters(self) -> list[Any]:
        return [f"{self.field_name}_from", f"{self.field_name}_to"]

    def has_output(self) -> bool:
        return True

    def _given(self) -> list[str]:
        found = [self.used_parameters.get(name, "") for name in self.expected_parameters()]
        return [str(one[-1] if isinstance(one, list) else one) for one in found]

    def choices(self, changelist: Any) -> Iterator[Any]:
        names = self.expected_parameters()
        others = changelist.get_filters_params()
        yield {
            "selected": any(self._given()),
            "fields": list(zip(names, ("From", "To"), self._given(), strict=True)),
            "others": [
                (key, value)
                for key, values in {**others, **_kept(changelist)}.items()
                if key not in names
                for value in values
            ],
            "clear": changelist.get_query_string(remove=names),
        }

    def queryset(self, request: HttpRequest, rows: Rows) -> Rows:
        try:
            first, last = (_day(text) for text in self._given())
        except ValueError:
            messages.error(request, f"The {self.title} cannot be read. Write it as 2026-11-20.")
            return rows.none()
        if first:
            rows = rows.filter(**{f"{self.field_name}__gte": _midnight(first)})
        if last:
            rows = rows.filter(**{f"{self.field_name}__lt": _midnight(last + timedelta(days=1))})
        return rows


def _kept(changelist: Any) -> dict[str, list[str]]:
    """Return the search and the order of the list, which a range of dates leaves as they are."""
    return {key: changelist.filter_params[key] for key in "qo" if key in changelist.filter_params}


def _day(text: str) -> date | None:
    found = date.fromisoformat(text) if text else None
    if found and found.year not in YEARS:
        raise ValueError(text)
    return found


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
