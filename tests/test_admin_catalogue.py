"""Publishers, products, SKUs and stores in the admin: secrets go in, workers' writes stay."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.contrib import admin
from django.utils import timezone
from django_q.models import OrmQ

from orders.models import Store
from products.models import Product, Publisher, SkuAlias
from products.scoped import ScopedAdmin
from products.secret import Secret
from tests import admin_cast as cast
from tests import base

pytestmark = pytest.mark.django_db


class Desk:
    def __init__(self) -> None:
        self.publisher = base.northlight()
        self.film = base.product(self.publisher, skus=["VTD234-100"])
        self.store = base.store(self.publisher)
        self.user = cast.colleague("ana", self.publisher)
        self.client = cast.signed_in(self.user)

    def save(self, row: Any, **changes: Any) -> Any:
        forms = {Publisher: publisher_form, Product: product_form, Store: store_form}
        form = forms[type(row)](row)
        return self.client.post(cast.page(row), {**form, **changes}, follow=True)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def publisher_form(row: Publisher) -> dict[str, Any]:
    names = (
        "name", "publisher_id", "invoice_prefix", "mode", "login_email", "charset", "script_access",
        "partial_orders", "mail_method",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names} | {"auto_submit": "on"}


def product_form(row: Product) -> dict[str, Any]:
    names = ("project_id", "title", "package", "price", "special_text")
    form = {name: getattr(row, name) for name in names} | {"active": "on"}
    return form | {"publisher": row.publisher_id, "id_string": "VTD234-100"}


def store_form(row: Store) -> dict[str, Any]:
    form = {"publisher": row.publisher_id, "domain": row.domain, "create_on": row.create_on}
    return form | {"mail_rules": "[]", "initial-mail_rules": "[]"}


def stored(row: Any) -> dict[str, Any]:
    values = type(row).objects.filter(pk=row.pk).values().get()
    return {key: _open(value) for key, value in values.items()}


def _open(value: Any) -> Any:
    if isinstance(value, list):
        return [_open(one) for one in value]
    return value.reveal() if isinstance(value, Secret) else value


# Write-only secrets


def test_a_typed_password_is_taken_and_a_refused_account_opens_again(desk: Desk) -> None:
    Publisher.objects.update(login_refused_at=timezone.now())
    desk.save(desk.publisher, new_password=" new secret ")
    now = stored(desk.publisher)
    assert now["login_password"] == " new secret "
    assert (now["login_refused_at"], now["credential_version"]) == (None, 2)


def test_a_blank_password_keeps_the_present_one_and_a_refusal(desk: Desk) -> None:
    Publisher.objects.update(login_refused_at=timezone.now())
    before = stored(desk.publisher)
    desk.save(desk.publisher, name="Northlight")
    assert stored(desk.publisher) == {**before, "name": "Northlight"}


def test_a_changed_login_email_opens_a_refused_account_again(desk: Desk) -> None:
    Publisher.objects.update(login_refused_at=timezone.now())
    desk.save(desk.publisher, login_email="new@northlight.example")
    now = stored(desk.publisher)
    assert (now["login_email"], now["login_refused_at"]) == ("new@northlight.example", None)
    assert (now["login_password"], now["credential_version"]) == (base.PASSWORD, 2)


def test_a_password_that_the_charset_cannot_carry_is_refused(desk: Desk) -> None:
    before = stored(desk.publisher)
    response = desk.save(desk.publisher, charset="windows-1252", new_password="пароль")
    assert "windows-1252 has no letters for this login; choose UTF-8." in cast.html(response)
    assert stored(desk.publisher) == before


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"new_secret": "fresh"}, ["fresh", base.SECRET]),
        ({"new_secret": "fresh", "forget_others": "on"}, ["fresh"]),
        ({}, [base.SECRET]),
        ({"new_secret": "   "}, [base.SECRET]),
        ({"forget_others": "on"}, [base.SECRET]),
    ],
)
def test_signing_secrets_rotate(desk: Desk, changes: dict[str, str], kept: list[str]) -> None:
    desk.save(desk.store, **changes)
    assert stored(desk.store)["webhook_secrets"] == kept


def test_both_secrets_hold_until_the_others_are_forgotten(desk: Desk) -> None:
    desk.save(desk.store, new_secret="fresh")
    for secret in ("fresh", base.SECRET):
        assert base.deliver(base.order_body(), secret=secret).status_code == 200
    desk.save(desk.store, forget_others="on")
    assert stored(desk.store)["webhook_secrets"] == ["fresh"]
    assert base.deliver(base.order_body(), secret=base.SECRET).status_code == 401
    assert base.deliver(base.order_body(), secret="fresh").status_code == 200


# Workers write to the same rows


@pytest.mark.parametrize(
    ("which", "changes", "worker"),
    [
        (
            "publisher",
            {"name": "Renamed"},
            {
                "last_serial": 77,
                "served_at": timezone.now(),
                "login_refused_at": timezone.now(),
                "login_checked_at": timezone.now(),
                "sync_until": timezone.now(),
                "credential_version": 5,
            },
        ),
        ("film", {"title": "Renamed"}, {"price": "7.00"}),
        ("store", {"domain": "renamed.myshopify.com"}, {"mail_rules": [{"match": "a"}]}),
        ("store", {"domain": "renamed.myshopify.com"}, {"webhook_secrets": ["by-provision"]}),
    ],
)
def test_what_a_worker_writes_while_staff_save_stays(
    desk: Desk, which: str, changes: dict[str, Any], worker: dict[str, Any]
) -> None:
    row = getattr(desk, which)
    real = ScopedAdmin.save_model

    def raced(self: Any, request: Any, obj: Any, form: Any, change: bool) -> None:
        type(row).objects.filter(pk=row.pk).update(**worker)
        real(self, request, obj, form, change)

    before = stored(row)
    with patch.object(ScopedAdmin, "save_model", raced):
        desk.save(row, **changes)
    after = stored(row)
    type(row).objects.filter(pk=row.pk).update(**worker)
    wanted = stored(row)
    assert after == wanted
    assert after == {**before, **changes, **{name: wanted[name] for name in worker}}


# Checks


def test_a_publisher_is_added_by_superusers_and_never_deleted(desk: Desk) -> None:
    boss = cast.signed_in(cast.colleague("boss", superuser=True))
    form = {**publisher_form(desk.publisher), "publisher_id": "1", "login_email": "b@x.example"}
    form |= {"invoice_prefix": "", "new_password": "pw"}
    for client, status in ((desk.client, 403), (boss, 302)):
        assert client.post(cast.page(Publisher, "add"), form).status_code == status
    made = Publisher.objects.get(publisher_id="1")
    assert (made.invoice_prefix, made.login_password.reveal()) == ("1", "pw")
    for client in (desk.client, boss):
        for row in (desk.publisher, desk.store):
            assert client.post(cast.page(row, "delete"), {"post": "yes"}).status_code == 403
    assert Publisher.objects.count() == 2


@pytest.mark.parametrize(
    ("which", "changes", "sentence"),
    [
        ("publisher", {"publisher_id": "66 870"}, "Enter digits only"),
        ("publisher", {"invoice_prefix": "T"}, "not the single letter T"),
        ("publisher", {"invoice_prefix": "north"}, "Use capital letters and digits"),
        ("film", {"project_id": "x"}, "Enter digits only"),
        ("film", {"price": "-1"}, "greater than or equal to 0"),
        ("film", {"special_text": "<i>x</i>"}, "TrepStar prints no HTML here."),
        ("film", {"id_string": "{A}{B"}, "errorlist"),
        ("store", {"domain": "shop.example.com"}, "the shop&#x27;s own address"),
        ("store", {"domain": "a.myshopify.com", "create_on": ["orders/paid!"]}, "not one of"),
        ("store", {"mail_rules": "[1]"}, "Each rule looks like"),
        ("store", {"mail_rules": "{"}, "Enter a valid JSON."),
    ],
)
def test_a_wrong_value_is_named_and_nothing_changed(
    desk: Desk, which: str, changes: dict[str, Any], sentence: str
) -> None:
    row = getattr(desk, which)
    before = stored(row), list(SkuAlias.objects.values())
    response = desk.save(row, **changes)
    assert sentence in cast.html(response)
    assert (stored(row), list(SkuAlias.objects.values())) == before


def test_skus_are_edited_in_trepstars_grammar(desk: Desk) -> None:
    desk.save(desk.film, id_string="{VTD234-100}{vtd333-200}")
    assert sorted(desk.film.aliases.values_list("sku", flat=True)) == ["VTD234-100", "vtd333-200"]
    assert "{VTD234-100}{vtd333-200}" in cast.html(desk.client.get(cast.page(desk.film)))
    desk.save(desk.film, id_string="")
    assert not desk.film.aliases.exists()


def test_a_sku_of_another_product_is_refused_and_named(desk: Desk) -> None:
    other = base.product(desk.publisher, "66760", title="Ferry", skus=["VCD-010"])
    response = desk.save(desk.film, id_string="{VTD234-100}{vcd-010}")
    assert "The SKU VCD-010 already belongs to Ferry (66760)." in cast.html(response)
    assert [one.sku for one in other.aliases.all()] == ["VCD-010"]


def test_a_reader_sees_the_skus_of_a_product(desk: Desk) -> None:
    reader = cast.signed_in(cast.colleague("reader", desk.publisher, may="view"))
    assert "VTD234-100" in cast.html(reader.get(cast.page(desk.film)))


def test_check_login_is_left_to_a_worker(desk: Desk) -> None:
    assert cast.said(cast.press(desk.client, desk.publisher, "check_login")) == [
        "TrepStar is being asked whether the login is right; look again in a moment."
    ]
    (task,) = OrmQ.objects.all()
    assert (task.func(), task.task["args"]) == ("orders.tasks.check_login", (desk.publisher.pk,))


def test_check_login_without_a_password_says_what_to_do(desk: Desk) -> None:
    Publisher.objects.update(login_password="")
    assert cast.said(cast.press(desk.client, desk.publisher, "check_login")) == [
        "No TrepStar password is set. Enter one, save, and check it then."
    ]
    assert OrmQ.objects.count() == 0


def test_deleting_many_is_offered_for_no_publisher_store_or_order() -> None:
    for model, page in cast.registered():
        if model.__name__ in ("Publisher", "Store", "Order"):
            assert page.has_delete_permission(None) is False
    assert admin.site.is_registered(Publisher)
