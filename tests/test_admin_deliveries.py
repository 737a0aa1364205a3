"""Deliveries in the admin: what came, mapping and replay, and texts that want to be code."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape
from django_q.models import OrmQ

from orders.models import Attempt, Call, Delivery, DeliveryLine, Gateway, Order
from products.models import SkuAlias
from tests import admin_cast as cast
from tests import base

pytestmark = pytest.mark.django_db


class Desk:
    """Northlight with its store and one film, and a colleague's browser."""

    def __init__(self) -> None:
        self.publisher = base.northlight()
        self.film = base.product(self.publisher, skus=["VTD234-100"])
        self.store = base.store(self.publisher)
        self.user = cast.colleague("ana", self.publisher)
        self.client = cast.signed_in(self.user)

    def came(self, *lines: dict[str, Any], **values: Any) -> Delivery:
        base.deliver(base.order_body(*lines, **values))
        return Delivery.objects.order_by("-id")[0]

    def page(self, delivery: Delivery) -> str:
        return cast.html(self.client.get(cast.page(delivery)))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def nothing_more() -> list[Any]:
    rows = Delivery.objects.order_by("pk").values(), DeliveryLine.objects.order_by("pk").values()
    return [base.counts(), OrmQ.objects.count(), *(str(list(one)) for one in rows)]


def test_an_unknown_sku_is_mapped_on_its_page_and_replayed(desk: Desk) -> None:
    delivery = desk.came(base.line("NEW &1"))
    assert delivery.outcome == "unmatched"
    link = f"/admin/mapping/choose/?publisher={desk.publisher.pk}&amp;sku=new%20%261"
    assert link in desk.page(delivery)
    shown = desk.client.get(link.replace("&amp;", "&"))
    assert 'value="new &amp;1"' in cast.html(shown)
    form = {"publisher": desk.publisher.pk, "sku": "new &1", "product": desk.film.pk}
    desk.client.post(cast.page(SkuAlias, "add"), form, follow=True)
    OrmQ.objects.all().delete()
    response = cast.press(desk.client, delivery, "replay")
    order = Order.objects.get()
    assert cast.said(response) == [f"The delivery was read again: created, {order.invoice}."]
    assert [task.func() for task in OrmQ.objects.all()] == ["orders.tasks.submit_due"]
    event = order.events.get(kind="order.placed")
    assert event.actor_user == desk.user
    page = desk.page(delivery)
    assert cast.page(order) in page
    assert "Map it" not in page


def test_a_replay_without_a_mapping_makes_nothing(desk: Desk) -> None:
    delivery = desk.came(base.line("NEW"))
    OrmQ.objects.all().delete()
    before = base.counts()
    assert cast.said(cast.press(desk.client, delivery, "replay")) == [
        "The delivery was read again: unmatched, no order. The SKU NEW is not known here."
    ]
    assert base.counts() == before
    assert OrmQ.objects.count() == 0


def test_a_second_replay_makes_nothing_twice(desk: Desk) -> None:
    delivery = desk.came()
    for _ in range(2):
        cast.press(desk.client, delivery, "replay")
    assert Order.objects.count() == 1
    assert Order.objects.get().pieces() == 1


def test_cancelled_units_are_made_again_only_where_that_is_ticked(desk: Desk) -> None:
    delivery = desk.came()
    cast.press(desk.client, Order.objects.get(), "cancel")
    cast.press(desk.client, delivery, "replay")
    assert Order.objects.count() == 1
    cast.press(desk.client, delivery, "replay", make_again="on")
    assert sorted(Order.objects.values_list("status", flat=True)) == ["cancelled", "ready"]
    cast.press(desk.client, delivery, "replay", make_again="on")
    assert Order.objects.count() == 2


def test_a_line_without_any_sku_is_marked_as_not_ours(desk: Desk) -> None:
    delivery = desk.came(base.line(None, variant_id=None, title="Gift wrap"))
    line = delivery.lines.get()
    assert (delivery.outcome, line.key) == ("unmatched", "")
    assert "Not ours</button>" in desk.page(delivery)
    cast.press(desk.client, delivery, "not_ours", line=line.pk)
    delivery.refresh_from_db()
    assert delivery.outcome == "ignored"
    assert delivery.lines.get().outcome == "not_ours"
    assert "Not ours</button>" not in desk.page(delivery)


@pytest.mark.parametrize("line", ["", "0", "x", "9" * 30, "another", "mapped"])
def test_no_other_line_is_marked_as_not_ours(desk: Desk, line: str) -> None:
    other = desk.came(base.line(None, variant_id=None, title="Gift wrap"))
    delivery = desk.came(base.line("NEW"))
    ids = {"another": other.lines.get().pk, "mapped": delivery.lines.get().pk}
    before = nothing_more()
    response = cast.press(desk.client, delivery, "not_ours", line=ids.get(line, line))
    assert cast.said(response) == [
        "Only a line without any SKU can be marked here; map the others."
    ]
    assert nothing_more() == before


def test_an_erased_body_cannot_be_replayed(desk: Desk) -> None:
    delivery = desk.came()
    Delivery.objects.update(body=None)
    page = desk.page(delivery)
    assert "The body was erased." in page
    assert "do/replay" not in page
    before = nothing_more()
    assert cast.said(cast.press(desk.client, delivery, "replay")) == [
        "The body of this delivery was erased, so it cannot be replayed."
    ]
    assert nothing_more() == before


