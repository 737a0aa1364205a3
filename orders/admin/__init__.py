"""Everything that happens to a box, in the admin."""

from django.apps import apps
from django.contrib import admin

from orders.admin.api_token import ApiTokenAdmin
from orders.admin.delivery import DeliveryAdmin
from orders.admin.gateway import CallAdmin, GatewayAdmin, HeartbeatAdmin
from orders.admin.order import OrderAdmin
from orders.admin.publisher import DeskPublisherAdmin
from orders.admin.store import StoreAdmin

__all__ = [
    "ApiTokenAdmin",
    "CallAdmin",
    "DeliveryAdmin",
    "DeskPublisherAdmin",
    "GatewayAdmin",
    "HeartbeatAdmin",
    "OrderAdmin",
    "StoreAdmin",
]

# A schedule names any function, and viewing suffices to run a failed task again: the courier's own
# pages are no pages for staff.
for _model in apps.get_app_config("django_q").get_models():
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)
