"""Who is told of an alert, of its end, and once a day; never twice for the same cause."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import mail
from django.test import override_settings

from orders import alerts, clock
from orders.models import Alert, AlertNotice, AlertSubscription, Heartbeat
from products.models import Publisher
from tests import alerts_cast as cast
from tests import base
from tests.alerts_cast import told_person
from tests.conftest import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def south() -> Publisher:
    return base.southwind()


def at_hour(monkeypatch: pytest.MonkeyPatch, hour: int, day: int = 20) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, day, hour, 5, tzinfo=UTC))


def test_a_grave_one_is_told_at_once_and_once(north: Publisher) -> None:
    told_person("ana", north)
    cast.refuse_login(north)
    for _ in range(3):
        cast.a_minute()
    assert cast.subjects() == ["TrepStar refuses a login (Northlight Films)"]
    (message,) = mail.outbox
    assert (message.to, message.from_email) == (["ana@x.example"], "desk@localhost")
    assert message.body.startswith("TrepStar refuses the login of Northlight Films since 20")
    assert f"On the desk: /admin/products/publisher/{north.pk}/change/" in message.body
    assert message.extra_headers == {"Auto-Submitted": "auto-generated"}
    assert base.PASSWORD not in message.body


@override_settings(SITE_URL="https://desk.example")
def test_links_are_whole_where_the_desk_knows_its_address(north: Publisher) -> None:
    told_person("ana", north)
    cast.refuse_login(north)
    cast.a_minute()
    where = f"https://desk.example/admin/products/publisher/{north.pk}/change/"
    assert where in mail.outbox[0].body
    assert "https://desk.example/admin/orders/alertsubscription/" in mail.outbox[0].body


def test_its_end_is_told_once_it_has_been_over_for_half_an_hour(
    north: Publisher, desk_clock: Clock
) -> None:
    told_person("ana", north)
    cast.refuse_login(north)
    cast.a_minute()
    cast.accept_login(north)
    cast.a_minute()
    desk_clock.forward(20 * 60)
    cast.a_minute()
    assert len(mail.outbox) == 1
    desk_clock.forward(11 * 60)
    for _ in range(2):
        cast.a_minute()
    assert cast.subjects()[1:] == ["Over: TrepStar refuses a login (Northlight Films)"]
    assert mail.outbox[1].body.startswith("This is over since 20")


def test_workers_that_were_taken_out_of_service_are_not_called_mended(desk_clock: Clock) -> None:
    told_person("root", superuser=True)
    cast.beat(200, "gone")
    cast.beat(0, "here")
    cast.a_minute()
    Heartbeat.objects.filter(name="gone").delete()
    cast.a_minute()
    desk_clock.forward(31 * 60)
    cast.beat(0, "here")
    cast.a_minute()
    assert cast.subjects() == ["A worker has stopped"]


def test_flapping_is_told_once(north: Publisher, desk_clock: Clock) -> None:
    told_person("ana", north)
    for _ in range(4):
        cast.refuse_login(north)
        cast.a_minute()
        cast.accept_login(north)
        cast.a_minute()
        desk_clock.forward(20 * 60)
    assert len(mail.outbox) == 1


def test_people_are_told_of_their_publishers_and_of_the_whole_desk(
    north: Publisher, south: Publisher
) -> None:
    told_person("ana", north)
    told_person("bo", south)
    told_person("cy", north, south, publisher=south)
    told_person("root", superuser=True)
    told_person("nobody")
    cast.opened("login", north)
    cast.send()
    assert cast.recipients() == ["ana@x.example", "root@x.example"]
    mail.outbox.clear()
    cast.opened("gateway")
    cast.send()
    everybody = ["ana", "bo", "cy", "nobody", "root"]
    assert cast.recipients() == [f"{name}@x.example" for name in everybody]


def test_a_subscription_to_a_publisher_one_may_no_longer_see_tells_nothing(
    north: Publisher,
) -> None:
    one = told_person("ana", north, publisher=north)
    north.staff.remove(one.user)
    cast.opened("login", north)
    cast.send()
    assert mail.outbox == []


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
def test_former_colleagues_are_told_nothing(north: Publisher, change: dict[str, bool]) -> None:
    one = told_person("ana", north)
    type(one.user).objects.filter(pk=one.user_id).update(**change)
    cast.opened("login", north)
    cast.send()
    assert (mail.outbox, AlertNotice.objects.count()) == ([], 0)


def test_two_subscriptions_with_one_address_are_told_once(
    north: Publisher, south: Publisher
) -> None:
    one = told_person("ana", north, south, publisher=north, email="Desk@x.example")
    AlertSubscription.objects.create(
        user=one.user, publisher=south, email="desk@x.example", digest=False
    )
    told_person("bo", north, email="desk@x.example")
    cast.opened("gateway")
    for _ in range(2):
        cast.send()
    assert len(mail.outbox) == 1


def test_what_is_not_grave_or_not_wanted_at_once_waits_for_the_digest(north: Publisher) -> None:
    told_person("ana", north)
    told_person("bo", north, at_once=False)
    cast.opened("orders", north)
    cast.opened("expiring", north)
    cast.send()
    assert mail.outbox == []
    cast.opened("login", north)
    cast.send()
    assert cast.recipients() == ["ana@x.example"]


def test_whoever_wants_no_email_gets_none(north: Publisher) -> None:
    told_person("ana", north, by_email=False)
    cast.opened("login", north)
    cast.send()
    assert AlertNotice.objects.count() == 0


class TestDigest:
    def test_it_comes_once_a_day_from_its_hour_on(
        self, north: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told_person("ana", north, digest=True, digest_hour=9, at_once=False)
        cast.opened("expiring", north, text="A project will be deleted.")
        cast.opened("orders", north, text="3 orders wait for a person.", link="/admin/orders/")
        cast.opened("login", north, text="The login is refused.")
        at_hour(monkeypatch, 8)
        cast.send()
        assert mail.outbox == []
        at_hour(monkeypatch, 9)
        cast.send()
        at_hour(monkeypatch, 15)
        cast.send()
        (message,) = mail.outbox
        assert message.subject == "Fulfilment desk: 3 things to look at"
        lines = [line for line in message.body.splitlines() if line.startswith("- ")]
        assert lines == [
            "- The login is refused.",
            "- 3 orders wait for a person.",
            "- A project will be deleted.",
        ]
        assert "  On the desk: /admin/orders/" in message.body
        at_hour(monkeypatch, 9, day=21)
        cast.send()
        assert len(mail.outbox) == 2

    @override_settings(TIME_ZONE="America/New_York")
    def test_its_hour_is_that_of_the_desk(
        self, north: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told_person("ana", north, digest=True, digest_hour=7, at_once=False)
        cast.opened("orders", north)
        at_hour(monkeypatch, 11)  # six in the morning in New York
        cast.send()
        assert mail.outbox == []
        at_hour(monkeypatch, 12)
        cast.send()
        assert len(mail.outbox) == 1

    def test_on_a_good_day_nothing_is_sent(
        self, north: Publisher, south: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told_person("ana", north, digest=True)
        cast.opened("orders", south)
        at_hour(monkeypatch, 9)
        cast.send()
        assert mail.outbox == []

    def test_one_for_all_publishers_covers_the_others_of_its_address(
        self, north: Publisher, south: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = told_person("ana", north, south, digest=True)
        other: dict[str, Any] = {"user": one.user, "digest": True}
        AlertSubscription.objects.create(publisher=north, **other)
        AlertSubscription.objects.create(publisher=south, email="music@x.example", **other)
        cast.opened("orders", north, text="North.")
        cast.opened("orders", south, text="South.")
        at_hour(monkeypatch, 9)
        cast.send()
        found = {m.to[0]: ("North." in m.body, "South." in m.body) for m in mail.outbox}
        assert found == {"ana@x.example": (True, True), "music@x.example": (False, True)}
        assert len(mail.outbox) == 2


def test_a_name_with_a_line_break_becomes_no_header(north: Publisher) -> None:
    Publisher.objects.update(name="North\r\nBcc: x@evil.example & <b>")
    told_person("ana", north)
    cast.opened("login", north, text="The login of North & <b> is refused.")
    cast.send()
    assert cast.subjects() == ["TrepStar refuses a login (North Bcc: x@evil.example & <b>)"]
    assert "North & <b> is refused." in mail.outbox[0].body


def test_what_is_wrong_is_found_and_told_in_one_task_and_the_hourly_one(
    north: Publisher,
) -> None:
    told_person("ana", north, superuser=True)
    cast.beat(600)
    cast.a_minute()
    assert cast.subjects() == ["The workers have stopped"]
    alerts.review(slow=True)
    assert Alert.objects.count() == 1
