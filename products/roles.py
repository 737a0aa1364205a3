"""What each role may do: Django groups, made by a migration, that a manager gives to people.

A group is only a start: whoever runs the desk may change it in the admin, and nothing sets it back.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps as present_apps
from django.contrib.auth.management import create_permissions

VIEWER = frozenset(
    f"{app}.view_{model}"
    for app, models in {
        "products": ("publisher", "product", "skualias"),
        "orders": (
            "store",
            "shoporder",
            "delivery",
            "deliveryline",
            "turnedaway",
            "order",
            "orderline",
            "orderevent",
            "attempt",
            "call",
            "gateway",
            "heartbeat",
            "job",
            "jobrow",
            "alert",
        ),
    }.items()
    for model in models
) | {
    # Everybody chooses what they themselves are told.
    f"orders.{verb}_alertsubscription"
    for verb in ("view", "add", "change", "delete")
}
_LINES = frozenset(f"orders.{verb}_orderline" for verb in ("add", "change", "delete"))
_ORDERS = "orders.{}_order".format
CLERK = (
    VIEWER
    | _LINES
    | {"orders.stop_job"}
    | {_ORDERS(verb) for verb in ("add", "change", "hold", "refresh", "note", "import", "export")}
)
RELEASER = (
    VIEWER
    | {"orders.stop_job"}
    | {
        _ORDERS(verb)
        for verb in ("hold", "release", "cancel", "reship", "refresh", "note", "export")
    }
)
MAPPER = VIEWER | {
    "products.add_skualias",
    "products.change_skualias",
    "products.delete_skualias",
    "products.add_product",
    "products.change_product",
    "orders.replay_delivery",
}
MANAGER = (
    CLERK
    | RELEASER
    | MAPPER
    | {"products.change_publisher", "products.pause_publisher"}
    | {f"products.{verb}_apitoken" for verb in ("view", "add", "change")}
    | {f"orders.{verb}_hooksubscription" for verb in ("view", "add", "change", "delete")}
    | {"orders.view_hookmessage", "orders.replay_hookmessage"}
    | {"orders.add_store", "orders.change_store", "orders.others_alertsubscription"}
)
ROLES: dict[str, frozenset[str]] = {
    "viewer": VIEWER,
    "clerk": CLERK,
    "releaser": RELEASER,
    "mapper": MAPPER,
    "manager": MANAGER,
}


def make_groups(apps: Any, schema_editor: Any) -> None:
    """Make the group of every role, with the permissions that exist by now. For a migration."""
    using = schema_editor.connection.alias
    for label in ("products", "orders"):
        config = present_apps.get_app_config(label)
        create_permissions(config, verbosity=0, using=using, apps=apps)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    known = {
        f"{one.content_type.app_label}.{one.codename}": one
        for one in permissions.select_related("content_type")
    }
    for name, codenames in ROLES.items():
        group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=name)
        group.permissions.set([known[code] for code in sorted(codenames) if code in known])
