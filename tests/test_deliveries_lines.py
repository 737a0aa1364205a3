"""What becomes of each line of a delivery: ordered, held, left out, split; and how it is mailed."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Delivery, DeliveryLine, Order
from products.models import Publisher, SkuAlias
from tests.base import (
    ADDRESS,
    connected,
    deliver,
    fulfillment,
    line,
    order_body,
    step_by_step,
    topics,
)

pytestmark = pytest.mark.django_db

KNOWN = "Every known unit of it was ordered before."


@pytest.fixture
def north():
    return connected(p66751="VTD333-200")


def lines_of(delivery):
    return list(
        delivery.lines.order_by("id").values_list("sku", "quantity", "units", "outcome", "reason")
    )


def answered(answer):
    assert answer.status_code == 200
    return answer.json()


def test_every_line_has_exactly_one_fate(north):
    SkuAlias.objects.create(publisher=north, sku="MUG")
    items = [
        line(quantity=2),
        line("MUG"),
        line("NEW"),
        line(gift_card=True),
        line(requires_shipping=False),
        line(fulfillment_service="shipwire"),
        line("", title="A custom thing", variant_id=None),
        line(quantity=0),
    ]
    waits, failed = line(), line()
    body = order_body(
        *items,
        waits,
        failed,
        id=77,
        fulfillments=[
            fulfillment(*((item, item["quantity"]) for item in items)),
            fulfillment((failed, 1), status="cancelled"),
        ],
    )
    assert answered(deliver(body))["outcome"] == "created"
    assert lines_of(Delivery.objects.get()) == [
        ("VTD234-100", 2, 2, "ordered", ""),
        ("MUG", 1, 0, "not_ours", ""),
        ("NEW", 1, 0, "unmatched", "The SKU NEW is not known here."),
        ("VTD234-100", 1, 0, "left_out", "It is a gift card."),
        ("VTD234-100", 1, 0, "left_out", "It needs no shipping."),
        ("VTD234-100", 1, 0, "left_out", "The fulfilment service shipwire sends it."),
        ("", 1, 0, "unmatched", "The line “A custom thing” without a SKU is not known here."),
        ("VTD234-100", 0, 0, "left_out", "It was refunded or removed."),
        ("VTD234-100", 1, 0, "left_out", "Its fulfillment was cancelled or failed."),
        ("VTD234-100", 1, 0, "left_out", "The shop has not fulfilled it."),
    ]
    assert DeliveryLine.objects.values("line_id").distinct().count() == 10


def test_only_unknown_skus_are_unmatched_and_make_nothing(north):
    assert answered(deliver(order_body(line("NEW"), line("NEWER")))) == {
        "outcome": "unmatched",
        "orders": [],
        "reason": "The SKU NEW is not known here. The SKU NEWER is not known here.",
    }
    assert Order.objects.count() == 0


def test_partly_known_skus_are_held_as_one_order(north):
    body = order_body(line(quantity=2), line("NEW"), id=77)
    assert answered(deliver(body)) == {
        "outcome": "created",
        "orders": ["NORTH-1001-S77-1"],
        "reason": "Order NORTH-1001-S77-1 is held: These SKUs are not known here: NEW.",
    }
    order = Order.objects.get()
    assert (order.status, order.hold_reason, order.pieces()) == ("held", "unknown_sku", 2)
    assert order.hold_note == "These SKUs are not known here: NEW."


def test_partly_known_skus_go_where_the_publisher_sends_them(north):
    Publisher.objects.update(partial_orders="send")
    body = order_body(line(quantity=2), line("NEW"), id=77)
    assert answered(deliver(body)) == {
        "outcome": "created",
        "orders": ["NORTH-1001-S77-1"],
        "reason": "The SKU NEW is not known here.",
    }
    assert Order.objects.get().status == "ready"


def test_an_ambiguous_sku_is_unknown_and_names_both(north):
    SkuAlias.objects.create(publisher=north, sku="66750", product=north.products.last())
    assert answered(deliver(order_body(line("66750")))) == {
        "outcome": "unmatched",
        "orders": [],
        "reason": "The SKU 66750 stands for Film 66751 (66751) by its alias "
        "and for Film 66750 (66750) by its project id.",
    }


def test_a_blank_sku_is_keyed_by_its_variant(north):
    SkuAlias.objects.create(
        publisher=north, sku="variant:808950810", product=north.products.first()
    )
    for sku in ("", "  ", None):
        body = order_body(line(sku, variant_id=808950810))
        assert answered(deliver(body))["outcome"] == "created"
    assert set(DeliveryLine.objects.values_list("key", flat=True)) == {"variant:808950810"}


def test_300_pieces_are_split_with_part_invoices(north):
    body = order_body(line(quantity=300), id=77)
    assert answered(deliver(body))["orders"] == ["NORTH-1001-S77-1-P1", "NORTH-1001-S77-1-P2"]
    assert [o.pieces() for o in Order.objects.order_by("id")] == [250, 50]
    assert DeliveryLine.objects.get().units == 300
    assert answered(deliver(body)) == {
        "outcome": "linked",
        "orders": ["NORTH-1001-S77-1-P1", "NORTH-1001-S77-1-P2"],
        "reason": KNOWN,
    }


@pytest.mark.parametrize(
    ("address", "note"),
    [
        (None, "The shop sent no shipping address."),
        (
            {"country_code": "US", "province_code": "ME"},
            "Shopify left the address out, because the app behind the webhook may not see "
            "customer data.",
        ),
        (
            {**ADDRESS, "address1": "", "address2": None},
            "The street address is blank. Enter it.",
        ),
        (
            {**ADDRESS, "city": "x" * 201},
            "These parts of the address are too long: city.",
        ),
        (
            {**ADDRESS, "country": "IT (Italy)", "country_code": None},
            "The country is not known. Choose it.",
        ),
    ],
)
def test_an_address_that_is_not_there_holds_the_order_with_the_reason(north, address, note):
    answer = answered(deliver(order_body(id=77, shipping_address=address)))
    assert answer["reason"] == f"Order NORTH-1001-S77-1 is held: {note}"
    order = Order.objects.get()
    assert (order.status, order.hold_reason, order.hold_note) == ("held", "address", note)


RULES = [
    {"match": "Express*", "where": "domestic", "method": "express"},
    {"match": "express*", "method": "priority"},
    {"match": "tracked", "where": "international", "method": "rtrackstandard"},
    {"match": "Courier [2-3 days]", "method": "priority"},
]


@pytest.mark.parametrize(
    ("shipping", "country", "method"),
    [
        ([("EXPRESS overnight", "x")], "US", "express"),
        ([("Overnight", "expressly")], "US", "express"),
        ([("Express", "x")], "DE", "priority"),
        ([("Tracked", None)], "DE", "rtrackstandard"),
        ([("Tracked", None)], "US", "standard"),
        ([("Courier [2-3 days]", None)], "US", "priority"),
        ([("No", "no"), ("Express", "x")], "US", "express"),
        ([], "US", "standard"),
    ],
)
def test_the_first_mail_rule_that_fits_is_followed(north, shipping, country, method):
    north.stores.update(mail_rules=RULES)
    address = {**ADDRESS, "country_code": country, "country": None}
    names = [{"title": title, "code": code} for title, code in shipping]
    deliver(order_body(shipping_lines=names, shipping_address=address))
    assert Order.objects.get().mail_method == method


def test_the_current_quantity_counts_where_nothing_is_fulfilled(north):
    topics("orders/paid")
    disc = line(quantity=3, current_quantity=1)
    deliver(order_body(disc, fulfillments=[]), topic="orders/paid")
    assert Order.objects.get().pieces() == 1


def test_a_fulfilled_unit_counts_even_if_less_is_current(north):
    disc = line(quantity=3, current_quantity=0)
    deliver(order_body(disc, fulfillments=[fulfillment((disc, 2))]))
    assert Order.objects.get().pieces() == 2


def statements(body):
    deliver(order_body())  # what is planned once for a connection is planned now
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert answered(deliver(body))["outcome"] == "created"
    return len(queries)


# The store, the SKUs and what is written; here between a SAVEPOINT and its RELEASE.
AT_ONCE = 5 if connection.vendor == "postgresql" else None


def test_a_new_delivery_takes_as_many_statements_however_many_lines_it_has(north):
    one, three, many = (statements(order_body(*(line() for _ in range(n)))) for n in (1, 3, 100))
    assert one == three == many == (AT_ONCE or 12)


def test_step_by_step_it_takes_twelve(north):
    with step_by_step():
        # With BEGIN and COMMIT, and the task that wakes a worker.
        assert statements(order_body(line(), line())) == 12


def test_a_sku_that_may_be_a_project_id_takes_no_statement_more(north):
    assert statements(order_body(line("66750"), line("VTD234-100"))) == (AT_ONCE or 12)


def test_a_delivery_that_waits_for_its_sku_or_for_staff_takes_no_more(north):
    # Nobody is woken.
    assert statements(order_body(line(), line("UNKNOWN-1"))) == (AT_ONCE or 11)
