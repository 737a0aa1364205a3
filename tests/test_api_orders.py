"""Orders over the API: listed in a fixed number of queries, narrowed and read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.models import Attempt, Order
from tests import admin_cast, base
from tests.api_cast import Shop, invoices, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return Shop()


class TestList:
    def test_a_hundred_orders_with_lines_take_three_queries(self, shop: Shop) -> None:
        second = base.product(shop.publisher, "66751")
        counted = []
        for number in (1, 99):
            for _ in range(number):
                base.place(shop.publisher, (shop.film, 1), (second, 2))
            with CaptureQueriesContext(connection) as asked:
                found = shop.program.get("orders/?limit=100").json()["results"]
            counted.append(len(asked))
        # The token, its rate, the orders with their lines; its last use was noted the first time.
        assert counted[1] == 3
        assert len(found) == 100
        assert [line["quantity"] for line in found[0]["lines"]] == [1, 2]

    def test_pages_hold_every_order_once_though_new_ones_come(self, shop: Shop) -> None:
        made = [shop.placed().invoice for _ in range(7)]
        answer = shop.program.get("orders/?limit=3")
        seen = invoices(answer)
        while where := answer.json()["next"]:
            shop.placed()
            answer = shop.program.get(where.removeprefix("http://testserver"))
            seen += invoices(answer)
        assert seen == made[::-1]

    def test_changes_come_oldest_first_and_each_once(self, shop: Shop) -> None:
        made = [shop.placed() for _ in range(4)]
        moment = timezone.now()
        for number, order in enumerate(made):
            # Two of them in the same moment.
            Order.objects.filter(pk=order.pk).update(
                updated_at=moment - timedelta(minutes=number // 2)
            )
        since = (moment - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
        answer = shop.program.get(f"orders/?updated_since={since}&limit=1")
        seen = invoices(answer)
        while where := answer.json()["next"]:
            answer = shop.program.get(where.removeprefix("http://testserver"))
            seen += invoices(answer)
        assert seen == [made[n].invoice for n in (2, 3, 0, 1)]

    def test_filters(self, shop: Shop) -> None:
        first = shop.placed(reference="#1001")
        second = admin_cast.shipped(shop.publisher, (shop.film, 1), tracking_id="9400")
        third = shop.held(email="Bo@Example.com")
        day = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        Order.objects.filter(pk=second.pk).update(shipped_at=timezone.now())
        expected = {
            "status=ready": [first],
            "status=ready,held": [third, first],
            "publisher=66870": [third, second, first],
            "publisher=70001": [],
            f"invoice={second.invoice}": [second],
            "source=admin": [third, second, first],
            "source=api": [],
            "tracking=9400": [second],
            "reference=%231001": [first],
            "email=bo@example.com": [third],
            f"created_after={day}": [],
            f"created_before={day}": [third, second, first],
            f"updated_before={day}&status=held": [third],
            f"shipped_before={day}": [second],
            f"shipped_after={day}": [],
        }
        for query, orders in expected.items():
            found = invoices(shop.program.get(f"orders/?{query}"))
            assert found == [order.invoice for order in orders], query

    @pytest.mark.parametrize(
        ("query", "field", "code"),
        [
            ("status=lost", "status", "invalid_choice"),
            ("created_after=yesterday", "created_after", "invalid"),
            ("created_after=0001-01-01T00:00:00%2B23:59", "created_after", "invalid"),
            ("created_before=9999-12-31T23:59:59-23:59", "created_before", "invalid"),
            ("limit=0", "limit", "range"),
            ("limit=101", "limit", "range"),
            ("limit=%D9%A1", "limit", "range"),
            ("cursor=x", "cursor", "cursor"),
            ("cursor=WyItaWQiLCIiLDFd&updated_since=2026-11-20T00:00:00Z", "cursor", "cursor"),
            ("cursor=WyItaWQiLCIiLDEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwXQ", "cursor", "cursor"),
            ("fields=invoice,password", "fields", "unknown"),
            ("publisher__login_password=x", "publisher__login_password", "unknown"),
            ("_connector=OR", "_connector", "unknown"),
            ("format=html", "format", "unknown"),
            ("status=held&status=ready", "status", "twice"),
            ("invoice=a%00b", "invoice", "characters"),
            ("a%00b=1", "a\ufffdb", "unknown"),
            ("invoice=" + "A" * 51, "invoice", "max_length"),
        ],
    )
    def test_a_query_that_cannot_be_read_is_refused(
        self, shop: Shop, query: str, field: str, code: str
    ) -> None:
        assert problem(shop.program.get(f"orders/?{query}")) == (400, "invalid", [(field, code)])

    def test_only_the_fields_that_are_asked_for(self, shop: Shop) -> None:
        order = shop.placed()
        answer = shop.program.get("orders/?fields=invoice,status")
        assert answer.json()["results"] == [{"invoice": order.invoice, "status": "ready"}]
        answer = shop.program.get(f"orders/{order.invoice}/?fields=pieces")
        assert answer.json() == {"pieces": 1}


class TestOne:
    def test_an_order_as_it_is(self, shop: Shop) -> None:
        order = base.place(shop.publisher, (shop.film, 2), reference="#7")
        answer = shop.program.get(f"orders/{order.invoice}/")
        data = answer.json()
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["Cache-Control"] == "no-store"
        assert data["lines"] == [
            {
                "product": shop.film.pk,
                "project_id": "66750",
                "title": "Film 66750",
                "quantity": 2,
                "sku": "",
            }
        ]
        known = {name: data[name] for name in ("publisher", "status", "version", "pieces")}
        assert known == {"publisher": "66870", "status": "ready", "version": 1, "pieces": 2}
        assert (data["findings"], data["price"], data["reference"]) == ([], None, "#7")
        assert base.PASSWORD not in answer.content.decode()

    def test_what_trepstar_would_refuse_is_told_with_a_held_order(self, shop: Shop) -> None:
        order = shop.held()
        Order.objects.filter(pk=order.pk).update(city="")
        found = shop.program.get(f"orders/{order.invoice}/").json()["findings"]
        assert found == [
            {"field": "city", "code": "city_blank", "message": "The city is blank. Enter it."}
        ]

    def test_the_timeline_and_the_attempts(self, shop: Shop) -> None:
        order = shop.held()
        Attempt.objects.create(
            order=order, number=1, token="00000000-0000-0000-0000-000000000001",
            credential_version=1, payload_hash="f" * 64, excerpt="secret", text="It was late.",
            started_at=timezone.now(),
        )  # fmt: skip
        events = shop.program.get(f"orders/{order.invoice}/timeline/").json()["results"]
        assert [one["kind"] for one in events] == ["order.placed"]
        assert (events[0]["text"], events[0]["actor"]) == (
            "The order was made, with 1 piece. Wait.",
            "the desk",
        )
        (attempt,) = shop.program.get(f"orders/{order.invoice}/attempts/").json()["results"]
        assert (attempt["number"], attempt["text"]) == (1, "It was late.")
        assert {"token", "excerpt", "payload_hash", "credential_version"} & set(attempt) == set()

    @pytest.mark.parametrize("where", ["orders/NORTH-M99/", "orders/%00/", "orders/x/", "nothing/"])
    def test_what_is_not_there_is_404(self, shop: Shop, where: str) -> None:
        assert problem(shop.program.get(where)) == (404, "not-found", [])

    def test_an_address_without_its_slash_is_404_and_no_redirect(self, shop: Shop) -> None:
        for method in ("GET", "POST"):
            assert problem(shop.program.send(method, "orders"))[0] == 404
