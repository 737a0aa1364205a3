"""The search box of the order list: what it finds, whose, and by which index."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q

from orders import search
from orders.models import Order, OrderLine, ShopOrder
from products.models import Product, Publisher
from tests import admin_cast as cast
from tests import base

pytestmark = pytest.mark.django_db


@pytest.fixture
def film(north: Publisher) -> Product:
    return base.product(north, skus=["VTD234-100"])


def found(text: str) -> set[str]:
    return {order.invoice for order in search.search(Order.objects.all(), text)}


@pytest.fixture
def orders(north: Publisher, film: Product) -> dict[str, str]:
    """Ana's order from the shop, and that of Bo by hand."""
    base.store(north)
    body = base.order_body(base.line("VTD234-100"), id=5123456789012, name="#EN1001")
    base.deliver(body)
    ana = Order.objects.get()
    Order.objects.filter(pk=ana.pk).update(
        tracking_id="9400100000000000000123", email="Ana.Pena@Example.com", name="Ana María Peña"
    )
    bo = base.place(north, (film, 1), email="bo@example.com", reference="2002")
    Order.objects.filter(pk=bo.pk).update(name="Bo")
    return {"ana": ana.invoice, "bo": bo.invoice}


@pytest.mark.parametrize(
    "text",
    [
        "NORTH-EN1001",
        "north-en1001-s5123",
        "#EN1001",
        "en1001",
        "#en10",
        "5123456789012",
        "https://northlight.myshopify.com/admin/orders/5123456789012",
        "https://admin.shopify.com/store/northlight/orders/5123456789012?tab=1",
        "gid://shopify/Order/5123456789012",
        "9400100000000000000123",
        "94001000",
        "ana.pena@example.com",
        "ANA.PENA@",
        "Ana",
        "ana maría",
        "  Ana   María Peña ",
        "Ana Peña",
        "peña",
        "peñ",
    ],
)
def test_an_order_is_found_by_what_staff_have_at_hand(orders: Any, text: str) -> None:
    assert found(text) == {orders["ana"]}


def test_skus_names_of_one_word_and_numbers_without_a_mark_are_found(orders: Any) -> None:
    assert found("vtd234") == {orders["ana"]}
    assert found("bo") == {orders["bo"]}
    assert found("2002") == {orders["bo"]}
    assert found("north") == set(orders.values())
    assert found("") == found("  ") == set(orders.values())


@pytest.mark.parametrize(
    "text",
    [
        "%", "_", "\\", "'", '"', "na", "María", "EN1001-S5", "#", "5123456789", "a" * 5000,
        "9" * 30, "\x00", "ana\x00x", "Bo Peña", "🎬", "x@y", "n%", "NORTH_EN1001",
    ],
)  # fmt: skip
def test_what_is_only_inside_or_is_a_pattern_finds_nothing(orders: Any, text: str) -> None:
    wanted = set(orders.values()) if text == "\x00" else set()
    wanted = {orders["ana"]} if text == "#" else wanted  # every number begins with it
    assert found(text) == wanted


def test_the_exact_invoice_or_tracking_id_is_the_order_itself(orders: Any) -> None:
    rows = Order.objects.all()
    ana, bo = (Order.objects.get(invoice=orders[name]) for name in ("ana", "bo"))
    assert search.exact(rows, orders["ana"].lower()) == ana
    assert search.exact(rows, " 9400100000000000000123 ") == ana
    assert search.exact(rows, orders["bo"]) == bo
    for text in ("", "NORTH", "940010", "Ana", "\x00", "a" * 5000):
        assert search.exact(rows, text) is None
    Order.objects.filter(pk=bo.pk).update(tracking_id="9400100000000000000123")
    assert search.exact(rows, "9400100000000000000123") is None
    assert search.exact(rows.filter(pk=bo.pk), "9400100000000000000123") == bo


# The list


def test_an_exact_invoice_or_tracking_id_opens_the_order(orders: Any, north: Publisher) -> None:
    client = cast.signed_in(cast.colleague("ana", north))
    ana = Order.objects.get(invoice=orders["ana"])
    for text in (ana.invoice.lower(), ana.tracking_id):
        response = client.get(cast.page(Order, "changelist"), {"q": text, "status__exact": "held"})
        assert (response.status_code, response.url) == (302, cast.page(ana))
    listed = client.get(cast.page(Order, "changelist"), {"q": "#en1001"})
    assert [order.pk for order in listed.context["cl"].result_list] == [ana.pk]


def test_a_strangers_invoice_opens_nothing(orders: Any) -> None:
    stranger = cast.signed_in(cast.colleague("bo", base.southwind()))
    response = stranger.get(cast.page(Order, "changelist"), {"q": orders["ana"]})
    assert response.status_code == 200
    assert response.context["cl"].result_count == 0


