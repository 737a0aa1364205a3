"""What the queue shows of each row: why it waits, since when, and what may be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from orders import attention, reasons, status
from orders.admin.buttons import Button
from orders.admin.delivery import REPLAY
from orders.admin.mend_form import MendForm, mendable
from orders.models import Delivery, DeliveryLine, Order, OrderEvent
from orders.preflight import Finding
from orders.reasons import REASONS, Reason
from orders.sentences import actor
from products.models import Publisher

MOST_LINES = 8


@dataclass
class Card:
    """One row of the queue. ``told`` pairs each reason with the words for it."""

    row: Any
    key: str
    kind: str
    came: datetime
    publisher: Publisher
    told: list[tuple[Reason, str]]
    buttons: list[Button]
    findings: list[Finding] = field(default_factory=list)
    form: MendForm | None = None
    may_release: bool = False
    since: datetime | None = None
    by: str = ""
    pieces: int = 0
    unmatched: list[tuple[DeliveryLine, str]] = field(default_factory=list)
    more_unmatched: int = 0
    map_url: str = ""
    may_put_away: bool = False

    @property
    def opts(self) -> Any:
        return self.row._meta


def mapping_address(publisher_id: int, sku: str = "") -> str:
    """Return the page on which staff say what a SKU stands for."""
    query = {"publisher": str(publisher_id), **({"sku": sku} if sku else {})}
    try:
        where = reverse("admin:mapping")
    except NoReverseMatch:
        where = reverse("admin:products_skualias_add")
    return f"{where}?{urlencode(query)}"


def cards(
    request: HttpRequest, rows: Sequence[Order | Delivery], now: datetime, typed: MendForm | None
) -> list[Card]:
    """Return the cards of one page in one query more, whatever the number of rows.

    ``typed`` is a form that was refused; it stands where it was filled in.
    """
    ids = [row.entered for row in rows if isinstance(row, Order)]  # type: ignore[attr-defined]
    moves = OrderEvent.objects.select_related("actor_user").in_bulk([i for i in ids if i])
    return [
        _of_order(request, row, now, moves.get(row.entered), typed)  # type: ignore[attr-defined]
        if isinstance(row, Order)
        else _of_delivery(request, row)
        for row in rows
    ]


def _of_order(
    request: HttpRequest,
    order: Order,
    now: datetime,
    move: OrderEvent | None,
    typed: MendForm | None,
) -> Card:
    findings = attention.findings_of(order)
    may_release = _may(request, "orders.release_order")
    form = _form(request, order, findings, typed)
    partly = order.status == status.HELD and order.hold_reason == "unknown_sku"
    return Card(
        row=order,
        key=str(attention.key_of(order)),
        kind="order",
        came=order.created_at,
        publisher=order.publisher,
        told=[(one, reasons.why(order, one, findings)) for one in reasons.reasons_of(order, now)],
        buttons=[
            button
            for button in _buttons(request, order)
            # What TrepStar would refuse is not released; with a form, the form's button does it.
            if button.name != "release" or not (form or findings)
        ],
        findings=[one for one in findings if form is None or one.field not in form.fields],
        form=form,
        may_release=may_release,
        since=move.created_at if move else None,
        by=actor(move) if move else "",
        pieces=order.pieces(),
        map_url=mapping_address(order.publisher_id) if partly and _may_map(request) else "",
    )


def _form(
    request: HttpRequest, order: Order, findings: list[Finding], typed: MendForm | None
) -> MendForm | None:
    names = mendable(order, findings) if order.status in status.EDITABLE else ()
    if not names or not _may(request, "orders.change_order"):
        return None
    if typed is not None and typed.instance.pk == order.pk:
        return typed
    form = MendForm(instance=order, names=names, auto_id=f"mend-{order.pk}-%s")
    form.explain(findings)
    return form


def _of_delivery(request: HttpRequest, delivery: Delivery) -> Card:
    reason = REASONS[delivery.outcome]
    may_replay = _may(request, "orders.replay_delivery")
    publisher = delivery.store.publisher
    lines: list[DeliveryLine] = delivery.unmatched  # type: ignore[attr-defined]
    may_map = _may_map(request)
    return Card(
        row=delivery,
        key=str(attention.key_of(delivery)),
        kind="delivery",
        came=delivery.received_at,
        publisher=publisher,
        told=[(reason, delivery.reason)],
        buttons=[REPLAY] if may_replay else [],
        unmatched=[
            (line, mapping_address(publisher.pk, line.key) if line.key and may_map else "")
            for line in lines[:MOST_LINES]
        ],
        more_unmatched=max(0, len(lines) - MOST_LINES),
        may_put_away=may_replay and reason.slug == "quarantined",
    )


def _buttons(request: HttpRequest, row: Model) -> list[Button]:
    page: Any = admin.site.get_model_admin(type(row))
    return [one for one in page.buttons_for(request, row) if page.may_press(request, one.name)]


def _may(request: HttpRequest, permission: str) -> bool:
    return request.user.has_perm(permission)


def _may_map(request: HttpRequest) -> bool:
    return _may(request, "products.add_skualias")
