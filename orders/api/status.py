"""``status/``: how far the caller's publishers are behind, and whether all is well."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orders import breaker, budget, clock, status
from orders.api.permissions import Needs
from orders.api.views import ApiView
from orders.banners import LATE
from orders.models import Heartbeat, Order
from products.models import Publisher

WAITING = (
    status.HELD,
    status.READY,
    status.SUBMITTING,
    status.UNCLEAR,
    status.REFUSED,
    status.PROBLEM,
)


class GatewayShape(serializers.Serializer[Any]):
    reachable = serializers.BooleanField(help_text="False: orders wait and go out by themselves.")
    unreachable_since = serializers.DateTimeField(allow_null=True)
    asking_stopped_since = serializers.DateTimeField(allow_null=True)
    recovery_since = serializers.DateTimeField(allow_null=True)
    paused_since = serializers.DateTimeField(allow_null=True)


class WorkersShape(serializers.Serializer[Any]):
    silent_seconds = serializers.FloatField(allow_null=True)
    working = serializers.BooleanField()


class BacklogShape(serializers.Serializer[Any]):
    """How many orders of a publisher wait, by status."""

    held = serializers.IntegerField()
    ready = serializers.IntegerField()
    submitting = serializers.IntegerField()
    unclear = serializers.IntegerField()
    refused = serializers.IntegerField()
    problem = serializers.IntegerField()


class BudgetShape(serializers.Serializer[Any]):
    """Status calls of the last 24 hours; TrepStar charges for more than 1,000."""

    used = serializers.IntegerField()
    limit = serializers.IntegerField()


class PublisherStatusShape(serializers.Serializer[Any]):
    publisher = serializers.CharField()
    name = serializers.CharField()
    backlog = BacklogShape()
    oldest_due_seconds = serializers.FloatField(allow_null=True)
    status_calls = BudgetShape()
    login_refused_since = serializers.DateTimeField(allow_null=True)
    paused_since = serializers.DateTimeField(allow_null=True)


class StatusShape(serializers.Serializer[Any]):
    gateway = GatewayShape()
    workers = WorkersShape()
    publishers = PublisherStatusShape(many=True)


class Status(ApiView):
    needs = {"GET": Needs("orders:read", "orders.view_order")}

    @extend_schema(operation_id="status_retrieve", responses=StatusShape)
    def get(self, request: Request) -> Response:
        """Read the backlog and the budget of each publisher, and how gateway and workers are."""
        now = clock.now()
        gateway = breaker.state()
        beat = Heartbeat.objects.aggregate(at=Max("beat_at"))["at"]
        seen = Publisher.objects.for_user(request.user)
        found = {
            "gateway": {
                "reachable": gateway.open_since is None,
                "unreachable_since": gateway.open_since,
                "asking_stopped_since": gateway.sync_stopped_at,
                "recovery_since": gateway.recovery_since,
                "paused_since": gateway.paused_at,
            },
            "workers": {
                "silent_seconds": _age(now, beat),
                "working": beat is not None and now - beat <= LATE,
            },
            "publishers": _publishers(seen, now),
        }
        return Response(StatusShape(found).data)


def _publishers(seen: QuerySet[Publisher], now: datetime) -> list[dict[str, Any]]:
    """Return how each publisher is, in four queries whatever their number."""
    orders = Order.objects.filter(publisher__in=seen).order_by()
    waiting = orders.filter(status__in=WAITING).values_list("publisher", "status")
    counts = {(one, word): n for one, word, n in waiting.annotate(n=Count("pk"))}
    due = orders.filter(status=status.READY, next_attempt_at__lte=now).values_list("publisher")
    oldest = dict(due.annotate(at=Min("next_attempt_at")))
    calls = budget.used_by(seen, clock.now())
    return [
        {
            "publisher": one.publisher_id,
            "name": one.name,
            "backlog": {word: counts.get((one.pk, word), 0) for word in WAITING},
            "oldest_due_seconds": _age(now, oldest.get(one.pk)),
            "status_calls": {"used": calls.get(one.pk, 0), "limit": one.status_call_limit},
            "login_refused_since": one.login_refused_at,
            "paused_since": one.paused_at,
        }
        for one in seen
    ]


def _age(now: datetime, moment: datetime | None) -> float | None:
    return None if moment is None else round((now - moment).total_seconds(), 1)
