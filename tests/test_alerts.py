"""What is wrong is found, opened once, and closed at its end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from orders import alert_desk, alerts, breaker, clock
from orders.models import (
    Alert,
    Order,
    TurnedAwayMinute,
)
from products.models import Publisher
from tests import alerts_cast as cast
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import sent

pytestmark = pytest.mark.django_db


def review(*, slow: bool = False) -> list[str]:
    """Look once; return the kinds of what is wrong, the clock that tests move apart."""
    alerts.review(slow=slow)
    return [kind for kind in cast.open_kinds() if kind != "clock"]


def text(kind: str) -> str:
    return Alert.objects.get(kind=kind, closed_at=None).text


def test_on_a_good_day_there_is_none(north: Publisher) -> None:
    cast.beat()
    base.place(north, (base.product(north), 1))
    assert review(slow=True) == []


def test_a_refused_login_is_one_alert_however_often_one_looks(north: Publisher) -> None:
    cast.refuse_login(north)
    assert [review() for _ in range(3)] == [["login"]] * 3
    alert = Alert.objects.get()
    assert (alert.publisher, alert.key) == (north, str(north.pk))
    assert alert.text.startswith("TrepStar refuses the login of Northlight Films since 20")
    assert alert.link == f"/admin/products/publisher/{north.pk}/change/"
    cast.accept_login(north)
    assert review() == []
    alert.refresh_from_db()
    assert (alert.closed_at is not None, alert.settled) == (True, False)


def test_what_comes_back_within_half_an_hour_is_the_same_alert(
    north: Publisher, desk_clock: Clock
) -> None:
    cast.refuse_login(north)
    review()
    cast.accept_login(north)
    review()
    desk_clock.forward(29 * 60)
    cast.refuse_login(north)
    assert review() == ["login"]
    assert Alert.objects.filter(kind="login").count() == 1


def test_what_comes_back_later_is_another(north: Publisher, desk_clock: Clock) -> None:
    cast.refuse_login(north)
    review()
    cast.accept_login(north)
    review()
    desk_clock.forward(31 * 60)
    review()
    assert Alert.objects.get(kind="login").settled
    cast.refuse_login(north)
    assert review() == ["login"]
    assert Alert.objects.filter(kind="login").count() == 2


def test_trepstar_down_asking_stopped_and_recovery_mode() -> None:
    now = clock.now()
    breaker.note(open_since=now, sync_stopped_at=now, recovery_since=now)
    assert review() == ["asking", "gateway", "recovery"]
    breaker.note(open_since=None, sync_stopped_at=None, recovery_since=None)
    assert review() == []


def test_silent_workers_and_one_silent_group_among_others() -> None:
    cast.beat(200, "first")
    cast.beat(400, "second")
    assert review() == ["workers"]
    assert "so nothing is sent" in text("workers")
    cast.beat(10, "first")
    assert review() == ["worker"]
    assert text("worker").startswith("The workers “second” have been silent since ")
    cast.beat(10, "second")
    assert review() == []


@pytest.mark.parametrize(("wrong", "found"), [(9, []), (10, ["signatures"])])
def test_ten_wrong_signatures_in_ten_minutes(
    north: Publisher, desk_clock: Clock, wrong: int, found: list[str]
) -> None:
    base.store(north)
    for number in range(wrong):
        domain = None if number % 2 else "northlight.myshopify.com"
        assert base.deliver(base.order_body(), secret="wrong", domain=domain).status_code == 401
    assert review() == found
    assert sum(TurnedAwayMinute.objects.values_list("count", flat=True)) == wrong
    desk_clock.forward(11 * 60)
    assert review() == []


def test_wrong_signatures_of_strangers_to_all_publishers_are_no_alert(north: Publisher) -> None:
    for _ in range(12):
        base.deliver(base.order_body(), idpub="99999")
    assert review() == []
    assert not TurnedAwayMinute.objects.exists()


def test_an_order_that_should_have_gone_an_hour_ago(north: Publisher, desk_clock: Clock) -> None:
    order = base.place(north, (base.product(north), 1))
    desk_clock.forward(59 * 60)
    assert review() == []
    desk_clock.forward(120)
    assert review() == ["backlog"]
    assert Alert.objects.get(kind="backlog").link.endswith(f"={north.pk}&status__exact=ready")
    Publisher.objects.update(paused_at=clock.now())
    assert review() == []
    Publisher.objects.update(paused_at=None)
    breaker.note(open_since=clock.now())
    assert review() == ["gateway"]
    assert order.status == "ready"


@pytest.mark.parametrize(
    ("code", "kind"), [("000002", "developer"), ("000101", "developer"), ("000505", "product")]
)
def test_refusals_that_are_no_matter_of_one_order(north: Publisher, code: str, kind: str) -> None:
    order = sent(north, (base.product(north), 1))
    Order.objects.filter(pk=order.pk).update(status="refused", gateway_error_number=code)
    assert review() == sorted([kind, "orders"])
    assert text(kind).startswith(f"An order of Northlight Films was refused with {code}")
    Order.objects.filter(pk=order.pk).update(status="cancelled")
    assert review() == []


def test_a_refusal_that_staff_mend_is_none_of_them(north: Publisher) -> None:
    order = sent(north, (base.product(north), 1))
    Order.objects.filter(pk=order.pk).update(status="refused", gateway_error_number="000013")
    assert review() == ["orders"]


def test_what_waits_for_a_person_is_counted_anew_each_time(north: Publisher) -> None:
    film = base.product(north, skus=["VTD234-100"])
    base.store(north)
    base.deliver(base.order_body(base.line("UNKNOWN")))
    for _ in range(2):
        base.place(north, (film, 1), hold_reason="staff", hold_note="Wait.")
    assert review() == ["orders", "unmatched"]
    told = "2 orders wait for a person at Northlight Films: held, refused or in trouble."
    assert text("orders") == told
    assert text("unmatched").startswith("1 delivery waits for a person at Northlight Films")
    Order.objects.filter(pk=Order.objects.first().pk).update(status="cancelled", hold_reason="")
    review()
    assert text("orders").startswith("1 order waits for a person")
    assert Alert.objects.count() == 2


def test_a_clock_that_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    real = timezone.now
    monkeypatch.setattr(alert_desk.timezone, "now", lambda: real() + timedelta(seconds=60))
    monkeypatch.setattr(clock, "now", real)
    alerts.review()
    assert cast.open_kinds() == ["clock"]
    assert text("clock").startswith("A worker's clock and the database's are 60 seconds apart.")


def test_a_finder_that_fails_stops_no_other_and_closes_nothing(
    north: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.refuse_login(north)
    review()

    def fail(now: object) -> None:
        raise RuntimeError("spoilt")

    monkeypatch.setitem(alerts.QUICK, "login", fail)
    breaker.note(open_since=clock.now())
    assert review() == ["gateway", "login"]


def test_the_number_of_queries_does_not_grow_with_what_is_wrong(
    north: Publisher, django_assert_max_num_queries: object
) -> None:
    for number in range(30):
        Publisher.objects.create(
            publisher_id=str(number), name=f"P{number}", login_email=f"p{number}@x.example",
            invoice_prefix=f"P{number}", login_refused_at=timezone.now(),
        )  # fmt: skip
    review()
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        assert review() == ["login"] * 30


def test_old_alerts_are_forgotten(north: Publisher) -> None:
    now = clock.now()
    for days, settled in ((91, True), (91, False), (89, True)):
        closed = now - timedelta(days=days)
        cast.opened("silent", key=f"{days}{settled}", closed_at=closed, settled=settled)
    alerts.forget_old()
    assert sorted(Alert.objects.values_list("key", flat=True)) == ["89True", "91False"]
