"""What to do first on a fresh desk, until the first delivery or order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from orders import links
from orders.models import Order
from products.models import Product, Publisher

NO_PUBLISHER = (
    "You serve no publisher yet, so there is nothing to show. "
    "Ask whoever runs this desk to add you to the staff of a publisher."
)


@dataclass(frozen=True)
class Step:
    """Something to do before the first order; ``link`` only for those who may do it."""

    text: str
    done: bool
    link: str = ""


def first_steps(
    user: Any, publishers: Sequence[Publisher], *, has_store: bool
) -> tuple[str, list[Step]]:
    """Return a sentence for somebody who can do nothing yet, or the steps, or neither.

    For publishers without any delivery; once there is an order, there is nothing to say.
    """
    if not publishers and not user.is_superuser:
        return NO_PUBLISHER, []
    if Order.objects.filter(publisher__in=publishers).exists():
        return "", []
    return "", _steps(user, publishers, has_store)


def _steps(user: Any, publishers: Sequence[Publisher], has_store: bool) -> list[Step]:
    accepted = any(one.login_checked_at and not one.login_refused_at for one in publishers)
    products = Product.objects.filter(publisher__in=publishers).exists()

    def step(text: str, done: bool, link: str, permission: str) -> Step:
        return Step(text, done, link if user.has_perm(permission) else "")

    new_publisher = reverse("admin:products_publisher_add") if user.is_superuser else ""
    return [
        Step("Add the publisher with its TrepStar login.", bool(publishers), new_publisher),
        step(
            "Check the login, on the publisher's page.",
            accepted,
            _page_of(publishers),
            "products.change_publisher",
        ),
        step(
            "Add the products that TrepStar makes, with their project ids and SKUs.",
            products,
            reverse("admin:products_product_add"),
            "products.add_product",
        ),
        step(
            "Add the Shopify store with its signing secret.",
            has_store,
            reverse("admin:orders_store_add"),
            "orders.add_store",
        ),
        step(
            "Enter the webhook address, which the store's page shows, in Shopify, and send a test "
            "notification from there.",
            False,
            reverse("admin:orders_store_changelist") if has_store else "",
            "orders.view_store",
        ),
    ]


def _page_of(publishers: Sequence[Publisher]) -> str:
    """Return the only publisher's page, the list of several, or nothing for none."""
    if len(publishers) == 1:
        return links.row("products_publisher", publishers[0].pk)
    return links.rows("products_publisher") if publishers else ""
