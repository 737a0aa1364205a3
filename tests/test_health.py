"""What those who run the desk are told, and that strangers are told no figures."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from orders import health, status
from orders.models import Delivery, Heartbeat, Order
from tests.api_cast import token
from tests.base import deliver, northlight, order_body, product, store

pytestmark = pytest.mark.django_db

STRANGER = {"REMOTE_ADDR": "192.0.2.7"}


def get(path, **extra):
    return Client().get(path, **extra)


def beat(seconds=0, name="submit"):
    at = timezone.now() - timedelta(seconds=seconds)
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": at})


def test_healthz_says_that_the_web_process_answers(monkeypatch):
    monkeypatch.setattr(health, "figures", None)
    answer = get("/healthz", **STRANGER)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_nothing_but_reading_is_allowed(path):
    assert Client().post(path).status_code == 405


def test_readyz_tells_a_stranger_yes_or_no():
    assert get("/readyz", **STRANGER).json() == {"status": "workers not running"}
    assert get("/readyz", **STRANGER).status_code == 503
    beat()
    answer = get("/readyz", **STRANGER)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(("age", "code"), [(60, 200), (120, 503)])
def test_readyz_wants_a_heartbeat_that_is_not_old(settings, age, code):
    settings.HEARTBEAT_SECONDS = 90
    beat(age)
    assert get("/readyz").status_code == code


def test_readyz_says_that_the_database_is_away(monkeypatch):
    def away():
        raise OperationalError("gone")

    monkeypatch.setattr(health, "figures", away)
    answer = get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "database not reachable"})


def test_readyz_gives_the_figures_on_this_machine():
    publisher = northlight()
    product(publisher, skus=["VTD234-100"])
    store(publisher)
    deliver(order_body())
    deliver(b"[]")
    Order.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=100))
    Delivery.objects.filter(outcome="created").update(outcome="unmatched")
    beat(10)
    answer = get("/readyz").json()
    assert answer["status"] == "ok"
    assert answer["orders"] == {**dict.fromkeys(status.MEANING, 0), "ready": 1}
    assert 99 < answer["oldest_due_seconds"] < 130
    assert 9 < answer["heartbeat_age_seconds"] < 40
    assert answer["deliveries_waiting"] == 2
    assert answer["gateway_open"] == 1


def test_metrics_are_prometheus_text_on_this_machine():
    answer = get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
    lines = answer.content.decode().splitlines()
    assert lines[0] == 'desk_orders{status="held"} 0'
    assert "desk_deliveries_waiting 0" in lines
    assert "desk_gateway_open 1" in lines
    assert not [text for text in lines if text.startswith("desk_heartbeat_age")]


def test_metrics_are_not_for_strangers():
    answer = get("/metrics", **STRANGER)
    assert answer.status_code == 403
    assert answer.content.startswith(b"Metrics are given on this machine, or for an API token")


@pytest.mark.parametrize(("scope", "code"), [("orders:read", 200), ("orders:write", 403)])
def test_a_token_that_reads_orders_sees_the_figures_from_anywhere(scope, code):
    headers = {"Authorization": f"Bearer {token(northlight(), scope)}"}
    assert get("/metrics", **STRANGER, headers=headers).status_code == code
    told = get("/readyz", **STRANGER, headers=headers).json()
    assert ("orders" in told) == (code == 200)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto"])
def test_what_came_through_a_proxy_is_not_on_this_machine(header):
    headers = {header: "https"}
    assert get("/metrics", headers=headers).status_code == 403
    assert get("/readyz", headers=headers).json() == {"status": "workers not running"}


def test_a_claim_to_be_on_this_machine_does_not_count():
    answer = get("/metrics", **STRANGER, headers={"X-Forwarded-For": "127.0.0.1"})
    assert answer.status_code == 403
