"""TrepStar's gateway as the desk answers it, by a client that knows nothing but the document."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from orders import clock, desk, lifecycle
from orders.models import Call, Order, OrderEvent
from products import tokens
from products.models import Product, Publisher
from tests import base
from tests.admin_cast import state

pytestmark = pytest.mark.django_db

ORDER = {
    "source": "cdfulfill",
    "ordermethod": "url",
    "CoLoginEmail": "desk@northlight.example",
    "CoLoginPassword": base.PASSWORD,
    "productid": "66750",
    "quantity": "2",
    "Invoice": "ABC2134234",
    "typeMailMethod": "standard",
    "mode": "prod",
    "email": "john@example.com",
    "name": "John H. Smith",
    "co": "Capital Records",
    "addr": "123 some street, Apt123",
    "city": "Minneapolis",
    "st": "MN",
    "zip": "55401",
    "country": "US",
}
LOGIN = {name: ORDER[name] for name in ("CoLoginEmail", "CoLoginPassword")}
FAILURE = re.compile(
    r"\[ERRORMSGBEGIN\] (?:ERRCODE#(\d{6}) )?\[FAILURE\] (.*) \[ERRORMSGEND\]\r\n", re.DOTALL
)
REFUSED_LOGIN = (
    "Your URL (http gateway) Integration Call does not have the correct CoLoginEmail and "
    "CoLoginPassword. You must provide your current www.trepstar.com login email and password on "
    "the http gateway URL integration call. CoLoginEmail and CoLoginPassword are the field names "
    "you must use. Either you have not specified them, or they are incorrect. Please refer to "
    "http://www.trepstar.com/automate-integrate-ordering.asp for more details."
)


@pytest.fixture
def north() -> Publisher:
    publisher = base.northlight()
    for project in ("66750", "66760", "66770"):
        base.product(publisher, project)
    return publisher


def send(path: str = "/custdata.asp", **changes: Any) -> str:
    fields = {**ORDER, **changes}
    form = {name: value for name, value in fields.items() if value is not None}
    kind = "application/x-www-form-urlencoded"
    response = Client().post(path, urlencode(form), content_type=kind)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    return response.content.decode()


def refusal(**changes: Any) -> tuple[str, str]:
    """Return the code and text of a refusal, after which nothing may have changed."""
    before = state()
    found = FAILURE.fullmatch(send(**changes))
    assert found, "This is no failure of the documented form."
    assert state() == before
    return found[1] or "", found[2]


def ask(*invoices: str, **changes: Any) -> str:
    fields = {
        **LOGIN,
        "function": "getOrderStatusByInvoice",
        "Invoice": "[*|*]".join(invoices),
        **changes,
    }
    response = Client().post("/custdataXML.asp", fields)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/xml; charset=utf-8"
    return response.content.decode()


class TestSubmit:
    def test_an_order_is_taken_and_goes_its_own_way(self, north: Publisher) -> None:
        assert send() == "Order NORTH-M1 was received.\r\n[SUCCESS]\r\n"
        order = Order.objects.get()
        assert (order.source, order.status, order.mode) == ("gateway", "ready", "prod")
        assert (order.invoice, order.caller_invoice, order.reference) == (
            "NORTH-M1",
            "ABC2134234",
            "ABC2134234",
        )
        assert (order.name, order.company) == ("John H. Smith", "Capital Records")
        assert (order.address, order.city) == ("123 some street, Apt123", "Minneapolis")
        assert (order.state, order.zip, order.country) == ("MN", "55401", "US")
        assert order.email == "john@example.com"
        (line,) = order.lines.all()
        assert (line.product.project_id, line.quantity) == ("66750", 2)
        event = OrderEvent.objects.get()
        assert (event.actor_kind, event.data["client"]) == ("client", "a TrepStar script")

    def test_several_products_share_a_box(self, north: Publisher) -> None:
        send(productid="66750x66760x66770", quantity="1x3x2")
        lines = Order.objects.get().lines.values_list("product__project_id", "quantity")
        assert list(lines) == [("66750", 1), ("66760", 3), ("66770", 2)]

    def test_what_is_left_out_has_the_documents_default(self, north: Publisher) -> None:
        send(quantity=None, country=None, typeMailMethod=None, mode=None)
        order = Order.objects.get()
        assert order.lines.get().quantity == 1
        assert (order.country, order.mail_method, order.mode) == ("US", "standard", "prod")
        assert (order.notify_customer, order.price_on_customs) == (False, False)
        assert (order.price, order.special_text) == (None, "")

    def test_every_field_arrives(self, north: Publisher) -> None:
        send(
            typeMailMethod="express",
            mode="test",
            nprice="19.95",
            bUsePriceOnCustomsForm="1",
            bSendOrderNotificationEmail="1",
            SpecialText="Your unlock code is 123-23456.",
        )
        order = Order.objects.get()
        assert (order.mail_method, order.mode, str(order.price)) == ("express", "test", "19.95")
        assert (order.price_on_customs, order.notify_customer) == (True, True)
        assert order.special_text == "Your unlock code is 123-23456."
        assert order.invoice == "T-NORTH-M1"

    def test_names_of_fields_and_of_the_page_are_the_same_in_any_case(
        self, north: Publisher
    ) -> None:
        fields = {name.upper(): value for name, value in ORDER.items()}
        response = Client().post("/CustData.ASP", fields)
        assert b"[SUCCESS]" in response.content

    @pytest.mark.parametrize("country", ["UK", "UniTed KINGdom", "Great Britain", "GB"])
    def test_a_country_may_be_written_out(self, north: Publisher, country: str) -> None:
        send(country=country)
        assert Order.objects.get().country == "GB"

    def test_letters_of_old_are_read(self, north: Publisher) -> None:
        fields = urlencode({**ORDER, "name": "José Muñoz"}, encoding="windows-1252")
        kind = "application/x-www-form-urlencoded"
        Client().post("/custdata.asp", fields, content_type=kind)
        assert Order.objects.get().name == "José Muñoz"

    def test_the_publishers_ways_hold(self, north: Publisher) -> None:
        Publisher.objects.update(auto_submit=False)
        assert "[SUCCESS]" in send()
        order = Order.objects.get()
        assert (order.status, order.hold_reason) == ("held", "policy")

    def test_an_address_that_trepstar_would_stumble_over_is_held(self, north: Publisher) -> None:
        assert "[SUCCESS]" in send(country="IT (Italy)")
        order = Order.objects.get()
        assert (order.status, order.hold_reason) == ("held", "address")

    def test_a_publisher_in_test_mode_makes_nothing(self, north: Publisher) -> None:
        Publisher.objects.update(mode="test")
        send(mode="prod")
        assert Order.objects.get().mode == "test"


class TestRefusals:
    """Each in the document's own words."""

    def test_another_source(self, north: Publisher) -> None:
        assert refusal(source="shop") == (
            "000002",
            "Invalid access or source variable value. If you are attempting to send data for "
            "TrepStar CD/DVD/USB fulfillment service, your GET or POST variables are malformed or "
            "you did not specify the right value for 'source' which should be cdfulfill. The value "
            "of source supplied by you was 'shop' .The List(s) at the top of this page shows the "
            "only readable form or querystring variables, we received, if any.",
        )

    @pytest.mark.parametrize(
        "changes", [{"ordermethod": "post"}, {"CoLoginEmail": None, "CoLoginPassword": None}]
    )
    def test_another_method_or_no_login(self, north: Publisher, changes: Any) -> None:
        code, text = refusal(**changes)
        assert code == "000503"
        assert text.startswith("http gateway URL Integration Call is Invalid. Source Mode Unknown.")

    @pytest.mark.parametrize(
        "changes",
        [
            {"CoLoginPassword": "wrong"},
            {"CoLoginPassword": ""},
            {"CoLoginEmail": "nobody@example.com"},
            {"CoLoginEmail": "", "CoLoginPassword": ""},
        ],
    )
    def test_a_wrong_login(self, north: Publisher, changes: Any) -> None:
        assert refusal(**changes) == ("000601", REFUSED_LOGIN)

    def test_no_product(self, north: Publisher) -> None:
        assert refusal(productid=None)[0] == "000101"
        assert refusal(productid=" ") == ("000010", "ProductID was blank")

    def test_a_product_of_somebody_else(self, north: Publisher) -> None:
        base.product(base.southwind(), "44100")
        code, text = refusal(productid="44100")
        assert code == "000505"
        assert "(44100) is not from this account CompanyID='66870' ParentID of Product=''" in text
        assert "70001" not in text

    def test_a_product_that_is_switched_off(self, north: Publisher) -> None:
        Product.objects.filter(project_id="66750").update(active=False)
        assert refusal()[0] == "000505"

    def test_more_than_fits(self, north: Publisher) -> None:
        code, text = refusal(productid="66750x66760", quantity="200x51")
        assert code == "003101"
        assert "The quantities you submitted were 200x51 which total 251." in text

    def test_no_name_and_no_address(self, north: Publisher) -> None:
        assert refusal(name=" ") == ("000013", "Name was blank")
        assert refusal(addr="") == ("", "Address was blank")

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"quantity": "0"}, "A quantity is a number from 1 to 250."),
            ({"mode": "live"}, "The mode is either test or prod."),
            ({"nprice": "free"}, "The nprice is a dollar amount such as 19.95."),
            ({"nprice": "-1"}, "The nprice is a dollar amount such as 19.95."),
            ({"nprice": "NaN"}, "The nprice is a dollar amount such as 19.95."),
            ({"nprice": "1e99"}, "The nprice is a dollar amount such as 19.95."),
            (
                {"bUsePriceOnCustomsForm": "yes"},
                "The value of busepriceoncustomsform is 1 or 0.",
            ),
            ({"Invoice": "x" * 51}, "The Invoice is longer than 50 characters."),
            ({"zip": "9" * 30}, "The zip is too long."),
            ({"email": "a" * 300}, "The email is too long."),
        ],
    )
    def test_what_the_document_gives_no_number(
        self, north: Publisher, changes: Any, text: str
    ) -> None:
        assert refusal(**changes) == ("", text)


