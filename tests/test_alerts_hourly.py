"""What is looked for every hour: projects that nobody orders, and old signing secrets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from orders import alerts, provision
from orders.models import Alert, Delivery, Order, Store
from products.models import Product, Publisher
from tests import admin_cast, base
from tests import alerts_cast as cast
from tests.gateway_cast import sent

pytestmark = pytest.mark.django_db


def review(*, slow: bool = False) -> list[str]:
    """Look once; return the kinds of what is wrong."""
    alerts.review(slow=slow)
    return cast.open_kinds()


def text(kind: str) -> str:
    return Alert.objects.get(kind=kind, closed_at=None).text


class TestProjects:
    def aged(self, north: Publisher, days: float) -> Product:
        film = base.product(north)
        at = timezone.now() - timedelta(days=days)
        Product.objects.filter(pk=film.pk).update(added_at=at)
        return film

    @pytest.mark.parametrize(("days", "found"), [(269, []), (271, ["expiring"])])
    def test_one_that_nobody_ever_ordered(
        self, north: Publisher, days: int, found: list[str]
    ) -> None:
        self.aged(north, days)
        assert review() == []  # it is looked for every hour, not every minute
        assert review(slow=True) == found

    def test_an_order_keeps_it_and_a_test_does_not(self, north: Publisher) -> None:
        film = self.aged(north, 400)
        sent(north, (film, 1), mode="test")
        assert review(slow=True) == ["expiring"]
        order = sent(north, (film, 1))
        assert review(slow=True) == []
        ordered = timezone.now() - timedelta(days=280)
        Order.objects.filter(pk=order.pk).update(accepted_at=ordered)
        assert review(slow=True) == ["expiring"]
        end = ordered + timedelta(days=300)
        assert f"on about {end:%Y-%m-%d}, since nobody ordered it" in text("expiring")

    def test_after_300_days_it_may_be_gone_already(self, north: Publisher) -> None:
        film = self.aged(north, 301)
        review(slow=True)
        assert text("expiring").startswith("TrepStar may have deleted Film 66750 (66750) of ")
        Product.objects.filter(pk=film.pk).update(active=False)
        assert review(slow=True) == []


class TestOldSecret:
    @pytest.fixture
    def store(self, north: Publisher) -> Store:
        base.product(north, skus=["VTD234-100"])
        changed = timezone.now() - timedelta(days=9)
        return base.store(north, webhook_secrets=["new", "old"], secrets_changed_at=changed)

    def delivered(self, store: Store, secret: str, days: float) -> None:
        base.deliver(base.order_body(), secret=secret)
        at = timezone.now() - timedelta(days=days)
        Delivery.objects.filter(pk=Delivery.objects.latest("id").pk).update(received_at=at)

    def test_in_use_it_is_to_be_changed_in_shopify(self, store: Store) -> None:
        self.delivered(store, "old", 0.5)
        assert review(slow=True) == ["secret"]
        assert "still signs with an old secret" in text("secret")

    def test_between_a_day_and_a_week_one_waits(self, store: Store) -> None:
        self.delivered(store, "old", 3)
        assert review(slow=True) == []

    def test_unused_for_a_week_it_is_to_be_forgotten(self, store: Store) -> None:
        self.delivered(store, "old", 8)
        self.delivered(store, "new", 1)
        assert review(slow=True) == ["secret"]
        assert "Tick “Forget all other signing secrets”" in text("secret")
        Store.objects.filter(pk=store.pk).update(webhook_secrets=["new"])
        assert review(slow=True) == []

    def test_a_new_secret_in_the_admin_or_by_provision_is_a_change(self, store: Store) -> None:
        Store.objects.update(secrets_changed_at=None)
        boss = admin_cast.signed_in(admin_cast.colleague("boss", superuser=True))
        form = {"domain": store.domain, "create_on": ["orders/fulfilled"], "mail_rules": "[]"}
        boss.post(admin_cast.page(store), form)
        assert Store.objects.get().secrets_changed_at is None
        boss.post(admin_cast.page(store), {**form, "new_secret": "newest"})
        changed = Store.objects.get().secrets_changed_at
        assert changed is not None
        entry = {"domain": store.domain, "webhook_secrets": ["newest", "new", "old"]}
        provision._store(store.publisher, entry)
        assert Store.objects.get().secrets_changed_at == changed
        provision._store(store.publisher, {**entry, "webhook_secrets": ["other"]})
        assert Store.objects.get().secrets_changed_at > changed

    def test_what_came_before_the_change_tells_nothing(self, store: Store) -> None:
        self.delivered(store, "old", 0.5)
        Store.objects.update(secrets_changed_at=timezone.now())
        assert review(slow=True) == []
