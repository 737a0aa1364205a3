"""What the tests of alerts share: people who want to be told, and what the desk told them."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.core import mail
from django.utils import timezone

from orders import alert_sending, clock, tasks
from orders.models import Alert, AlertSubscription, Heartbeat
from products.models import Publisher
from tests import admin_cast as cast


def told_person(name: str, *publishers: Publisher, **values: Any) -> AlertSubscription:
    """A colleague who wants to be told, of all publishers unless ``publisher`` is given."""
    superuser = values.pop("superuser", False)
    user = cast.colleague(name, *publishers, may="view", superuser=superuser)
    return AlertSubscription.objects.create(user=user, **{"digest": False, **values})


def refuse_login(publisher: Publisher) -> None:
    Publisher.objects.filter(pk=publisher.pk).update(login_refused_at=clock.now())


def accept_login(publisher: Publisher) -> None:
    Publisher.objects.filter(pk=publisher.pk).update(login_refused_at=None)


def beat(seconds: float = 0, name: str = "worker-1") -> None:
    at = clock.now() - timedelta(seconds=seconds)
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": at})


def a_minute() -> None:
    """What the worker does every minute."""
    tasks.alert()


def send() -> int:
    return alert_sending.tell(time.monotonic() + 10)


def subjects() -> list[str]:
    return [message.subject for message in mail.outbox]


def recipients() -> list[str]:
    return sorted(message.to[0] for message in mail.outbox)


def opened(kind: str = "login", publisher: Publisher | None = None, **values: Any) -> Alert:
    """An alert that is open, as ``review`` would have made it."""
    key = str(publisher.pk) if publisher else kind
    defaults = {"text": f"Something is wrong: {kind}.", "opened_at": timezone.now(), "key": key}
    return Alert.objects.create(kind=kind, publisher=publisher, **{**defaults, **values})


def open_kinds() -> list[str]:
    return sorted(Alert.objects.open().values_list("kind", flat=True))
