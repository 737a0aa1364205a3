"""What a program may do with an order, and with many at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from orders.models import Order
from tests import admin_cast, api_cast, base
from tests.api_cast import Shop, form, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return Shop()


def act(shop: Shop, order: Order, name: str, body: Any = None, **headers: str) -> Any:
    return shop.program.post(f"orders/{order.invoice}/{name}/", body, **headers)


def unchanged(before: Any) -> None:
    assert admin_cast.state() == before


def test_hold_until_and_release(shop: Shop) -> None:
    order = shop.placed()
    until = (timezone.now() + timedelta(days=3)).replace(microsecond=0)
    answer = act(shop, order, "hold", {"note": "She moves.", "until": until.isoformat()})
    held = Order.objects.get()
    assert (answer.json()["status"], answer.headers["ETag"]) == ("held", '"2"')
    assert (held.hold_note, held.hold_until) == ("She moves.", until)
    assert held.events.last().data["client"] == "Webshop"
    answer = act(shop, order, "release", if_match='"2"')
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize(
    ("until", "code"),
    [
        ("2020-01-01T00:00:00Z", "past"),
        ("soon", "invalid"),
        ("9999-12-31T23:59:59-23:59", "overflow"),
        (7, "invalid"),
    ],
)
def test_a_hold_ends_at_a_moment_to_come(shop: Shop, until: Any, code: str) -> None:
    order = shop.placed()
    before = admin_cast.state()
    answer = act(shop, order, "hold", {"until": until})
    assert problem(answer) == (400, "invalid", [("until", code)])
    unchanged(before)


def test_a_release_that_trepstar_would_refuse_is_409_with_the_findings(shop: Shop) -> None:
    order = shop.held()
    Order.objects.filter(pk=order.pk).update(city="", state="")
    before = admin_cast.state()
    answer = act(shop, order, "release")
    assert problem(answer) == (409, "unfit", [("city", "city_blank"), ("state", "state_blank")])
    assert answer.json()["detail"].startswith("The city is blank. Enter it.")
    unchanged(before)


def test_cancel_and_nothing_after_it(shop: Shop) -> None:
    order = shop.placed()
    assert act(shop, order, "cancel", {"note": "Paid back."}).json()["status"] == "cancelled"
    before = admin_cast.state()
    for name in ("hold", "release", "cancel", "refresh"):
        assert problem(act(shop, order, name))[:2] == (409, "not-now"), name
    assert problem(act(shop, order, "reship", {"reason": "Lost"}))[:2] == (409, "not-now")
    unchanged(before)


def test_refresh_has_trepstar_asked(shop: Shop) -> None:
    order = admin_cast.shipped(shop.publisher, (shop.film, 1))
    answer = act(shop, order, "refresh")
    assert (answer.status_code, answer.json()["status"]) == (202, "shipped")
    assert OrmQ.objects.count() == 1
    assert OrmQ.objects.get().task["func"] == "orders.tasks.ask_now"


def test_reship_makes_a_held_order_under_a_new_invoice(shop: Shop) -> None:
    order = admin_cast.shipped(shop.publisher, (shop.film, 1))
    answer = act(shop, order, "reship", {"reason": "Lost in the post."})
    (made,) = answer.json()["orders"]
    assert answer.status_code == 201
    assert (made["invoice"], made["status"], made["reship_of"]) == (
        f"{order.invoice}-R1",
        "held",
        order.invoice,
    )
    assert answer.headers["Location"].endswith(f"/orders/{order.invoice}-R1/")
    assert problem(act(shop, order, "reship"))[2] == [("reason", "required")]
    assert Order.objects.count() == 2


def test_a_note_goes_into_the_timeline(shop: Shop) -> None:
    order = shop.placed()
    assert act(shop, order, "note", {"text": "She called."}).status_code == 200
    event = Order.objects.get().events.last()
    assert (event.kind, event.data["note"]) == ("order.note", "She called.")
    told = shop.program.get(f"orders/{order.invoice}/timeline/").json()["results"][-1]
    assert (told["text"], told["actor"]) == ("She called.", "Webshop (API)")


@pytest.mark.parametrize("name", ["hold", "release", "cancel", "refresh", "note"])
def test_an_action_at_a_version_that_is_past_does_nothing(shop: Shop, name: str) -> None:
    order = shop.held()
    before = admin_cast.state()
    body = {"text": "x"} if name == "note" else {}
    assert problem(act(shop, order, name, body, if_match='"9"')) == (412, "stale", [])
    unchanged(before)


@pytest.mark.parametrize("name", ["hold", "release", "cancel", "refresh", "reship", "note"])
def test_an_action_on_anothers_order_finds_nothing(shop: Shop, name: str) -> None:
    south = base.southwind()
    order = base.place(south, (base.product(south, "44100"), 1))
    before = admin_cast.state()
    answer = act(shop, order, name, {"reason": "x"} if name == "reship" else {})
    assert problem(answer)[:2] == (404, "not-found")
    unchanged(before)


class TestBulk:
    def test_every_row_has_its_result(self, shop: Shop) -> None:
        rows = [
            form(reference="1"),
            form({"sku": "NEW"}),
            "no order",
            form(city=""),
            form({"sku": "VTD234-100", "quantity": 251}),
            form(state=""),
            {**form(), "colour": "red"},
            form(publisher="70001"),
        ]
        answer = shop.program.post("orders/bulk/", {"orders": rows})
        data = answer.json()
        assert (answer.status_code, data["made"], data["refused"]) == (200, 3, 5)
        told = [
            (
                row["row"],
                row["status"],
                [one["invoice"] for one in row["orders"]],
                [(one["field"], one["code"]) for one in row["errors"]],
            )
            for row in data["results"]
        ]
        assert told == [
            (0, 201, ["NORTH-M1"], []),
            (1, 400, [], [("lines[0].sku", "unknown_sku")]),
            (2, 400, [], [("", "invalid")]),
            (3, 400, [], [("city", "blank")]),
            (4, 201, ["NORTH-M2-P1", "NORTH-M2-P2"], []),
            (5, 201, ["NORTH-M3"], []),
            (6, 400, [], [("colour", "unknown")]),
            (7, 400, [], [("publisher", "unknown_publisher")]),
        ]
        assert data["results"][5]["orders"][0]["hold_reason"] == "address"
        assert Order.objects.count() == 4
        assert OrmQ.objects.count() == 1

    def test_five_hundred_orders(self, shop: Shop) -> None:
        answer = shop.program.post("orders/bulk/", {"orders": [form()] * 500})
        assert answer.json()["made"] == Order.objects.count() == 500

    @pytest.mark.parametrize(
        ("rows", "code"),
        [
            ([], "empty"),
            ([{}] * 501, "max_length"),
            ([form({"sku": "VTD234-100", "quantity": 24_750})] * 6, "too_many"),
        ],
    )
    def test_too_little_or_too_much_is_refused_as_a_whole(
        self, shop: Shop, rows: list[Any], code: str
    ) -> None:
        answer = shop.program.post("orders/bulk/", {"orders": rows})
        assert problem(answer) == (400, "invalid", [("orders", code)])
        assert Order.objects.count() == 0

    def test_a_repeat_under_the_same_key_makes_nothing_more(self, shop: Shop) -> None:
        key = api_cast.key()
        body = {"orders": [form(), form({"sku": "NEW"})]}
        first, second = (
            shop.program.post("orders/bulk/", body, idempotency_key=key) for _ in range(2)
        )
        assert first.content == second.content
        assert Order.objects.count() == 1
