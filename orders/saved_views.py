"""The views of the order list that people save for themselves."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db import IntegrityError, transaction

from orders.lifecycle import NotNow
from orders.models import SavedView

MAX_VIEWS = 20
_NAME = SavedView._meta.get_field("name").max_length or 0
_QUERY = SavedView._meta.get_field("query").max_length or 0
# Of a list's query string: the page and how it is shown, which is not what it is filtered by.
_PASSING = {"p", "all", "e", "_popup", "_to_field", "_facets"}


def normal(query: str) -> str:
    """Return the part of a list's query string that filters and sorts, always in one order."""
    try:
        pairs = parse_qsl(query.lstrip("?"), max_num_fields=50)
    except ValueError:
        return ""
    kept = {(key, value.strip()) for key, value in pairs if key not in _PASSING and value.strip()}
    return urlencode(sorted(kept))


def of(user: Any) -> list[SavedView]:
    """Return the views that a person has saved, by name."""
    return list(SavedView.objects.filter(user=user.pk))


def save(user: Any, name: str, query: str) -> SavedView:
    """Save a view for a person. Raises ``NotNow`` where the name or the query will not do."""
    name, query = " ".join(name.replace("\x00", "").split()), normal(query)
    if not name:
        raise NotNow("Give the view a name.")
    if len(name) > _NAME:
        raise NotNow(f"A view's name has at most {_NAME} characters. Choose a shorter one.")
    if not query:
        raise NotNow("The list shows all orders. Filter or search first, then save the view.")
    if len(query) > _QUERY or "%00" in query:
        raise NotNow("This filter cannot be saved. Choose a simpler one.")
    if SavedView.objects.filter(user=user).count() >= MAX_VIEWS:
        raise NotNow(f"You have {MAX_VIEWS} views already. Delete one that you do not need.")
    try:
        with transaction.atomic():
            return SavedView.objects.create(user=user, name=name, query=query)
    except IntegrityError:
        raise NotNow(
            f"You have a view “{name}” already. Delete it first, or choose another name."
        ) from None


def delete(user: Any, view_id: int) -> str | None:
    """Delete an own view; return its name, or None where the person has no such view."""
    view = SavedView.objects.filter(user=user.pk, pk=view_id).first()
    if view is None:
        return None
    view.delete()
    return view.name
