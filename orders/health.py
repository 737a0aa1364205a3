"""How the desk is, for those who run it: ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Max, Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orders import breaker, clock, status
from orders.models import Delivery, Heartbeat, Order
from products import tokens

LOOPBACK = ("127.0.0.1", "::1")


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the web process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether the database answers and the workers keep up: 200, or 503 where they do not.

    Callers on this machine, or with an API token that reads orders, also get the figures.
    """
    try:
        facts = figures()
    except (DatabaseError, InterfaceError):
        return JsonResponse({"status": "database not reachable"}, status=503)
    late = facts["heartbeat_age_seconds"]
    ready = late is not None and late <= settings.HEARTBEAT_SECONDS
    answer: dict[str, Any] = {"status": "ok" if ready else "workers not running"}
    if may_see_figures(request):
        answer |= facts
    return JsonResponse(answer, status=200 if ready else 503)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Give the figures as Prometheus text, on this machine or for a token that reads orders."""
    if not may_see_figures(request):
        told = "Metrics are given on this machine, or for an API token that reads orders.\n"
        return HttpResponse(told, status=403, content_type="text/plain")
    lines = []
    for name, value in figures().items():
        if isinstance(value, dict):
            lines += [f'desk_{name}{{status="{key}"}} {count}' for key, count in value.items()]
        elif value is not None:
            lines.append(f"desk_{name} {value}")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4")


def may_see_figures(request: HttpRequest) -> bool:
    """Say whether the caller is on this machine or shows a token with ``orders:read``."""
    if is_local(request):
        return True
    token = tokens.of_header(request.headers.get("Authorization", ""))
    return token is not None and token.allows("orders:read")


def is_local(request: HttpRequest) -> bool:
    """Say whether the caller is on this machine, and did not come through a proxy there."""
    forwarded = any(f"HTTP_X_FORWARDED_{name}" in request.META for name in ("FOR", "PROTO"))
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not forwarded


def figures() -> dict[str, Any]:
    """Return the figures by which the desk is watched; ages in seconds, None for nothing."""
    now = clock.now()

    def age(moment: Any) -> float | None:
        return None if moment is None else round((now - moment).total_seconds(), 1)

    counts = dict.fromkeys(status.MEANING, 0)
    counts |= dict(Order.objects.order_by().values_list("status").annotate(Count("pk")))
    waiting = Order.objects.filter(status=status.READY, next_attempt_at__lte=now)
    unmatched = Delivery.objects.filter(outcome__in=("unmatched", "quarantined"))
    return {
        "orders": counts,
        "oldest_due_seconds": age(waiting.aggregate(at=Min("next_attempt_at"))["at"]),
        "heartbeat_age_seconds": age(Heartbeat.objects.aggregate(at=Max("beat_at"))["at"]),
        "deliveries_waiting": unmatched.count(),
        "gateway_open": int(not breaker.is_open()),
    }
