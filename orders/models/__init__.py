"""Everything that happens to a box, in tables."""

from orders.models.gateway import Attempt, Call, Gateway, Heartbeat
from orders.models.job import Job, JobRow
from orders.models.order import Order, OrderEvent, OrderLine
from orders.models.shopify import Delivery, DeliveryLine, ShopOrder, Store, TurnedAway
from orders.models.spreadsheet import ColumnMapping, ImportFile

__all__ = [
    "Attempt",
    "Call",
    "ColumnMapping",
    "Delivery",
    "DeliveryLine",
    "Gateway",
    "Heartbeat",
    "ImportFile",
    "Job",
    "JobRow",
    "Order",
    "OrderEvent",
    "OrderLine",
    "ShopOrder",
    "Store",
    "TurnedAway",
]
