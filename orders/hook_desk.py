"""What may be done with the webhooks of API clients; the only writer of their rows but sending.

Every change locks the publisher first and then rewrites its ``hook_routes``, by which
``orders.hooks`` knows whom to tell of what.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from orders import clock, outgoing
from orders.lifecycle import Actor, NotNow
from orders.models import HookMessage, HookSubscription
from orders.models.hooks import EVENTS
from products.models import Publisher
from products.secret import Secret

SECRET_BYTES = 32
MOST = 20
KEPT = timedelta(days=30)


def make(publisher: Publisher, url: str, events: Sequence[str], *, actor: Actor) -> Any:
    """Make a webhook with a new signing secret and return it.

    Raises ``outgoing.NotAllowed`` for an address that nothing is posted to, and ``NotNow`` where
    the publisher has enough of them.
    """
    outgoing.check_url(url)
    with transaction.atomic():
        _lock(publisher.pk)
        if HookSubscription.objects.filter(publisher=publisher, ended_at=None).count() >= MOST:
            raise NotNow(f"A publisher has at most {MOST} webhooks. Delete one first.")
        made = HookSubscription.objects.create(
            publisher=publisher,
            url=url,
            secret=_new_secret(),  # type: ignore[misc]
            events=_sorted(events),
            created_by_id=actor.user_id,
            client=actor.client[:100],
        )
        _route(publisher.pk)
    return made


def change(
    subscription: HookSubscription,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    active: bool | None = None,
) -> HookSubscription:
    """Change what is given, and return the webhook as it now is.

    Switching it on forgets its failures and goes on with what still waits. Raises as ``make`` does.
    """
    values: dict[str, Any] = {}
    if url is not None:
        outgoing.check_url(url)
        values["url"] = url
    if events is not None:
        values["events"] = _sorted(events)
    if active is True:
        values |= {"disabled_at": None, "disabled_note": "", "failing_since": None}
        values |= {"active": True, "rest_until": None}
    if active is False:
        values |= {"active": False, "disabled_at": clock.now(), "disabled_note": ""}
    with transaction.atomic():
        _lock(subscription.publisher_id)
        HookSubscription.objects.filter(pk=subscription.pk, ended_at=None).update(**values)
        _route(subscription.publisher_id)
    subscription.refresh_from_db()
    return subscription


def switch_off(subscription: HookSubscription, note: str) -> None:
    """Switch a webhook off because it failed for long; staff are told by an alert."""
    with transaction.atomic():
        _lock(subscription.publisher_id)
        HookSubscription.objects.filter(pk=subscription.pk, active=True).update(
            active=False, disabled_at=clock.now(), disabled_note=note
        )
        _route(subscription.publisher_id)


def end(subscription: HookSubscription) -> None:
    """Delete a webhook: nothing more is sent to it, and it is shown nowhere."""
    now = clock.now()
    with transaction.atomic():
        _lock(subscription.publisher_id)
        HookSubscription.objects.filter(pk=subscription.pk, ended_at=None).update(
            active=False, ended_at=now, disabled_at=now, secret=Secret("")
        )
        _route(subscription.publisher_id)


def replay(message: HookMessage) -> HookMessage:
    """Have a message sent again, under the same id. Raises ``NotNow`` while its webhook is off."""
    rows = HookSubscription.objects.filter(pk=message.subscription_id)
    if not rows.filter(active=True).exists():
        raise NotNow("The webhook is switched off. Switch it on, then send the message again.")
    HookMessage.objects.filter(pk=message.pk).update(
        attempts=0, delivered_at=None, next_attempt_at=clock.now(), replays=F("replays") + 1
    )
    rows.update(rest_until=None)
    message.refresh_from_db()
    return message


def forget_old() -> None:
    """Delete the messages that were made long ago, and the webhooks that ended long ago."""
    old = clock.now() - KEPT
    over = Q(next_attempt_at=None) | Q(subscription__active=False)
    rows = HookMessage.objects.filter(over, created_at__lt=old)
    while ids := list(rows.values_list("pk", flat=True)[:500]):
        HookMessage.objects.filter(pk__in=ids).delete()
    HookSubscription.objects.filter(ended_at__lt=old, messages=None).delete()


def _new_secret() -> Secret:
    key = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return Secret(outgoing.SECRET_PREFIX + key)


def _sorted(events: Sequence[str]) -> list[str]:
    unknown = sorted(set(events) - set(EVENTS))
    if unknown or not events:
        raise ValueError(f"A webhook is told of known events, and of one at least: {unknown}.")
    return [name for name in EVENTS if name in events]


def _lock(publisher_id: int) -> None:
    Publisher.objects.select_for_update(no_key=True).only("pk").get(pk=publisher_id)


def _route(publisher_id: int) -> None:
    routes: dict[str, list[int]] = {}
    rows = HookSubscription.objects.filter(publisher=publisher_id, active=True, ended_at=None)
    for one in rows.order_by("pk").only("pk", "events"):
        for name in one.events:
            routes.setdefault(name, []).append(one.pk)
    Publisher.objects.filter(pk=publisher_id).update(hook_routes=routes)
