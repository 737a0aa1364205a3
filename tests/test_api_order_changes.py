"""Orders made and changed over the API: what is right, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django_q.models import OrmQ

from orders.models import Order, OrderEvent
from products.models import Product
from tests import admin_cast, base
from tests.api_cast import Shop, form, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return Shop()


def unchanged(before: Any) -> None:
    assert admin_cast.state() == before


class TestCreate:
    def test_an_order_by_sku_project_and_product(self, shop: Shop) -> None:
        second, third = (base.product(shop.publisher, number) for number in ("66751", "66752"))
        body = form(
            {"sku": " vtd234-100 ", "quantity": 2},
            {"project_id": "66751"},
            {"product": third.pk, "quantity": 3},
            reference="A-1",
            price="12.50",
            mail_method="priority",
        )
        answer = shop.program.post("orders/", body)
        assert answer.status_code == 201
        (made,) = answer.json()["orders"]
        assert answer.headers["Location"] == f"http://testserver/api/v1/orders/{made['invoice']}/"
        order = Order.objects.get()
        assert (order.invoice, order.status, order.source) == ("NORTH-M1", "ready", "api")
        assert [(line.product, line.quantity) for line in order.lines.all()] == [
            (shop.film, 2),
            (second, 1),
            (third, 3),
        ]
        assert (order.reference, str(order.price), order.mail_method) == (
            "A-1",
            "12.50",
            "priority",
        )
        event = order.events.get()
        assert (event.actor_kind, event.data["client"]) == ("client", "Webshop")
        assert OrmQ.objects.count() == 1

    def test_countries_and_states_are_written_as_trepstar_wants_them(self, shop: Shop) -> None:
        body = form(state="maine", country="united states")
        (made,) = shop.program.post("orders/", body).json()["orders"]
        assert (made["state"], made["country"]) == ("ME", "US")

    def test_hold_keeps_it_back(self, shop: Shop) -> None:
        body = form(hold=True, hold_note="Gift: send in December.")
        (made,) = shop.program.post("orders/", body).json()["orders"]
        assert (made["status"], made["hold_reason"], made["hold_note"]) == (
            "held",
            "staff",
            "Gift: send in December.",
        )
        assert OrmQ.objects.count() == 0

    def test_what_trepstar_would_refuse_is_made_and_held(self, shop: Shop) -> None:
        (made,) = shop.program.post("orders/", form(state="")).json()["orders"]
        assert (made["status"], made["hold_reason"]) == ("held", "address")
        assert [one["code"] for one in made["findings"]] == ["state_blank"]

    def test_more_than_a_box_becomes_several_orders(self, shop: Shop) -> None:
        answer = shop.program.post("orders/", form({"sku": "VTD234-100", "quantity": 300}))
        made = [(one["invoice"], one["pieces"]) for one in answer.json()["orders"]]
        assert made == [("NORTH-M1-P1", 250), ("NORTH-M1-P2", 50)]
        assert answer.headers["Location"].endswith("/orders/NORTH-M1-P1/")

    @pytest.mark.parametrize(
        ("change", "wrong"),
        [
            ({"status": "shipped"}, ("status", "unknown")),
            ({"invoice": "NORTH-M7"}, ("invoice", "unknown")),
            ({"publisher": "70001"}, ("publisher", "unknown_publisher")),
            ({"name": None}, ("name", "null")),
            ({"name": "x" * 201}, ("name", "max_length")),
            ({"country": "Atlantis"}, ("country", "unknown_country")),
            ({"email": "nobody"}, ("email", "invalid")),
            ({"price": "NaN"}, ("price", "invalid")),
            ({"price": -1}, ("price", "min_value")),
            ({"special_text": "<b>x</b>"}, ("special_text", "invalid")),
            ({"mail_method": "pigeon"}, ("mail_method", "invalid_choice")),
            ({"lines": []}, ("lines", "empty")),
            ({"lines": {}}, ("lines", "not_a_list")),
            ({"lines": [{}]}, ("lines[0]", "one_name")),
            ({"lines": [{"sku": "A", "project_id": "66750"}]}, ("lines[0]", "one_name")),
            ({"lines": [{"sku": "NEW"}]}, ("lines[0].sku", "unknown_sku")),
            ({"lines": [{"project_id": "44100"}]}, ("lines[0].project_id", "unknown_product")),
            ({"lines": [{"product": 10**9}]}, ("lines[0].product", "unknown_product")),
            ({"lines": [{"product": 10**20}]}, ("lines[0].product", "max_value")),
            ({"lines": [{"sku": "OURS", "colour": "red"}]}, ("lines[0].colour", "unknown")),
            (
                {"lines": [{"sku": "VTD234-100"}, {"sku": "VTD234-100", "quantity": 0}]},
                ("lines[1].quantity", "min_value"),
            ),
            (
                {"lines": [{"sku": "VTD234-100", "quantity": 24_751}]},
                ("lines[0].quantity", "max_value"),
            ),
            ({"lines": [{"sku": "VTD234-100", "quantity": 24_000}] * 2}, ("lines", "too_many")),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_made(
        self, shop: Shop, change: dict[str, Any], wrong: tuple[str, str]
    ) -> None:
        before = admin_cast.state()
        answer = shop.program.post("orders/", form(**change))
        assert problem(answer) == (400, "invalid", [wrong])
        unchanged(before)

    def test_every_wrong_field_is_named_at_once(self, shop: Shop) -> None:
        answer = shop.program.post("orders/", {"colour": "red", "email": "x"})
        assert {field for field, _ in problem(answer)[2]} == {
            "colour", "email", "name", "address", "city", "country", "lines",
        }  # fmt: skip

    @pytest.mark.parametrize("why", ["not_ours", "switched_off", "ambiguous"])
    def test_skus_that_cannot_be_made_say_why(self, shop: Shop, why: str) -> None:
        if why == "not_ours":
            shop.publisher.aliases.create(sku="POSTER")
            line: dict[str, Any] = {"sku": "POSTER"}
        elif why == "switched_off":
            Product.objects.update(active=False)
            line = {"product": shop.film.pk}
        else:
            base.product(shop.publisher, "66751", skus=["66750"])
            line = {"sku": "66750"}
        before = admin_cast.state()
        answer = shop.program.post("orders/", form(line))
        assert [code for _, code in problem(answer)[2]] == [why]
        unchanged(before)

    def test_a_product_of_another_publisher_is_as_one_that_is_not_there(self, shop: Shop) -> None:
        south = base.southwind()
        theirs = base.product(south, "44100", skus=["SW-1"])
        for line in ({"product": theirs.pk}, {"project_id": "44100"}, {"sku": "SW-1"}):
            answer = shop.program.post("orders/", form(line))
            assert "Southwind" not in answer.content.decode()
            assert answer.status_code == 400
        assert Order.objects.count() == 0

    def test_staff_of_two_publishers_say_which(self, shop: Shop) -> None:
        south = base.southwind()
        client = admin_cast.signed_in(admin_cast.colleague("ana", shop.publisher, south))

        def post(**values: Any) -> Any:
            return client.post("/api/v1/orders/", form(**values), content_type="application/json")

        assert problem(post()) == (400, "invalid", [("publisher", "required")])
        assert post(publisher="66870").status_code == 201
        assert [code for _, code in problem(post(publisher="70001"))[2]] == ["unknown_sku"]


class TestChange:
    def test_a_held_order_is_changed_at_the_version_that_was_seen(self, shop: Shop) -> None:
        order = shop.held()
        where = f"orders/{order.invoice}/"
        tag = shop.program.get(where).headers["ETag"]
        body = {"name": "Bo Diaz", "lines": [{"project_id": "66750", "quantity": 4}]}
        answer = shop.program.patch(where, body, if_match=tag)
        assert answer.status_code == 200
        assert answer.headers["ETag"] == '"2"'
        order = Order.objects.get()
        assert (order.name, order.pieces(), order.city) == ("Bo Diaz", 4, "Portland")
        assert order.edited_fields == ["name"]
        assert OrderEvent.objects.last().kind == "order.edited"

    def test_a_new_country_writes_the_state_anew(self, shop: Shop) -> None:
        order = shop.held()
        body = {"country": "Canada", "state": "Ontario"}
        shop.program.patch(f"orders/{order.invoice}/", body, if_match="*")
        order = Order.objects.get()
        assert (order.country, order.state) == ("CA", "ON")

    @pytest.mark.parametrize(
        ("tag", "code", "kind"),
        [
            (None, 428, "version-required"),
            ('"7"', 412, "stale"),
            ('W/"1"', 412, "stale"),
            ("1", 412, "stale"),
            ('"x"', 412, "stale"),
            ('"99999999999999999999"', 412, "stale"),
        ],
    )
    def test_without_the_present_version_nothing_changes(
        self, shop: Shop, tag: str | None, code: int, kind: str
    ) -> None:
        order = shop.held()
        before = admin_cast.state()
        headers = {} if tag is None else {"if_match": tag}
        answer = shop.program.patch(f"orders/{order.invoice}/", {"name": "Bo"}, **headers)
        assert problem(answer) == (code, kind, [])
        unchanged(before)

    def test_an_order_that_goes_out_is_not_changed(self, shop: Shop) -> None:
        order = shop.placed()
        before = admin_cast.state()
        answer = shop.program.patch(f"orders/{order.invoice}/", {"name": "Bo"}, if_match='"1"')
        assert problem(answer) == (409, "not-now", [])
        unchanged(before)

    @pytest.mark.parametrize("name", ["publisher", "reference", "status", "version", "hold"])
    def test_what_may_not_be_changed_is_refused(self, shop: Shop, name: str) -> None:
        order = shop.held()
        before = admin_cast.state()
        answer = shop.program.patch(f"orders/{order.invoice}/", {name: "1"}, if_match="*")
        assert problem(answer) == (400, "invalid", [(name, "unknown")])
        unchanged(before)
