"""Alerts in the admin: everybody chooses for themselves, and sees what concerns them."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from orders.banners import banners
from orders.models import Alert, AlertNotice, AlertSubscription
from products.models import Product, Publisher
from products.roles import ROLES
from tests import admin_cast as cast
from tests import alerts_cast, base

pytestmark = pytest.mark.django_db

SECRET = "whsec_" + b64encode(b"s" * 32).decode()
ADD = "/admin/orders/alertsubscription/add/"


@pytest.fixture
def south() -> Publisher:
    return base.southwind()


def role(name: str, *publishers: Publisher, role: str = "viewer") -> Any:
    return cast.colleague(name, *publishers, may=codes(role))


def codes(role: str) -> list[str]:
    return [permission.split(".")[1] for permission in ROLES[role]]


def form(**values: Any) -> dict[str, Any]:
    return {"publisher": "", "at_once": "on", "digest": "on", "digest_hour": 7, "by_email": "on",
            "email": "", "webhook_url": "", "new_secret": "", **values}  # fmt: skip


def errors(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def test_a_viewer_chooses_what_they_themselves_are_told(north: Publisher) -> None:
    user = role("ana", north)
    client = cast.signed_in(user)
    page = cast.html(client.get(ADD))
    assert "All that I may see" in page
    assert "Northlight Films" in page
    assert client.post(ADD, form(digest_hour=9, email="a@x.example")).status_code == 302
    one = AlertSubscription.objects.get()
    assert (one.user, one.publisher, one.digest_hour, one.address) == (user, None, 9, "a@x.example")
    client.post(cast.page(one), form(digest_hour=8, email=""))
    one.refresh_from_db()
    assert (one.digest_hour, one.address) == (8, "ana@x.example")
    client.post(cast.page(one, "delete"), {"post": "yes"})
    assert not AlertSubscription.objects.exists()


@pytest.mark.parametrize("for_all", [True, False])
def test_a_second_one_for_the_same_is_refused(north: Publisher, for_all: bool) -> None:
    client = cast.signed_in(role("ana", north))
    chosen = form(publisher="" if for_all else north.pk)
    assert client.post(ADD, chosen).status_code == 302
    response = client.post(ADD, chosen)
    assert errors(response) == {"publisher": ["There are alerts for this already. Change those."]}
    assert AlertSubscription.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"webhook_url": "http://hooks.example/", "new_secret": SECRET}, "webhook_url"),
        ({"webhook_url": "https://127.0.0.1/", "new_secret": SECRET}, "webhook_url"),
        ({"webhook_url": "https://u:p@x.example/", "new_secret": SECRET}, "webhook_url"),
        ({"webhook_url": "https://a.example/\x00", "new_secret": SECRET}, "webhook_url"),
        ({"webhook_url": "https://hooks.example/"}, "new_secret"),
        ({"webhook_url": "https://hooks.example/", "new_secret": "guess"}, "new_secret"),
        ({"email": "nobody"}, "email"),
        ({"digest_hour": "24"}, "digest_hour"),
        ({"publisher": "999999"}, "publisher"),
    ],
)
def test_what_cannot_work_is_refused_and_nothing_is_saved(
    north: Publisher, values: dict[str, Any], field: str
) -> None:
    client = cast.signed_in(role("ana", north))
    response = client.post(ADD, form(**values))
    assert (response.status_code, list(errors(response))) == (200, [field])
    assert not AlertSubscription.objects.exists()
    assert SECRET not in cast.html(response)


def test_anothers_publisher_cannot_be_chosen(north: Publisher, south: Publisher) -> None:
    client = cast.signed_in(role("ana", north))
    response = client.post(ADD, form(publisher=south.pk))
    assert list(errors(response)) == ["publisher"]
    assert "Southwind" not in cast.html(response)


def test_a_signing_secret_goes_in_and_never_out(north: Publisher) -> None:
    client = cast.signed_in(role("ana", north))
    client.post(ADD, form(webhook_url="https://hooks.example/", new_secret=SECRET))
    one = AlertSubscription.objects.get()
    assert one.webhook_secret.reveal() == SECRET
    page = cast.html(client.get(cast.page(one)))
    assert SECRET not in page
    assert "One is set. Leave this blank to keep it." in page
    client.post(cast.page(one), form(webhook_url="https://hooks.example/2"))
    one.refresh_from_db()
    assert (one.webhook_url, one.webhook_secret.reveal()) == ("https://hooks.example/2", SECRET)


class TestOthers:
    @pytest.fixture
    def theirs(self, north: Publisher) -> AlertSubscription:
        return alerts_cast.told_person("bo", north, publisher=north)

    def test_a_colleagues_alerts_are_not_there(
        self, north: Publisher, theirs: AlertSubscription
    ) -> None:
        client = cast.signed_in(role("ana", north, role="releaser"))
        assert client.get(cast.page(theirs)).url == "/admin/"
        assert client.post(cast.button(theirs, "trial")).status_code == 404
        client.post(cast.page(theirs), form(email="ana@x.example"))
        client.post(cast.page(theirs, "delete"), {"post": "yes"})
        assert AlertSubscription.objects.get().email == ""
        shown = client.get(cast.page(AlertSubscription, "changelist")).context["cl"].queryset
        assert not shown.exists()

    def test_a_manager_mends_those_of_colleagues_but_widens_none(
        self, north: Publisher, south: Publisher, theirs: AlertSubscription
    ) -> None:
        south.staff.add(theirs.user)
        client = cast.signed_in(role("ana", north, role="manager"))
        client.post(cast.page(theirs), form(email="mended@x.example", publisher=""))
        theirs.refresh_from_db()
        assert (theirs.email, theirs.publisher) == ("mended@x.example", north)
        assert theirs.user.username == "bo"

    def test_one_for_all_publishers_is_its_owners_alone(self, north: Publisher) -> None:
        theirs = alerts_cast.told_person("bo", north)
        manager = cast.signed_in(role("ana", north, role="manager"))
        assert manager.get(cast.page(theirs)).url == "/admin/"
        boss = cast.signed_in(cast.colleague("boss", superuser=True))
        assert boss.get(cast.page(theirs)).status_code == 200

    def test_strangers_are_sent_to_the_sign_in(self, theirs: AlertSubscription) -> None:
        for where in (ADD, cast.page(theirs), cast.page(Alert, "changelist")):
            assert Client().get(where).url == f"/admin/login/?next={where}"


class TestTrial:
    def test_it_is_sent_and_shown(self, north: Publisher) -> None:
        one = alerts_cast.told_person("ana", north)
        one.user.user_permissions.set(Permission.objects.filter(codename__in=codes("viewer")))
        client = cast.signed_in(one.user)
        assert "Nothing yet." in cast.html(client.get(cast.page(one)))
        response = cast.press(client, one, "trial")
        told = "A trial is being sent; look below in a moment how it went."
        assert (cast.said(response), OrmQ.objects.count()) == ([told], 1)
        assert "waits to be sent." in cast.html(response)
        alerts_cast.send()
        assert alerts_cast.subjects() == ["Fulfilment desk: this is a trial"]
        assert "Trial by e-mail: sent" in cast.html(client.get(cast.page(one)))

    def test_without_an_address_that_is_said(self, north: Publisher) -> None:
        one = alerts_cast.told_person("ana", north, by_email=False)
        one.user.user_permissions.set(Permission.objects.filter(codename__in=codes("viewer")))
        response = cast.press(cast.signed_in(one.user), one, "trial")
        told = "No address is set: enter an e-mail or a webhook address, and save."
        assert cast.said(response) == [told]
        assert not AlertNotice.objects.exists()


class TestList:
    def test_people_see_their_publishers_alerts_and_the_desks(
        self, north: Publisher, south: Publisher
    ) -> None:
        alerts_cast.opened("login", north, text="North's login.", link="/admin/x/")
        alerts_cast.opened("login", south, text="South's login.")
        alerts_cast.opened("gateway", text="It sleeps.", closed_at=timezone.now())
        client = cast.signed_in(role("ana", north))
        page = cast.html(client.get(cast.page(Alert, "changelist")))
        assert ("North&#x27;s" in page, "South" in page, "It sleeps" in page) == (True, False, True)
        assert "wrong now" in page
        page = cast.html(client.get(cast.page(Alert, "changelist"), {"state": "open"}))
        assert ("North&#x27;s" in page, "It sleeps" in page) == (True, False)
        page = cast.html(client.get(cast.page(Alert.objects.get(publisher=north))))
        assert '<a href="/admin/x/">the page where it is mended</a>' in page
        stranger = cast.page(Alert.objects.get(publisher=south))
        assert client.get(stranger).url == "/admin/"

    def test_nobody_changes_them(self, north: Publisher) -> None:
        alert = alerts_cast.opened("login", north)
        boss = cast.signed_in(cast.colleague("boss", superuser=True))
        assert boss.post(cast.page(alert), {"text": "x"}).status_code == 403
        assert boss.post(cast.page(alert, "delete"), {"post": "yes"}).status_code == 403
        assert boss.get(cast.page(Alert, "add")).status_code == 403
        assert Alert.objects.get().text == alert.text


def test_banners_tell_of_what_no_other_sentence_tells(north: Publisher, south: Publisher) -> None:
    for kind in ("silent", "signatures", "backlog", "developer", "orders", "expiring", "login"):
        alerts_cast.opened(kind, north)
    alerts_cast.opened("silent", south, text="South is silent.")
    alerts_cast.opened("silent", north, key="over", closed_at=timezone.now())
    told = banners(cast.colleague("ana", north))
    shown = ["backlog", "developer", "signatures", "silent"]
    assert sorted(told) == [f"Something is wrong: {kind}." for kind in shown]


def test_the_product_list_finds_those_that_trepstar_is_about_to_delete(north: Publisher) -> None:
    old, new = base.product(north, "66750"), base.product(north, "66751")
    Product.objects.filter(pk=old.pk).update(added_at=timezone.now() - timedelta(days=280))
    client = cast.signed_in(cast.colleague("ana", north))
    response = client.get(cast.page(Product, "changelist"), {"expiring": "yes"})
    assert list(response.context["cl"].queryset) == [old]
    both = client.get(cast.page(Product, "changelist")).context["cl"].queryset
    assert set(both) == {old, new}