class TestDuplicates:
    def test_an_invoice_is_good_for_a_product_once(self, north: Publisher) -> None:
        send()
        code, text = refusal(email="other@example.com", name="Somebody Else")
        assert code == "000035"
        taken = Order.objects.get().created_at
        assert text.startswith(
            "This is a duplicate Order. This order, taken by our server at "
            f"{taken:%m/%d/%Y %I:%M:%S %p} will not be filled because the same invoice was used"
        )

    def test_the_same_invoice_may_order_another_product(self, north: Publisher) -> None:
        send()
        assert "[SUCCESS]" in send(productid="66760")
        assert refusal(productid="66770x66760", quantity="1x1")[0] == "000035"

    def test_without_invoice_an_email_may_order_again_after_five_days(
        self, north: Publisher
    ) -> None:
        send(Invoice="")
        assert refusal(Invoice="", email="JOHN@example.com")[0] == "000035"
        assert "[SUCCESS]" in send(Invoice="", email="jane@example.com")
        old = timezone.now() - timedelta(days=5, minutes=1)
        Order.objects.update(created_at=old)
        assert "[SUCCESS]" in send(Invoice="")

    def test_without_invoice_and_email_every_call_is_an_order(self, north: Publisher) -> None:
        for _ in range(3):
            assert "[SUCCESS]" in send(Invoice="", email="")
        assert Order.objects.count() == 3

    def test_another_publisher_may_use_the_same_invoice(self, north: Publisher) -> None:
        send()
        base.product(base.southwind(), "44100")
        login = {"CoLoginEmail": "post@southwind.example", "CoLoginPassword": "other-password"}
        assert "[SUCCESS]" in send(productid="44100", **login)


