"""Colleagues of one publisher see and change nothing of another, on any page of the admin."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core import serializers
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_q.models import OrmQ

from orders import jobs
from orders.models import Gateway, Order, Store
from products.models import Product, Publisher, SkuAlias
from products.secret import Secret
from tests import admin_cast as cast
from tests import base
from tests.admin_cast import World

pytestmark = pytest.mark.django_db

MARKS = ("southwind", "44100", "SOUTH-", "SW-1", "70001")
TABLES = [m for app in ("orders", "products") for m in apps.get_app_config(app).get_models()]
OWNED = pytest.mark.parametrize("model", [m for m, _ in cast.owned()], ids=lambda m: m.__name__)


@pytest.fixture
def world() -> World:
    return World()


def everything() -> list[Any]:
    """Every row of the desk, so that the same before and after is "nothing changed"."""
    found: list[Any] = [OrmQ.objects.count()]
    for model in TABLES:
        for row in model.objects.order_by("pk").values():
            found.append({k: v.reveal() if isinstance(v, Secret) else v for k, v in row.items()})
    found += serializers.serialize("python", User.objects.order_by("pk").exclude(username="ana"))
    return [str(one) for one in found]


def shows_nothing(response: Any) -> None:
    """A page that is not there: 404, 403, or back to the index with "doesn't exist"."""
    if response.status_code == 302:
        assert response.url == "/admin/"
        text = cast.html(response.client.get(response.url))
        assert "doesn’t exist. Perhaps it was deleted?" in text
    else:
        assert response.status_code in (403, 404)


def names_no_stranger(response: Any) -> None:
    text = cast.html(response).lower()
    assert [mark for mark in MARKS if mark.lower() in text] == []


@OWNED
def test_a_list_and_its_filters_show_no_row_of_another_publisher(world: World, model: Any) -> None:
    response = world.client.get(cast.page(model, "changelist"))
    if response.status_code == 403:
        return
    shown = set(response.context["cl"].queryset.values_list("pk", flat=True))
    assert world.theirs.of(model).pk not in shown
    assert world.ours.of(model).pk in shown
    names_no_stranger(response)


@OWNED
def test_the_pages_of_anothers_row_are_not_there(world: World, model: Any) -> None:
    before = everything()
    for name in ("change", "history", "delete"):
        where = cast.page(world.theirs.of(model), name)
        shows_nothing(world.client.get(where))
        shows_nothing(world.client.post(where, {"post": "yes"}))
    assert everything() == before


@OWNED
def test_the_same_pages_of_an_own_row_are_there_and_people_are_for_superusers(
    world: World, model: Any
) -> None:
    for name in ("change", "history"):
        response = world.client.get(cast.page(world.ours.of(model), name))
        people = model in (User, TOTPDevice)
        assert response.status_code == (403 if people else 200)
        names_no_stranger(response)


@OWNED
def test_a_filter_for_another_publisher_finds_nothing(world: World, model: Any) -> None:
    stranger = world.theirs
    for lookup, value in {
        "publisher__id__exact": stranger.publisher.pk,
        "store__id__exact": stranger.store.pk,
        "id__exact": stranger.of(model).pk,
        "q": "south",
    }.items():
        response = world.client.get(cast.page(model, "changelist"), {lookup: value})
        if response.status_code == 200:
            shown = response.context["cl"].queryset.values_list("pk", flat=True)
            assert stranger.of(model).pk not in set(shown), lookup
        else:
            assert response.status_code in (302, 403), lookup


def completions(client: Client) -> list[tuple[str, Any]]:
    """Ask every autocomplete field of the admin for all it knows."""
    found = []
    for model, page in cast.registered():
        inlines = [(one.model, one.autocomplete_fields) for one in page.inlines]
        for owner, fields in [(model, page.autocomplete_fields), *inlines]:
            for name in fields:
                asked = {
                    "app_label": owner._meta.app_label,
                    "model_name": owner._meta.model_name,
                    "field_name": name,
                    "term": "",
                }
                response = client.get("/admin/autocomplete/", asked)
                found.append((f"{owner.__name__}.{name}", response))
    return found


def test_autocompletion_offers_own_rows_only(world: World) -> None:
    found = completions(world.client)
    assert {name for name, _ in found} >= {
        "OrderLine.product",
        "Product.publisher",
        "SkuAlias.product",
        "SkuAlias.publisher",
        "Store.publisher",
    }
    for name, response in found:
        if response.status_code == 403:
            continue
        assert response.status_code == 200, name
        assert len(response.json()["results"]) == 1, name
        names_no_stranger(response)


def test_no_button_of_anothers_row_answers(world: World) -> None:
    assert len(cast.buttons()) >= 10
    before = everything()
    for model, name in cast.buttons():
        if model is Gateway:  # belongs to nobody, and takes a permission that no role has
            continue
        row = world.theirs.of(model)
        response = world.client.post(cast.button(row, name), {"reason": "because", "line": "1"})
        assert response.status_code == 404, name
        assert everything() == before, name


def action_names(page: Any) -> list[str]:
    stock = [] if page.actions is None else ["delete_selected"]
    return [*stock, *(page.actions or ())]


@OWNED
def test_no_action_reaches_anothers_rows(world: World, model: Any) -> None:
    page = dict(cast.registered())[model]
    before = everything()
    for name in action_names(page):
        for across in ("0", "1"):
            chosen = {
                "action": name,
                "_selected_action": [world.theirs.of(model).pk],
                "select_across": across,
                "post": "yes" if across == "0" else "",
            }
            where = f"{cast.page(model, 'changelist')}?id__exact={world.theirs.of(model).pk}"
            response = world.client.post(where, chosen)
            assert response.status_code in (200, 302, 403), name
    assert everything() == before


def test_bulk_actions_take_only_own_orders_of_a_mixed_choice(world: World) -> None:
    mixed = [world.ours.order.pk, world.theirs.order.pk]
    chosen = {"action": "hold_selected", "_selected_action": mixed}
    confirmed = {**chosen, "confirm": "yes", "expected": 2, "reason": "staff"}
    names_no_stranger(world.client.post(cast.page(Order, "changelist"), chosen))
    response = world.client.post(cast.page(Order, "changelist"), confirmed, follow=True)
    names_no_stranger(response)
    jobs.go_on(time.monotonic() + 60)
    world.ours.order.refresh_from_db()
    assert world.ours.order.status == "held"
    world.theirs.order.refresh_from_db()
    assert (world.theirs.order.status, world.theirs.order.version) == ("ready", 1)


def forms(world: World) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Adding rows that name something of the other publisher."""
    mine, other = world.ours, world.theirs
    store = {"domain": "new.myshopify.com", "create_on": ["orders/fulfilled"], "mail_rules": "[]"}
    film = {"project_id": "9", "title": "New", "package": "other", "price": "0", "active": "on"}
    return {
        "a product for them": (Product, {"publisher": other.publisher.pk, **film}),
        "a SKU for them": (SkuAlias, {"publisher": other.publisher.pk, "sku": "NEW"}),
        "a SKU of their product": (
            SkuAlias,
            {"publisher": mine.publisher.pk, "sku": "NEW", "product": other.product.pk},
        ),
        "a store for them": (Store, {"publisher": other.publisher.pk, **store}),
        "an order for them": (Order, cast.new_order(other.publisher, (other.product, 1))),
        "an order of their product": (Order, cast.new_order(mine.publisher, (other.product, 1))),
    }


