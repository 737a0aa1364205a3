"""What TrepStar's words make of an order."""

from __future__ import annotations

from datetime import date

import pytest

from orders import clock, desk, news, status
from orders.lifecycle import WORKER
from orders.models import Order
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    asked,
    kinds,
    last_event,
    not_found,
    section,
    sent,
)

pytestmark = pytest.mark.django_db
DAY = 24 * 3600


@pytest.fixture
def order(north: Publisher, film: Product) -> Order:
    """An order in a DVD case, which TrepStar has accepted."""
    return sent(north, (film, 1))


def waits(order: Order) -> float:
    """Return the hours until the order is asked for again."""
    return round((order.next_ask_at - clock.now()).total_seconds() / 3600, 1)


@pytest.mark.parametrize(
    ("word", "number", "becomes", "kind"),
    [
        ("HOLD", "0", status.AWAITING_PAYMENT, "order.awaiting_payment"),
        ("PROCESSING", "0", status.PROCESSING, "order.processing"),
        ("processing", "0", status.PROCESSING, "order.processing"),
        ("SHIPPED", "0", status.SHIPPED, "order.shipped"),
        ("ERROR", "10", status.PROBLEM, "order.problem"),
        ("ERROR", "20", status.TESTED, "order.tested"),
        ("ERROR", "77", status.PROBLEM, "order.problem"),
        ("ERROR", "", status.PROBLEM, "order.problem"),
        ("BACKORDER", "0", status.ACCEPTED, "order.flagged"),
        ("", "0", status.ACCEPTED, "order.flagged"),
    ],
)
def test_each_word_has_its_meaning(
    order: Order, word: str, number: str, becomes: str, kind: str
) -> None:
    found = asked(order, section(order, word, status_error_number=number))
    assert (found.status, found.gateway_status) == (becomes, word)
    assert kinds(order)[4:] == [kind]
    assert found.version == order.version + 1


def test_the_same_words_again_tell_nothing_new(order: Order) -> None:
    first = asked(order, section(order))
    again = asked(order, section(order))
    assert (again.version, kinds(order)[4:]) == (first.version, ["order.processing"])
    assert again.asked_at > first.asked_at


def test_an_unknown_word_is_shown_as_it_is(order: Order) -> None:
    found = asked(order, section(order, "Back-Ordered"))
    assert found.gateway_status == "Back-Ordered"
    assert found.flag == "TrepStar says “Back-Ordered”, a word that this desk does not know."


def test_an_unknown_error_number_moves_nothing(order: Order) -> None:
    found = asked(order, section(order, "SHIPPED", error_number="400", error_text="Odd"))
    assert (found.status, found.gateway_error_text) == (status.ACCEPTED, "Odd")
    assert found.flag == "TrepStar answered with the unknown error 400."


def test_an_address_error_is_a_problem_in_trepstars_words(order: Order) -> None:
    said = {"status_error_number": "10", "status_error_text": "Incomplete Address"}
    found = asked(order, section(order, "ERROR", **said))
    assert (found.gateway_error_number, found.gateway_error_text) == ("10", "Incomplete Address")
    assert last_event(order).data == {"word": "ERROR", "code": "10", "text": "Incomplete Address"}
    assert (found.flag, waits(found)) == ("", 6.0)


def test_a_live_order_that_was_taken_for_a_test_is_flagged(order: Order) -> None:
    found = asked(order, section(order, "ERROR", status_error_number="20"))
    assert found.flag == "TrepStar took this for a test order, so it will never be made."
    assert (found.status, found.next_ask_at) == (status.TESTED, None)


def test_a_test_order_ends_without_a_flag(north: Publisher, film: Product) -> None:
    order = sent(north, (film, 1), mode="test")
    found = asked(order, section(order, "ERROR", status_error_number="20"))
    assert (found.status, found.flag, found.next_ask_at) == (status.TESTED, "", None)


