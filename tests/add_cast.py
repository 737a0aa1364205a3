"""The form of a new order as its tests post it."""

from __future__ import annotations

from typing import Any

from tests import admin_cast as cast
from tests.admin_cast import Room

ADD = "/admin/orders/order/add/"
CHECK, SPLIT = f"{ADD}check/", f"{ADD}split/"
TOKEN = "8f4e1b9a-7d52-4a3c-9a0e-2f6f1b1f0c11"


def filled(room: Room, *lines: Any, **changes: Any) -> dict[str, Any]:
    """Return the form's fields, filled in for one film where no lines are given."""
    return cast.new_order(room.publisher, *(lines or [(room.film, 1)]), **changes)


def add(room: Room, *lines: Any, **changes: Any) -> Any:
    """Post the form and follow to where it leads."""
    return room.client.post(ADD, filled(room, *lines, **changes), follow=True)
