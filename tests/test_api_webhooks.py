"""``webhooks/`` of the REST API: made with a secret shown once, changed, read, replayed."""

from __future__ import annotations

from typing import Any

import pytest
from django_q.models import OrmQ

from orders.models import HookMessage, HookSubscription, IdempotencyKey
from tests import api_cast
from tests.api_cast import Shop, problem

pytestmark = pytest.mark.django_db

FORM = {"url": "https://shop.example/told", "events": ["order.shipped", "order.created"]}


@pytest.fixture
def shop() -> Shop:
    return Shop()


def made(shop: Shop, **values: Any) -> Any:
    return shop.program.post("webhooks/", {**FORM, **values}).json()


def test_its_secret_is_shown_when_it_is_made_and_never_again(shop: Shop) -> None:
    answer = shop.program.post("webhooks/", FORM)
    row = HookSubscription.objects.get()
    data = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://testserver/api/v1/webhooks/{row.pk}/"
    assert data["secret"] == row.secret.reveal()
    assert (data["events"], data["state"]) == (["order.created", "order.shipped"], "active")
    for path in ("webhooks/", f"webhooks/{row.pk}/"):
        assert "whsec_" not in shop.program.get(path).content.decode()


def test_a_lost_answer_is_repeated_with_its_secret_which_is_not_saved(shop: Shop) -> None:
    key = api_cast.key()
    first = shop.program.post("webhooks/", FORM, idempotency_key=key)
    again = shop.program.post("webhooks/", FORM, idempotency_key=key)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert HookSubscription.objects.count() == 1
    assert "whsec_" not in IdempotencyKey.objects.get().body


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"url": "https://10.0.0.1/x"}, ("url", "url")),
        ({"url": "http://shop.example/x"}, ("url", "url")),
        ({"url": "https://me:pw@shop.example/"}, ("url", "url")),
        ({"events": []}, ("events", "min_length")),
        ({"events": ["order.eaten"]}, ("events[0]", "invalid_choice")),
        ({"active": True}, ("active", "unknown")),
        ({"secret": "whsec_x"}, ("secret", "unknown")),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_made(
    shop: Shop, change: Any, wrong: tuple[str, str]
) -> None:
    status, kind, errors = problem(shop.program.post("webhooks/", {**FORM, **change}))
    assert (status, kind) == (400, "invalid")
    assert wrong[1] in [code for _, code in errors]
    assert HookSubscription.objects.count() == 0


def test_it_is_switched_off_and_on_and_deleted(shop: Shop) -> None:
    where = f"webhooks/{made(shop)['id']}/"
    assert shop.program.patch(where, {"active": False}).json()["state"] == "off"
    shop.placed()
    assert HookMessage.objects.count() == 0
    changed = shop.program.patch(where, {"active": True, "events": ["order.created"]}).json()
    assert (changed["state"], changed["events"]) == ("active", ["order.created"])
    shop.publisher.refresh_from_db()
    shop.placed()
    assert HookMessage.objects.count() == 1
    assert problem(shop.program.patch(where, {}))[0] == 400
    assert shop.program.send("DELETE", where).status_code == 204
    assert problem(shop.program.get(where))[0] == 404
    assert shop.program.get("webhooks/").json()["results"] == []


def test_messages_are_listed_and_replayed(shop: Shop) -> None:
    where = f"webhooks/{made(shop)['id']}/messages/"
    shop.publisher.refresh_from_db()
    order = shop.placed()
    HookMessage.objects.update(next_attempt_at=None, attempts=8, last_status=500)
    [one] = shop.program.get(where).json()["results"]
    assert (one["type"], one["invoice"], one["state"]) == (
        "order.created",
        order.invoice,
        "failed",
    )
    assert shop.program.get(f"{where}?state=delivered").json()["results"] == []
    assert len(shop.program.get(f"{where}?state=failed").json()["results"]) == 1
    again = shop.program.post(f"{where}{one['id']}/replay/")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (
        202,
        "waiting",
        0,
    )
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["orders.tasks.deliver_hooks"]


def test_a_webhook_that_is_off_replays_nothing(shop: Shop) -> None:
    where = f"webhooks/{made(shop)['id']}/"
    shop.publisher.refresh_from_db()
    shop.placed()
    HookMessage.objects.update(next_attempt_at=None)
    shop.program.patch(where, {"active": False})
    row = HookMessage.objects.get()
    assert problem(shop.program.post(f"{where}messages/{row.pk}/replay/")) == (409, "not-now", [])
    row.refresh_from_db()
    assert row.next_attempt_at is None
