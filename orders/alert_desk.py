"""Causes of alerts in the desk itself: its gateway, logins, stores, workers and clocks.

Each function returns the causes of its kinds that hold now.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Min, Sum
from django.utils import timezone

from orders import breaker, clock, status, submission
from orders.alert_cause import Cause, orders_of, page, when
from orders.models import Alert, Heartbeat, TurnedAwayMinute
from orders.silence import silent_stores
from products.models import Publisher

Kind = Alert.Kind

LATE = timedelta(minutes=3)
MANY_WRONG = 10
WRONG_WITHIN = timedelta(minutes=10)
BACKLOG = timedelta(hours=1)
SKEW = timedelta(seconds=5)


def of_gateway(now: datetime) -> list[Cause]:
    """TrepStar is down, is asked no more, or is asked first since the database was restored."""
    gateway = breaker.state()
    link = page("orders_gateway_change", gateway.pk)
    found = []
    if gateway.open_since:
        found.append(
            Cause(
                Kind.GATEWAY,
                "gateway",
                f"TrepStar has not answered since {when(gateway.open_since)}. Orders wait; "
                "nothing is lost, and they go out by themselves.",
                link=link,
            )
        )
    if gateway.sync_stopped_at:
        found.append(
            Cause(
                Kind.ASKING,
                "asking",
                f"TrepStar is not asked for news since {when(gateway.sync_stopped_at)}, because "
                "it did not know the question (error 100). Only a developer can mend that; then "
                "press “Ask TrepStar again” on the gateway's page.",
                link=link,
            )
        )
    if gateway.recovery_since:
        found.append(
            Cause(
                Kind.RECOVERY,
                "recovery",
                f"Recovery mode is on since {when(gateway.recovery_since)}: TrepStar is asked "
                "for every order before it is sent. Switch it off once the restored orders are "
                "settled.",
                link=link,
            )
        )
    return found


def of_logins(now: datetime) -> list[Cause]:
    return [
        Cause(
            Kind.LOGIN,
            str(one.pk),
            f"TrepStar refuses the login of {one.name} since {when(one.login_refused_at)}. "
            "Its orders wait. Enter the account's present e-mail and password, then check it.",
            one.pk,
            page("products_publisher_change", one.pk),
        )
        for one in Publisher.objects.filter(login_refused_at__isnull=False)
        if one.login_refused_at
    ]


def of_stores(now: datetime) -> list[Cause]:
    return [
        Cause(
            Kind.SILENT,
            str(store.pk),
            f"{store.domain} has sent nothing since {when(last)}; before that it sent every "
            f"{_span(gap)}. Look in Shopify whether its webhook is still there.",
            store.publisher_id,
            page("orders_store_change", store.pk),
        )
        for store, last, gap in silent_stores(Publisher.objects.all(), now)
    ]


def _span(gap: timedelta) -> str:
    minutes = max(1, round(gap.total_seconds() / 60))
    for size, word in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            number = round(minutes / size)
            return word if number == 1 else f"{number} {word}s"
    return ""


def of_workers(now: datetime) -> list[Cause]:
    """All workers are silent, or a group of them ended without saying so while others go on."""
    beats = dict(Heartbeat.objects.values_list("name", "beat_at"))
    silent = {name: at for name, at in beats.items() if now - at > LATE}
    link = page("orders_heartbeat_changelist")
    if beats and len(silent) == len(beats):
        text = (
            f"The workers have been silent since {when(max(beats.values()))}, so nothing is "
            "sent. Start them again; /readyz says when they are back."
        )
        return [Cause(Kind.WORKERS, "workers", text, link=link)]
    return [
        Cause(
            Kind.WORKER,
            name,
            f"The workers “{name}” have been silent since {when(at)}; others go on. If they were "
            "not taken out of service, start them again.",
            link=link,
        )
        for name, at in silent.items()
    ]


def of_signatures(now: datetime) -> list[Cause]:
    """Row 6: ten requests with a wrong signature within ten minutes."""
    rows = (
        TurnedAwayMinute.objects.filter(minute__gt=now - WRONG_WITHIN)
        .values_list("publisher", "publisher__name")
        .annotate(number=Sum("count"))
        .filter(number__gte=MANY_WRONG)
        .order_by("publisher")
    )
    return [
        Cause(
            Kind.SIGNATURES,
            str(publisher),
            f"At least {MANY_WRONG} requests with a wrong signature came for "
            f"{name} within ten minutes, and were turned away. If the signing "
            "secret was changed in Shopify, enter the new one on the store's page; Shopify tries "
            "for four hours.",
            publisher,
            page("orders_store_changelist", query=f"publisher__id__exact={publisher}"),
        )
        for publisher, name, _ in rows
    ]


def of_backlog(now: datetime) -> list[Cause]:
    """Orders that were due an hour ago although nothing stops them. TrepStar down is its own."""
    if breaker.is_open():
        return []
    rows = (
        submission.due(now - BACKLOG)
        .order_by()
        .values_list("publisher", "publisher__name")
        .annotate(oldest=Min("next_attempt_at"))
        .order_by("publisher")
    )
    return [
        Cause(
            Kind.BACKLOG,
            str(publisher),
            f"An order of {name} should have gone out on "
            f"{when(oldest)} and still waits, although nothing is paused. "
            "See whether the workers run and keep up.",
            publisher,
            orders_of(publisher, status.READY),
        )
        for publisher, name, oldest in rows
    ]


def of_clock(now: datetime) -> list[Cause]:
    """Row 33: this machine's clock and the database's are apart."""
    apart = abs(timezone.now() - clock.now())
    if apart <= SKEW:
        return []
    text = (
        f"A worker's clock and the database's are {apart.total_seconds():.0f} seconds apart. "
        "The desk goes by the database's; set the machine's clock right."
    )
    return [Cause(Kind.CLOCK, "clock", text)]
