"""``manage.py rotate_keys``: encrypt every stored secret anew with the first of ``FIELD_KEYS``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from orders.models import Store
from products.fields import WrongKey
from products.models import Publisher


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret anew with the first key of FIELD_KEYS. Put the new key first, "
        "restart, run this, then remove the old key."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                publishers = list(Publisher.objects.select_for_update(no_key=True))
                for publisher in publishers:
                    publisher.save(update_fields=["login_password"])
                stores = list(Store.objects.select_for_update(no_key=True))
                for store in stores:
                    store.save(update_fields=["webhook_secrets"])
        except WrongKey as error:
            raise CommandError(f"{error} Nothing was changed.") from None
        self.stdout.write(f"encrypted anew: {len(publishers)} publishers, {len(stores)} stores")
