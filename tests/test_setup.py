"""A publisher's setup: every state of every step, its fix, and who is shown the way to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orders import setup
from orders.models import Call, Delivery, Order, TurnedAway
from orders.setup import DONE, TO_DO, TROUBLE
from products.models import Publisher
from tests import admin_cast as cast
from tests import base

pytestmark = pytest.mark.django_db

LOGIN, STORE, ADDRESS, SKUS, DELIVERY, ORDER = range(6)
NOW = timezone.now().replace(year=2026, month=11, day=20, hour=9, minute=5)


def step(publisher: Publisher, which: int, *, secure: bool = True) -> tuple[str, str, str]:
    """Return a step's state, the beginning of its sentence, and the page of its fix."""
    publisher.refresh_from_db()
    found = setup.steps(publisher, secure=secure)[which]
    return found.state, found.told, found.fix.view if found.fix else ""


def test_the_steps_come_in_the_order_in_which_one_takes_them(north: Publisher) -> None:
    found = setup.steps(north, secure=True)
    assert [one.name for one in found] == [
        "Login checked",
        "Store and signing secret set",
        "Webhook address entered in Shopify",
        "SKUs mapped",
        "Test delivery received",
        "First test order accepted",
    ]
    assert {one.state for one in found} == {TO_DO}


# The login


def test_a_login_without_a_password_is_to_do(north: Publisher) -> None:
    Publisher.objects.update(login_password="")
    state, told, view = step(north, LOGIN)
    assert (state, view) == (TO_DO, "products_publisher_change")
    assert told == "No TrepStar password is set. Enter it below, save, and press “Check login”."


def test_a_login_that_nobody_checked_is_to_do(north: Publisher) -> None:
    told = "Press “Check login” above, so that TrepStar is asked about it."
    assert step(north, LOGIN) == (TO_DO, told, "")


def test_a_check_without_an_answer_is_trouble(north: Publisher) -> None:
    call = Call.objects.create(
        publisher=north, purpose="staff", invoices=1, reserved_at=NOW, outcome="failed",
        text="TrepStar was not reached.",
    )  # fmt: skip
    told = "The login could not be checked: TrepStar was not reached. Press “Check login” again."
    assert step(north, LOGIN) == (TROUBLE, told, "")
    Call.objects.filter(pk=call.pk).update(text="", outcome="not_sent")
    assert step(north, LOGIN)[1].startswith(
        "The login could not be checked: TrepStar gave no answer."
    )
    Call.objects.filter(pk=call.pk).update(purpose="sweep")
    assert step(north, LOGIN)[0] == TO_DO


def test_a_refused_login_is_trouble(north: Publisher) -> None:
    Publisher.objects.update(login_refused_at=NOW, login_checked_at=NOW)
    state, told, view = step(north, LOGIN)
    assert (state, view) == (TROUBLE, "products_publisher_change")
    assert told.startswith("TrepStar refuses the login since 2026-11-20 09:05 UTC. Enter the")


def test_a_login_that_trepstar_accepted_is_done(north: Publisher) -> None:
    Publisher.objects.update(login_checked_at=NOW)
    told = "TrepStar accepted the login on 2026-11-20 09:05 UTC."
    assert step(north, LOGIN) == (DONE, told, "")


# The store


def test_without_a_store_it_is_to_do(north: Publisher) -> None:
    told = "No shop is connected. Add its myshopify address and its signing secret."
    assert step(north, STORE) == (TO_DO, told, "orders_store_add")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"webhook_secrets": []}, "has no signing secret, so every delivery of it is turned away."),
        ({"create_on": []}, "makes orders on no topic. Tick at least one on its page."),
    ],
)
def test_a_store_that_can_do_nothing_is_trouble(
    north: Publisher, values: dict[str, Any], told: str
) -> None:
    base.store(north, domain="good.myshopify.com")
    bad = base.store(north, domain="north.myshopify.com", **values)
    found = setup.steps(north, secure=True)[STORE]
    assert (found.state, found.fix and found.fix.row) == (TROUBLE, bad.pk)
    assert found.told.startswith(f"north.myshopify.com {told}")


def test_connected_stores_are_done(north: Publisher) -> None:
    base.store(north)
    told = "northlight.myshopify.com is connected, with a signing secret."
    assert step(north, STORE) == (DONE, told, "")
    for number in range(4):
        base.store(north, domain=f"a{number}.myshopify.com")
    assert step(north, STORE)[1] == (
        "a0.myshopify.com, a1.myshopify.com, a2.myshopify.com and 2 more are connected, with a "
        "signing secret."
    )


# The address


def test_the_address_is_to_be_copied(north: Publisher) -> None:
    state, told, _ = step(north, ADDRESS)
    assert state == TO_DO
    assert told.startswith("Copy the address below. In Shopify, open Settings, Notifications,")


def test_an_address_without_https_is_trouble(north: Publisher) -> None:
    state, told, _ = step(north, ADDRESS, secure=False)
    assert state == TROUBLE
    assert told.startswith("You reach this desk by http, and Shopify delivers only to https.")


