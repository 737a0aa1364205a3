"""The queue of what needs attention as its tests meet it: one row for every reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orders import desk, lifecycle
from orders.models import Delivery, DeliveryLine, Order
from products.models import Product, Publisher
from tests import admin_cast as cast
from tests import base

QUEUE = "/admin/attention/"
MENDED = {"city": "Portland", "state": "ME"}
NOWHERE = {"city": "", "state": "Cascadia"}


def aged(row: Any, minutes: int) -> Any:
    """Let a row have come so many minutes ago."""
    column = "created_at" if isinstance(row, Order) else "received_at"
    at = timezone.now() - timedelta(minutes=minutes)
    type(row).objects.filter(pk=row.pk).update(**{column: at})
    row.refresh_from_db()
    return row


def held(publisher: Publisher, film: Product, reason: str, note: str = "") -> Order:
    return base.place(publisher, (film, 1), hold_reason=reason, hold_note=note)


def lost_address(publisher: Publisher, film: Product) -> Order:
    """An order that intake held, since its address has no city and a state of no country."""
    recipient = base.Recipient(**{**base.ANA.as_dict(), **NOWHERE})
    return base.place(publisher, (film, 1), recipient=recipient)


def unclear(order: Order, *, minutes: int, rounds: int = 1) -> Order:
    since = timezone.now() - timedelta(minutes=minutes)
    return cast.put(order, "unclear", question="outcome", unclear_since=since,
                    unclear_rounds=rounds, next_ask_at=timezone.now())  # fmt: skip


def unmatched(*skus: str | None, secret: str = base.SECRET, **values: Any) -> Delivery:
    lines = [base.line(sku, variant_id=None) for sku in skus]
    base.deliver(base.order_body(*lines, **values), secret=secret)
    return Delivery.objects.latest("pk")


def quarantined(body: bytes = b'{"id": "no order"}') -> Delivery:
    base.deliver(body)
    found = Delivery.objects.latest("pk")
    assert found.outcome == "quarantined"
    return found


class Desk:
    """Northlight with a film and a store, and a row for every reason, oldest first."""

    def __init__(self, **roles: Any) -> None:
        self.publisher = base.northlight()
        self.film = base.product(self.publisher, skus=["VTD234-100"], title="Harbour Lights")
        self.store = base.store(self.publisher)
        self.user = cast.colleague("ana", self.publisher, **roles)
        self.client = cast.signed_in(self.user)

    def one_of_each(self) -> dict[str, Any]:
        north, film = self.publisher, self.film
        rows: dict[str, Any] = {
            reason: held(north, film, reason, f"Noted for {reason}.")
            for reason in ("staff", "policy", "unknown_sku", "quantity", "collision", "internal")
        }
        rows["address"] = lost_address(north, film)
        rows["preflight"] = base.place(north, (film, 1), price_on_customs=True)
        assert rows["preflight"].hold_reason == "preflight"
        rows["refused"] = cast.put(
            self.ready(), "refused", gateway_error_number="000013",
            gateway_error_text="Name was blank",
        )  # fmt: skip
        rows["problem"] = cast.put(
            self.ready(), "problem", gateway_error_number="10", gateway_error_text="Bad address"
        )
        rows["unclear"] = unclear(self.ready(), minutes=30)
        rows["not_known"] = cast.put(self.ready(), "accepted", not_found=3)
        rows["flagged"] = cast.put(self.ready(), "processing", flag="The name changed.")
        rows["unmatched"] = unmatched("NEW-1", None)
        rows["quarantined"] = quarantined()
        for number, row in enumerate(rows.values()):
            aged(row, 600 - number)
        return rows

    def ready(self) -> Order:
        return base.place(self.publisher, (self.film, 1))

    def later(self) -> Order:
        until = timezone.now() + timedelta(days=3)
        return desk.hold(self.ready().pk, actor=lifecycle.WORKER, note="She moves.", until=until)


def shown(response: Any) -> list[Any]:
    """Return the rows of the page, in their order."""
    return [card.row for card in response.context["cards"]]


def card_of(client: Client, row: Any, **asked: str) -> Any:
    response = client.get(QUEUE, asked)
    return next(card for card in response.context["cards"] if card.row == row)


def back(card: Any, **values: Any) -> dict[str, Any]:
    """What a button of the queue posts beside its own fields."""
    version = getattr(card.row, "version", "")
    return {"back": "attention", "queue_key": card.key, "version": version, **values}


def mending(card: Any, **changes: Any) -> dict[str, Any]:
    """The form of a card, as a browser posts it."""
    fields = {name: card.form[name].value() for name in card.form.fields}
    fields = {name: "" if value is None else value for name, value in fields.items()}
    return {**back(card), **fields, **changes}


def everything() -> list[Any]:
    """Orders, events, tasks and deliveries; the same before and after is "nothing changed"."""
    rows = [Delivery.objects.order_by("pk").values(), DeliveryLine.objects.order_by("pk").values()]
    return [cast.state(), *map(list, rows)]


def mend_url(order: Order) -> str:
    return reverse("admin:attention_mend", args=[order.pk])


def away_url(delivery: Delivery) -> str:
    return reverse("admin:attention_put_away", args=[delivery.pk])
