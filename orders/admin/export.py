"""The export of a list of orders as it is filtered, with a record of who took which."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ALL_VAR, PAGE_VAR, SEARCH_VAR
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from fulfillment.admin import Page
from orders.models import Order
from orders.spreadsheet.export import HEADER, TooMany, csv_lines, rows, write_xlsx

log = logging.getLogger(__name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_QUERY = 2_000


@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """Send the orders that the list shows with the query string ``query``, all its pages."""
    query = QueryDict(request.POST.get("query", "").replace("\x00", "")[:MAX_QUERY], mutable=True)
    for name in (PAGE_VAR, ALL_VAR):
        query.pop(name, None)
    kind = request.POST.get("format", "")
    name = f"orders-{timezone.localdate():%Y-%m-%d}"
    try:
        if kind not in ("csv", "xlsx"):
            raise TooMany("Choose CSV or XLSX for the export.")
        orders = _listed(request, query)
        if kind == "csv":
            lines = csv_lines(HEADER, _counted(rows(orders), _begin(request, kind, query)))
            response: Any = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
            response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
            return response
        file, count = write_xlsx(orders)
        _end(_begin(request, kind, query), count)
        return FileResponse(file, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX)
    except IncorrectLookupParameters:
        messages.error(request, "The list cannot be filtered like this. Filter it anew.")
        query = QueryDict(mutable=True)
    except TooMany as problem:
        messages.error(request, str(problem))
    where = reverse("admin:orders_order_changelist")
    return HttpResponseRedirect(f"{where}?{query.urlencode()}" if query else where)


def _listed(request: HttpRequest, query: QueryDict) -> QuerySet[Order]:
    """Return what the list of orders shows to this person with a query string.

    Raises ``IncorrectLookupParameters`` for a filter that makes no sense.
    """
    own: Any = admin.site.get_model_admin(Order)
    seen = HttpRequest()
    seen.method, seen.path = "GET", reverse("admin:orders_order_changelist")
    seen.META, seen.session = request.META, request.session
    seen.user, seen.GET = request.user, query  # type: ignore[assignment]
    return own.get_changelist_instance(seen).queryset


def _begin(request: HttpRequest, kind: str, query: QueryDict) -> LogEntry:
    """Note the export before its first row is sent, without what was searched for: a name, say."""
    filters = query.copy()
    if SEARCH_VAR in filters:
        filters[SEARCH_VAR] = "*"
    user: Any = request.user
    return LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(Order),
        object_repr="Export of orders",
        action_flag=CHANGE,
        change_message=_told(kind, filters, "begun"),
    )


def _told(kind: str, filters: QueryDict, how_far: str) -> str:
    which = filters.urlencode(safe="*") or "all orders"
    return f"{kind.upper()}, {which}: {how_far}"


def _end(entry: LogEntry, count: int) -> None:
    told = f"{entry.change_message.removesuffix('begun')}{count} rows"
    LogEntry.objects.filter(pk=entry.pk).update(change_message=told)
    log.info("Export %s: user %s took %s orders.", entry.pk, entry.user_id, count)


def _counted(cells: Iterator[Any], entry: LogEntry) -> Iterator[Any]:
    """Pass the rows on; note in the end how many went, also where the person broke off."""
    count = 0
    try:
        for count, row in enumerate(cells, 1):  # noqa: B007 - what is counted
            yield row
    finally:
        _end(entry, count)


admin.site.register_page(  # type: ignore[attr-defined]
    Page("orders/export/", "orders_export", export, "orders.export_order")
)
