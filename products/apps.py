"""The app of what can be made, and on whose account."""

from django.apps import AppConfig


class ProductsConfig(AppConfig):
    name = "products"
    verbose_name = "Catalogue"
