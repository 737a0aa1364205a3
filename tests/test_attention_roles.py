"""Who may do what in the queue, and that nobody else's rows are seen or reached in it."""

from __future__ import annotations

import pytest
from django.test import Client

from orders.models import Delivery, Order
from products.roles import ROLES
from tests import admin_cast as cast
from tests import attention_cast as queue
from tests import base
from tests.attention_cast import (
    MENDED,
    QUEUE,
    Desk,
    away_url,
    back,
    card_of,
    everything,
    mend_url,
    mending,
    shown,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Desk:
    return Desk()


def as_role(room: Desk, role: str) -> Client:
    user = cast.colleague(
        role, room.publisher, may=[name.partition(".")[2] for name in ROLES[role]]
    )
    return cast.signed_in(user)


def test_the_bar_of_pages_leads_to_the_orders_where_they_may_be_viewed(room: Desk) -> None:
    link = '<a href="/admin/orders/order/">Orders</a>'
    here = '<a href="/admin/orders/order/" aria-current="page">Orders</a>'
    viewer = as_role(room, "viewer")
    assert link in cast.html(viewer.get("/admin/"))
    assert here in cast.html(viewer.get("/admin/orders/order/"))
    mapper = cast.signed_in(cast.colleague("mo", room.publisher, may=["view_delivery"]))
    bar = cast.html(mapper.get("/admin/")).partition('aria-label="Pages of the desk"')[2]
    assert "SKU mapping" in bar
    assert link not in bar


ROLE_BUTTONS = {
    "viewer": {"forms": 0, "staff": [], "address": [], "unclear": [], "flagged": [],
               "unmatched": []},
    "clerk": {"forms": 2, "staff": ["hold"], "address": ["hold"], "unclear": ["hold", "ask"],
              "flagged": ["ask", "seen"], "unmatched": []},
    "releaser": {"forms": 0, "staff": ["release", "hold", "cancel"], "address": ["hold", "cancel"],
                 "unclear": ["hold", "cancel", "ask"], "flagged": ["ask", "seen"],
                 "unmatched": []},
    "mapper": {"forms": 0, "staff": [], "address": [], "unclear": [], "flagged": [],
               "unmatched": ["replay"]},
}  # fmt: skip


@pytest.mark.parametrize("role", ROLE_BUTTONS)
def test_each_role_sees_the_whole_queue_and_its_own_buttons(room: Desk, role: str) -> None:
    rows = room.one_of_each()
    response = as_role(room, role).get(QUEUE)
    cards = {card.row: card for card in response.context["cards"]}
    assert list(cards) == list(rows.values())
    seen = {
        reason: [button.name for button in cards[rows[reason]].buttons]
        for reason in ("staff", "address", "unclear", "flagged", "unmatched")
    }
    forms = {one for one in ("address", "refused") if cards[rows[one]].form}
    assert {**seen, "forms": len(forms)} == ROLE_BUTTONS[role]
    html = cast.html(response)
    assert ("Save and release" in html) is False
    assert (">Put away<" in html) is (role == "mapper")
    assert ("Map it" in html) is (role == "mapper")


def test_a_clerk_mends_and_may_not_release(room: Desk) -> None:
    order = queue.lost_address(room.publisher, room.film)
    clerk = as_role(room, "clerk")
    form = mending(card_of(clerk, order), **MENDED)
    before = everything()
    assert clerk.post(mend_url(order), {**form, "release": "1"}).status_code == 403
    assert everything() == before
    assert clerk.post(mend_url(order), form).status_code == 302
    order.refresh_from_db()
    assert (order.status, order.city) == ("held", "Portland")


@pytest.mark.parametrize("role", ["viewer", "releaser", "mapper"])
def test_who_may_not_change_orders_mends_nothing(room: Desk, role: str) -> None:
    order = queue.lost_address(room.publisher, room.film)
    form = mending(card_of(room.client, order), **MENDED)
    client, before = as_role(room, role), everything()
    assert client.post(mend_url(order), form).status_code == 403
    assert everything() == before


@pytest.mark.parametrize("role", ["viewer", "clerk", "releaser"])
def test_who_may_not_replay_puts_nothing_away(room: Desk, role: str) -> None:
    delivery = queue.quarantined()
    client, before = as_role(room, role), everything()
    assert client.post(away_url(delivery), {"note": "No."}).status_code == 403
    assert everything() == before


@pytest.mark.parametrize(
    ("name", "reason"),
    [("release", "staff"), ("cancel", "staff"), ("ask", "unclear"), ("seen", "flagged"),
     ("replay", "unmatched")],
)  # fmt: skip
def test_a_viewer_who_presses_a_button_of_the_queue_is_refused(
    room: Desk, name: str, reason: str
) -> None:
    row = room.one_of_each()[reason]
    values = back(card_of(room.client, row))
    client, before = as_role(room, "viewer"), everything()
    assert client.post(cast.button(row, name), values).status_code == 403
    assert everything() == before


# Strangers


def test_another_publishers_rows_are_neither_shown_nor_reached(room: Desk) -> None:
    theirs = Desk.__new__(Desk)
    theirs.publisher = base.southwind()
    theirs.film = base.product(theirs.publisher, "44100", skus=["SW-1"])
    order = queue.lost_address(theirs.publisher, theirs.film)
    store = base.store(theirs.publisher, domain="southwind.myshopify.com", webhook_secrets=["s"])
    base.deliver(b"[]", idpub="70001", domain=store.domain, secret="s")
    delivery = Delivery.objects.get()
    boss = cast.signed_in(cast.colleague("boss", superuser=True))
    assert shown(boss.get(QUEUE)) == [order, delivery]
    form = mending(card_of(boss, order), **MENDED, release="1")
    before = everything()
    assert shown(room.client.get(QUEUE)) == []
    tabs = room.client.get(QUEUE).context["tabs"]
    assert [tab["count"] for tab in tabs] == ["0"]
    assert room.client.get(QUEUE, {"publisher": theirs.publisher.pk}).status_code == 404
    assert room.client.post(mend_url(order), form).status_code == 404
    assert room.client.post(away_url(delivery), {"note": "Mine."}).status_code == 404
    assert everything() == before


@pytest.mark.parametrize("number", [0, 10**17, 10**30])
def test_rows_that_are_not_there_are_404(room: Desk, number: int) -> None:
    for where in (f"order/{number}/mend/", f"delivery/{number}/put-away/"):
        assert room.client.post(QUEUE + where, {"note": "x"}).status_code == 404


def test_a_stranger_is_sent_to_the_sign_in_and_nothing_changed(room: Desk) -> None:
    order, delivery = queue.lost_address(room.publisher, room.film), queue.quarantined()
    form = mending(card_of(room.client, order), **MENDED)
    before = everything()
    for response in (
        Client().get(QUEUE),
        Client().post(mend_url(order), form),
        Client().post(away_url(delivery), {"note": "x"}),
    ):
        assert response.status_code == 302
        assert response.url.startswith("/admin/login/?next=/admin/attention/")
    assert everything() == before


def test_staff_without_the_right_to_see_orders_get_403_and_no_link(room: Desk) -> None:
    nobody = cast.signed_in(cast.colleague("new", room.publisher, may=[]))
    assert nobody.get(QUEUE).status_code == 403
    assert "Needs attention" not in cast.html(nobody.get("/admin/password_change/"))
    assert "Needs attention" in cast.html(room.client.get(cast.page(Order, "changelist")))


def test_changes_are_posted_and_the_page_is_only_read(room: Desk) -> None:
    order, delivery = queue.lost_address(room.publisher, room.film), queue.quarantined()
    before = everything()
    assert room.client.get(mend_url(order)).status_code == 405
    assert room.client.get(away_url(delivery)).status_code == 405
    assert room.client.post(QUEUE, {"back": "attention"}).status_code == 405
    assert room.client.head(QUEUE).status_code == 200
    assert everything() == before


def test_a_press_without_its_csrf_token_is_refused(room: Desk) -> None:
    order, delivery = queue.lost_address(room.publisher, room.film), queue.quarantined()
    form = mending(card_of(room.client, order), **MENDED)
    strict = cast.signed_in(room.user, enforce_csrf_checks=True)
    before = everything()
    assert strict.post(mend_url(order), form).status_code == 403
    assert strict.post(away_url(delivery), {"note": "x"}).status_code == 403
    assert everything() == before
