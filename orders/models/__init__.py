"""Everything that happens to a box, in tables."""

from orders.models.api import IdempotencyKey, RequestCount
from orders.models.gateway import Attempt, Call, Gateway, Heartbeat
from orders.models.job import Job, JobRow
from orders.models.order import Order, OrderEvent, OrderLine
from orders.models.shopify import Delivery, DeliveryLine, ShopOrder, Store, TurnedAway

__all__ = [
    "Attempt",
    "Call",
    "Delivery",
    "DeliveryLine",
    "Gateway",
    "Heartbeat",
    "IdempotencyKey",
    "Job",
    "JobRow",
    "Order",
    "OrderEvent",
    "OrderLine",
    "RequestCount",
    "ShopOrder",
    "Store",
    "TurnedAway",
]
