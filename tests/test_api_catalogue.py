"""The catalogue, deliveries and the desk's state over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from orders.models import Call, Delivery, Gateway, Heartbeat, Order
from products.models import Product, SkuAlias
from tests import admin_cast, api_cast, base
from tests.api_cast import Shop, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return Shop()


def catalogue() -> list[Any]:
    return [list(m.objects.order_by("pk").values()) for m in (Product, SkuAlias)]


class TestProducts:
    def test_a_product_with_its_skus(self, shop: Shop) -> None:
        body = {"project_id": "66800", "title": "Low Tide", "package": "sleeve", "price": "19.00",
                "ecommerce_id_string": "{VTD1}{ VTD2 }"}  # fmt: skip
        answer = shop.program.post("products/", body)
        made = Product.objects.get(project_id="66800")
        assert answer.status_code == 201
        assert answer.headers["Location"] == f"http://testserver/api/v1/products/{made.pk}/"
        expected = {
            "id": made.pk,
            "publisher": "66870",
            "project_id": "66800",
            "title": "Low Tide",
            "package": "sleeve",
            "price": "19.00",
            "special_text": "",
            "active": True,
            "ecommerce_id_string": "{VTD1}{VTD2}",
        }
        assert answer.json() == shop.program.get(f"products/{made.pk}/").json() == expected

    def test_the_string_replaces_the_skus_and_keeps_those_that_stay(self, shop: Shop) -> None:
        where = f"products/{shop.film.pk}/"
        kept = shop.film.aliases.get().pk
        answer = shop.program.patch(where, {"ecommerce_id_string": "{vtd234-100}{NEW}"})
        assert answer.json()["ecommerce_id_string"] == "{NEW}{VTD234-100}"
        assert SkuAlias.objects.get(key="vtd234-100").pk == kept
        assert shop.program.patch(where, {"ecommerce_id_string": ""}).status_code == 200
        assert SkuAlias.objects.count() == 0

    def test_only_what_is_named_changes(self, shop: Shop) -> None:
        answer = shop.program.patch(f"products/{shop.film.pk}/", {"active": False})
        assert (answer.json()["active"], answer.json()["title"]) == (False, "Film 66750")
        assert SkuAlias.objects.count() == 1

    @pytest.mark.parametrize(
        ("body", "wrong"),
        [
            ({"ecommerce_id_string": "{A"}, ("ecommerce_id_string", "grammar")),
            ({"ecommerce_id_string": "TAKEN"}, ("ecommerce_id_string", "taken")),
            ({"project_id": "66751"}, ("project_id", "taken")),
            ({"project_id": "x"}, ("project_id", "invalid")),
            ({"publisher": "66870"}, ("publisher", "unknown")),
            ({"special_text": "<br>"}, ("special_text", "invalid")),
            ({"package": "box"}, ("package", "invalid_choice")),
            ({"id": 7}, ("id", "unknown")),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_changes(
        self, shop: Shop, body: dict[str, Any], wrong: tuple[str, str]
    ) -> None:
        base.product(shop.publisher, "66751", skus=["TAKEN"])
        before = catalogue()
        answer = shop.program.patch(f"products/{shop.film.pk}/", body)
        assert problem(answer) == (400, "invalid", [wrong])
        assert catalogue() == before

    def test_products_are_never_deleted(self, shop: Shop) -> None:
        answer = shop.program.send("DELETE", f"products/{shop.film.pk}/")
        assert problem(answer) == (405, "method-not-allowed", [])
        assert Product.objects.count() == 1

    def test_lists_take_a_fixed_number_of_queries(self, shop: Shop) -> None:
        for number in range(60):
            base.product(shop.publisher, f"7{number:04}", skus=[f"S-{number}", f"T-{number}"])
        for where, expected in (("products/?limit=100", 4), ("sku-aliases/?limit=100", 3)):
            shop.program.get(where)
            with CaptureQueriesContext(connection) as asked:
                found = shop.program.get(where).json()["results"]
            assert (len(asked), len(found) > 60) == (expected, True), where

    def test_filters(self, shop: Shop) -> None:
        second = base.product(shop.publisher, "66751", active=False)
        for query, expected in {
            "active=true": [shop.film.pk],
            "active=false": [second.pk],
            "project_id=66751": [second.pk],
            "publisher=70001": [],
        }.items():
            found = shop.program.get(f"products/?{query}").json()["results"]
            assert [one["id"] for one in found] == expected, query
        assert problem(shop.program.get("products/?active=perhaps"))[0] == 400


class TestSkus:
    def test_added_changed_and_deleted(self, shop: Shop) -> None:
        body = {"sku": " POSTER ", "product": None}
        made = shop.program.post("sku-aliases/", body).json()
        assert made == {"id": made["id"], "publisher": "66870", "sku": "POSTER", "product": None}
        where = f"sku-aliases/{made['id']}/"
        changed = shop.program.patch(where, {"product": shop.film.pk}).json()
        assert changed == {**made, "product": shop.film.pk}
        found = shop.program.get("sku-aliases/?sku=poster").json()["results"]
        assert found == [changed] == [shop.program.get(where).json()]
        answer = shop.program.send("DELETE", where)
        assert (answer.status_code, answer.content) == (204, b"")
        assert problem(shop.program.get(where))[0] == 404

    @pytest.mark.parametrize(
        ("body", "wrong"),
        [
            ({"sku": "vtd234-100", "product": None}, ("sku", "taken")),
            ({"sku": "", "product": None}, ("sku", "blank")),
            ({"sku": "x" * 256, "product": None}, ("sku", "max_length")),
            ({"sku": "NEW"}, ("product", "required")),
            ({"sku": "NEW", "product": 10**6}, ("product", "unknown_product")),
            ({"sku": "NEW", "product": None, "key": "x"}, ("key", "unknown")),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_changes(
        self, shop: Shop, body: dict[str, Any], wrong: tuple[str, str]
    ) -> None:
        before = catalogue()
        assert problem(shop.program.post("sku-aliases/", body)) == (400, "invalid", [wrong])
        assert catalogue() == before

    def test_anothers_product_is_as_one_that_is_not_there(self, shop: Shop) -> None:
        theirs = base.product(base.southwind(), "44100", skus=["SW-1"])
        answer = shop.program.post("sku-aliases/", {"sku": "NEW", "product": theirs.pk})
        assert problem(answer)[2] == [("product", "unknown_product")]
        alias = theirs.aliases.get()
        for method in ("GET", "PATCH", "DELETE"):
            body = {} if method == "PATCH" else None
            answer = shop.program.send(method, f"sku-aliases/{alias.pk}/", body)
            assert problem(answer)[0] == 404
        assert theirs.aliases.count() == 1


class TestDeliveries:
    @pytest.fixture
    def delivery(self, shop: Shop) -> Delivery:
        base.store(shop.publisher)
        base.deliver(base.order_body(base.line("NEW"), id=77), webhook_id="hook-1")
        return Delivery.objects.get()

    def test_read_map_and_replay(self, shop: Shop, delivery: Delivery) -> None:
        (listed,) = shop.program.get("deliveries/?outcome=unmatched,created").json()["results"]
        assert (listed["id"], listed["outcome"], listed["orders"]) == (
            delivery.pk,
            "unmatched",
            [],
        )
        where = f"deliveries/{delivery.pk}/"
        answer = shop.program.get(where)
        assert [(li["sku"], li["outcome"]) for li in answer.json()["lines"]] == [
            ("NEW", "unmatched")
        ]
        assert b"Harbour Street" not in answer.content
        shop.program.post("sku-aliases/", {"sku": "NEW", "product": shop.film.pk})
        done = shop.program.post(f"{where}replay/", {}).json()
        assert (done["outcome"], done["orders"]) == ("created", ["NORTH-1001-S77-1"])
        assert done["lines"][0]["order"] == "NORTH-1001-S77-1"
        assert OrmQ.objects.count() == 1
        again = shop.program.post(f"{where}replay/", {"make_again": False}).json()
        assert again["orders"] == ["NORTH-1001-S77-1"]
        assert Order.objects.count() == 1

    def test_what_was_cancelled_is_made_again_only_if_asked(
        self, shop: Shop, delivery: Delivery
    ) -> None:
        shop.program.post("sku-aliases/", {"sku": "NEW", "product": shop.film.pk})
        where = f"deliveries/{delivery.pk}/replay/"
        shop.program.post(where)
        shop.program.post("orders/NORTH-1001-S77-1/cancel/")
        shop.program.post(where)
        assert Order.objects.count() == 1
        shop.program.post(where, {"make_again": True})
        assert Order.objects.count() == 2

    def test_an_erased_body_cannot_be_replayed(self, shop: Shop, delivery: Delivery) -> None:
        Delivery.objects.update(body=None)
        answer = shop.program.post(f"deliveries/{delivery.pk}/replay/")
        assert problem(answer) == (409, "not-now", [])
        Delivery.objects.update(body=b"{}", outcome="recorded")
        answer = shop.program.post(f"deliveries/{delivery.pk}/replay/")
        assert problem(answer) == (409, "not-now", [])

    def test_filters_and_strangers(self, shop: Shop, delivery: Delivery) -> None:
        day = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for query, count in {
            "store=northlight.myshopify.com": 1,
            "store=other.myshopify.com": 0,
            "topic=orders/fulfilled": 1,
            "webhook_id=hook-1": 1,
            f"received_after={day}": 0,
            f"received_before={day}": 1,
        }.items():
            assert len(shop.program.get(f"deliveries/?{query}").json()["results"]) == count
        stranger = api_cast.program(base.southwind())
        assert stranger.get("deliveries/").json()["results"] == []
        assert problem(stranger.get(f"deliveries/{delivery.pk}/"))[0] == 404
        assert problem(stranger.post(f"deliveries/{delivery.pk}/replay/"))[0] == 404


class TestStatus:
    def test_backlog_budget_gateway_and_workers(self, shop: Shop) -> None:
        shop.placed()
        shop.held()
        Order.objects.filter(status="ready").update(
            next_attempt_at=timezone.now() - timedelta(seconds=100)
        )
        Call.objects.create(
            publisher=shop.publisher, purpose="sweep", invoices=1, reserved_at=timezone.now()
        )
        Heartbeat.objects.create(name="x", beat_at=timezone.now())
        Gateway.objects.create(pk=1, open_since=timezone.now())
        base.southwind()
        data = shop.program.get("status/").json()
        (mine,) = data["publishers"]
        assert mine["backlog"] == {
            "held": 1, "ready": 1, "submitting": 0, "unclear": 0, "refused": 0, "problem": 0,
        }  # fmt: skip
        assert 99 < mine["oldest_due_seconds"] < 130
        assert mine["status_calls"] == {"used": 1, "limit": 950}
        assert (data["workers"]["working"], data["gateway"]["reachable"]) == (True, False)

    def test_a_fixed_number_of_queries_whatever_the_number_of_publishers(self) -> None:
        counted = []
        base.northlight()
        client = admin_cast.signed_in(admin_cast.colleague("boss", superuser=True))
        for number in range(5):
            with CaptureQueriesContext(connection) as asked:
                assert len(client.get("/api/v1/status/").json()["publishers"]) == number + 1
            counted.append(len(asked))
            base.southwind(
                publisher_id=f"7{number}", login_email=f"{number}@x.example",
                invoice_prefix=f"S{number}",
            )  # fmt: skip
        assert len(set(counted)) == 1
