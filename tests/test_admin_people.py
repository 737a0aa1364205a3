"""People in the admin: who gives rights to whom, and who reads one-time secrets."""

from __future__ import annotations

import pytest

from tests import admin_cast as cast
from tests.admin_cast import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("who", ["themselves", "a colleague"])
def test_nobody_but_a_superuser_makes_a_superuser(world: World, who: str) -> None:
    user = world.user if who == "themselves" else world.ours.user
    form = {"username": user.username, "is_active": "on", "is_staff": "on", "is_superuser": "on",
            "date_joined_0": "2026-11-20", "date_joined_1": "10:00:00"}  # fmt: skip
    world.client.post(cast.page(user), form)
    user.refresh_from_db()
    assert not user.is_superuser


def test_a_colleague_reads_no_secret_of_a_one_time_password(world: World) -> None:
    for device in (world.ours.device, world.theirs.device):
        secret = device.config_url.split("secret=")[1][:16]
        for last in ("change/", "config/", "qrcode/"):
            response = world.client.get(cast.page(device).replace("change/", last))
            assert response.status_code in (302, 403, 404), last
            assert device.key not in cast.html(response)
            assert secret not in cast.html(response)


def test_a_colleague_of_no_publisher_sees_no_row() -> None:
    cast.ours()
    client = cast.signed_in(cast.colleague("new"))
    for model, _ in cast.owned():
        response = client.get(cast.page(model, "changelist"))
        if response.status_code == 200:
            assert not response.context["cl"].queryset.exists()


def test_only_superusers_say_who_sees_a_publisher(world: World) -> None:
    publisher = world.ours.publisher
    form = {"name": "Renamed", "publisher_id": "66870", "invoice_prefix": "NORTH", "mode": "prod",
            "login_email": publisher.login_email, "charset": "utf-8", "auto_submit": "on",
            "script_access": "post",
            "partial_orders": "hold", "mail_method": "standard",
            "staff": [world.theirs.user.pk]}  # fmt: skip
    world.client.post(cast.page(publisher), form)
    publisher.refresh_from_db()
    assert publisher.name == "Renamed"
    assert set(publisher.staff.all()) == {world.user, world.ours.user}
    assert world.client.get(cast.page(type(publisher), "add")).status_code == 403
