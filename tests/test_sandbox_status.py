"""What the sandbox says of an order afterwards: statuses, tracking, payments."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orders.trepstar import wire
from orders.trepstar.sandbox_rules import in_usa, is_tracked
from tests.sandbox_cast import NOON, SOUTH, Clock, ask, make_sandbox, take


class TestStatuses:
    def test_a_paid_order_is_made_and_shipped(self) -> None:
        clock = Clock()
        sandbox = make_sandbox(clock=clock, pace=20)
        take(sandbox)
        (section,) = ask(sandbox, "NORTH-1")
        assert (section.error_number, section.error_text) == ("0", "")
        assert (section.customer, section.invoice) == ("John H. Smith", "NORTH-1")
        assert (section.status, section.status_error_number) == ("PROCESSING", "0")
        assert (section.ship_date, section.tracking_id) == ("", "")
        clock.now = NOON + 19.9
        assert ask(sandbox, "NORTH-1")[0].status == "PROCESSING"
        clock.now = NOON + 20
        (section,) = ask(sandbox, "NORTH-1")
        assert (section.status, section.ship_date) == ("SHIPPED", "11/21/2026")
        assert section.tracking_id == "4205540100009400111899000000000001"
        assert len(section.tracking_id) == 34

    def test_a_test_order_is_error_20(self) -> None:
        sandbox = make_sandbox()
        take(sandbox, mode="test")
        (section,) = ask(sandbox, "NORTH-1")
        assert (section.status, section.status_error_number) == ("ERROR", "20")
        assert section.status_error_text == "Test order. It will never be manufactured or shipped."
        assert sandbox.balance("66870") == Decimal(100_000)

    def test_a_bad_address_is_error_10(self) -> None:
        sandbox = make_sandbox(bad_address="Nowhere")
        take(sandbox, addr="1 NOWHERE Lane")
        (section,) = ask(sandbox, "NORTH-1")
        assert (section.status, section.status_error_number) == ("ERROR", "10")
        text = "Could Not Send: Incomplete Address (1 NOWHERE Lane)"
        assert section.status_error_text == text

    def test_an_order_waits_for_its_payment(self) -> None:
        clock = Clock()
        sandbox = make_sandbox(clock=clock, balance=0, pace=20)
        take(sandbox, quantity="3")
        take(sandbox, Invoice="NORTH-2")
        clock.now = NOON + 3600
        assert [s.status for s in ask(sandbox, "NORTH-1", "NORTH-2")] == ["HOLD", "HOLD"]
        sandbox.pay("66870", 5)
        assert [s.status for s in ask(sandbox, "NORTH-1", "NORTH-2")] == ["HOLD", "PROCESSING"]
        sandbox.pay("66870", Decimal("15.50"))
        assert sandbox.balance("66870") == Decimal("0.50")
        assert ask(sandbox, "NORTH-1")[0].status == "PROCESSING"
        clock.now += 20
        assert [s.status for s in ask(sandbox, "NORTH-1", "NORTH-2")] == ["SHIPPED", "SHIPPED"]

    def test_a_balance_below_the_price_holds(self) -> None:
        sandbox = make_sandbox(balance=9)
        take(sandbox, quantity="2")
        assert ask(sandbox, "NORTH-1")[0].status == "HOLD"
        assert sandbox.balance("66870") == Decimal(9)

    def test_a_held_order_can_be_deleted_and_a_paid_one_cannot(self) -> None:
        sandbox = make_sandbox(balance=5)
        take(sandbox)
        take(sandbox, Invoice="NORTH-2")
        assert [sandbox.delete(1), sandbox.delete(2), sandbox.delete(2)] == [False, True, False]
        assert [s.error_number for s in ask(sandbox, "NORTH-1", "NORTH-2")] == ["0", "300"]
        assert wire.SUCCESS.encode() in take(sandbox, Invoice="NORTH-2")
        assert len(sandbox.acceptances()) == 3

    def test_an_unknown_account_cannot_be_paid(self) -> None:
        with pytest.raises(ValueError, match="There is no account 1"):
            make_sandbox().pay("1", 5)

    @pytest.mark.parametrize(
        ("method", "word"),
        [
            ("standard", "standard"),
            ("rtrackstandard", "standard+tracking"),
            ("priority", "priority"),
            ("express", "express"),
        ],
    )
    def test_the_words_for_shipping(self, method: str, word: str) -> None:
        sandbox = make_sandbox()
        take(sandbox, typeMailMethod=method)
        assert ask(sandbox, "NORTH-1")[0].shipping_method == word

    def test_tracking_abroad(self) -> None:
        sandbox = make_sandbox(pace=0)
        take(sandbox, productid="66760", country="NO", zip="0150")
        assert ask(sandbox, "NORTH-1")[0].tracking_id == "UM000000001US"

    @pytest.mark.parametrize(
        ("package", "pieces", "method", "country", "tracked"),
        [
            ("cd_sleeve", 1, "standard", "US", False),
            ("usb_ecomailer", 1, "standard", "", False),
            ("sleeve", 1, "standard", "United States", False),
            ("cd_sleeve", 2, "standard", "US", True),
            ("cd_sleeve", 1, "rtrackstandard", "US", True),
            ("cd_sleeve", 1, "standard", "CA", True),
            ("dvd_case", 1, "standard", "US", True),
        ],
    )
    def test_only_a_single_letter_at_home_has_no_tracking(
        self, package: str, pieces: int, method: str, country: str, tracked: bool
    ) -> None:
        assert is_tracked([package], pieces, method=method, country=country) is tracked

    def test_spellings_of_the_usa(self) -> None:
        assert all(in_usa(c) for c in ("", "US", "u.s.a.", " UniTed States "))
        assert not any(in_usa(c) for c in ("UK", "USSR", "Australia"))

    def test_sections_come_in_the_order_of_the_invoices(self) -> None:
        sandbox = make_sandbox()
        take(sandbox, Invoice="A")
        take(sandbox, Invoice="B")
        sections = ask(sandbox, "B", "nobody", "A", "", "B")
        assert [s.invoice for s in sections] == ["B", "nobody", "A", "", "B"]
        assert [s.error_number for s in sections] == ["0", "300", "0", "300", "0"]

    def test_only_the_first_hundred_invoices_are_checked(self) -> None:
        sandbox = make_sandbox()
        sections = ask(sandbox, *[f"N-{number}" for number in range(103)])
        assert [s.invoice for s in sections] == [f"N-{number}" for number in range(100)]
        assert len(sandbox.calls()[0].invoices) == 100

    def test_unknown_function_comes_before_the_login(self) -> None:
        sandbox = make_sandbox()
        (section,) = ask(sandbox, "A", function="getOrders", CoLoginPassword="x")
        assert section.error_number == "100"
        assert section.error_text.endswith("Valid functions are: getOrderStatusByInvoice")
        assert sandbox.calls()[0].code == "100"

    def test_a_wrong_login_learns_nothing(self) -> None:
        sandbox = make_sandbox()
        take(sandbox)
        (section,) = ask(sandbox, "NORTH-1", CoLoginPassword="x")
        assert (section.error_number, section.customer) == ("200", "")
        (section,) = ask(sandbox, "NORTH-1", CoLoginEmail=None, CoLoginPassword=None)
        assert section.error_number == "200"

    def test_the_invoice_of_another_account_is_not_found(self) -> None:
        sandbox = make_sandbox()
        take(sandbox)
        theirs = {"CoLoginEmail": SOUTH.email, "CoLoginPassword": "other"}
        assert ask(sandbox, "NORTH-1", **theirs)[0].error_number == "300"
