"""What can go wrong with a call to TrepStar, and whether it may be tried again.

``REFUSALS`` holds every ERRCODE of the gateway document with its text, and what staff are told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

AGAIN = "again"  # proved not sent: safe to send
ASK = "ask"  # outcome unknown: TrepStar is asked first
NONE = "none"  # a person must act


class GatewayError(Exception):
    """A call that did not end in success.

    ``text`` is a whole sentence for staff, ``excerpt`` at most 4,000 characters of the answer,
    cleaned of secrets, ``http_status`` the HTTP status or None where there was no answer.
    """

    retry: ClassVar[str]

    def __init__(self, text: str, *, excerpt: str = "", http_status: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.excerpt = excerpt
        self.http_status = http_status


class Unreachable(GatewayError):
    """Nothing was sent: no name, no connection, no TLS. Safe to try again."""

    retry = AGAIN


class Unclear(GatewayError):
    """Something was sent and no clear answer came back. Never to be repeated unasked."""

    retry = ASK


class Refused(GatewayError):
    """One clean ``[FAILURE]``. ``code`` is the six-digit ERRCODE, or blank where it had none."""

    retry = NONE

    def __init__(
        self, text: str, *, code: str = "", excerpt: str = "", http_status: int | None = 200
    ) -> None:
        super().__init__(text, excerpt=excerpt, http_status=http_status)
        self.code = code

    @property
    def refusal(self) -> Refusal:
        """The meaning of the code; an unknown code is asked for once."""
        return REFUSALS.get(self.code, UNKNOWN_REFUSAL)


LOGIN = "login"  # the account stops until staff mend the login
DUPLICATE = "duplicate"  # a question: is the invoice there with our customer?
DOUBTFUL = "doubtful"  # asked for once, then refused
MEND = "mend"  # a person must mend the order


@dataclass(frozen=True)
class Refusal:
    """``kind`` is one of the four words above, ``text`` the gateway document's, ``advice`` ours."""

    kind: str
    text: str
    advice: str


_AUTOMATE = "automate-integrate-ordering.asp"

REFUSALS: dict[str, Refusal] = {
    "000002": Refusal(
        MEND,
        "Invalid access or source variable value. If you are attempting to send data for TrepStar "
        "CD/DVD/USB fulfillment service, your GET or POST variables are malformed or you did not "
        "specify the right value for 'source' which should be cdfulfill. The value of source "
        "supplied by you was '{source}' .The List(s) at the top of this page shows the only "
        "readable form or querystring variables, we received, if any.",
        "TrepStar could not read the request. Please tell whoever runs this desk.",
    ),
    "000010": Refusal(
        MEND, "ProductID was blank", "The order names no product. Add a line and release it."
    ),
    "000013": Refusal(
        MEND, "Name was blank", "The recipient has no name. Enter one and release the order."
    ),
    "000035": Refusal(
        DUPLICATE,
        "This is a duplicate Order. This order, taken by our server at {date} will not be filled "
        "because {reason} Please login to your trepstar.com account, and click the 'reports' "
        "button to see the recent list of orders. If you do not see your customer listed, the "
        "order did not go through. To prevent our system from thinking an order is a duplicate, "
        "use a unique email or unique invoice# to prevent duplicate orders.",
        "TrepStar already knows this invoice. It is being asked whose order that is.",
    ),
    "000101": Refusal(
        MEND,
        "prod, productid, and eCommerceList were blank. For integration customers, you need to "
        "specify only the productid field. This should be the numeric value of your TrepStar "
        "project id (login and look for it)",
        "TrepStar received no product. Check the lines and release the order.",
    ),
    "000503": Refusal(
        LOGIN,
        "http gateway URL Integration Call is Invalid. Source Mode Unknown. You must include your "
        "account email and password which must match your login to www.TrepStar.com. The field "
        "names you must add are CoLoginEmail and CoLoginPassword. Refer to "
        f"http://www.trepstar.com/{_AUTOMATE}",
        "TrepStar missed the login. Check the publisher's e-mail and password.",
    ),
    "000505": Refusal(
        DOUBTFUL,
        "Your http gateway URL Integration Call has the correct CoLoginEmail and CoLoginPassword, "
        "but the product you are trying to make ({product}) is not from this account "
        "CompanyID='{company}' ParentID of Product='{parent}'. You can only order for products "
        "within your account using this email and password .",
        "A product does not belong to this TrepStar account. Check its project id.",
    ),
    "000601": Refusal(
        LOGIN,
        "Your URL (http gateway) Integration Call does not have the correct CoLoginEmail and "
        "CoLoginPassword. You must provide your current www.trepstar.com login email and password "
        "on the http gateway URL integration call. CoLoginEmail and CoLoginPassword are the field "
        "names you must use. Either you have not specified them, or they are incorrect. Please "
        f"refer to http://www.trepstar.com/{_AUTOMATE} for more details.",
        "TrepStar refused the login. Enter the current e-mail and password of the account.",
    ),
    "003101": Refusal(
        MEND,
        "The total quantity for this multi product order exceeded the maximum 250. The quantities "
        "you submitted were {quantities} which total {total}.Please click back, enter smaller "
        "quantities, or submit separate orders. The post office limits us to a total size and "
        "weight per package.",
        "A box holds at most 250 pieces. Lower the quantities or make a second order.",
    ),
}

UNKNOWN_REFUSAL = Refusal(
    DOUBTFUL, "", "TrepStar refused it with words this desk does not know. Read them and decide."
)
