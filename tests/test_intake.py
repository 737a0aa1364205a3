"""A request becomes orders: split into boxes, numbered, held with a reason or ready."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from orders import intake
from orders.intake import Units, shop_invoice, split
from orders.lifecycle import WORKER
from orders.models import Order, ShopOrder
from orders.recipient import Recipient
from products.models import Product
from tests.base import ANA, counts, northlight, place, product, southwind, store

DVD, CD = Product(pk=1, title="DVD"), Product(pk=2, title="CD")


def boxes(*units):
    made = split([Units(one, quantity) for one, quantity in units])
    return [[(unit.product.title, unit.quantity) for unit in box] for box in made]


@pytest.mark.parametrize(
    ("units", "made"),
    [
        ([(DVD, 1)], [[("DVD", 1)]]),
        ([(DVD, 250)], [[("DVD", 250)]]),
        ([(DVD, 251)], [[("DVD", 250)], [("DVD", 1)]]),
        ([(DVD, 300)], [[("DVD", 250)], [("DVD", 50)]]),
        ([(DVD, 500)], [[("DVD", 250)], [("DVD", 250)]]),
        ([(DVD, 200), (CD, 100)], [[("DVD", 200), ("CD", 50)], [("CD", 50)]]),
        ([(DVD, 250), (CD, 1)], [[("DVD", 250)], [("CD", 1)]]),
    ],
)
def test_boxes_are_filled_greedily_in_line_order(units, made):
    assert boxes(*units) == made


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=6))
def test_a_split_loses_and_doubles_nothing(quantities):
    units = [Units(DVD, quantity, line_id=n) for n, quantity in enumerate(quantities)]
    made = split(units)
    totals = [sum(unit.quantity for unit in box) for box in made]
    assert totals == [250] * (len(made) - 1) + [sum(quantities) - 250 * (len(made) - 1)]
    for n, quantity in enumerate(quantities):
        assert sum(u.quantity for box in made for u in box if u.line_id == n) == quantity
    assert all(unit.quantity > 0 for box in made for unit in box)


@pytest.mark.parametrize(
    ("prefix", "name", "number", "mode", "invoice"),
    [
        ("NORTH", "#1001", 5000000000001, "prod", "NORTH-1001-S5000000000001-1"),
        ("NORTH", "#1001", 5000000000001, "test", "T-NORTH-1001-S5000000000001-1"),
        ("NORTH", "", 7, "prod", "NORTH-S7-1"),
        ("NORTH", "Ünïcode ☃", 7, "prod", "NORTH-NCODE-S7-1"),
        ("NORTH", "straße", 7, "prod", "NORTH-STRASSE-S7-1"),
        ("NORTH", "EU#1001-wholesale-x", 7, "prod", "NORTH-EU1001WHOLES-S7-1"),
        (
            "ABCDEFGHIJ",
            "123456789012",
            2**63 - 1,
            "test",
            "T-ABCDEFGHIJ-12345-S9223372036854775807-1",
        ),
    ],
)
def test_an_invoice_names_the_shops_order(prefix, name, number, mode, invoice):
    if number == 2**63 - 1:
        invoice = shop_invoice(prefix, name, number, 1, mode=mode)
        assert invoice.startswith("T-ABCDEFGHIJ-1234")
        assert invoice.endswith(f"-S{number}-1")
        assert len(invoice) <= 42
    assert shop_invoice(prefix, name, number, 1, mode=mode) == invoice


@settings(max_examples=300, deadline=None)
@given(
    st.from_regex(r"\A(?!T\Z)[A-Z0-9]{1,10}\Z"),
    st.text(max_size=64),
    st.integers(1, 2**63 - 1),
    st.integers(1, 99),
    st.sampled_from(["prod", "test"]),
)
def test_an_invoice_and_its_parts_and_reships_have_room(prefix, name, number, box, mode):
    invoice = shop_invoice(prefix, name, number, box, mode=mode)
    assert len(f"{invoice}-P99-R99") <= 50
    assert set(invoice) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
    assert invoice.startswith("T-") == (mode == "test")


@pytest.mark.django_db
def test_an_order_by_hand_is_numbered_by_the_publishers_serial():
    north, south = northlight(), southwind()
    invoices = [place(north, (product(north, "1"), 1)).invoice]
    invoices += [place(north, (product(north, "2"), 1), mode="test").invoice]
    invoices += [place(south, (product(south, "1"), 1)).invoice]
    assert invoices == ["NORTH-M1", "T-NORTH-M2", "SOUTH-M1"]


@pytest.mark.django_db
def test_a_request_of_300_makes_two_orders_and_their_events():
    north = northlight()
    request = intake.Request(north, "admin", ANA, (Units(product(north), 300),))
    made = intake.place(request, actor=WORKER)
    assert [(o.invoice, o.pieces(), o.status) for o in made] == [
        ("NORTH-M1-P1", 250, "ready"),
        ("NORTH-M1-P2", 50, "ready"),
    ]
    events = [(e.kind, e.from_status, e.to_status, e.data) for o in made for e in o.events.all()]
    assert events == [
        ("order.placed", "", "ready", {"pieces": 250, "source": "admin"}),
        ("order.placed", "", "ready", {"pieces": 50, "source": "admin"}),
    ]


@pytest.mark.django_db
def test_a_ready_order_takes_the_publishers_ways():
    north = northlight(mail_method="priority", notify_customer=True, price_on_customs=True)
    order = place(north, (product(north, price=3), 2))
    assert (order.mode, order.mail_method) == ("prod", "priority")
    assert (order.notify_customer, order.price_on_customs) == (True, True)
    assert (order.status, order.hold_reason, order.hold_note) == ("ready", "", "")
    assert abs(order.next_attempt_at - timezone.now()) < timedelta(seconds=10)
    order = place(
        north,
        (product(north, "2", price=3), 2),
        mode="test",
        mail_method="express",
        notify_customer=False,
        price_on_customs=False,
    )
    assert (order.mode, order.mail_method) == ("test", "express")
    assert (order.notify_customer, order.price_on_customs) == (False, False)


@pytest.mark.django_db
def test_a_new_order_waits_for_the_cooling_off(settings):
    settings.COOL_OFF_SECONDS = 600
    north = northlight()
    order = place(north, (product(north), 1))
    wait = order.next_attempt_at - timezone.now()
    assert timedelta(seconds=590) < wait <= timedelta(seconds=600)


@pytest.mark.django_db
def test_a_publisher_that_holds_new_orders_holds_them():
    north = northlight(auto_submit=False)
    order = place(north, (product(north), 1))
    assert (order.status, order.hold_reason, order.hold_note, order.next_attempt_at) == (
        "held",
        "policy",
        "This publisher's new orders wait for a release.",
        None,
    )


@pytest.mark.django_db
def test_what_trepstar_would_refuse_is_held_with_every_finding():
    north = northlight(auto_submit=False)
    order = place(north, (product(north), 1), recipient=Recipient(country="US", state="ME"))
    assert (order.status, order.hold_reason) == ("held", "address")
    assert order.hold_note == (
        "The recipient has no name. Enter one. The street address is blank. Enter it. "
        "The city is blank. Enter it. An address in the USA needs a ZIP code. Enter it."
    )
    assert order.events.get().data == {
        "pieces": 1,
        "source": "admin",
        "reason": "address",
        "note": order.hold_note,
    }


@pytest.mark.django_db
def test_a_callers_hold_comes_before_every_other():
    north = northlight(auto_submit=False)
    order = place(north, (product(north), 1), hold_reason="staff", hold_note="Wait for Bo.")
    assert (order.status, order.hold_reason, order.hold_note) == ("held", "staff", "Wait for Bo.")


@pytest.mark.django_db
def test_an_invoice_is_never_given_twice_and_nothing_is_half_made():
    north = northlight()
    film = product(north)
    place(north, (film, 1), invoice="NORTH-X-P2")
    before = counts()
    with pytest.raises(IntegrityError), transaction.atomic():
        place(north, (film, 300), invoice="NORTH-X")
    assert counts() == before


@pytest.mark.django_db
def test_boxes_of_a_shop_order_are_counted():
    north = northlight()
    film = product(north)
    shop_order = ShopOrder.objects.create(store=store(north), shop_order_id=77, name="#9")
    invoices = [
        place(north, (film, n), shop_order=shop_order, reference="#9").invoice for n in (1, 300)
    ]
    assert invoices == ["NORTH-9-S77-1", "NORTH-9-S77-2-P1"]
    assert Order.objects.filter(shop_order=shop_order).count() == 3
    shop_order.refresh_from_db()
    assert shop_order.boxes == 2
