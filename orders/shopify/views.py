"""The door for Shopify's webhooks: verified on raw bytes, stored, answered; nothing else."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.db.models import F
from django.http.request import UnreadablePostError
from django.utils import timezone
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders import deliveries, tasks
from orders.deliveries import Headers
from orders.models import Store, TurnedAway, TurnedAwayMinute
from orders.shopify import signature
from orders.shopify.payload import read_time
from products.models import Publisher
from products.rows import with_one

log = logging.getLogger(__name__)


class _AlwaysJson(BaseContentNegotiation):
    """Answers JSON whatever the caller accepts: a delivery is not refused for a header."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0] if parsers else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ShopifyWebhookView(APIView):
    """``POST /webhooks/shopify/?idpub=66870``: one delivery of a Shopify shop.

    Answers 200 with ``{"outcome", "orders", "reason"}`` for every authentic delivery, whatever came
    of it; 401 ``{"error": "unauthorized"}`` for every kind of stranger; 413 for a body over
    ``WEBHOOK_MAX_BYTES``; 503 where the database is not reachable, so that Shopify sends again.
    """

    permission_classes = [AllowAny]
    http_method_names = ["post"]
    content_negotiation_class = _AlwaysJson

    def post(self, request: Request) -> Response:
        try:
            body = request._request.body
        except RequestDataTooBig:
            return self._too_large(request)
        except UnreadablePostError:
            return Response({"error": "the body broke off"}, status=503)
        if len(body) > settings.WEBHOOK_MAX_BYTES:
            return self._too_large(request)
        try:
            return self._receive(request, body)
        except (DatabaseError, InterfaceError):
            log.exception("A delivery could not be stored.")
            return Response({"error": "the database is not reachable"}, status=503)

    def _receive(self, request: Request, body: bytes) -> Response:
        store = find_store(
            request.query_params.get("idpub", ""), request.headers.get("X-Shopify-Shop-Domain", "")
        )
        secrets = list(store.webhook_secrets) if store else []
        given = request.headers.get(signature.HEADER, "")
        matched = signature.matching_secret(secrets, body, given)
        if store is None or matched is None:
            _count(store.publisher if store else None, TurnedAway.Kind.SIGNATURE)
            return Response({"error": "unauthorized"}, status=401)
        answer = deliveries.receive(
            store, read_headers(request), body, matched_secret=matched + 1, wake=tasks.nudge
        )
        return Response(
            {"outcome": answer.outcome, "orders": answer.orders, "reason": answer.reason}
        )

    def _too_large(self, request: Request) -> Response:
        try:
            publisher = Publisher.objects.filter(publisher_id=_idpub(request)).first()
            _count(publisher, TurnedAway.Kind.SIZE)
        except (DatabaseError, InterfaceError):
            log.exception("A delivery that is too large could not be counted.")
        return Response({"error": "the body is too large"}, status=413)


def _idpub(request: Request) -> str:
    return _plain(request.query_params.get("idpub", ""), 10)


def _plain(text: str, most: int) -> str:
    """Return a header's or query's text without what a database refuses."""
    return "".join(c for c in text if c.isprintable() and not "\ud800" <= c <= "\udfff")[:most]


def find_store(idpub: str, domain: str) -> Store | None:
    """Return the store by publisher id and domain; without a domain the publisher's only one."""
    idpub, domain = _plain(idpub, 20), _plain(domain, 255).strip().lower()
    where = "publisher.publisher_id = %s AND (this.domain = %s OR %s = '') LIMIT 2"
    found = with_one("publisher", Store, where, idpub, domain, domain)
    return found[0] if len(found) == 1 else None


def read_headers(request: Request) -> Headers:
    """Return the headers that matter, made safe to store."""

    def header(name: str, most: int) -> str:
        return _plain(request.headers.get(name, ""), most).strip()

    return Headers(
        topic=header("X-Shopify-Topic", 64).lower(),
        webhook_id=header("X-Shopify-Webhook-Id", 100),
        event_id=header("X-Shopify-Event-Id", 100),
        api_version=header("X-Shopify-API-Version", 20),
        triggered_at=read_time(header("X-Shopify-Triggered-At", 64)),
        test=header("X-Shopify-Test", 10).lower() == "true",
    )


def _count(publisher: Publisher | None, kind: str) -> None:
    """Count a request that was turned away; one row a day, publisher and kind."""
    now = timezone.now()
    row = TurnedAway(day=now.date(), publisher=publisher, kind=kind)
    rows = TurnedAway.objects.filter(day=row.day, publisher=publisher, kind=kind)
    if not rows.update(count=F("count") + 1, last_at=now):
        row.last_at = now
        TurnedAway.objects.bulk_create([row], ignore_conflicts=True)
        rows.update(count=F("count") + 1, last_at=now)
    if publisher is not None and kind == TurnedAway.Kind.SIGNATURE:
        _count_minute(publisher, now.replace(second=0, microsecond=0))


def _count_minute(publisher: Publisher, minute: datetime) -> None:
    """Count a wrong signature by the minute, since many in a short time are worth a warning."""
    rows = TurnedAwayMinute.objects.filter(minute=minute, publisher=publisher)
    if not rows.update(count=F("count") + 1):
        row = TurnedAwayMinute(minute=minute, publisher=publisher)
        TurnedAwayMinute.objects.bulk_create([row], ignore_conflicts=True)
        rows.update(count=F("count") + 1)