class TestShipped:
    def test_with_tracking_it_is_asked_for_no_more(self, order: Order) -> None:
        said = {"tracking_id": "9400 1", "ship_date": "11/23/2026"}
        found = asked(order, section(order, "SHIPPED", **said))
        assert (found.tracking_id, found.ship_date) == ("9400 1", date(2026, 11, 23))
        assert found.tracking_url == "https://www.endicia.com/tracking/?pic=9400%201"
        assert (found.next_ask_at, found.shipping_method) == (None, "standard")
        assert found.shipped_at == found.asked_at

    def test_a_parcel_without_tracking_is_asked_for_during_14_days(
        self, order: Order, desk_clock: Clock
    ) -> None:
        found = asked(order, section(order, "SHIPPED"))
        assert waits(found) == 0.2
        desk_clock.forward(14 * DAY - 60)
        assert asked(order, section(order, "SHIPPED")).next_ask_at is not None
        desk_clock.forward(120)
        assert asked(order, section(order, "SHIPPED")).next_ask_at is None

    @pytest.mark.parametrize(
        ("package", "pieces", "method", "letter"),
        [
            ("sleeve", 1, "standard", True),
            ("usb_ecomailer", 1, "standard", True),
            ("sleeve", 2, "standard", False),
            ("sleeve", 1, "rtrackstandard", False),
            ("dvd_case", 1, "standard", False),
        ],
    )
    def test_letter_mail_has_no_tracking_to_wait_for(
        self, north: Publisher, package: str, pieces: int, method: str, letter: bool
    ) -> None:
        disc = base.product(north, "66760", package=package)
        order = sent(north, (disc, pieces), mail_method=method)
        found = asked(order, section(order, "SHIPPED"))
        assert (found.next_ask_at is None) is letter

    def test_a_letter_abroad_is_a_parcel(self, north: Publisher) -> None:
        disc = base.product(north, "66760", package="sleeve")
        order = sent(north, (disc, 1))
        Order.objects.filter(pk=order.pk).update(country="CA", state="ON")
        assert asked(order, section(order, "SHIPPED")).next_ask_at is not None

    def test_tracking_that_comes_later_is_told(self, order: Order) -> None:
        asked(order, section(order, "SHIPPED"))
        found = asked(order, section(order, "SHIPPED", tracking_id="A1"))
        assert (found.tracking_id, kinds(order)[-1]) == ("A1", "order.tracking_added")

    def test_a_blank_never_erases_what_is_known(self, order: Order) -> None:
        said = {"tracking_id": "A1", "ship_date": "11/23/2026", "shipping_method": "priority"}
        asked(order, section(order, "SHIPPED", **said))
        found = asked(order, section(order, "SHIPPED", shipping_method=""))
        assert (found.tracking_id, found.tracking_history) == ("A1", ["A1"])
        assert (found.ship_date, found.shipping_method) == (date(2026, 11, 23), "priority")

    def test_a_changed_tracking_id_keeps_its_history(self, order: Order) -> None:
        for number in ("A1", "B2", "A1", "C3"):
            found = asked(order, section(order, "SHIPPED", tracking_id=number))
        assert (found.tracking_id, found.tracking_history) == ("C3", ["A1", "B2", "C3"])
        assert kinds(order)[-1] == "order.tracking_changed"

    @pytest.mark.parametrize("text", ["2/30/2026", "13/01/2026", "1/1/1900", "soon"])
    def test_a_date_that_is_none_is_kept_as_text(self, order: Order, text: str) -> None:
        found = asked(order, section(order, "SHIPPED", ship_date=text))
        assert (found.ship_date, found.ship_date_text) == (None, text)


WORDS = {
    "HOLD": status.AWAITING_PAYMENT,
    "PROCESSING": status.PROCESSING,
    "SHIPPED": status.SHIPPED,
    "ERROR": status.PROBLEM,
}


@pytest.mark.parametrize("first", WORDS)
@pytest.mark.parametrize("then", WORDS)
def test_what_one_word_after_another_comes_to(order: Order, first: str, then: str) -> None:
    said = {"tracking_id": "A1", "status_error_number": "10"}
    asked(order, section(order, first, **said))
    for _ in range(2):
        found = asked(order, section(order, then, **said))
    back = first == "SHIPPED" and then in ("HOLD", "PROCESSING")
    assert found.status == (status.SHIPPED if back else WORDS[then])
    assert (found.gateway_status, found.tracking_id) == (then, "A1")
    assert (found.shipped_at is not None) is ("SHIPPED" in (first, then))
    went_back = f"TrepStar went back to {then} after it had shipped the box."
    assert found.flag == (went_back if back else "")


