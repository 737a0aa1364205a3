"""What a script is told of its orders: read from the desk's own tables, so it costs no call.

Follows the gateway document, "Function - getOrderStatusByInvoice".
"""

from __future__ import annotations

from collections.abc import Mapping

from orders import status
from orders.dropin.login import sign_in
from orders.models import Order
from orders.trepstar import status_xml
from orders.trepstar.status_xml import METHOD_WORDS, Section, error_section
from orders.trepstar.wire import INVOICE_DELIMITER
from products.models import Publisher

WORDS = {
    status.HELD: "HOLD",
    status.AWAITING_PAYMENT: "HOLD",
    status.READY: "PROCESSING",
    status.SUBMITTING: "PROCESSING",
    status.UNCLEAR: "PROCESSING",
    status.ACCEPTED: "PROCESSING",
    status.PROCESSING: "PROCESSING",
    status.SHIPPED: "SHIPPED",
    status.REFUSED: "ERROR",
    status.PROBLEM: "ERROR",
    status.CANCELLED: "ERROR",
    status.TESTED: "ERROR",
}
"""Our statuses in TrepStar's words."""

TEXTS = {
    status.CANCELLED: "The order was cancelled and will not be made.",
    status.TESTED: "Test order. It will never be manufactured or shipped.",
    status.REFUSED: "The order was refused and waits to be mended.",
    status.PROBLEM: "The order could not be sent.",
}


def statuses(values: Mapping[str, str], *, by_get: bool, address: str) -> bytes:
    """Return the sections for up to 100 invoices, in the order in which they were asked for."""
    if values.get("function") != status_xml.FUNCTION:
        return status_xml.write_sections([error_section(status_xml.UNKNOWN_FUNCTION)])
    caller = sign_in(values, "orders:read", address=address)
    allowed = caller and (
        not by_get or caller.publisher.script_access == Publisher.ScriptAccess.ANY
    )
    if caller is None or not allowed:
        return status_xml.write_sections([error_section(status_xml.LOGIN_REFUSED)])
    parts = values.get("invoice", "").split(INVOICE_DELIMITER)[: status_xml.MAX_INVOICES]
    invoices = [part.strip() for part in parts]
    found = _orders(caller.publisher, invoices)
    return status_xml.write_sections([_section(found.get(one), one) for one in invoices])


def _orders(publisher: Publisher, invoices: list[str]) -> dict[str, Order]:
    """Return the newest order of each invoice: the caller's own, or one that the desk made."""
    mine = Order.objects.filter(publisher=publisher)
    wanted = [invoice for invoice in invoices if invoice]
    rows = [*mine.filter(invoice__in=wanted), *mine.filter(caller_invoice__in=wanted)]
    rows.sort(key=lambda order: order.pk)
    return {name: order for order in rows for name in (order.invoice, order.caller_invoice) if name}


def _section(order: Order | None, invoice: str) -> Section:
    if order is None:
        return error_section(status_xml.NOT_FOUND, invoice)
    word = WORDS[order.status]
    number = text = ""
    if word == "ERROR":
        tested = order.status == status.TESTED
        number = status_xml.TEST_ORDER if tested else status_xml.ADDRESS_ERROR
        text = order.gateway_error_text or TEXTS[order.status]
    return Section(
        error_number=status_xml.OK,
        customer=order.name,
        invoice=invoice,
        status=word,
        status_error_number=number or "0",
        status_error_text=text,
        ship_date=f"{order.ship_date:%m/%d/%Y}" if order.ship_date else "",
        shipping_method=METHOD_WORDS[order.mail_method],
        tracking_id=order.tracking_id,
    )