FORMS = [
    "a product for them",
    "a SKU for them",
    "a SKU of their product",
    "a store for them",
    "an order for them",
    "an order of their product",
]


@pytest.mark.parametrize("what", FORMS)
def test_a_form_refuses_what_is_anothers_without_naming_it(world: World, what: str) -> None:
    model, form = forms(world)[what]
    before = everything()
    response = world.client.post(cast.page(model, "add"), form)
    assert response.status_code == 200
    assert response.context["errors"]
    assert "Southwind" not in cast.html(response)
    assert everything() == before


def test_an_add_form_filled_in_by_its_address_offers_no_stranger(world: World) -> None:
    asked = {"publisher": world.theirs.publisher.pk, "product": world.theirs.product.pk}
    for model in (Product, SkuAlias, Store, Order):
        response = world.client.get(cast.page(model, "add"), asked)
        assert response.status_code == 200
        names_no_stranger(response)


def test_an_edited_order_takes_no_product_of_another_publisher(world: World) -> None:
    order = cast.held(world.ours.publisher, (world.ours.product, 1))
    before = everything()
    form = cast.order_form(order, **{"lines-0-product": world.theirs.product.pk})
    response = world.client.post(cast.page(order), form)
    assert response.status_code == 200
    assert "Southwind" not in cast.html(response)
    assert everything() == before


@pytest.mark.parametrize("which", ["product", "store"])
def test_a_row_with_a_past_stays_with_its_publisher(world: World, which: str) -> None:
    """Its SKUs, orders and deliveries would stay behind with the old one."""
    second = base.northlight(
        publisher_id="66871", name="Second", login_email="b@x.example", invoice_prefix="SECOND"
    )
    second.staff.add(world.user)
    row = getattr(world.ours, which)
    forms = {
        "product": {"project_id": "66750", "title": "T", "package": "other", "price": "0",
                    "id_string": "VTD234-100", "active": "on"},
        "store": {"domain": row.domain if which == "store" else "", "mail_rules": "[]",
                  "create_on": ["orders/fulfilled"]},
    }  # fmt: skip
    world.client.post(cast.page(row), {"publisher": second.pk, **forms[which]})
    row.refresh_from_db()
    assert row.publisher == world.ours.publisher


def test_troubles_of_another_publisher_are_on_no_page(world: World) -> None:
    Publisher.objects.update(login_refused_at=timezone.now())
    boss = cast.signed_in(cast.colleague("boss", superuser=True))
    assert "the login of Southwind Records since" in cast.html(boss.get("/admin/"))
    for where in ("/admin/", cast.page(Order, "changelist"), cast.page(world.ours.publisher)):
        response = world.client.get(where)
        assert "the login of Northlight Films since" in cast.html(response)
        names_no_stranger(response)


def test_what_belongs_to_no_publisher_is_only_looked_at(world: World) -> None:
    before = everything()
    for model in [m for m, p in cast.registered() if isinstance(p, cast.InstallationAdmin)]:
        row = model.objects.first()
        assert world.client.get(cast.page(row)).status_code == 200
        assert world.client.post(cast.page(row), {"failures": "9"}).status_code == 403
        assert world.client.get(cast.page(model, "add")).status_code == 403
        assert world.client.post(cast.page(row, "delete"), {"post": "yes"}).status_code == 403
    assert everything() == before