def test_a_delivery_is_not_changed_by_hand(desk: Desk) -> None:
    delivery = desk.came()
    before = nothing_more()
    for name in ("change", "delete"):
        form = {"outcome": "ignored", "post": "yes"}
        assert desk.client.post(cast.page(delivery, name), form).status_code == 403
    assert desk.client.get(cast.page(Delivery, "add")).status_code == 403
    assert nothing_more() == before


def test_only_those_who_may_change_orders_replay(desk: Desk) -> None:
    delivery = desk.came(base.line(None, variant_id=None))
    reader = cast.signed_in(cast.colleague("reader", desk.publisher, may="view"))
    page = cast.html(reader.get(cast.page(delivery)))
    before = nothing_more()
    for name in ("replay", "not_ours"):
        assert f"do/{name}" not in page, name
        line = delivery.lines.get().pk
        assert reader.post(cast.button(delivery, name), {"line": line}).status_code == 403
    assert nothing_more() == before


def test_the_body_is_shown_as_text(desk: Desk) -> None:
    delivery = desk.came(base.line(title="<script>alert(1)</script>"), note="</pre><b>ä</b>")
    page = desk.page(delivery)
    assert "<script>alert" not in page
    assert "</pre><b>" not in page
    assert "&lt;/pre&gt;&lt;b&gt;ä&lt;/b&gt;" in page


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe<script>alert(1)</script>",
        b'{"a": ' * 3000,
        b'{"id": 1' + b"0" * 5000 + b"}",
        b"1",
    ],
)
def test_a_body_that_cannot_be_read_is_shown_as_it_came(desk: Desk, body: bytes) -> None:
    delivery = desk.came()
    Delivery.objects.update(body=body)
    page = desk.page(delivery)
    assert "<script>alert" not in page
    assert escape(body[2:40].decode("utf-8", "replace")) in page


def hostile(desk: Desk, payload: str) -> list[Any]:
    """Put a payload into every text that a stranger may write; return the rows that hold it."""
    short = payload[:60]
    bodies = base.order_body(base.line("VTD234-100"), base.line(short, title=payload), name=short)
    base.deliver(bodies)
    delivery = Delivery.objects.get()
    Delivery.objects.update(
        topic=short, webhook_id=payload, event_id=payload, api_version=payload[:20],
        reason=payload, invoices=[payload],
    )  # fmt: skip
    DeliveryLine.objects.update(reason=payload, order=None)
    order = cast.put(
        Order.objects.get(), "problem", name=payload, company=payload, address=payload,
        city=payload, state=payload, zip=payload[:20], email=payload, special_text=payload,
        reference=short, gateway_status=payload, gateway_error_number=payload[:20],
        gateway_error_text=payload, gateway_customer=payload, tracking_id=payload, flag=payload,
        ship_date_text=payload[:50], shipping_method=payload[:50],
    )  # fmt: skip
    order.events.update(data={"note": payload, "text": payload, "code": payload, "word": payload})
    order.lines.update(sku=payload)
    attempt = Attempt.objects.create(
        order=order, number=1, token=uuid.uuid4(), credential_version=1, payload_hash="0",
        text=payload, excerpt=payload, error_code=payload[:6], started_at=timezone.now(),
    )  # fmt: skip
    call = Call.objects.create(
        publisher=desk.publisher, purpose="staff", invoices=1, text=payload, excerpt=payload,
        reserved_at=timezone.now(),
    )  # fmt: skip
    Gateway.objects.update_or_create(pk=1, defaults={"last_error": payload})
    held = cast.held(desk.publisher, (desk.film, 1))
    Order.objects.filter(pk=held.pk).update(name=payload, hold_note=payload)
    desk.film.title, desk.film.special_text = payload, payload
    desk.film.save()
    SkuAlias.objects.create(publisher=desk.publisher, sku=payload, product=desk.film)
    type(desk.publisher).objects.update(name=payload)
    return [
        delivery,
        order,
        held,
        attempt,
        call,
        desk.film,
        desk.publisher,
        desk.store,
        Gateway.objects.get(),
    ]


def pages_of(client: Client, rows: list[Any]) -> list[tuple[str, str]]:
    found = []
    for row in rows:
        for name in ("changelist", "change", "history"):
            where = cast.page(type(row) if name == "changelist" else row, name)
            response = client.get(where)
            assert response.status_code == 200, where
            found.append((where, cast.html(response)))
    return found


@pytest.mark.parametrize("payload", cast.PAYLOADS)
def test_what_strangers_write_is_never_code(desk: Desk, payload: str) -> None:
    rows = hostile(desk, payload)
    shown = 0
    for where, text in pages_of(desk.client, rows):
        shown += escape(payload) in text
        if payload != escape(payload):
            assert payload not in text, where
        assert 'href="javascript:' not in text.lower(), where
    assert shown >= 9


def test_the_list_runs_as_many_statements_for_60_deliveries_as_for_10(desk: Desk) -> None:
    counts, rows = [], []
    for more in (10, 50):
        for number in range(more):
            rows.append(desk.came(base.line("NEW"), name=f"#{number}"))
        desk.client.get(cast.page(Delivery, "changelist"))  # what is remembered for a while
        with CaptureQueriesContext(connection) as seen:
            response = desk.client.get(cast.page(Delivery, "changelist"))
        assert response.context["cl"].result_count == len(rows)
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert counts[0] <= 13
