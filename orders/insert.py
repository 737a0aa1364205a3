"""An insert that gives way: one statement that says whether the row was there before."""

from __future__ import annotations

from django.db import models
from django.db.models.constants import OnConflict


def insert_once(row: models.Model) -> bool:
    """Insert an unsaved row unless a unique constraint has its like; return whether it was new.

    A row that is new gets its primary key. Somebody else's uncommitted like is waited for. Where
    ``save`` would need a savepoint around it and ``bulk_create(ignore_conflicts=True)`` would not
    tell, this is one statement on either database.
    """
    model = type(row)
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    manager = model._base_manager
    answer = manager._insert(  # type: ignore[attr-defined]  # what save() itself calls
        [row],
        fields=fields,
        using=manager.db,
        returning_fields=[model._meta.pk],
        on_conflict=OnConflict.IGNORE,
    )
    found = answer[0] if answer else None
    if found is None:
        return False
    row.pk = found[0]
    row._state.adding, row._state.db = False, manager.db
    return True