def test_a_search_is_as_many_statements_for_200_orders_as_for_3(
    north: Publisher, film: Product, django_assert_num_queries: Any
) -> None:
    client = cast.signed_in(cast.colleague("ana", north))
    where = cast.page(Order, "changelist")
    counted = []
    for more in (3, 197):
        for _ in range(more):
            base.place(north, (film, 1))
        client.get(where, {"q": "ana"})
        with cast.statements() as seen:
            response = client.get(where, {"q": "ana"})
        counted.append(len(seen))
    assert response.context["cl"].result_count == 200
    assert counted[0] == counted[1]
    assert counted[0] <= 14


def test_what_many_orders_have_is_found_as_well(
    orders: Any, film: Product, north: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond so many hits, orders are asked one by one: for the same, and counted less far."""
    texts = ("NORTH", "north-en1001", "#en", "5123456789012", "9400", "ANA.P", "Ana Peña", "peñ",
             "bo", "vtd", "%", "miss")  # fmt: skip
    few = {text: found(text) for text in texts}
    monkeypatch.setattr(search, "FEW", 0)
    assert {text: found(text) for text in texts} == few
    assert search.search(Order.objects.all(), "north").counted_to == search.MANY_COUNTED
    assert search.search(Order.objects.filter(name="Bo"), "north").get().invoice == orders["bo"]


@pytest.mark.postgres
def test_orders_are_asked_one_by_one_only_for_what_some_order_has(
    orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", 0)
    compared = r"UPPER\(\"orders_order\"\.\"(\w+)\"(?:::text)?\) LIKE"
    asked = {text: str(search.search(Order.objects.all(), text).query) for text in ("vtd", "bo")}
    assert [re.findall(compared, sql) for sql in asked.values()] == [[], ["email", "name"]]
    assert ["hit_line" in sql or "orderline" in sql for sql in asked.values()] == [True, False]


# Indexes


INDEXED = {
    "NORTH-M77": "invoice",
    "#77": "order_by_reference",
    "94001": "order_by_tracking",
    "ana77@": "order_by_email",
    "Ana 77": "order_by_name",
    "Peña77": "order_by_last_name",
    "VTD-77": "line_by_sku",
    "5123456780077": "shop_order_by_id",
}


@pytest.fixture
def many(north: Publisher, film: Product) -> None:
    made = Order.objects.bulk_create(
        Order(publisher=north, source="admin", invoice=f"NORTH-M{n}", mode="prod", status="shipped",
              mail_method="standard", reference=f"#{n}", tracking_id=f"{n}9400", name=f"A{n} P{n}",
              email=f"a{n}@example.com")
        for n in range(3000)
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(order=one, product=film, quantity=1, sku=f"V-{one.invoice}") for one in made
    )
    shop = base.store(north)
    ShopOrder.objects.bulk_create(
        ShopOrder(store=shop, shop_order_id=5_123_456_780_000 + n) for n in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    if connection.vendor == "postgresql":
        # So few rows are sooner read through; what may be asked of an index must be.
        planner_may("seqscan", False)


def planner_may(scan: str, may: bool) -> None:
    """Let PostgreSQL's planner take a kind of scan, or not, until the test ends."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_{scan} = {may}")


def explained(text: str) -> str:
    sql, values = search.hits(text)
    how = "EXPLAIN ANALYZE" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{how} {sql}", values)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def test_every_part_of_a_search_is_served_by_its_index(many: None) -> None:
    for text, index in INDEXED.items():
        plan = explained(text)
        assert index in plan, (text, plan)
        for line in plan.splitlines():
            assert " SCAN " not in f" {line}" or line == "SCAN hits", plan
            assert "Seq Scan" not in line, plan
            assert "TEMP B-TREE" not in line, plan


@pytest.mark.postgres
def test_hits_are_read_in_the_order_of_their_index_and_no_further(
    many: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a million orders, a bitmap of all hits, or sorting them, would cost more than the rest."""
    monkeypatch.setattr(search, "FEW", 9)
    planner_may("bitmapscan", False)
    for text in ("A", "#", "north-m", "9", "V-", "A1 P"):
        plan = explained(text)
        assert "Sort" not in plan, plan
        assert max(map(int, re.findall(r"Index Scan .*actual .* rows=(\d+)", plan))) <= 10, plan
    with connection.cursor() as cursor:
        cursor.execute(*search.hits("#"))
        assert len(cursor.fetchall()) == 10


@pytest.mark.postgres
def test_orders_asked_one_by_one_are_not_looked_up_by_what_they_are_asked_for(
    many: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else is asked for may have few orders: all that fit a search would be read besides."""
    monkeypatch.setattr(search, "FEW", 0)
    planner_may("seqscan", True)
    looked_up = Order.objects.filter(~Q(reference=""), reference__istartswith="#77")
    asked = search.search(Order.objects.all(), "#77")
    assert "order_by_reference" in looked_up.explain()
    assert "order_by_reference" not in asked.explain(), asked.explain()
    assert set(asked) == set(looked_up) != set()
