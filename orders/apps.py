"""The app of everything that happens to a box."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings

from fulfillment.memory import keep_loaded


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = "Fulfilment"

    def ready(self) -> None:
        # Both need models, which exist only from here on.
        from django_q.signals import post_execute  # noqa: PLC0415

        from orders.tasks import beat  # noqa: PLC0415
        from orders.watchdog import keep_no_orphans  # noqa: PLC0415

        post_execute.connect(beat, dispatch_uid="orders.beat")
        if settings.CLUSTER_NAME:
            keep_no_orphans()
            keep_loaded()
