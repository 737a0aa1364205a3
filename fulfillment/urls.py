"""Every route of the desk."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from orders import health
from orders.shopify.views import ShopifyWebhookView

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("webhooks/shopify/", ShopifyWebhookView.as_view()),
    # Shopify counts a redirect as a failure, so the address works without its slash too.
    path("webhooks/shopify", ShopifyWebhookView.as_view()),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
]
