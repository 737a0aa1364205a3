"""Who gets an order, and the marks by which a body makes nothing or is a test."""

import pytest

from orders.recipient import Recipient
from orders.shopify.payload import (
    NO_ADDRESS,
    REDACTED,
    read_order,
)
from tests.base import order_body

ABSENT = object()


def changed(body, **values):
    return {k: v for k, v in {**body, **values}.items() if v is not ABSENT}


@pytest.mark.parametrize(
    ("address", "found", "problem"),
    [
        (ABSENT, Recipient(), NO_ADDRESS),
        (None, Recipient(), NO_ADDRESS),
        ({}, Recipient(name="Ana Peña"), REDACTED),
        (
            {"country_code": "US", "province_code": "ME"},
            Recipient(name="Ana Peña", state="ME", country="US"),
            REDACTED,
        ),
        ({"address1": "", "name": ""}, Recipient(name="Ana Peña"), ""),
        ({"address1": None, "first_name": "Bo"}, Recipient(name="Bo"), ""),
        (
            {"address1": "1 Rd", "name": "Bo", "country": "Hong Kong", "province": None},
            Recipient(name="Bo", address="1 Rd", country="HK"),
            "",
        ),
        (
            {"address1": "x" * 401, "name": "Bo"},
            Recipient(name="Bo", address="x" * 400),
            "These parts of the address are too long: address.",
        ),
        ("text", Recipient(name="Ana Peña"), REDACTED),
    ],
)
def test_the_address_and_what_is_wrong_with_it(address, found, problem):
    order = read_order(changed(order_body(), shipping_address=address))
    assert (order.recipient, order.address_problem) == (found, problem)


@pytest.mark.parametrize(
    ("values", "email"),
    [
        ({"email": " a@x.example "}, "a@x.example"),
        ({"email": "", "contact_email": "b@x.example"}, "b@x.example"),
        ({"email": None, "customer": {"email": "c@x.example"}}, "c@x.example"),
        ({"email": None, "customer": None}, ""),
        ({"email": 5, "customer": []}, "5"),
        ({"email": {"a": 1}, "customer": "x"}, ""),
    ],
)
def test_the_email_is_the_first_that_is_given(values, email):
    assert read_order(order_body(**values)).email == email


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"cancelled_at": "2026-11-20T10:00:00Z"}, "The shop cancelled this order."),
        ({"confirmed": False}, "The shop has not confirmed this order."),
        ({"financial_status": "voided"}, "The shop's payment for this order is voided."),
        ({"financial_status": "refunded"}, "The shop's payment for this order is refunded."),
        ({"financial_status": "partially_refunded"}, ""),
        ({"closed_at": "2026-11-20T10:00:00Z"}, ""),
    ],
)
def test_what_makes_nothing_says_why(values, why):
    assert read_order(order_body(**values)).makes_nothing == why


def test_a_cancel_whose_time_cannot_be_read_is_still_a_cancel():
    assert read_order(order_body(cancelled_at="yesterday")).makes_nothing == (
        "The shop cancelled this order."
    )


FAKE = {"test": True, "confirmed": False, "cancelled_at": "2026-11-20T10:00:00Z"}


@pytest.mark.parametrize(
    ("values", "notification"),
    [
        ({"id": 820982911946154508}, True),
        ({"id": 820982911946154500}, True),
        ({"id": 820982911946154509}, False),
        (FAKE, True),
        ({**FAKE, "test": False}, False),
        ({**FAKE, "confirmed": True}, False),
        ({**FAKE, "cancelled_at": None}, False),
        ({"test": True}, False),
        ({}, False),
    ],
)
def test_a_test_notification_is_known_by_its_marks(values, notification):
    assert read_order(order_body(**values)).is_test_notification is notification


@pytest.mark.parametrize(
    ("value", "header", "is_test"),
    [(True, False, True), (False, False, False), ("true", False, False), (None, True, True)],
)
def test_a_test_order_says_so_in_its_body(value, header, is_test):
    assert read_order(order_body(test=value), test_header=header).is_test is is_test


def test_an_unsigned_header_does_not_make_a_test_of_a_body_that_says_otherwise():
    assert read_order(order_body(test=False), test_header=True).is_test is False
