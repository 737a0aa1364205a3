"""Alerts by webhook: signed JSON, tried again under the same id until it is taken."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from orders import alert_sending, outgoing
from orders.models import AlertNotice, AlertSubscription
from orders.outgoing import Sent
from products.models import Publisher
from tests import alerts_cast as cast
from tests.alerts_cast import told_person
from tests.conftest import Clock

pytestmark = pytest.mark.django_db

SECRET = "whsec_" + b64encode(b"s" * 24).decode()
HOOK = "https://hooks.example/desk"


def notice() -> AlertNotice:
    return AlertNotice.objects.get()


class TestWebhook:
    @pytest.fixture
    def posted(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """What was posted; the next answers are taken from ``answers``."""
        found: list[Any] = []
        self.answers = [Sent(True, 200)]

        def post(url: str, body: bytes, headers: dict[str, str]) -> Sent:
            found.append((url, body, headers))
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

        monkeypatch.setattr(outgoing, "post", post)
        return found

    def hooked(self, north: Publisher, **values: Any) -> AlertSubscription:
        return told_person(
            "ana", north, by_email=False, webhook_url=HOOK, webhook_secret=SECRET, **values
        )

    def test_it_is_json_and_signed(self, north: Publisher, posted: list[Any]) -> None:
        self.hooked(north)
        alert = cast.opened("login", north, text="Refused.", link="/admin/")
        assert (cast.send(), cast.send()) == (1, 0)
        ((url, body, headers),) = posted
        assert url == HOOK
        found = json.loads(body)
        assert found["type"] == "alert.opened"
        assert found["data"] == {
            "id": alert.pk,
            "kind": "login",
            "publisher": {"id": "66870", "name": "Northlight Films"},
            "text": "Refused.",
            "link": "/admin/",
            "opened_at": alert.opened_at.isoformat(),
            "closed_at": None,
        }
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = b64encode(hmac.new(b"s" * 24, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{mac}"
        assert headers["Content-Type"] == "application/json"

    def test_it_is_tried_again_under_the_same_id(
        self, north: Publisher, posted: list[Any], desk_clock: Clock
    ) -> None:
        self.hooked(north)
        cast.opened("login", north)
        broken = Sent(False, 500, "The address answered with HTTP status 500.")
        self.answers[:] = [broken, broken, Sent(True, 204)]
        assert cast.send() == 0
        assert notice().error == broken.text
        assert cast.send() == 0  # it is not yet time
        for seconds in (61, 301):
            desk_clock.forward(seconds)
            cast.send()
        assert len(posted) == 3
        assert len({headers["webhook-id"] for _, _, headers in posted}) == 1
        assert (notice().error, notice().sent_at is not None) == ("", True)

    def test_a_sender_that_died_is_followed_by_another_try(
        self, north: Publisher, posted: list[Any], desk_clock: Clock
    ) -> None:
        self.hooked(north)
        cast.opened("login", north)
        with pytest.MonkeyPatch.context() as dying:
            dying.setattr(alert_sending, "_send", lambda one: 0)
            cast.send()
        desk_clock.forward(61)
        assert cast.send() == 1

    def test_gone_means_never_again(
        self, north: Publisher, posted: list[Any], desk_clock: Clock
    ) -> None:
        self.hooked(north)
        cast.opened("login", north)
        self.answers[:] = [Sent(False, 410, "The address answered with HTTP status 410.")]
        cast.send()
        desk_clock.forward(timedelta(days=1).total_seconds())
        cast.send()
        assert len(posted) == 1

    def test_a_digest_is_one_message_with_all(self, north: Publisher, posted: list[Any]) -> None:
        self.hooked(north, digest=True, digest_hour=0, at_once=False)
        cast.opened("orders", north, text="One.")
        cast.opened("expiring", north, text="Two.")
        cast.send()
        ((_, body, _),) = posted
        found = json.loads(body)
        assert found["type"] == "alert.digest"
        assert [one["text"] for one in found["data"]["alerts"]] == ["One.", "Two."]

    def test_the_secret_is_encrypted_at_rest_and_in_no_message(
        self, north: Publisher, posted: list[Any]
    ) -> None:
        self.hooked(north)
        cast.opened("login", north)
        cast.send()
        assert SECRET not in str(posted)
        raw = AlertSubscription.objects.values_list("webhook_secret", flat=True).get()
        assert SECRET not in str(raw)
