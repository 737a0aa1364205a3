"""What all addresses of the API have in common."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.api import idempotency, problems, rates
from orders.api.authentication import BearerAuthentication, StaffAuthentication, owner_of
from orders.api.pagination import Pager
from orders.api.parsers import StrictJSONParser, check_query
from orders.api.permissions import MayDo, Needs
from orders.api.problems import Problem
from orders.api.renderers import FastJSONRenderer

_TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*')
ANY = -1


class ApiView(GenericAPIView[Any]):
    """One address: strict JSON in, JSON out, for those with the right scope or permission.

    ``needs`` says for each method what it takes; ``query_names`` which parameters it knows. Every
    query starts from the publishers that the caller may see.
    """

    authentication_classes = (BearerAuthentication, StaffAuthentication)
    permission_classes = (MayDo,)
    parser_classes = (StrictJSONParser,)
    renderer_classes = (FastJSONRenderer,)
    throttle_classes = ()
    pagination_class: Any = Pager
    filter_backends: Any = ()
    metadata_class = None
    http_method_names = ["get", "head", "post", "patch", "delete"]
    needs: ClassVar[Mapping[str, Needs]] = {}
    query_names: ClassVar[frozenset[str]] = frozenset()

    def get_exception_handler(self) -> Callable[..., Response]:
        return problems.handle

    def perform_authentication(self, request: Request) -> None:
        """Learn who is asking, and count the request whatever comes of it."""
        super().perform_authentication(request)
        if not request.user.is_authenticated:
            return
        self.rate = rates.count(owner_of(request))
        if self.rate.exceeded:
            seconds = str(self.rate.seconds)
            detail = f"At most {self.rate.limit} requests a minute. Go on in {seconds} seconds."
            raise Problem("too-many-requests", detail, headers={"Retry-After": seconds})

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_query(dict(request.query_params.lists()), self.query_names)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kw: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kw)
        answer.headers.setdefault("Cache-Control", "no-store")
        if rate := getattr(self, "rate", None):
            for name, value in rate.headers().items():
                answer.headers[name] = value
        return answer

    def order_by(self, request: Request) -> str:
        """Return the order of the list; see ``Pager``."""
        return "-id"

    def listed(self, request: Request, rows: QuerySet[Any]) -> Response:
        """Return one page of ``rows``, filtered as the caller asks."""
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def once(self, request: Request, work: Callable[[], Response]) -> Response:
        """Do ``work`` in one transaction, once for each ``Idempotency-Key``."""
        return idempotency.run(request, work)

    def checked(self, serializer_class: Any, request: Request) -> dict[str, Any]:
        """Return the body of a request as ``serializer_class`` reads it, or refuse it."""
        reader = serializer_class(data=request.data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        found: dict[str, Any] = reader.validated_data
        return found


def wanted_version(request: Request) -> int | None:
    """Return the version in ``If-Match``, ``ANY`` for a star, None without the header.

    A tag that is none of ours matches nothing: version 0.
    """
    header = request.headers.get("If-Match")
    if header is None:
        return None
    if header.strip() == "*":
        return ANY
    match = _TAG.fullmatch(header)
    plain = match and not match[1] and re.fullmatch(r"[1-9][0-9]{0,8}", match[2])
    return int(match[2]) if match and plain else 0


def tagged(data: Any, code: int = 200, **headers: str) -> Response:
    """Return an answer whose ``ETag`` is a digest of it, for rows that count no versions."""
    return Response(data, code, headers={"ETag": _tag_of(data), **headers})


def check_match(request: Request, data: Any) -> None:
    """Refuse the request if its ``If-Match`` names another state than ``data``, what is shown now.

    Without the header, and with a star, any state will do. Raises ``Problem``.
    """
    header = request.headers.get("If-Match")
    if header is not None and header.strip() not in ("*", _tag_of(data)):
        detail = "It was changed meanwhile. Read it again, and send its ETag as If-Match."
        raise Problem("stale", detail)


def _tag_of(data: Any) -> str:
    return f'"{hashlib.sha256(FastJSONRenderer().render(data)).hexdigest()[:32]}"'


class NothingHere(APIView):
    """Any other address below ``/api/``: 404 in the API's own shape, never a redirect."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()
    renderer_classes = (FastJSONRenderer,)
    schema = None

    def get_exception_handler(self) -> Callable[..., Response]:
        return problems.handle

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("There is nothing at this address. Addresses end with a slash.")
