"""Tells people of alerts: at once of the grave ones and of their end, once a day of all.

Every message to an address is a row of its own, made once and claimed by a conditional update
before it is sent. An e-mail goes out at most once: it is tried again only where the server was
proved not to have taken it. A webhook is tried again, under the same id, until it is answered 2xx.
"""

from __future__ import annotations

import json
import logging
import smtplib
import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import F
from django.template.loader import render_to_string

from orders import alert_people, clock, outgoing
from orders.alerts import digest_of
from orders.models import Alert, AlertNotice, AlertSubscription
from orders.outgoing import Sent

log = logging.getLogger(__name__)

Channel, Moment = AlertNotice.Channel, AlertNotice.Moment

WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120))
BATCH = 200
NO_MAIL_SERVER = "No mail server is set (EMAIL_URL), so no e-mail is sent."
_NOT_TAKEN = (
    smtplib.SMTPSenderRefused,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPDataError,
)


def tell(stop_at: float) -> int:
    """Write down whom to tell of what, and send it until ``stop_at`` (monotonic); return how many.

    Safe to run twice, and by several at once.
    """
    now = clock.now()
    subscriptions = list(
        AlertSubscription.objects.filter(user__is_active=True, user__is_staff=True)
        .select_related("user", "publisher")
        # Those for all publishers first: what they are told, the others need not be.
        .order_by("user", F("publisher_id").asc(nulls_first=True))
    )
    if subscriptions:
        alert_people.address_alerts(subscriptions, now)
        alert_people.address_digests(subscriptions, now)
    return _send_due(stop_at, now)


def _send_due(stop_at: float, now: datetime) -> int:
    rows = AlertNotice.objects.filter(next_attempt_at__lte=now).select_related(
        "alert__publisher", "subscription__user", "subscription__publisher"
    )
    sent = 0
    for notice in rows.order_by("next_attempt_at", "id")[:BATCH]:
        if time.monotonic() >= stop_at:
            break
        if _claim(notice, now):
            sent += _send(notice)
    return sent


def _claim(notice: AlertNotice, now: datetime) -> bool:
    """Take a notice before it is sent; one that was taken by another meanwhile is left alone."""
    rows = AlertNotice.objects.filter(
        pk=notice.pk, attempts=notice.attempts, next_attempt_at=notice.next_attempt_at
    )
    again = _next(notice, now) if notice.channel == Channel.WEBHOOK else None
    return bool(rows.update(attempts=notice.attempts + 1, next_attempt_at=again))


def _next(notice: AlertNotice, now: datetime) -> datetime | None:
    """Return when a notice is tried again if this attempt fails, or None after the last."""
    return now + WAITS[notice.attempts] if notice.attempts < len(WAITS) else None


def _send(notice: AlertNotice) -> bool:
    rows = AlertNotice.objects.filter(pk=notice.pk)
    why_not = _stale(notice)
    if why_not:
        rows.update(error=why_not, next_attempt_at=None)
        return False
    try:
        send = _by_email if notice.channel == Channel.EMAIL else _by_webhook
        failure, again = send(notice)
    except Exception as error:
        log.exception("Notice %s could not be sent.", notice.pk)
        failure, again = f"The desk failed on it ({type(error).__name__}).", False
    if failure:
        log.warning("Notice %s was not sent: %s", notice.pk, failure)
        at = _next(notice, clock.now()) if again else None
        rows.update(error=failure, next_attempt_at=at)
        return False
    rows.update(error="", sent_at=clock.now(), next_attempt_at=None)
    return True


def _stale(notice: AlertNotice) -> str:
    """Say why a notice is not sent any more; blank where it still is to be."""
    one = notice.subscription
    if not (one.user.is_active and one.user.is_staff):
        return "This person is no longer a member of staff."
    if not any(
        (where["channel"], where["target"]) == (notice.channel, notice.target)
        for where in alert_people.targets(one)
    ):
        return "The address was changed before it could be sent."
    if notice.alert is None:
        return ""
    if not alert_people.seen([notice.alert], one):
        return "This person may no longer see the publisher."
    if notice.moment == Moment.OPENED and notice.alert.closed_at is not None:
        return "It was over before it could be sent."
    return ""


