"""What is still to be set up before a publisher's boxes go out by themselves, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Sum
from django.utils import timezone

from orders import status, waiting
from orders.models import Call, Delivery, Order, Store, TurnedAway
from orders.models.shopify import Outcome
from products.models import Mode, Product, Publisher

DONE, TO_DO, TROUBLE = "done", "to do", "trouble"
TURNED_AWAY_DAYS = 7
_LOOKED_AT = 50


@dataclass(frozen=True)
class Fix:
    """Where a step is mended: a page of the admin, and the permission that it takes.

    ``row`` is the id in the page's address, ``rest`` what follows the address.
    """

    label: str
    view: str
    permission: str
    row: int | None = None
    rest: str = ""


@dataclass(frozen=True)
class Step:
    """One step: its name, its state (done, to do, trouble), a whole sentence, and its fix."""

    name: str
    state: str
    told: str
    fix: Fix | None = None


def webhook_path(publisher: Publisher) -> str:
    """Return the path to which the publisher's shops deliver."""
    return f"/webhooks/shopify/?idpub={publisher.publisher_id}"


def steps(publisher: Publisher, *, secure: bool) -> list[Step]:
    """Return the six steps in the order in which one takes them, in a fixed number of queries.

    ``secure`` says whether the desk is reached by https, as Shopify demands.
    """
    stores = list(Store.objects.filter(publisher=publisher))
    came = _came(stores)
    return [
        _login(publisher),
        _stores(publisher, stores),
        _address(came, secure=secure),
        _skus(publisher),
        _delivery(publisher, stores, came),
        _order(publisher),
    ]


def _came(stores: Sequence[Store]) -> Delivery | None:
    """Return a delivery that came, one that could be read where there is any.

    Any will do: to look for the newest of millions would make every visit slow.
    """
    rows = Delivery.objects.filter(store__in=stores).select_related("store").defer("body")
    rows = rows.order_by()
    readable = list(rows.exclude(outcome=Outcome.QUARANTINED)[:1])
    return next(iter(readable or list(rows[:1])), None)


def _login(publisher: Publisher) -> Step:
    name = "Login checked"
    field = Fix(
        "Go to the login",
        "products_publisher_change",
        "products.change_publisher",
        publisher.pk,
        "#id_new_password",
    )
    if not publisher.login_password:
        told = "No TrepStar password is set. Enter it below, save, and press “Check login”."
        return Step(name, TO_DO, told, field)
    if publisher.login_refused_at:
        told = (
            f"TrepStar refuses the login since {_when(publisher.login_refused_at)}. Enter the "
            "account's present e-mail and password below, save, and press “Check login”."
        )
        return Step(name, TROUBLE, told, field)
    if publisher.login_checked_at:
        told = f"TrepStar accepted the login on {_when(publisher.login_checked_at)}."
        return Step(name, DONE, told)
    call = publisher.calls.filter(purpose=Call.Purpose.STAFF).first()
    if call and call.outcome in (Call.Outcome.FAILED, Call.Outcome.NOT_SENT):
        why = call.text or "TrepStar gave no answer."
        told = f"The login could not be checked: {why} Press “Check login” again."
        return Step(name, TROUBLE, told)
    return Step(name, TO_DO, "Press “Check login” above, so that TrepStar is asked about it.")


def _stores(publisher: Publisher, stores: Sequence[Store]) -> Step:
    name = "Store and signing secret set"
    if not stores:
        told = "No shop is connected. Add its myshopify address and its signing secret."
        fix = Fix("Add the store", "orders_store_add", "orders.add_store", rest=_query(publisher))
        return Step(name, TO_DO, told, fix)
    for store in stores:
        if not store.webhook_secrets:
            told = (
                f"{store} has no signing secret, so every delivery of it is turned away. Enter the "
                "one that Shopify shows under Settings, Notifications, Webhooks."
            )
            return Step(name, TROUBLE, told, _page_of(store))
        if not store.create_on:
            told = f"{store} makes orders on no topic. Tick at least one on its page."
            return Step(name, TROUBLE, told, _page_of(store))
    shown = ", ".join(str(store) for store in stores[:3])
    rest = f" and {len(stores) - 3} more" if len(stores) > 3 else ""
    verb = "is" if len(stores) == 1 else "are"
    return Step(name, DONE, f"{shown}{rest} {verb} connected, with a signing secret.")


