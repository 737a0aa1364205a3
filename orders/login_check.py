"""Whether TrepStar takes a publisher's login."""

from __future__ import annotations

from orders import budget, clock
from orders.gateway import login_of
from orders.models import Call
from orders.settlement import refuse_login
from orders.tracking import note_failure
from orders.trepstar import client, status_xml
from orders.trepstar.errors import GatewayError, Unclear
from products.models import Publisher

PROBE_INVOICE = "THIS-INVOICE-CANNOT-EXIST"


def check_login(publisher: Publisher, gateway: client.Gateway) -> tuple[bool | None, str]:
    """Ask for an invoice that cannot exist, which tells whether the login is right.

    Returns True (right), False (refused) or None (not known), and a whole sentence. A right login
    lets the publisher's orders go out again.
    """
    call = budget.reserve(publisher, Call.Purpose.STAFF, 1)
    if call is None:
        return None, "The questions that staff may ask within 24 hours are used up. Please wait."
    try:
        reply, sections = gateway.statuses([PROBE_INVOICE], login_of(publisher))
    except GatewayError as error:
        note_failure(call, error)
        return None, error.text
    mine = Publisher.objects.filter(
        pk=publisher.pk, credential_version=publisher.credential_version
    )
    numbers = {section.error_number for section in sections}
    if status_xml.LOGIN_REFUSED in numbers:
        budget.settle(call, Call.Outcome.REFUSED, text="TrepStar refused the login.")
        refuse_login(publisher.pk, publisher.credential_version)
        return False, "TrepStar refused this login. Enter the account's e-mail and password anew."
    if numbers & {status_xml.NOT_FOUND, status_xml.OK}:
        budget.settle(call, Call.Outcome.ANSWERED, sections=1, http_status=reply.http_status)
        mine.update(login_refused_at=None, login_checked_at=clock.now())
        return True, "TrepStar accepts this login."
    unclear = Unclear("TrepStar's answer does not tell whether the login is right.")
    unclear.excerpt, unclear.http_status = reply.excerpt, reply.http_status
    note_failure(call, unclear)
    return None, unclear.text
