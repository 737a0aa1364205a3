"""Everything that happens to a box, in the admin."""

from django.apps import apps
from django.contrib import admin

from orders.admin import export, spreadsheet
from orders.admin.alert import AlertAdmin, AlertSubscriptionAdmin
from orders.admin.api_token import ApiTokenAdmin
from orders.admin.attention import MEND, PUT_AWAY, QUEUE
from orders.admin.delivery import DeliveryAdmin
from orders.admin.gateway import CallAdmin, GatewayAdmin, HeartbeatAdmin
from orders.admin.hooks import HookMessageAdmin, HookSubscriptionAdmin
from orders.admin.job import JobAdmin
from orders.admin.mapping import desk as mapping_desk
from orders.admin.order import OrderAdmin
from orders.admin.product import DeskProductAdmin
from orders.admin.publisher import DeskPublisherAdmin
from orders.admin.store import StoreAdmin

__all__ = [
    "AlertAdmin",
    "AlertSubscriptionAdmin",
    "ApiTokenAdmin",
    "CallAdmin",
    "DeliveryAdmin",
    "DeskProductAdmin",
    "DeskPublisherAdmin",
    "GatewayAdmin",
    "HeartbeatAdmin",
    "HookMessageAdmin",
    "HookSubscriptionAdmin",
    "JobAdmin",
    "OrderAdmin",
    "StoreAdmin",
    "export",
    "mapping_desk",
    "spreadsheet",
]

for _page in (QUEUE, MEND, PUT_AWAY):
    admin.site.register_page(_page)  # type: ignore[attr-defined]

# A schedule names any function, and viewing suffices to run a failed task again: the courier's own
# pages are no pages for staff.
for _model in apps.get_app_config("django_q").get_models():
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)
