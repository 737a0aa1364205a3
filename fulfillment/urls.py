"""Every route of the desk."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from orders import health
from orders.api.docs import Docs, Schema
from orders.api.urls import urlpatterns as order_api
from orders.api.views import NothingHere
from orders.dropin.views import custdata, custdata_xml
from orders.shopify.views import ShopifyWebhookView
from products.api import urlpatterns as catalogue_api


def any_case(page: str) -> str:
    """Return the pattern of a page's name in capitals or not; the admin cannot reverse ``(?i)``."""
    return (
        "^" + "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else f"[{c}]" for c in page) + "$"
    )


urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("webhooks/shopify/", ShopifyWebhookView.as_view()),
    # Shopify counts a redirect as a failure, so the address works without its slash too.
    path("webhooks/shopify", ShopifyWebhookView.as_view()),
    path("api/v1/", include(([*order_api, *catalogue_api], "api"))),
    path("api/schema/", Schema.as_view(), name="schema"),
    path("api/docs/", Docs.as_view(), name="docs"),
    re_path(r"^api/", NothingHere.as_view()),
    # TrepStar's server takes any case.
    re_path(any_case("custdata.asp"), custdata),
    re_path(any_case("custdataXML.asp"), custdata_xml),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
]