def _address(came: Delivery | None, *, secure: bool) -> Step:
    name = "Webhook address entered in Shopify"
    if came is not None:
        return Step(name, DONE, f"{came.store} delivers to it.")
    if not secure:
        told = (
            "You reach this desk by http, and Shopify delivers only to https. Open the desk at its "
            "https address and copy the webhook address there."
        )
        return Step(name, TROUBLE, told)
    told = (
        "Copy the address below. In Shopify, open Settings, Notifications, Webhooks, create a "
        "webhook for the event “Order fulfillment” in the format JSON, and paste the address."
    )
    return Step(name, TO_DO, told)


def _skus(publisher: Publisher) -> Step:
    name = "SKUs mapped"
    waits = waiting.counts(Publisher.objects.filter(pk=publisher.pk)).get(publisher.pk, 0)
    if waits:
        many = "1 SKU of the shop waits" if waits == 1 else f"{waits} SKUs of the shop wait"
        told = f"{many} to be mapped, and orders wait with it."
        fix = Fix("Map SKUs", "mapping", "orders.view_delivery", rest=_query(publisher))
        return Step(name, TROUBLE, told, fix)
    made = Product.objects.filter(publisher=publisher, active=True).count()
    if not made:
        told = "No product is made yet. Add each TrepStar project with the SKUs of the shop."
        fix = Fix(
            "Add a product", "products_product_add", "products.add_product", rest=_query(publisher)
        )
        return Step(name, TO_DO, told, fix)
    products = "1 product is" if made == 1 else f"{made} products are"
    return Step(name, DONE, f"{products} set up, and no SKU of the shop waits to be mapped.")


def _delivery(publisher: Publisher, stores: Sequence[Store], came: Delivery | None) -> Step:
    name = "Test delivery received"
    if came is not None and came.outcome == Outcome.QUARANTINED:
        told = f"A delivery came and could not be read: {came.reason}"
        fix = Fix("Open it", "orders_delivery_change", "orders.view_delivery", came.pk)
        return Step(name, TROUBLE, told, fix)
    if came is not None:
        return Step(name, DONE, f"Deliveries of {came.store} arrive and can be read.")
    turned = TurnedAway.objects.filter(
        publisher=publisher,
        kind=TurnedAway.Kind.SIGNATURE,
        last_at__gt=timezone.now() - timedelta(days=TURNED_AWAY_DAYS),
    ).aggregate(times=Sum("count"), at=Max("last_at"))
    if turned["times"]:
        times = "1 request was" if turned["times"] == 1 else f"{turned['times']} requests were"
        told = (
            f"{times} turned away as not authentic, the last on {_when(turned['at'])}. The signing "
            "secret here differs from the shop's: enter the shop's on the store's page."
        )
        return Step(name, TROUBLE, told, _page_of(stores[0]) if stores else None)
    told = "Nothing has come yet. In Shopify, press “Send test notification” beside the webhook."
    return Step(name, TO_DO, told)


def _order(publisher: Publisher) -> Step:
    name = "First test order accepted"
    rows = Order.objects.filter(publisher=publisher).order_by()
    for order in rows.filter(accepted_at__isnull=False)[:1]:
        told = f"TrepStar accepted order {order.invoice} on {_when(order.accepted_at)}."
        return Step(name, DONE, told, _order_page(order))
    tried = [one for one in rows[:_LOOKED_AT] if one.status != status.CANCELLED]
    if not tried:
        how = "Make" if publisher.mode == Mode.TEST else "Set the mode to Test below, make"
        told = (
            f"No order was sent yet. {how} an order by hand, and see TrepStar accept it: a test "
            "order is never pressed and costs nothing."
        )
        query = _query(publisher)
        fix = Fix("Make an order", "orders_order_add", "orders.add_order", rest=query)
        return Step(name, TO_DO, told, fix)
    order = max(tried, key=lambda one: one.pk)
    if order.status == status.REFUSED:
        told = f"TrepStar refused order {order.invoice}: {order.gateway_error_text} Mend it."
        return Step(name, TROUBLE, told, _order_page(order))
    if order.status == status.HELD:
        told = f"Order {order.invoice} is held: {order.hold_note} Mend it and release it."
        return Step(name, TROUBLE, told, _order_page(order))
    told = f"Order {order.invoice} {order.meaning}. Look again in a moment."
    return Step(name, TO_DO, told, _order_page(order))


def _order_page(order: Order) -> Fix:
    return Fix("Open the order", "orders_order_change", "orders.view_order", order.pk)


def _page_of(store: Store) -> Fix:
    return Fix("Open the store", "orders_store_change", "orders.change_store", store.pk)


def _query(publisher: Publisher) -> str:
    return f"?publisher={publisher.pk}"


def _when(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
