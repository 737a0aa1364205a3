"""The groups that the migrations make, and what each may press and open."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from orders import status
from orders.models import Order
from products import roles
from tests import admin_cast as cast
from tests import base
from tests.admin_cast import Room

pytestmark = pytest.mark.django_db

BUTTONS = {
    "viewer": set(),
    "clerk": {"hold", "seen"},
    "releaser": {"hold", "release", "cancel", "seen"},
    "mapper": set(),
    "manager": {"hold", "release", "cancel", "seen"},
}
PRESSED = {"hold": {}, "release": {}, "cancel": {}, "seen": {}}


@pytest.fixture
def room() -> Room:
    return Room()


def flagged(room: Room) -> Order:
    order = room.held()
    Order.objects.filter(pk=order.pk).update(flag="Look at the address.")
    order.refresh_from_db()
    return order


def test_the_migrations_make_a_group_for_every_role() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ROLES)
    for name, wanted in roles.ROLES.items():
        rows = Group.objects.get(name=name).permissions.select_related("content_type")
        found = {f"{one.content_type.app_label}.{one.codename}" for one in rows}
        assert found == wanted, name


def test_every_permission_of_a_role_exists() -> None:
    known = {
        f"{one.content_type.app_label}.{one.codename}"
        for one in Permission.objects.select_related("content_type")
    }
    for name, wanted in roles.ROLES.items():
        assert not wanted - known, name


def test_nobody_but_a_superuser_may_change_people() -> None:
    for name, wanted in roles.ROLES.items():
        assert not [code for code in wanted if code.startswith(("auth.", "otp_totp."))], name


def test_a_viewer_may_only_look() -> None:
    own = {code for code in roles.VIEWER if code.endswith("_alertsubscription")}
    assert all(".view_" in code for code in roles.VIEWER - own)  # whom to tell is one's own affair
    for wanted in roles.ROLES.values():
        assert wanted >= roles.VIEWER


@pytest.mark.parametrize("role", list(BUTTONS))
def test_the_page_offers_what_the_role_may_do(room: Room, role: str) -> None:
    order = flagged(room)
    client = cast.signed_in(cast.colleague("bo", room.publisher, role=role))
    response = client.get(cast.page(order))
    assert response.status_code == 200
    offered = {button.name for button in response.context["buttons"]}
    assert offered & set(PRESSED) == BUTTONS[role]


@pytest.mark.parametrize("name", list(PRESSED))
@pytest.mark.parametrize("role", list(BUTTONS))
def test_a_press_beyond_the_role_is_refused(room: Room, role: str, name: str) -> None:
    order = flagged(room)
    client = cast.signed_in(cast.colleague("bo", room.publisher, role=role))
    before = cast.state()
    response = client.post(cast.button(order, name), {"version": order.version, **PRESSED[name]})
    if name in BUTTONS[role]:
        assert response.status_code == 302
        assert cast.state() != before
    else:
        assert response.status_code == 403
        assert cast.state() == before


@pytest.mark.parametrize(("role", "code"), [("viewer", 403), ("releaser", 403), ("mapper", 403),
                                            ("clerk", 302), ("manager", 302)])  # fmt: skip
def test_who_may_make_an_order_by_hand(room: Room, role: str, code: int) -> None:
    client = cast.signed_in(cast.colleague("bo", room.publisher, role=role))
    form = cast.new_order(room.publisher, (room.film, 1))
    response = client.post(cast.page(Order, "add"), form)
    assert response.status_code == code
    assert Order.objects.count() == (code == 302)


@pytest.mark.parametrize(("role", "code"), [("viewer", 403), ("clerk", 403), ("releaser", 403),
                                            ("mapper", 302), ("manager", 302)])  # fmt: skip
def test_who_may_map_a_sku(room: Room, role: str, code: int) -> None:
    client = cast.signed_in(cast.colleague("bo", room.publisher, role=role))
    form = {"publisher": room.publisher.pk, "sku": "NEW-1", "product": room.film.pk}
    assert client.post("/admin/products/skualias/add/", form).status_code == code


def row_of(order: Order) -> Any:
    return Order.objects.filter(pk=order.pk).values().get()


@pytest.mark.parametrize("role", ["viewer", "releaser", "mapper"])
def test_who_may_not_edit_an_order_sees_no_form(room: Room, role: str) -> None:
    order = room.held()
    client = cast.signed_in(cast.colleague("bo", room.publisher, role=role))
    before = row_of(order)
    response = client.post(cast.page(order), cast.order_form(order, name="Mallory"))
    assert response.status_code == 403
    assert row_of(order) == before
    assert order.status == status.HELD


def test_a_role_is_good_for_its_publishers_only(room: Room) -> None:
    stranger = cast.held(base.southwind())
    client = cast.signed_in(cast.colleague("bo", room.publisher, role="manager"))
    before = row_of(stranger)
    for name in PRESSED:
        assert client.post(cast.button(stranger, name), {"version": 1}).status_code == 404
    assert row_of(stranger) == before
