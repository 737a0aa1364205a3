"""The orders of a confirmed file, from the rows of its job: each is made exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from orders import jobs
from orders.intake import Request, Units
from orders.intake_many import place_many
from orders.job_rows import RowIn, act, act_on_many
from orders.lifecycle import NotNow
from orders.models import Job, JobRow, Order
from orders.models.order import Source
from orders.recipient import Recipient
from orders.spreadsheet.checking import Checked
from products.models import Product, Publisher


def packed(checked: Checked) -> RowIn:
    """Return a good order as a row of its job."""
    request = checked.request
    assert request is not None
    number = request.invoice or request.reference
    label = f"Row {checked.wanted.row}" + (f", {number}" if number else "")
    data = {
        "recipient": request.recipient.as_dict(),
        "units": [[unit.product.pk, unit.quantity, unit.sku] for unit in request.units],
        "email": request.email,
        "reference": request.reference,
        "mail_method": request.mail_method,
        "special_text": request.special_text,
        "price": None if request.price is None else str(request.price),
        "invoice": request.invoice,
    }
    return label, None, data


@act(Job.Kind.IMPORT)
def make(job: Job, row: JobRow) -> str:
    """Make the order of one row. Raises ``NotNow`` where its number was ordered meanwhile."""
    try:
        with transaction.atomic():
            (told,) = make_many(job, [row])
    except IntegrityError:
        # Of another publisher, or by another way, since the look at the invoices that there are.
        if not row.data["invoice"]:
            raise
        raise _used(row.data["invoice"]) from None
    if isinstance(told, NotNow):
        raise told
    return told


@act_on_many(Job.Kind.IMPORT)
def make_many(job: Job, rows: Sequence[JobRow]) -> list[str | NotNow]:
    """Make the orders of rows; say of each what was made, or why it was not.

    Raises ``IntegrityError``, with nothing made, where an invoice is used at the same moment.
    """
    # Two imports of one publisher take turns, or both could make the same number.
    assert job.publisher_id is not None
    publisher = Publisher.objects.select_for_update(no_key=True).get(pk=job.publisher_id)
    there = _There(publisher, [row.data for row in rows])
    told: list[str | NotNow] = []
    good: list[tuple[JobRow, Request]] = []
    for row in rows:
        if refusal := there.refusal(row.data):
            told.append(refusal)
        else:
            told.append("")
            good.append((row, _unpacked(publisher, there.products, row.data)))
    made = place_many([request for _, request in good], actor=jobs.actor_of(job))
    for (row, _), orders in zip(good, made, strict=True):
        row.order = orders[0]
    sentences = iter(map(_told, made))
    return [one or next(sentences) for one in told]


class _There:
    """What may stand in the way of a chunk's rows: three queries, however many they are."""

    def __init__(self, publisher: Publisher, found: Sequence[dict[str, Any]]) -> None:
        self.products = Product.objects.in_bulk(
            {pk for data in found for pk, _, _ in data["units"]}
        )
        references = {data["reference"] for data in found} - {""}
        same = Order.objects.filter(~Q(reference=""), publisher=publisher)
        same = same.filter(reference__in=references).order_by("-pk")
        self.references = dict(same.values_list("reference", "invoice"))
        self.invoices = _used_invoices({data["invoice"] for data in found} - {""})

    def refusal(self, data: dict[str, Any]) -> NotNow | None:
        """Return why a row's order is not made, or None."""
        reference, invoice = data["reference"], data["invoice"]
        if there := self.references.get(reference):
            return NotNow(f"Order {there} was made for “{reference}” meanwhile.")
        if invoice in self.invoices:
            return _used(invoice)
        if any(pk not in self.products for pk, _, _ in data["units"]):
            return NotNow("A product of it was deleted meanwhile, so it was not made.")
        return None


def _used_invoices(wanted: set[str]) -> set[str]:
    return set(Order.objects.filter(invoice__in=wanted).values_list("invoice", flat=True))


def _used(invoice: str) -> NotNow:
    return NotNow(f"The invoice “{invoice}” was used meanwhile.")


def _unpacked(publisher: Publisher, products: dict[int, Product], data: dict[str, Any]) -> Request:
    return Request(
        publisher=publisher,
        source=Source.CSV,
        recipient=Recipient(**data["recipient"]),
        units=tuple(Units(products[pk], n, sku=sku) for pk, n, sku in data["units"]),
        email=data["email"],
        reference=data["reference"],
        mail_method=data["mail_method"],
        special_text=data["special_text"],
        price=None if data["price"] is None else Decimal(data["price"]),
        invoice=data["invoice"],
    )


def _told(orders: Sequence[Order]) -> str:
    names = ", ".join(order.invoice for order in orders)
    held = next((order for order in orders if order.hold_reason), None)
    if held:
        return f"{names} was made and is held ({held.get_hold_reason_display()})."
    return f"{names} was made."