@pytest.mark.parametrize("secure", [True, False])
def test_an_address_to_which_a_shop_delivers_is_done(north: Publisher, secure: bool) -> None:
    base.store(north)
    base.deliver(base.order_body())
    told = "northlight.myshopify.com delivers to it."
    assert step(north, ADDRESS, secure=secure) == (DONE, told, "")


# SKUs


def test_without_a_product_it_is_to_do(north: Publisher) -> None:
    told = "No product is made yet. Add each TrepStar project with the SKUs of the shop."
    assert step(north, SKUS) == (TO_DO, told, "products_product_add")
    base.product(north, active=False)
    assert step(north, SKUS)[0] == TO_DO


def test_skus_that_wait_are_trouble(north: Publisher) -> None:
    base.store(north)
    base.deliver(base.order_body(base.line("A")))
    told = "1 SKU of the shop waits to be mapped, and orders wait with it."
    assert step(north, SKUS) == (TROUBLE, told, "mapping")
    base.deliver(base.order_body(base.line("B")))
    assert step(north, SKUS)[1].startswith("2 SKUs of the shop wait to be mapped,")


def test_products_without_a_waiting_sku_are_done(north: Publisher) -> None:
    base.product(north)
    told = "1 product is set up, and no SKU of the shop waits to be mapped."
    assert step(north, SKUS) == (DONE, told, "")
    base.product(north, "66751")
    assert step(north, SKUS)[1].startswith("2 products are set up,")


# The delivery


def test_nothing_came_yet(north: Publisher) -> None:
    told = "Nothing has come yet. In Shopify, press “Send test notification” beside the webhook."
    assert step(north, DELIVERY) == (TO_DO, told, "")


def test_requests_that_were_turned_away_are_trouble(north: Publisher) -> None:
    shop = base.store(north)
    for _ in range(2):
        assert base.deliver(base.order_body(), secret="wrong").status_code == 401
    found = setup.steps(north, secure=True)[DELIVERY]
    assert (found.state, found.fix and found.fix.row) == (TROUBLE, shop.pk)
    assert found.told.startswith("2 requests were turned away as not authentic, the last on 20")
    TurnedAway.objects.update(count=1)
    assert step(north, DELIVERY)[1].startswith("1 request was turned away as not authentic")
    TurnedAway.objects.update(last_at=timezone.now() - timedelta(days=8))
    assert step(north, DELIVERY)[0] == TO_DO


def test_only_deliveries_that_cannot_be_read_are_trouble(north: Publisher) -> None:
    base.store(north)
    base.deliver(b"not json")
    found = setup.steps(north, secure=True)[DELIVERY]
    assert (found.state, found.fix and found.fix.row) == (TROUBLE, Delivery.objects.get().pk)
    assert found.told.startswith("A delivery came and could not be read: ")


def test_a_delivery_that_can_be_read_is_done(north: Publisher) -> None:
    base.store(north)
    base.deliver(b"not json")
    base.deliver(base.order_body())
    told = "Deliveries of northlight.myshopify.com arrive and can be read."
    assert step(north, DELIVERY) == (DONE, told, "")


# The order


def test_without_an_order_it_is_to_do(north: Publisher) -> None:
    state, told, view = step(north, ORDER)
    assert (state, view) == (TO_DO, "orders_order_add")
    assert told.startswith("No order was sent yet. Set the mode to Test below, make an order by")
    Publisher.objects.update(mode="test")
    assert step(north, ORDER)[1].startswith("No order was sent yet. Make an order by hand,")


def test_a_cancelled_order_counts_for_nothing(north: Publisher) -> None:
    cast.put(base.place(north, (base.product(north), 1)), "cancelled")
    assert step(north, ORDER)[2] == "orders_order_add"


def test_the_newest_order_says_how_far_it_is(north: Publisher) -> None:
    film = base.product(north)
    base.place(north, (film, 1))
    order = base.place(north, (film, 1))
    found = setup.steps(north, secure=True)[ORDER]
    assert (found.state, found.fix and found.fix.row) == (TO_DO, order.pk)
    assert found.told == "Order NORTH-M2 may be sent now. Look again in a moment."


def test_an_order_that_is_held_is_trouble(north: Publisher) -> None:
    order = cast.held(north, (base.product(north), 1))
    Order.objects.update(hold_note="The street is missing.")
    found = setup.steps(north, secure=True)[ORDER]
    assert (found.state, found.fix and found.fix.row) == (TROUBLE, order.pk)
    assert found.told == ("Order NORTH-M1 is held: The street is missing. Mend it and release it.")


def test_an_order_that_trepstar_refused_is_trouble(north: Publisher) -> None:
    text = "No such product."
    cast.put(base.place(north, (base.product(north), 1)), "refused", gateway_error_text=text)
    told = "TrepStar refused order NORTH-M1: No such product. Mend it."
    assert step(north, ORDER) == (TROUBLE, told, "orders_order_change")


@pytest.mark.parametrize("status", ["accepted", "tested", "shipped"])
def test_an_order_that_trepstar_accepted_is_done(north: Publisher, status: str) -> None:
    film = base.product(north)
    cast.put(base.place(north, (film, 1)), status, accepted_at=NOW)
    base.place(north, (film, 1))
    told = "TrepStar accepted order NORTH-M1 on 2026-11-20 09:05 UTC."
    assert step(north, ORDER) == (DONE, told, "orders_order_change")