class TestStatus:
    def section(self, number: int, *values: str) -> str:
        names = (
            "ErrorNum", "ErrorDesc", "CustName", "Invoice", "OrderStatus", "OrderStatusErrNum",
            "OrderStatusErrDesc", "ShipDate", "ShippingMethod", "TrackingID",
        )  # fmt: skip
        inside = "".join(f"<{n}>{v}</{n}>" for n, v in zip(names, values, strict=True))
        return f"<Status{number}>{inside}</Status{number}>"

    def test_sections_come_in_the_order_of_the_invoices(self, north: Publisher) -> None:
        send()
        send(Invoice="SHIPPED-1", typeMailMethod="rtrackstandard")
        order = Order.objects.get(caller_invoice="SHIPPED-1")
        for step in ("submitting", "accepted", "shipped"):
            order = lifecycle.move(order, step, "order.test", actor=lifecycle.WORKER)
        Order.objects.filter(pk=order.pk).update(
            ship_date="2026-11-23", tracking_id="UM636906111US"
        )
        assert ask("SHIPPED-1", "NOBODY", "ABC2134234") == "\r\n".join(
            [
                '<?xml version="1.0" encoding="utf-8"?>',
                "<OrderStatusByInvoice>",
                self.section(1, "0", "", "John H. Smith", "SHIPPED-1", "SHIPPED", "0", "",
                             "11/23/2026", "standard+tracking", "UM636906111US"),
                self.section(2, "300", "Record Not found. The input Invoice data is not in our "
                             "database.", "", "NOBODY", "", "", "", "", "", ""),
                self.section(3, "0", "", "John H. Smith", "ABC2134234", "PROCESSING", "0", "", "",
                             "standard", ""),
                "</OrderStatusByInvoice>",
            ]
        )  # fmt: skip

    def test_an_answer_costs_no_call(self, north: Publisher) -> None:
        send()
        ask("ABC2134234")
        assert Call.objects.count() == 0

    def test_what_waits_here_is_on_hold(self, north: Publisher) -> None:
        send()
        order = Order.objects.get()
        desk.hold(order.pk, actor=lifecycle.WORKER)
        assert "<OrderStatus>HOLD</OrderStatus>" in ask("ABC2134234")
        desk.cancel(order.pk, actor=lifecycle.WORKER)
        told = ask("ABC2134234")
        assert "<OrderStatus>ERROR</OrderStatus><OrderStatusErrNum>10<" in told
        assert "The order was cancelled and will not be made." in told

    def test_the_desks_own_invoice_is_known_too(self, north: Publisher) -> None:
        send()
        assert "<OrderStatus>PROCESSING</OrderStatus>" in ask("NORTH-M1")

    def test_no_more_than_100_are_looked_up(self, north: Publisher) -> None:
        told = ask(*(f"N-{number}" for number in range(130)))
        assert "<Status100>" in told
        assert "<Status101>" not in told

    def test_a_wrong_function_and_a_wrong_login(self, north: Publisher) -> None:
        send()
        told = ask("ABC2134234", function="getStatus")
        assert "<ErrorNum>100</ErrorNum><ErrorDesc>Unknown function name requested." in told
        told = ask("ABC2134234", CoLoginPassword="wrong")
        assert "<ErrorNum>200</ErrorNum><ErrorDesc>Incorrect email or password used" in told
        assert "John" not in told

    def test_another_publishers_order_is_not_known(self, north: Publisher) -> None:
        send()
        base.southwind()
        login = {"CoLoginEmail": "post@southwind.example", "CoLoginPassword": "other-password"}
        told = ask("ABC2134234", "NORTH-M1", **login)
        assert told.count("<ErrorNum>300</ErrorNum>") == 2
        assert "John" not in told

    def test_a_hundred_orders_take_as_many_statements_as_one(
        self, north: Publisher, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(5):
            send(Invoice=f"N-{number}")
        with django_assert_max_num_queries(6):
            ask(*(f"N-{number}" for number in range(5)))


class TestAccess:
    def test_a_token_stands_in_the_passwords_place(self, north: Publisher) -> None:
        _, token = tokens.issue(north, "The old shop", ["orders:write"])
        assert "[SUCCESS]" in send(CoLoginPassword=token.reveal())
        assert OrderEvent.objects.get().data["client"] == "The old shop"
        told = ask("ABC2134234", CoLoginPassword=token.reveal())
        assert "<ErrorNum>200</ErrorNum>" in told  # it may write, not read

    def test_a_token_of_another_or_of_another_scope_is_no_password(self, north: Publisher) -> None:
        _, reading = tokens.issue(north, "Reader", ["orders:read"])
        assert refusal(CoLoginPassword=reading.reveal())[0] == "000601"
        _, foreign = tokens.issue(base.southwind(), "Stranger", ["orders:write"])
        assert refusal(CoLoginPassword=foreign.reveal())[0] == "000601"
        row, ended = tokens.issue(north, "Ended", ["orders:write"])
        tokens.revoke(row)
        assert refusal(CoLoginPassword=ended.reveal())[0] == "000601"

    def test_get_is_off_until_the_account_allows_it(self, north: Publisher) -> None:
        before = state()
        answer = Client().get("/custdata.asp", ORDER).content.decode()
        assert answer.startswith("[ERRORMSGBEGIN] [FAILURE] This account takes no orders by GET")
        assert state() == before
        asked = {**LOGIN, "function": "getOrderStatusByInvoice", "Invoice": "ABC2134234"}
        assert b"<ErrorNum>200</ErrorNum>" in Client().get("/custdataXML.asp", asked).content
        Publisher.objects.update(script_access="any")
        assert b"[SUCCESS]" in Client().get("/custdata.asp", ORDER).content
        assert b"PROCESSING" in Client().get("/custdataXML.asp", asked).content

    def test_an_account_without_scripts_knows_no_login(self, north: Publisher) -> None:
        Publisher.objects.update(script_access="off")
        assert refusal()[0] == "000601"
        assert "<ErrorNum>200</ErrorNum>" in ask("ABC2134234")

    def test_guesses_end_with_the_right_password_too(self, north: Publisher) -> None:
        for number in range(30):
            send(CoLoginPassword=f"guess-{number}")
        assert FAILURE.fullmatch(send())
        other = Client(REMOTE_ADDR="203.0.113.9").post("/custdata.asp", ORDER)
        assert b"[SUCCESS]" in other.content

    @pytest.mark.parametrize("path", ["/custdata.asp", "/custdataXML.asp"])
    def test_other_methods_and_floods_are_refused(self, north: Publisher, path: str) -> None:
        before = state()
        assert Client().put(path, ORDER).status_code == 405
        assert Client().delete(path).status_code == 405
        flood = "x" * (1024 * 1024 + 1)
        kind = "application/x-www-form-urlencoded"
        assert Client().post(path, flood, content_type=kind).status_code == 413
        assert state() == before

    def test_the_password_is_nowhere_afterwards(
        self, north: Publisher, caplog: pytest.LogCaptureFixture
    ) -> None:
        send(SpecialText=f"My password is {'x'}")
        refusal(CoLoginPassword="canary-wrong-password")
        assert base.PASSWORD not in caplog.text
        assert "canary-wrong-password" not in caplog.text
        assert base.PASSWORD not in str(state())

    @pytest.mark.parametrize(
        "body", [b"%00%ff\x00", b"productid=%00&name=%00", b"\xff" * 50, b"a=b;c=d&&&=", b""]
    )
    @pytest.mark.parametrize("path", ["/custdata.asp", "/custdataXML.asp"])
    def test_garbage_gets_a_documented_answer(
        self, north: Publisher, path: str, body: bytes
    ) -> None:
        before = state()
        kind = "application/x-www-form-urlencoded"
        response = Client().post(path, body, content_type=kind)
        assert response.status_code == 200
        assert b"[FAILURE]" in response.content or b"<ErrorNum>100<" in response.content
        assert state() == before

    def test_a_nul_in_a_text_is_left_out(self, north: Publisher) -> None:
        assert "[SUCCESS]" in send(name="John\x00 Smith")
        assert Order.objects.get().name == "John Smith"
        assert clock.now()
