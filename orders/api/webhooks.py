"""``webhooks/``: where a client is told of orders, what it was told, and telling it again."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orders import hook_desk, outgoing, tasks
from orders.api.authentication import actor_of
from orders.api.contents import publisher_for, wrong
from orders.api.filters import Backend, HookMessageFilters, queries_of
from orders.api.pagination import Pager
from orders.api.permissions import Needs
from orders.api.strict import NothingMore, Strict
from orders.api.views import ApiView
from orders.models import HookMessage, HookSubscription
from orders.models.hooks import EVENTS

EVENT_CHOICES = list(EVENTS.items())
STATES = [(one, one) for one in ("active", "failing", "off", "failed")]
MESSAGE_STATES = [(one, one) for one in ("delivered", "waiting", "failed")]
READ = Needs("orders:read", "orders.view_hooksubscription")
READ_MESSAGES = Needs("orders:read", "orders.view_hookmessage")


class HookShape(serializers.ModelSerializer[HookSubscription]):
    """An address that is told of a publisher's orders. Its secret is shown when it is made."""

    publisher = serializers.CharField(source="publisher.publisher_id")
    events = serializers.ListField(child=serializers.ChoiceField(choices=EVENT_CHOICES))
    state = serializers.ChoiceField(
        choices=STATES, help_text="`failed`: switched off by the desk after long failure."
    )

    class Meta:
        model = HookSubscription
        fields: tuple[str, ...] = (
            "id",
            "publisher",
            "url",
            "events",
            "active",
            "state",
            "failing_since",
            "disabled_at",
            "disabled_note",
            "created_at",
        )
        read_only_fields: tuple[str, ...] = fields


class NewHookShape(HookShape):
    """A new webhook, with the secret by which its messages are signed."""

    secret = serializers.SerializerMethodField(help_text="Keep it: it is not shown again.")

    class Meta:
        model = HookSubscription
        fields = (*HookShape.Meta.fields, "secret")
        read_only_fields = fields

    def get_secret(self, row: HookSubscription) -> str:
        return row.secret.reveal()


class HookMessageShape(serializers.ModelSerializer[HookMessage]):
    type = serializers.ChoiceField(source="kind", choices=EVENT_CHOICES)
    message_id = serializers.CharField(help_text="The `webhook-id`, the same on every try.")
    state = serializers.ChoiceField(choices=MESSAGE_STATES)
    body = serializers.CharField(help_text="What is sent, to the byte.")

    class Meta:
        model = HookMessage
        fields = (
            "id",
            "message_id",
            "type",
            "invoice",
            "state",
            "attempts",
            "next_attempt_at",
            "delivered_at",
            "last_status",
            "last_error",
            "body",
            "created_at",
        )
        read_only_fields = fields


class HookChanges(Strict):
    url = serializers.CharField(required=False, max_length=500, help_text="Begins with https://.")
    events = serializers.ListField(
        required=False,
        child=serializers.ChoiceField(choices=EVENT_CHOICES),
        min_length=1,
        max_length=len(EVENTS),
    )
    active = serializers.BooleanField(
        required=False, help_text="True switches it on again, and forgets its failures."
    )

    def validate_url(self, url: str) -> str:
        try:
            outgoing.check_url(url)
        except outgoing.NotAllowed as error:
            raise serializers.ValidationError(str(error), code="url") from None
        return url


class HookForm(HookChanges):
    publisher = serializers.CharField(required=False, max_length=10)
    active = None  # type: ignore[assignment]

    always = ("url", "events")


class HookView(ApiView):
    """A mixin of the addresses below one webhook."""

    def found(self) -> HookSubscription:
        return get_object_or_404(shown(self.request.user), pk=self.kwargs["pk"])


def shown(user: Any) -> QuerySet[HookSubscription]:
    """Return the webhooks that ``user`` may see."""
    return HookSubscription.objects.for_user(user).select_related("publisher")


