"""Inserts that tell more than ``save`` does, in one statement on either database."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.constants import OnConflict


def insert(row: models.Model, *told: str) -> None:
    """Insert an unsaved row; set its primary key, and the fields ``told`` as they were written.

    For fields that were given as expressions, such as ``clock.later``.
    """
    _insert(row, told, None)


def insert_once(row: models.Model) -> bool:
    """Insert an unsaved row unless a unique constraint has its like; return whether it was new.

    A row that is new gets its primary key. Somebody else's uncommitted like is waited for. Where
    ``save`` would need a savepoint around it and ``bulk_create(ignore_conflicts=True)`` would not
    tell, this is one statement.
    """
    return _insert(row, (), OnConflict.IGNORE)


def _insert(row: models.Model, told: tuple[str, ...], on_conflict: OnConflict | None) -> bool:
    meta, manager = type(row)._meta, type(row)._base_manager
    returning: list[Any] = [meta.pk, *(meta.get_field(name) for name in told)]
    # What save() itself calls.
    answer = manager._insert(  # type: ignore[attr-defined]
        [row],
        fields=[field for field in meta.concrete_fields if not field.primary_key],
        using=manager.db,
        returning_fields=returning,
        on_conflict=on_conflict,
    )
    values = answer[0] if answer else None
    if values is None:
        return False
    for field, value in zip(returning, values, strict=True):
        setattr(row, field.attname, value)
    row._state.adding, row._state.db = False, manager.db
    return True
