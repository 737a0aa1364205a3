"""Everything that happens to a box, in the admin."""

from orders.admin.delivery import DeliveryAdmin
from orders.admin.gateway import CallAdmin, GatewayAdmin, HeartbeatAdmin
from orders.admin.order import OrderAdmin
from orders.admin.publisher import DeskPublisherAdmin
from orders.admin.store import StoreAdmin

__all__ = [
    "CallAdmin",
    "DeliveryAdmin",
    "DeskPublisherAdmin",
    "GatewayAdmin",
    "HeartbeatAdmin",
    "OrderAdmin",
    "StoreAdmin",
]
