"""How a message goes out: claimed before it is sent, and what each failure comes to."""

from __future__ import annotations

import smtplib
import time
from base64 import b64encode
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import override_settings

from orders import alert_sending, clock
from orders.models import AlertNotice, AlertSubscription
from products.models import Publisher
from tests import alerts_cast as cast
from tests.alerts_cast import told_person
from tests.conftest import Clock

pytestmark = pytest.mark.django_db

SECRET = "whsec_" + b64encode(b"s" * 24).decode()
HOOK = "https://hooks.example/desk"


class Faulty(EmailBackend):
    """A mail server that fails as it is told, when it is opened or when it gets a message."""

    on_open: Exception | None = None
    on_send: Exception | None = None
    tries = 0

    def open(self) -> None:
        type(self).tries += 1
        if self.on_open:
            raise self.on_open

    def send_messages(self, messages: Any) -> int:
        if self.on_send:
            raise self.on_send
        return super().send_messages(messages)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> type[Faulty]:
    one = type("One", (Faulty,), {"tries": 0})
    monkeypatch.setattr(alert_sending, "get_connection", one)
    monkeypatch.setattr("django.core.mail.get_connection", one)
    return one


def notice() -> AlertNotice:
    return AlertNotice.objects.get()


@pytest.mark.parametrize(
    ("when", "error", "again"),
    [
        ("on_open", ConnectionRefusedError(), True),
        ("on_open", TimeoutError(), True),
        ("on_open", smtplib.SMTPAuthenticationError(535, b"canary-password"), True),
        ("on_send", smtplib.SMTPRecipientsRefused({}), True),
        ("on_send", smtplib.SMTPDataError(451, b"later"), True),
        ("on_send", smtplib.SMTPServerDisconnected("gone"), False),
        ("on_send", TimeoutError(), False),
        ("on_send", ConnectionResetError(), False),
    ],
)
def test_an_email_is_tried_again_only_where_it_was_not_taken(
    north: Publisher,
    faulty: type[Faulty],
    desk_clock: Clock,
    when: str,
    error: Exception,
    again: bool,
) -> None:
    told_person("ana", north)
    cast.opened("login", north)
    setattr(faulty, when, error)
    assert cast.send() == 0
    found = notice()
    assert (found.sent_at, found.attempts) == (None, 1)
    assert type(error).__name__ in found.error
    assert "canary" not in found.error
    assert (found.next_attempt_at is not None) is again
    setattr(faulty, when, None)
    desk_clock.forward(61)
    assert cast.send() == int(again)
    assert len(mail.outbox) == int(again)


def test_after_five_tries_it_is_given_up(
    north: Publisher, faulty: type[Faulty], desk_clock: Clock
) -> None:
    told_person("ana", north)
    cast.opened("login", north)
    faulty.on_open = ConnectionRefusedError()
    waits = []
    for _ in range(8):
        cast.send()
        found = notice()
        if found.next_attempt_at:
            waits.append(round((found.next_attempt_at - clock.now()).total_seconds() / 60))
        desk_clock.forward(3 * 3600)
    assert (faulty.tries, waits) == (5, [1, 5, 30, 120])


def test_a_sender_that_died_after_its_claim_sends_no_second_email(
    north: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_person("ana", north)
    cast.opened("login", north)

    def die(notice: AlertNotice) -> bool:
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(alert_sending, "_send", die)
        with pytest.raises(SystemExit):
            cast.send()
    assert (cast.send(), mail.outbox) == (0, [])


def test_of_two_senders_with_the_same_row_one_sends(north: Publisher) -> None:
    told_person("ana", north)
    cast.opened("login", north)
    now = clock.now()
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend"):
        cast.send()
    AlertNotice.objects.update(attempts=0, next_attempt_at=now, error="")
    first, second = notice(), notice()
    assert [alert_sending._claim(one, now) for one in (first, second)] == [True, False]


def test_without_a_mail_server_that_is_said(north: Publisher) -> None:
    told_person("ana", north)
    cast.opened("login", north)
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend"):
        assert cast.send() == 0
    told = "No mail server is set (EMAIL_URL), so no e-mail is sent."
    assert (notice().error, notice().next_attempt_at) == (told, None)


def test_what_is_over_before_it_could_be_sent_is_not_sent(
    north: Publisher, faulty: type[Faulty], desk_clock: Clock
) -> None:
    told_person("ana", north)
    alert = cast.opened("login", north)
    faulty.on_open = ConnectionRefusedError()
    cast.send()
    type(alert).objects.update(closed_at=clock.now())
    faulty.on_open = None
    desk_clock.forward(61)
    assert cast.send() == 0
    assert notice().error == "It was over before it could be sent."


def test_a_changed_address_gets_it_and_the_old_one_does_not(
    north: Publisher, faulty: type[Faulty], desk_clock: Clock
) -> None:
    one = told_person("ana", north)
    cast.opened("login", north)
    faulty.on_open = ConnectionRefusedError()
    cast.send()
    faulty.on_open = None
    AlertSubscription.objects.filter(pk=one.pk).update(email="new@x.example")
    desk_clock.forward(61)
    cast.send()
    assert cast.recipients() == ["new@x.example"]


def test_the_time_for_telling_is_kept(north: Publisher) -> None:
    told_person("ana", north)
    cast.opened("login", north)
    assert alert_sending.tell(time.monotonic() - 1) == 0
    assert notice().attempts == 0
    assert cast.send() == 1


def test_an_error_of_ours_ends_with_its_name_and_stops_no_other(
    north: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_person("ana", north)
    told_person("bo", north)
    cast.opened("login", north)
    real = alert_sending._by_email

    def fail(notice: AlertNotice) -> Any:
        if notice.target.startswith("ana"):
            raise ValueError("canary")
        return real(notice)

    monkeypatch.setattr(alert_sending, "_by_email", fail)
    assert cast.send() == 1
    failed = AlertNotice.objects.get(target="ana@x.example")
    assert failed.error == "The desk failed on it (ValueError)."
