"""Every refusal in one shape: problem details (RFC 9457), with the fields that are wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    BadRequest,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import DatabaseError, IntegrityError, InterfaceError
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from orders.desk import Unfit
from orders.lifecycle import NotNow

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
KIND = "urn:fulfilment-desk:problem:"
TYPES: dict[str, tuple[int, str]] = {
    "malformed": (400, "The request cannot be read"),
    "invalid": (400, "Something in the request is wrong"),
    "unauthorized": (401, "Show a valid token"),
    "forbidden": (403, "This is not allowed"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This address does not take this method"),
    "not-acceptable": (406, "Answers are JSON"),
    "not-now": (409, "The present state does not allow this"),
    "unfit": (409, "TrepStar would refuse the order as it stands"),
    "key-in-use": (409, "The same request is still running"),
    "gone": (410, "The saved answer was erased"),
    "stale": (412, "It was changed meanwhile"),
    "too-large": (413, "The request is too large"),
    "unsupported-media-type": (415, "Requests are JSON"),
    "key-reused": (422, "The idempotency key belongs to another request"),
    "version-required": (428, "Say which version you looked at"),
    "too-many-requests": (429, "Too many requests"),
    "internal": (500, "The desk failed on this request"),
    "unavailable": (503, "The desk cannot answer just now"),
}
KINDS = [(KIND + kind, KIND + kind) for kind in TYPES]
_OF_STATUS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    415: "unsupported-media-type",
    429: "too-many-requests",
}


class Problem(Exception):
    """A refusal: its kind is a key of ``TYPES``, ``detail`` a whole sentence on what to do.

    ``errors`` are ``{"field", "code", "message"}``; ``headers`` go with the answer.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail
        self.errors, self.headers = list(errors), dict(headers or {})

    def as_dict(self) -> dict[str, Any]:
        """Return the problem as it is told."""
        status, title = TYPES[self.kind]
        return {
            "type": KIND + self.kind,
            "title": title,
            "status": status,
            "detail": self.detail,
            "errors": self.errors,
        }

    def response(self) -> Response:
        data = self.as_dict()
        return Response(data, data["status"], headers=self.headers, content_type=MEDIA_TYPE)


def one_wrong(field: str, code: str, message: str) -> Problem:
    """Return the problem of a single wrong field."""
    wrong = {"field": field, "code": code, "message": message}
    return Problem("invalid", message, errors=[wrong])


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answer any exception of a view. What is nobody's fault but ours is logged."""
    set_rollback()
    return problem_of(error).response()


def problem_of(error: Exception) -> Problem:
    """Return the problem by which an exception is told."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Unfit):
        return Problem("unfit", str(error), errors=findings(error))
    if isinstance(error, NotNow):
        return Problem("not-now", str(error))
    if isinstance(error, exceptions.ValidationError):
        return invalid(error.detail)
    if isinstance(error, exceptions.APIException):
        return _of_rest_framework(error)
    return _of_django(error)


def findings(error: Unfit) -> list[dict[str, str]]:
    return [{"field": f.field, "code": f.code, "message": f.text} for f in error.findings]


def _of_rest_framework(error: exceptions.APIException) -> Problem:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    kind = _OF_STATUS.get(error.status_code, "malformed")
    return Problem(kind, str(error.detail), headers=headers)


def _of_django(error: Exception) -> Problem:
    if isinstance(error, Http404 | ObjectDoesNotExist):
        return Problem("not-found", "There is nothing here, or it is not yours to see.")
    if isinstance(error, PermissionDenied):
        return Problem("forbidden", "You are not allowed to do this.")
    if isinstance(error, RequestDataTooBig):
        return Problem("too-large", "The body is too large. Send less at once.")
    if isinstance(
        error, SuspiciousOperation | BadRequest | MultiPartParserError | UnreadablePostError
    ):
        return Problem("malformed", "The request cannot be read.")
    if isinstance(error, IntegrityError):
        log.warning("A request met another one: %s", error)
        return Problem("not-now", "Another request changed the same thing. Try again.")
    if isinstance(error, DatabaseError | InterfaceError):
        log.error("The database failed a request.", exc_info=error)
        detail = "The database cannot be reached. Try again in a moment."
        return Problem("unavailable", detail, headers={"Retry-After": "5"})
    log.error("A request failed.", exc_info=error)
    return Problem("internal", "The desk failed on this request; nothing was changed.")


def invalid(detail: Any) -> Problem:
    """Return the problem of wrong fields, from a serializer's errors."""
    errors = list(_flat(detail, ""))
    told = "; ".join(
        f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in errors
    )
    return Problem("invalid", told[:1000] or "Something in the request is wrong.", errors=errors)


def _flat(detail: Any, field: str) -> Iterator[dict[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            # A list's own errors come by the index of their row.
            part = f"[{name}]" if isinstance(name, int) else str(name)
            joined = f"{field}.{part}" if field and not part.startswith("[") else field + part
            yield from _flat(inner, field if name == "non_field_errors" else joined)
    elif isinstance(detail, list | tuple):
        for number, inner in enumerate(detail):
            rows = isinstance(inner, Mapping | list | tuple)
            yield from _flat(inner, f"{field}[{number}]" if rows else field)
    else:
        code = getattr(detail, "code", "invalid")
        yield {"field": field[:200], "code": str(code), "message": str(detail)}


def title_of(status: int) -> str:
    """Return the words of an HTTP status, for the schema."""
    return HTTPStatus(status).phrase
