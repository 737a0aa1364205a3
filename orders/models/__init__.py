"""Everything that happens to a box, in tables."""

from orders.models.alert import Alert, AlertNotice, AlertSubscription
from orders.models.api import IdempotencyKey, RequestCount
from orders.models.gateway import Attempt, Call, Gateway, Heartbeat
from orders.models.hooks import HookMessage, HookSubscription
from orders.models.job import Job, JobRow
from orders.models.once import UsedForm
from orders.models.order import Order, OrderEvent, OrderLine
from orders.models.saved_view import SavedView
from orders.models.shopify import (
    Delivery,
    DeliveryLine,
    ShopOrder,
    Store,
    TurnedAway,
    TurnedAwayMinute,
)
from orders.models.spreadsheet import ColumnMapping, ImportFile

__all__ = [
    "Alert",
    "AlertNotice",
    "AlertSubscription",
    "Attempt",
    "Call",
    "ColumnMapping",
    "Delivery",
    "DeliveryLine",
    "Gateway",
    "Heartbeat",
    "HookMessage",
    "HookSubscription",
    "IdempotencyKey",
    "ImportFile",
    "Job",
    "JobRow",
    "Order",
    "OrderEvent",
    "OrderLine",
    "RequestCount",
    "SavedView",
    "ShopOrder",
    "Store",
    "TurnedAway",
    "TurnedAwayMinute",
    "UsedForm",
]
