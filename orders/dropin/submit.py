"""A script's order: checked by TrepStar's rules, then made here, where it can be held and mended.

Follows the gateway document, "Function - SubmitProductOrder". The caller's invoice is kept for
answers and for the rules on duplicates; TrepStar gets an invoice of the desk's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from django.db import transaction

from orders import clock, intake, lifecycle, status
from orders.dropin.login import Caller, sign_in
from orders.models import Order, OrderLine
from orders.models.order import Source
from orders.recipient import recipient
from orders.trepstar import wire
from orders.trepstar.order_rules import (
    EMAIL_REPEATS,
    Account,
    Candidate,
    Rejected,
    check_order,
    repeated,
    unnumbered,
)
from products.models import Mode, Product, Publisher
from products.secret import Secret

MAX_EMAIL = 254
MAX_PRICE = Decimal(10) ** 7
GET_IS_OFF = (
    "This account takes no orders by GET, because that puts the password into an address. "
    "Send the same fields by POST, or have GET switched on for the account."
)


def submit(values: Mapping[str, str], *, by_get: bool, address: str) -> tuple[bytes, bool]:
    """Take or refuse one order; return the answer, and whether something may go out now.

    ``values`` are the fields under lower-case names, ``address`` is the caller's. Nothing is kept
    of an order that is refused.
    """
    callers: list[Caller] = []

    def find_account(given: Mapping[str, str]) -> Account | None:
        caller = sign_in(given, "orders:write", address=address)
        if caller is None:
            return None
        callers.append(caller)
        return _account(caller.publisher)

    try:
        # Whose a stranger's product is, is not told: other publishers are none of the caller's.
        candidate = check_order(values, find_account, lambda project: "")
        publisher = callers[0].publisher
        if by_get and publisher.script_access != Publisher.ScriptAccess.ANY:
            raise unnumbered(GET_IS_OFF)
        orders = _make(callers[0], candidate)
    except Rejected as refused:
        return refused.body, False
    names = ", ".join(order.invoice for order in orders)
    return wire.write_success(f"Order {names} was received."), any(
        order.status == status.READY for order in orders
    )


def _account(publisher: Publisher) -> Account:
    rows = publisher.products.filter(active=True).values_list("project_id", "package")
    return Account(publisher.publisher_id, publisher.login_email, Secret(""), dict(rows))


def _make(caller: Caller, candidate: Candidate) -> list[Order]:
    publisher, values = caller.publisher, candidate.values
    request = _request(publisher, candidate)
    with transaction.atomic():
        # Two equal calls at the same moment: the second waits here and finds the first's order.
        Publisher.objects.select_for_update(no_key=True).get(pk=publisher.pk)
        projects = [project for project, _ in candidate.items]
        _refuse_repeats(publisher, values.get("invoice", "").strip(), request.email, projects)
        return intake.place(request, actor=lifecycle.client(caller.name))


def _refuse_repeats(publisher: Publisher, invoice: str, email: str, projects: list[str]) -> None:
    """Refuse a product under an invoice that was used for it, or, without one, an e-mail's."""
    lines = OrderLine.objects.filter(
        order__publisher=publisher, order__source=Source.GATEWAY, product__project_id__in=projects
    )
    if invoice:
        lines = lines.filter(order__caller_invoice=invoice)
    elif email:
        since = clock.now() - EMAIL_REPEATS
        lines = lines.filter(
            order__caller_invoice="", order__email__iexact=email, order__created_at__gt=since
        )
    else:
        return
    taken = lines.order_by("order_id").values_list("order__created_at", flat=True).first()
    if taken:
        raise repeated(taken, by_invoice=bool(invoice))


def _request(publisher: Publisher, candidate: Candidate) -> intake.Request:
    values = candidate.values
    to, cut = recipient(
        name=wire.clean(values.get("name", "")),
        company=wire.clean(values.get("co", "")),
        street=wire.clean(values.get("addr", "")),
        street2="",
        city=wire.clean(values.get("city", "")),
        state=wire.clean(values.get("st", "")),
        zip_code=wire.clean(values.get("zip", "")),
        country=wire.clean(values.get("country", "")) or "US",
    )
    if cut:
        raise unnumbered(f"The {', '.join(cut)} is too long.")
    email = wire.clean(values.get("email", ""))
    if len(email) > MAX_EMAIL:
        raise unnumbered("The email is too long.")
    invoice = values.get("invoice", "").strip()
    if invoice != wire.clean(invoice):
        raise unnumbered("The Invoice is one line of text, without the reply's own markers.")
    found = {p.project_id: p for p in Product.objects.filter(publisher=publisher)}
    test = values.get("mode") == Mode.TEST or publisher.mode == Mode.TEST
    return intake.Request(
        publisher=publisher,
        source=Source.GATEWAY,
        recipient=to,
        units=tuple(intake.Units(found[project], n) for project, n in candidate.items),
        email=email,
        reference=invoice,
        caller_invoice=invoice,
        mode=Mode.TEST if test else Mode.PROD,
        mail_method=values.get("typemailmethod") or None,
        notify_customer=_switch(values, "bsendordernotificationemail"),
        price_on_customs=_switch(values, "busepriceoncustomsform"),
        special_text=wire.clean(values.get("specialtext", "")),
        price=_price(values.get("nprice", "")),
    )


def _switch(values: Mapping[str, str], name: str) -> bool | None:
    """Return a field of 1 or 0, or None where it is blank and the publisher's setting holds."""
    text = values.get(name, "").strip()
    if text not in ("", "0", "1"):
        raise unnumbered(f"The value of {name} is 1 or 0.")
    return text == "1" if text else None


def _price(text: str) -> Decimal | None:
    """Return a dollar amount, or None where it is blank."""
    shown = text.strip().removeprefix("$")
    if not shown:
        return None
    try:
        price = Decimal(shown)
    except InvalidOperation:
        raise unnumbered("The nprice is a dollar amount such as 19.95.") from None
    if not price.is_finite() or not 0 <= price < MAX_PRICE:
        raise unnumbered("The nprice is a dollar amount such as 19.95.")
    return price.quantize(Decimal("0.01"))
