"""Causes of alerts in the work: what waits for a person, and what must be mended in time.

Each function returns the causes of its kinds that hold now.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from django.db.models import Count, Exists, Max, OuterRef, QuerySet

from orders import status
from orders.alert_cause import Cause, orders_of, page, when
from orders.models import Alert, Delivery, HookSubscription, Order, OrderLine, Store
from products.models import Mode, Product

Kind = Alert.Kind

SECRET_SILENCE = timedelta(days=7)
SECRET_IN_USE = timedelta(days=1)
PROJECT_WARNING = timedelta(days=270)
PROJECT_END = timedelta(days=300)
OURS_TO_MEND = ("000002", "000101")
NOT_IN_ACCOUNT = "000505"


def of_refusals(now: datetime) -> list[Cause]:
    """Refusals that only a developer or a look at the catalogue can mend (rows 57 and 58)."""
    codes = (*OURS_TO_MEND, NOT_IN_ACCOUNT)
    rows = (
        Order.objects.filter(status=status.REFUSED, gateway_error_number__in=codes)
        .order_by()
        .values("publisher", "publisher__name", "gateway_error_number")
        .annotate(number=Count("pk"))
        .order_by("publisher", "gateway_error_number")
    )
    return [_of_refusal(**cast(Any, row)) for row in rows]


def _of_refusal(
    publisher: int, publisher__name: str, gateway_error_number: str, number: int
) -> Cause:
    orders = "An order" if number == 1 else f"{number} orders"
    was = "was" if number == 1 else "were"
    told = f"{orders} of {publisher__name} {was} refused with {gateway_error_number}"
    key, link = f"{publisher}-{gateway_error_number}", orders_of(publisher, status.REFUSED)
    if gateway_error_number == NOT_IN_ACCOUNT:
        text = (
            f"{told}: a product is not in this TrepStar account. Compare the project ids of its "
            "products with TrepStar's, and switch off what is not there."
        )
        return Cause(Kind.PRODUCT, key, text, publisher, link)
    text = f"{told}: TrepStar could not read what the desk sent. Tell whoever develops this desk."
    return Cause(Kind.DEVELOPER, key, text, publisher, link)


def of_attention(now: datetime) -> list[Cause]:
    """What waits for a person, as a number of orders and of deliveries for each publisher."""
    orders = (
        Order.objects.filter(status__in=status.NEEDS_ATTENTION)
        .order_by()
        .values_list("publisher", "publisher__name")
        .annotate(Count("pk"))
    )
    deliveries = (
        Delivery.objects.filter(outcome__in=("unmatched", "quarantined"))
        .order_by()
        .values_list("store__publisher", "store__publisher__name")
        .annotate(Count("pk"))
    )
    found = []
    for publisher, name, number in orders:
        what = "1 order waits" if number == 1 else f"{number} orders wait"
        text = f"{what} for a person at {name}: held, refused or in trouble."
        link = page("orders_order_changelist", query=f"publisher__id__exact={publisher}")
        found.append(Cause(Kind.ORDERS, str(publisher), text, publisher, link))
    for publisher, name, number in deliveries:
        what = "1 delivery waits" if number == 1 else f"{number} deliveries wait"
        text = f"{what} for a person at {name}: an unknown SKU, or a body that cannot be read."
        link = page("orders_delivery_changelist", query="outcome__exact=unmatched")
        found.append(Cause(Kind.UNMATCHED, str(publisher), text, publisher, link))
    return found


def of_secrets(now: datetime) -> list[Cause]:
    """Row 10: an old signing secret that is still in use, or that could be forgotten by now."""
    found = []
    for store in Store.objects.filter(secrets_changed_at__lte=now - SECRET_IN_USE):
        if len(store.webhook_secrets) < 2 or store.secrets_changed_at is None:
            continue
        since = store.secrets_changed_at
        old = Delivery.objects.filter(store=store, received_at__gt=since, matched_secret__gt=1)
        last = old.aggregate(at=Max("received_at"))["at"]
        if last is not None and now - last <= SECRET_IN_USE:
            text = (
                f"{store.domain} still signs with an old secret, last on {when(last)}. "
                "See in Shopify which secret its webhooks have."
            )
        elif now - (last or since) >= SECRET_SILENCE:
            text = (
                f"No delivery of {store.domain} was signed with an old secret for a week. "
                "Tick “Forget all other signing secrets” on the store's page."
            )
        else:
            continue
        link = page("orders_store_change", store.pk)
        found.append(Cause(Kind.SECRET, str(store.pk), text, store.publisher_id, link))
    return found


def unordered(products: QuerySet[Product], now: datetime) -> QuerySet[Product]:
    """Return those of ``products`` that nobody ordered for 270 days, so that the end is near."""
    cutoff = now - PROJECT_WARNING
    ordered = _made().filter(product=OuterRef("pk"), order__accepted_at__gt=cutoff)
    return products.filter(~Exists(ordered), active=True, added_at__lte=cutoff)


def _made() -> QuerySet[OrderLine]:
    """Return the lines that count as orders at TrepStar: tests are never made."""
    return OrderLine.objects.filter(order__mode=Mode.PROD)


def expiring(now: datetime) -> list[tuple[Product, datetime]]:
    """Return (product, when TrepStar deletes it) of the projects that nobody ordered for long.

    TrepStar deletes a project that was not ordered for 300 days, for ever.
    """
    rows = list(unordered(Product.objects.select_related("publisher"), now).order_by("pk"))
    last = dict(
        _made()
        .filter(product__in=rows)
        .order_by()
        .values_list("product")
        .annotate(at=Max("order__accepted_at"))
    )
    return [(one, (last.get(one.pk) or one.added_at) + PROJECT_END) for one in rows]


def of_projects(now: datetime) -> list[Cause]:
    found = []
    for product, end in expiring(now):
        what = f"{product} of {product.publisher.name}"
        text = (
            f"TrepStar deletes {what} on about {end:%Y-%m-%d}, since nobody ordered it for so "
            "long. Order a box of it, or pay TrepStar's activation, to keep it."
            if end > now
            else f"TrepStar may have deleted {what} by now: nobody ordered it for 300 days. "
            "Look at TrepStar whether it is there, and switch it off here if not."
        )
        link = page("products_product_change", product.pk)
        found.append(Cause(Kind.EXPIRING, str(product.pk), text, product.publisher_id, link))
    return found


def of_hooks(now: datetime) -> list[Cause]:
    """Row 93: webhooks of clients that the desk switched off, since they failed for long."""
    rows = HookSubscription.objects.filter(active=False, ended_at=None).exclude(disabled_note="")
    return [
        Cause(
            Kind.HOOK,
            str(one.pk),
            f"A program of {one.publisher.name} is no longer told of its orders: its webhook was "
            f"switched off on {when(one.disabled_at or now)}. Tell whoever runs the program, and "
            "switch the webhook on again once it is mended.",
            one.publisher_id,
            page("orders_hooksubscription_change", one.pk),
        )
        for one in rows.select_related("publisher").order_by("pk")
    ]
