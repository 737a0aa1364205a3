"""A viewer is refused at every address of the admin that takes a POST, and nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver

from orders.models import AlertSubscription
from tests import admin_cast as cast

# What a viewer may do: sign out, a new password, what they are told, which views they keep.
OWN = {
    "logout",
    "password_change",
    "orders_order_view_save",
    *(f"orders_alertsubscription_{name}" for name in ("add", "change", "delete", "do_trial")),
}


def patterns(entries: Any, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address of the admin with its pattern."""
    for entry in entries:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns, route)
        else:
            yield route, entry


def everything() -> list[Any]:
    """Every row of the desk."""
    models = [
        *apps.get_app_config("orders").get_models(),
        *apps.get_app_config("products").get_models(),
    ]
    return [list(model._base_manager.order_by("pk").values()) for model in models]


def address(world: cast.World, route: str) -> str:
    """Return the address with the keys of our rows put in."""
    model = next((m for m, _ in cast.registered() if route.startswith(_below(m))), None)
    try:
        key = world.ours.of(model).pk if model else world.ours.order.pk
    except KeyError:
        key = model._default_manager.first().pk if model else 0
    route = route.replace("<path:object_id>", str(key))
    head, *rest = route.split("<")
    return "/admin/" + head + "".join(str(key) + one.split(">", 1)[1] for one in rest)


def _below(model: Any) -> str:
    return f"{model._meta.app_label}/{model._meta.model_name}/"


def posts(world: cast.World) -> list[tuple[str, str]]:
    found = []
    for route, pattern in patterns(admin.site.urls[0]):
        plain = str(route)
        if "^" in plain or "(?P" in plain:
            continue  # the catch-all and the lists of an app, which answer GET alone
        found.append((pattern.name or "", address(world, plain)))
    return found


@pytest.mark.django_db
def test_every_post_is_refused_and_nothing_changes() -> None:
    world = cast.World()
    viewer = cast.colleague("vera", world.ours.publisher, role="viewer")
    client = cast.signed_in(viewer)
    before = everything()
    wrong = []
    tried = [(name, where) for name, where in posts(world) if name not in OWN]
    for name, where in tried:
        response = client.post(where, {"version": "1", "post": "yes", "note": "x", "action": "x"})
        shows = response.status_code == 200 and not _has_a_form(response)
        if response.status_code not in (302, 403, 404, 405) and not shows:
            wrong.append(f"{name} {where} {response.status_code}")
        # A row's old address leads to its page, and a row of somebody else's to the first page.
        if response.status_code == 302 and response.headers["Location"] not in (
            f"{where}change/",
            "/admin/",
        ):
            wrong.append(f"{name} {where} leads to {response.headers['Location']}")
    assert len(tried) > 100
    assert not wrong, "\n".join(wrong)
    assert everything() == before
    assert AlertSubscription.objects.count() == 2


def _has_a_form(response: Any) -> bool:
    content = response.content.decode() if not response.streaming else ""
    return 'name="_save"' in content or "desk-fold" in content
