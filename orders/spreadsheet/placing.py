"""The orders of a confirmed file, from the rows of its job: each is made exactly once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from orders import intake, jobs
from orders.lifecycle import NotNow
from orders.models import Job, JobRow, Order
from orders.models.order import Source
from orders.recipient import Recipient
from orders.spreadsheet.checking import Checked
from products.models import Product, Publisher


def packed(checked: Checked) -> dict[str, Any]:
    """Return a good order as a job's row keeps it."""
    request = checked.request
    assert request is not None
    number = request.invoice or request.reference
    return {
        "label": f"Row {checked.wanted.row}" + (f", {number}" if number else ""),
        "recipient": request.recipient.as_dict(),
        "units": [[unit.product.pk, unit.quantity, unit.sku] for unit in request.units],
        "email": request.email,
        "reference": request.reference,
        "mail_method": request.mail_method,
        "special_text": request.special_text,
        "price": None if request.price is None else str(request.price),
        "invoice": request.invoice,
    }


def _unpacked(publisher: Publisher, data: dict[str, Any]) -> intake.Request:
    products = Product.objects.in_bulk([pk for pk, _, _ in data["units"]])
    if any(pk not in products for pk, _, _ in data["units"]):
        raise NotNow("A product of it was deleted meanwhile, so it was not made.")
    return intake.Request(
        publisher=publisher,
        source=Source.CSV,
        recipient=Recipient(**data["recipient"]),
        units=tuple(intake.Units(products[pk], n, sku=sku) for pk, n, sku in data["units"]),
        email=data["email"],
        reference=data["reference"],
        mail_method=data["mail_method"],
        special_text=data["special_text"],
        price=None if data["price"] is None else Decimal(data["price"]),
        invoice=data["invoice"],
    )


@jobs.act(Job.Kind.IMPORT)
def make(job: Job, row: JobRow) -> str:
    """Make the order of one row, and take its address out of the job.

    Raises ``NotNow`` where its invoice or shop's number was ordered meanwhile.
    """
    # Two imports of one publisher take turns, or both could make the same number.
    assert job.publisher_id is not None
    publisher = Publisher.objects.select_for_update(no_key=True).get(pk=job.publisher_id)
    data = row.data
    same = Order.objects.filter(publisher=publisher).exclude(reference="")
    there = data["reference"] and same.filter(reference=data["reference"]).first()
    if there:
        raise NotNow(f"Order {there} was made for “{data['reference']}” meanwhile.")
    request = _unpacked(publisher, data)
    try:
        with transaction.atomic():
            orders = intake.place(request, actor=jobs.actor_of(job))
    except IntegrityError:
        if not data["invoice"]:
            raise
        raise NotNow(f"The invoice “{data['invoice']}” was used meanwhile.") from None
    row.order, row.data = orders[0], {}
    JobRow.objects.filter(pk=row.pk).update(data={})
    names = ", ".join(order.invoice for order in orders)
    held = next((order for order in orders if order.hold_reason), None)
    if held:
        return f"{names} was made and is held ({held.get_hold_reason_display()})."
    return f"{names} was made."