class Hooks(ApiView):
    serializer_class = HookShape
    queryset = HookSubscription.objects.none()
    query_names = Pager.names
    needs = {"GET": READ, "POST": Needs("orders:write", "orders.add_hooksubscription")}

    @extend_schema(operation_id="webhooks_list", responses=HookShape(many=True))
    def get(self, request: Request) -> Response:
        """List the webhooks, the newest first."""
        return self.listed(request, shown(request.user))

    @extend_schema(operation_id="webhooks_create", request=HookForm, responses={201: NewHookShape})
    def post(self, request: Request) -> Response:
        """Have an address told of orders from now on.

        Messages are signed after Standard Webhooks, with the `secret` in this answer. It is shown
        this once; the same request under the same `Idempotency-Key` shows it again.
        """
        answer = self.once(request, lambda: self._make(request))
        # Added to the answer here, so that the secret is not saved with it.
        row = get_object_or_404(shown(request.user), pk=answer.data["id"])
        answer.data = {**answer.data, "secret": row.secret.reveal()}
        return answer

    def _make(self, request: Request) -> Response:
        form = self.checked(HookForm, request)
        publisher = publisher_for(request.user, form.get("publisher"))
        made = hook_desk.make(publisher, form["url"], form["events"], actor=actor_of(request))
        where = request.build_absolute_uri(reverse("api:webhook", args=[made.pk]))
        return Response(HookShape(made).data, 201, headers={"Location": where})


class OneHook(HookView):
    serializer_class = HookShape
    needs = {
        "GET": READ,
        "PATCH": Needs("orders:write", "orders.change_hooksubscription"),
        "DELETE": Needs("orders:write", "orders.delete_hooksubscription"),
    }

    @extend_schema(operation_id="webhooks_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """Read one webhook, and how it is."""
        return Response(HookShape(self.found()).data)

    @extend_schema(operation_id="webhooks_update", request=HookChanges, responses=HookShape)
    def patch(self, request: Request, pk: int) -> Response:
        """Change the address or the events, or switch the webhook off and on.

        What waited when it was switched off goes out once it is on again; what happened meanwhile
        is not told: read it with `updated_since`.
        """
        return self.once(request, lambda: self._change(request))

    def _change(self, request: Request) -> Response:
        row = self.found()
        form = self.checked(HookChanges, request)
        if not form:
            raise wrong("", "required", "Say what is to be changed.")
        changed = hook_desk.change(row, **form)
        tasks.tell_clients()
        return Response(HookShape(changed).data)

    @extend_schema(operation_id="webhooks_delete", request=None, responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a webhook. What waits for it is not sent."""
        hook_desk.end(self.found())
        return Response(status=204)


class Messages(HookView):
    serializer_class = HookMessageShape
    queryset = HookMessage.objects.none()
    filter_backends = (Backend,)
    filterset_class = HookMessageFilters
    query_names = queries_of(HookMessageFilters)
    needs = {"GET": READ_MESSAGES}

    @extend_schema(operation_id="webhooks_messages_list", responses=HookMessageShape(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """List what a webhook was told in the last 30 days, and what waits, the newest first."""
        return self.listed(request, HookMessage.objects.filter(subscription=self.found()))


class Replay(HookView):
    serializer_class = HookMessageShape
    needs = {"POST": Needs("orders:write", "orders.replay_hookmessage")}

    @extend_schema(
        operation_id="webhooks_messages_replay",
        request=NothingMore,
        responses={202: HookMessageShape},
    )
    def post(self, request: Request, pk: int, message: int) -> Response:
        """Have a message sent again, under the same `webhook-id`."""
        return self.once(request, lambda: self._replay(request, message))

    def _replay(self, request: Request, message: int) -> Response:
        rows = HookMessage.objects.filter(subscription=self.found())
        row = get_object_or_404(rows, pk=message)
        self.checked(NothingMore, request)
        again = hook_desk.replay(row)
        tasks.tell_clients()
        return Response(HookMessageShape(again).data, 202)
