"""What becomes of one line of a body, what it is matched by, and how its box is mailed."""

from __future__ import annotations

from fnmatch import fnmatchcase

from orders.models import Delivery, DeliveryLine, ShopOrder, Store
from orders.recipient import Recipient
from orders.units import Wanted
from products.matching import Match
from products.sku import sku_key


def line_key(sku: str, variant_id: int | None) -> str:
    """Return what a line is matched by: its SKU, else its variant, else nothing."""
    if sku:
        return sku
    return f"variant:{variant_id}" if variant_id else ""


def line_of(
    delivery: Delivery, shop_order: ShopOrder, want: Wanted, key: str, match: Match
) -> DeliveryLine:
    """Return the unsaved record of a line; ``key`` is what it was matched by."""
    outcome, units, reason = fate(want, match)
    return DeliveryLine(
        delivery=delivery,
        shop_order=shop_order,
        line_id=want.line.line_id,
        fulfillment_id=want.fulfillment_id,
        fulfillment_active=want.active,
        sku=want.line.sku,
        key=sku_key(key),
        title=want.line.title,
        quantity=want.quantity,
        units=units,
        outcome=outcome,
        reason=reason,
        product=match.product,
    )


def fate(want: Wanted, match: Match) -> tuple[str, int, str]:
    """Return what becomes of a line: its outcome, the units to make, and why as a sentence."""
    ends = DeliveryLine.Outcome
    line = want.line
    if line.left_out:
        return ends.LEFT_OUT, 0, line.left_out
    if not want.active and want.fulfillment_id:
        return ends.LEFT_OUT, 0, "Its fulfillment was cancelled or failed."
    if not want.active:
        return ends.LEFT_OUT, 0, "The shop has not fulfilled it."
    if not want.quantity:
        return ends.LEFT_OUT, 0, "It was refunded or removed."
    if match.not_ours:
        return ends.NOT_OURS, 0, ""
    if match.product:
        return (ends.ORDERED, want.units, "") if want.units else (ends.LINKED, 0, "")
    name = f"SKU {line.sku}" if line.sku else f"line “{line.title}” without a SKU"
    if match.candidates:
        return ends.UNMATCHED, 0, f"The {name} stands for {' and for '.join(match.candidates)}."
    return ends.UNMATCHED, 0, f"The {name} is not known here."


def _literal(pattern: str) -> str:
    """Return the pattern with only ``*`` special; titles such as "Express [2 days]" are common."""
    return pattern.replace("[", "[[]").replace("?", "[?]")


def mail_method(store: Store, shipping: tuple[str, ...], recipient: Recipient) -> str | None:
    """Return the method of the store's first rule that fits a shipping line, or None.

    A rule's ``match`` is a title or code in any case, in which ``*`` stands for anything.
    """
    place = "domestic" if recipient.country == "US" else "international"
    names = [name.strip().casefold() for name in shipping]
    for rule in store.mail_rules:
        fits_place = rule.get("where", "any") in ("any", place)
        pattern = rule["match"].strip().casefold()
        if fits_place and any(fnmatchcase(name, _literal(pattern)) for name in names):
            return str(rule["method"])
    return None