def _by_email(notice: AlertNotice) -> tuple[str, bool]:
    """Send an e-mail; return why it failed (blank: it went out) and whether to try again."""
    told = _content(notice)
    if told is None:
        return "There was nothing to tell.", False
    if settings.EMAIL_BACKEND.endswith(".dummy.EmailBackend"):
        return NO_MAIL_SERVER, False
    subject, context = told
    body = render_to_string(f"alerts/{notice.moment}.txt", context)
    connection = get_connection()
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as error:
        return f"The mail server could not be reached ({type(error).__name__}).", True
    try:
        message = EmailMessage(subject, body, to=[notice.subscription.address])
        message.extra_headers["Auto-Submitted"] = "auto-generated"
        connection.send_messages([message])
    except _NOT_TAKEN as error:
        return f"The mail server did not take it ({type(error).__name__}).", True
    except (OSError, smtplib.SMTPException) as error:
        lost = f"The mail server's answer was lost ({type(error).__name__}), "
        return f"{lost}so it may or may not have arrived.", False
    finally:
        connection.close()
    return "", False


def _by_webhook(notice: AlertNotice) -> tuple[str, bool]:
    """Post a webhook; return why it failed (blank: it was taken) and whether to try again."""
    told = _content(notice)
    if told is None:
        return "There was nothing to tell.", False
    now = clock.now()
    body = json.dumps(
        {
            "type": f"alert.{notice.moment}",
            "timestamp": now.isoformat(),
            "data": _as_json(notice, told[1]),
        }
    ).encode()
    one = notice.subscription
    try:
        headers = outgoing.signed(
            one.webhook_secret, f"msg_{notice.pk}", int(now.timestamp()), body
        )
    except ValueError:
        return "No signing secret is set for the webhook.", False
    sent: Sent = outgoing.post(
        one.webhook_url, body, {"Content-Type": "application/json", **headers}
    )
    return sent.text, sent.http_status != 410


def _as_json(notice: AlertNotice, context: dict[str, Any]) -> Any:
    alerts = [_alert_json(one) for one in context["alerts"]]
    return alerts[0] if notice.alert else {"alerts": alerts}


def _alert_json(alert: Alert) -> dict[str, Any]:
    publisher = alert.publisher
    return {
        "id": alert.pk,
        "kind": alert.kind,
        "publisher": publisher and {"id": publisher.publisher_id, "name": publisher.name},
        "text": alert.text,
        "link": settings.SITE_URL + alert.link,
        "opened_at": alert.opened_at.isoformat(),
        "closed_at": alert.closed_at and alert.closed_at.isoformat(),
    }


def _content(notice: AlertNotice) -> tuple[str, dict[str, Any]] | None:
    """Return the subject and what the text is made of; None for a digest of a good day."""
    alert = notice.alert
    alerts = [alert] if alert else []
    if notice.moment == Moment.DIGEST:
        alerts = alert_people.seen(digest_of(), notice.subscription)
        if not alerts:
            return None
        number = "1 thing" if len(alerts) == 1 else f"{len(alerts)} things"
        subject = f"Fulfilment desk: {number} to look at"
    elif alert is None:
        subject = "Fulfilment desk: this is a trial"
    else:
        over = "Over: " if notice.moment == Moment.OVER else ""
        who = f" ({alert.publisher.name})" if alert.publisher else ""
        subject = f"{over}{alert.get_kind_display()}{who}"
    context = {"alerts": alerts, "site": settings.SITE_URL, "notice": notice}
    # A name with a line break in it must not become a header.
    return " ".join((subject[:1].upper() + subject[1:]).split()), context
