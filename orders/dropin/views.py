"""``/custdata.asp`` and ``/custdataXML.asp``, for scripts that were written for TrepStar."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from fulfillment.proxy import client_address
from orders import tasks
from orders.dropin.statuses import statuses
from orders.dropin.submit import submit
from orders.trepstar import wire

MAX_BODY = 1024 * 1024
REPLACED = "\ufffd"


@csrf_exempt
@never_cache
@sensitive_post_parameters()
@sensitive_variables()
@require_http_methods(["GET", "POST"])
def custdata(request: HttpRequest) -> HttpResponse:
    """Take one order: ``[SUCCESS]``, or ``[FAILURE]`` with the document's code and text."""
    values = _values(request)
    if values is None:
        return HttpResponse("That is far more than an order needs.\n", status=413)
    with transaction.atomic():
        body, goes_out = submit(
            values, by_get=request.method == "GET", address=client_address(request)
        )
        if goes_out:
            tasks.nudge()
    return HttpResponse(body, content_type="text/plain; charset=utf-8")


@csrf_exempt
@never_cache
@sensitive_post_parameters()
@sensitive_variables()
@require_http_methods(["GET", "POST"])
def custdata_xml(request: HttpRequest) -> HttpResponse:
    """Answer for up to 100 invoices in XML, one section each."""
    values = _values(request)
    if values is None:
        return HttpResponse("That is far more than a question needs.\n", status=413)
    body = statuses(values, by_get=request.method == "GET", address=client_address(request))
    return HttpResponse(body, content_type="text/xml; charset=utf-8")


def _values(request: HttpRequest) -> Mapping[str, str] | None:
    """Return the fields under lower-case names, or None where there is too much of them.

    Scripts of old write windows-1252 without saying so; what is no UTF-8 is read as that.
    """
    try:
        too_long = int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY
    except ValueError:
        too_long = True
    if too_long:
        return None
    query, body = request.META.get("QUERY_STRING", "").encode("latin-1", "replace"), _form(request)
    said = (request.content_params or {}).get("charset", "").lower()
    fields = wire.merged_fields(query, body, said or "utf-8")
    if not said and any(REPLACED in value for value in fields.values()):
        fields = wire.merged_fields(query, body, "windows-1252")
    # PostgreSQL stores no NUL.
    return {name.lower(): value.replace("\x00", "") for name, value in fields.items()}


def _form(request: HttpRequest) -> bytes:
    """Return the form as it came; one in parts, as PHP's curl sends an array, is put together."""
    if request.content_type == "multipart/form-data":
        return urlencode(list(request.POST.lists()), doseq=True).encode()
    return request.body
