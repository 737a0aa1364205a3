"""From what a client wrote to what is made: publishers, products, recipients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ErrorDetail, ValidationError

from orders.intake import Request, Units
from orders.models import Order
from orders.models.order import Source
from orders.recipient import FIELDS, Recipient, recipient
from products.matching import Match, match_skus
from products.models import Product, Publisher

Lines = Sequence[Mapping[str, Any]]
HELD_BY_CLIENT = "The client that made the order asked for it to be held."


def wrong(field: str, code: str, message: str) -> ValidationError:
    """Return the refusal of one field."""
    return ValidationError({field: [ErrorDetail(message, code=code)]})


def publisher_for(user: Any, given: str | None) -> Publisher:
    """Return the publisher that is meant, among those that ``user`` may see."""
    if token := getattr(user, "api_token", None):
        # It was read with its publisher a moment ago, and sees no other.
        own: Publisher = token.publisher
        if given in (None, own.publisher_id):
            return own
    seen: QuerySet[Publisher] = Publisher.objects.for_user(user)
    if given is not None:
        publisher = seen.filter(publisher_id=given).first()
        if publisher is None:
            raise wrong("publisher", "unknown_publisher", "This publisher is not known.")
        return publisher
    found = list(seen[:2])
    if len(found) != 1:
        raise wrong("publisher", "required", "Say which publisher it is for.")
    return found[0]


class Catalogue:
    """A publisher's products that the lines of one or many orders name, read in three queries."""

    def __init__(self, publisher: Publisher, lines: Lines) -> None:
        self.publisher = publisher
        mine = Product.objects.filter(publisher=publisher)
        self.by_id = mine.in_bulk({li["product"] for li in lines if "product" in li})
        projects = {li["project_id"] for li in lines if "project_id" in li}
        rows = mine.filter(project_id__in=projects) if projects else ()
        self.by_project = {one.project_id: one for one in rows}
        skus = [li["sku"] for li in lines if "sku" in li]
        self.by_sku = match_skus(publisher, skus) if skus else {}

    def units(self, lines: Lines) -> list[Units]:
        """Return the lines as units; raises ``ValidationError`` for a product that is not here."""
        errors: dict[int, Any] = {}
        found = []
        for number, line in enumerate(lines):
            try:
                sku = line.get("sku", "")
                found.append(Units(self._product(line), line["quantity"], sku=sku))
            except ValidationError as error:
                errors[number] = error.detail
        if errors:
            raise ValidationError({"lines": errors})  # type: ignore[dict-item]
        return found

    def _product(self, line: Mapping[str, Any]) -> Product:
        if "sku" in line:
            return self._of_sku(line["sku"])
        name = "product" if "product" in line else "project_id"
        rows: Mapping[Any, Product] = self.by_id if name == "product" else self.by_project
        product = rows.get(line[name])
        if product is None:
            raise wrong(name, "unknown_product", "This publisher has no such product.")
        if not product.active:
            raise wrong(name, "switched_off", "This product is switched off.")
        return product

    def _of_sku(self, sku: str) -> Product:
        match = self.by_sku.get(sku, Match())
        if match.product is not None:
            return match.product
        if match.not_ours:
            raise wrong("sku", "not_ours", "This SKU is known and is not made by TrepStar.")
        if match.candidates:
            told = f"This SKU is not clear: {' and '.join(match.candidates)}."
            raise wrong("sku", "ambiguous", told)
        raise wrong("sku", "unknown_sku", "This SKU is not known.")


def request_of(form: Mapping[str, Any], publisher: Publisher, units: Sequence[Units]) -> Request:
    """Return the request for new orders that a checked form asks for."""
    return Request(
        publisher=publisher,
        source=Source.API,
        recipient=_recipient({name: form.get(name, "") for name in FIELDS}),
        units=tuple(units),
        email=form.get("email", ""),
        reference=form.get("reference", ""),
        mail_method=form.get("mail_method"),
        notify_customer=form.get("notify_customer"),
        price_on_customs=form.get("price_on_customs"),
        special_text=form.get("special_text", ""),
        price=form.get("price"),
        hold_reason="staff" if form["hold"] else "",
        hold_note=(form.get("hold_note") or HELD_BY_CLIENT) if form["hold"] else "",
    )


def changes_of(form: Mapping[str, Any], order: Order) -> dict[str, Any]:
    """Return the changed fields of an order, its address in the form in which it is sent."""
    changes = {name: value for name, value in form.items() if name != "lines"}
    if not set(changes) & set(FIELDS):
        return changes
    merged = {name: changes.get(name, getattr(order, name)) for name in FIELDS}
    address = _recipient(merged).as_dict()
    # A state is written by its country's rules, so a new country may change it too.
    touched = set(changes) | ({"state"} if "country" in changes else set())
    return {**changes, **{name: address[name] for name in FIELDS if name in touched}}


def _recipient(values: Mapping[str, str]) -> Recipient:
    found, cut = recipient(
        name=values["name"],
        company=values["company"],
        street=values["address"],
        street2="",
        city=values["city"],
        state=values["state"],
        zip_code=values["zip"],
        country=values["country"],
    )
    if cut:
        raise wrong(cut[0], "max_length", "This is too long.")
    return found
