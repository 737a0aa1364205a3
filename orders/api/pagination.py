"""Lists by cursor: no counting, and rows that come meanwhile shift nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api.problems import one_wrong

MOST = 100
USUAL = 50
_BIG = 2**63
TIME = "updated_at"


class Pager(BasePagination):
    """Pages of a list: by id, or by the time of the last change where the view says so.

    The view's ``order_by(request)`` names the order: ``"-id"``, ``"id"`` or ``"updated_at"``.
    """

    names = frozenset({"cursor", "limit"})

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request, self.by = request, view.order_by(request)
        limit = _limit(request.query_params.get("limit"))
        rows = queryset.order_by(self.by, "id") if self.by == TIME else queryset.order_by(self.by)
        if cursor := request.query_params.get("cursor"):
            rows = rows.filter(_after(self.by, _read(cursor, self.by)))
        found = list(rows[: limit + 1])
        self.last = found[limit - 1] if len(found) > limit else None
        return found[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self._next()})

    def _next(self) -> str | None:
        if self.last is None:
            return None
        asked = {**self.request.query_params.dict(), "cursor": _write(self.last, self.by)}
        return self.request.build_absolute_uri(f"{self.request.path}?{urlencode(asked)}")

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {
                    "type": "string",
                    "format": "uri",
                    "nullable": True,
                    "description": "The next page, or null on the last one.",
                    "example": None,
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        text = {"in": "query", "required": False}
        return [
            {
                **text,
                "name": "cursor",
                "description": "Where the page begins: taken from `next`, never made up.",
                "schema": {"type": "string"},
            },
            {
                **text,
                "name": "limit",
                "description": "How many rows a page has.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
            },
        ]


def _limit(given: str | None) -> int:
    if given is None:
        return USUAL
    if not (given.isascii() and given.isdigit() and len(given) < 4 and 1 <= int(given) <= MOST):
        raise one_wrong("limit", "range", f"Give a whole number from 1 to {MOST}.")
    return int(given)


def _write(row: Any, by: str) -> str:
    """Return the cursor behind ``row``, which has ``pk``, and ``updated_at`` where that counts."""
    at = row.updated_at.astimezone(UTC).isoformat() if by == TIME else ""
    return base64.urlsafe_b64encode(json.dumps([by, at, row.pk]).encode()).decode().rstrip("=")


def _read(cursor: str, by: str) -> tuple[datetime | None, int]:
    """Return the time and id in a cursor. Raises ``Problem`` for one of another list."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        written, at, last = json.loads(raw)
        if written != by or type(last) is not int or not 0 < last < _BIG:
            raise ValueError(cursor)
        moment = datetime.fromisoformat(at) if by == TIME else None
        if moment is not None and moment.tzinfo != UTC:
            raise ValueError(cursor)
        return moment, last
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise one_wrong("cursor", "cursor", "Take the cursor from `next`, as it is.") from None


def _after(by: str, place: tuple[datetime | None, int]) -> Q:
    moment, last = place
    if by == TIME:
        # The first condition says nothing new; by it the index begins where the page does.
        later = Q(updated_at__gt=moment) | Q(id__gt=last)
        return Q(updated_at__gte=moment) & later
    return Q(id__lt=last) if by == "-id" else Q(id__gt=last)


def names_of(filters: Sequence[str]) -> frozenset[str]:
    """Return the query parameters of a list with these filters."""
    return frozenset(filters) | Pager.names
