"""The addresses of the API for orders, deliveries and the desk's own state."""

from __future__ import annotations

from django.urls import path, register_converter

from orders.api import actions, bulk, deliveries, orders, status, webhooks


class Invoice:
    """An invoice as the desk writes them."""

    regex = "[A-Z0-9-]{1,50}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class RowId:
    """An id that a database can hold."""

    regex = "[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(Invoice, "invoice")
register_converter(RowId, "row")

_ACTIONS = {
    "hold": actions.Hold,
    "release": actions.Release,
    "cancel": actions.Cancel,
    "refresh": actions.Refresh,
    "reship": actions.Reship,
    "note": actions.Note,
    "timeline": orders.Timeline,
    "attempts": orders.Attempts,
}

urlpatterns = [
    path("orders/", orders.Orders.as_view(), name="orders"),
    path("orders/bulk/", bulk.Bulk.as_view(), name="orders-bulk"),
    path("orders/<invoice:invoice>/", orders.OneOrder.as_view(), name="order"),
    *(
        path(f"orders/<invoice:invoice>/{name}/", view.as_view(), name=f"order-{name}")
        for name, view in _ACTIONS.items()
    ),
    path("deliveries/", deliveries.Deliveries.as_view(), name="deliveries"),
    path("deliveries/<row:pk>/", deliveries.OneDelivery.as_view(), name="delivery"),
    path("deliveries/<row:pk>/replay/", deliveries.Replay.as_view(), name="delivery-replay"),
    path("webhooks/", webhooks.Hooks.as_view(), name="webhooks"),
    path("webhooks/<row:pk>/", webhooks.OneHook.as_view(), name="webhook"),
    path("webhooks/<row:pk>/messages/", webhooks.Messages.as_view(), name="webhook-messages"),
    path(
        "webhooks/<row:pk>/messages/<row:message>/replay/",
        webhooks.Replay.as_view(),
        name="webhook-replay",
    ),
    path("status/", status.Status.as_view(), name="status"),
]
