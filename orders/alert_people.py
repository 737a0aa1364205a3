"""Who is to be told of which alert: one row for each message to each address, made once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from orders import clock
from orders.alerts import AT_ONCE
from orders.models import Alert, AlertNotice, AlertSubscription
from products.models import Publisher

Channel, Moment = AlertNotice.Channel, AlertNotice.Moment


def address_alerts(subscriptions: Iterable[AlertSubscription], now: datetime) -> None:
    """Write down who is to be told of the grave alerts that are open, and of those settled."""
    grave = list(Alert.objects.open().filter(kind__in=AT_ONCE))
    notices = [
        AlertNotice(alert=alert, moment=Moment.OPENED, next_attempt_at=now, **where)
        for subscription in subscriptions
        if subscription.at_once and grave
        for alert in seen(grave, subscription)
        for where in targets(subscription)
    ]
    told = AlertNotice.objects.filter(
        moment=Moment.OPENED,
        sent_at__isnull=False,
        alert__settled=True,
        alert__closed_at__gt=now - timedelta(days=1),
        # Workers that were taken out of service are forgotten after a day; nothing was mended.
    ).exclude(alert__kind=Alert.Kind.WORKER)
    notices += [
        AlertNotice(
            alert_id=one.alert_id,
            subscription_id=one.subscription_id,
            channel=one.channel,
            target=one.target,
            moment=Moment.OVER,
            next_attempt_at=now,
        )
        for one in told
    ]
    AlertNotice.objects.bulk_create(notices, ignore_conflicts=True)


def address_digests(subscriptions: Iterable[AlertSubscription], now: datetime) -> None:
    """Write down whose digest is due. One for all publishers covers the others of an address."""
    local = timezone.localtime(now)
    wanted = [one for one in subscriptions if one.digest and local.hour >= one.digest_hour]
    done = set(
        AlertNotice.objects.filter(
            moment=Moment.DIGEST, day=local.date(), subscription__in=wanted
        ).values_list("subscription", "channel")
    )
    notices, for_all = [], set()
    for one in wanted:
        for where in targets(one):
            place = (one.user_id, where["channel"], where["target"])
            if one.publisher_id is None:
                for_all.add(place)
            elif place in for_all:
                continue
            if (one.pk, where["channel"]) not in done:
                notices.append(
                    AlertNotice(
                        moment=Moment.DIGEST, day=local.date(), next_attempt_at=now, **where
                    )
                )
    AlertNotice.objects.bulk_create(notices, ignore_conflicts=True)


def add_test(subscription: AlertSubscription) -> int:
    """Write down a trial message to each of a subscription's addresses; return how many."""
    now = clock.now()
    made = AlertNotice.objects.bulk_create(
        AlertNotice(moment=Moment.TEST, next_attempt_at=now, **where)
        for where in targets(subscription)
    )
    return len(made)


def targets(one: AlertSubscription) -> Iterator[dict[str, Any]]:
    """Return where a subscription's messages go, as fields of a notice."""
    if one.address:
        target = one.address.strip().casefold()
        yield {"subscription": one, "channel": Channel.EMAIL, "target": target}
    if one.webhook_url:
        target = hashlib.sha256(one.webhook_url.encode()).hexdigest()
        yield {"subscription": one, "channel": Channel.WEBHOOK, "target": target}


def seen(alerts: Iterable[Alert], one: AlertSubscription) -> list[Alert]:
    """Return the alerts that a subscription is about: the desk's, and its publishers'."""
    mine = set(_publishers(one).values_list("pk", flat=True))
    return [a for a in alerts if a.publisher_id is None or a.publisher_id in mine]


def _publishers(one: AlertSubscription) -> QuerySet[Publisher]:
    rows = Publisher.objects.for_user(one.user)
    return rows if one.publisher_id is None else rows.filter(pk=one.publisher_id)