@pytest.mark.parametrize("word", ["HOLD", "PROCESSING"])
def test_an_earlier_word_after_shipping_is_flagged_the_second_time_running(
    order: Order, word: str
) -> None:
    asked(order, section(order, "SHIPPED"))
    found = asked(order, section(order, word))
    assert (found.status, found.flag, found.went_back) == (status.SHIPPED, "", 1)
    found = asked(order, section(order, word))
    assert found.flag == f"TrepStar went back to {word} after it had shipped the box."
    desk.clear_flag(order.pk, actor=WORKER)
    assert asked(order, section(order, word)).flag == ""


def test_an_earlier_word_that_is_put_right_at_once_is_not_flagged(order: Order) -> None:
    for word in ("SHIPPED", "PROCESSING", "SHIPPED", "PROCESSING"):
        found = asked(order, section(order, word))
    assert (found.flag, found.went_back) == ("", 1)


def test_a_name_whose_accents_came_back_spoilt_is_pointed_out_once(order: Order) -> None:
    garbled = order.name.encode().decode("cp1252")
    found = asked(order, section(order, customer=garbled))
    told = f"TrepStar reads the name as “{garbled}”, so its accents are spoilt. "
    assert found.flag.startswith(told)
    desk.clear_flag(order.pk, actor=WORKER)
    assert asked(order, section(order, customer=garbled)).flag == ""


class TestNotFoundAfterAcceptance:
    def test_the_third_time_is_flagged_and_moves_nothing(
        self, order: Order, desk_clock: Clock
    ) -> None:
        hours = []
        for _ in range(3):
            desk_clock.forward(7 * 3600)
            found = asked(order, not_found(order))
            hours.append(waits(found))
            assert found.flag == ("" if len(hours) < 3 else news.NOT_KNOWN)
        assert (found.status, found.not_found, hours) == (status.ACCEPTED, 3, [1.0, 6.0, 6.0])
        assert kinds(order)[4:] == ["order.flagged"]

    def test_being_found_again_starts_the_count_anew(self, order: Order, desk_clock: Clock) -> None:
        for _ in range(2):
            desk_clock.forward(7 * 3600)
            asked(order, not_found(order))
        assert asked(order, section(order)).not_found == 0

    def test_soon_after_acceptance_it_counts_for_nothing(
        self, order: Order, desk_clock: Clock
    ) -> None:
        desk_clock.forward(5)
        assert asked(order, not_found(order)).not_found == 0

    def test_asked_before_its_time_it_counts_for_nothing(
        self, order: Order, desk_clock: Clock
    ) -> None:
        desk_clock.forward(2 * 3600)
        assert asked(order, not_found(order)).not_found == 1
        # A batch is filled up with it after 15 minutes, although its hour is not over.
        desk_clock.forward(901)
        assert asked(order, not_found(order)).not_found == 1


def test_an_old_debt_is_asked_for_daily(order: Order, desk_clock: Clock) -> None:
    assert waits(asked(order, section(order, "HOLD"))) == 0.2
    desk_clock.forward(31 * DAY)
    assert waits(asked(order, section(order, "HOLD"))) == 24.0


class TestCustomer:
    def test_another_name_is_applied_and_flagged(self, order: Order) -> None:
        found = asked(order, section(order, "SHIPPED", customer="Ann Penn"))
        assert (found.status, found.gateway_customer) == (status.SHIPPED, "Ann Penn")
        assert found.flag == "TrepStar now names the customer “Ann Penn”."

    def test_a_flag_that_was_seen_does_not_come_back(self, order: Order) -> None:
        asked(order, section(order, customer="Ann Penn"))
        desk.clear_flag(order.pk, actor=WORKER)
        assert asked(order, section(order, customer="Ann Penn")).flag == ""

    @pytest.mark.parametrize(
        ("ours", "theirs", "same"),
        [
            ("Ana Peña", "ANA  PEÑA", True),
            ("Ana Peña", "Ana Pena", True),
            ("Ana Peña", "Ana PeÃ±a", True),
            ("Nicolà Bo", "NicolÃ\u00a0 Bo", True),
            ("Nicolà Bo", "NicolÃ Bo", True),
            ("José O'Neil", "Jose ONeil", True),
            ("Ana Peña", "Ana Pen", False),
            ("Ana Peña", "Bo Diaz", False),
        ],
    )
    def test_which_names_are_the_same(self, ours: str, theirs: str, same: bool) -> None:
        assert news.same_name(ours, theirs) is same
