"""A publisher: its unique login, prefix and number, its staff, and a login that changes."""

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from orders.models import Delivery, Order, Store
from products.models import Product, Publisher
from products.secret import Secret
from tests.base import PASSWORD, deliver, northlight, order_body, product, southwind, store

pytestmark = pytest.mark.django_db


def test_a_blank_prefix_becomes_the_publisher_id():
    assert northlight(invoice_prefix="").invoice_prefix == "66870"


@pytest.mark.parametrize("prefix", ["T", "north", "A-B", "ABCDEFGHIJK", "É", "A\n"])
def test_a_prefix_that_would_blur_an_invoice_is_refused(prefix):
    publisher = northlight()
    publisher.invoice_prefix = prefix
    with pytest.raises(ValidationError) as refusal:
        publisher.full_clean()
    assert list(refusal.value.message_dict) == ["invoice_prefix"]


@pytest.mark.parametrize("prefix", ["TT", "T1", "N", "ABCDEFGHIJ", "66870"])
def test_other_prefixes_are_taken(prefix):
    publisher = northlight()
    publisher.invoice_prefix = prefix
    publisher.full_clean()


@pytest.mark.parametrize(
    "same",
    [
        {"publisher_id": "66870"},
        {"invoice_prefix": "NORTH"},
        {"login_email": "DESK@northlight.example"},
    ],
)
def test_number_prefix_and_login_are_unique(same):
    northlight()
    with pytest.raises(IntegrityError), transaction.atomic():
        southwind(**same)
    assert Publisher.objects.count() == 1


@pytest.mark.parametrize("number", ["", "66 870", "x1", "-1", "６６８７０"])
def test_a_publisher_id_is_digits(number):
    publisher = northlight()
    publisher.publisher_id = number
    with pytest.raises(ValidationError) as refusal:
        publisher.full_clean()
    assert list(refusal.value.message_dict) == ["publisher_id"]


def test_a_new_login_reopens_a_refused_account():
    publisher = northlight()
    publisher.login_refused_at = timezone.now()
    assert publisher.set_login("desk@northlight.example", Secret("new")) is True
    assert publisher.login_refused_at is None
    assert publisher.credential_version == 2
    publisher.save()
    again = Publisher.objects.get()
    assert again.login_password == Secret("new")


def test_the_same_login_changes_nothing():
    northlight()
    publisher = Publisher.objects.get()
    publisher.login_refused_at = refused = timezone.now()
    assert publisher.set_login(publisher.login_email, Secret(PASSWORD)) is False
    assert (publisher.login_refused_at, publisher.credential_version) == (refused, 1)


def test_the_limit_of_status_calls_is_the_publishers_or_the_installations(settings):
    settings.STATUS_CALLS_PER_DAY = 950
    assert northlight().status_call_limit == 950
    assert southwind(status_calls_per_day=40).status_call_limit == 40


def test_staff_see_their_own_publishers_and_superusers_all():
    north, south = northlight(), southwind()
    product(north, skus=["VTD234-100"])
    store(north)
    store(south, domain="southwind.myshopify.com")
    deliver(order_body())
    ana = User.objects.create_user("ana")
    north.staff.add(ana)
    bob = User.objects.create_user("bob")
    root = User.objects.create_superuser("root")

    def seen(user):
        return (
            Publisher.objects.for_user(user).count(),
            Store.objects.for_user(user).count(),
            Order.objects.for_user(user).count(),
            Delivery.objects.for_user(user).count(),
        )

    assert seen(ana) == (1, 1, 1, 1)
    assert seen(bob) == (0, 0, 0, 0)
    assert seen(root) == (2, 2, 1, 1)
    assert seen(AnonymousUser()) == (0, 0, 0, 0)


def test_a_project_id_is_unique_within_a_publisher_only():
    north, south = northlight(), southwind()
    product(north)
    product(south)
    with pytest.raises(IntegrityError), transaction.atomic():
        product(north)
    assert Product.objects.count() == 2


@pytest.mark.parametrize("text", ["<b>Hi</b>", "a <!-- b", "</p>"])
def test_a_special_text_with_html_is_refused(text):
    made = product(northlight())
    made.special_text = text
    with pytest.raises(ValidationError) as refusal:
        made.full_clean()
    assert refusal.value.message_dict == {"special_text": ["TrepStar prints no HTML here."]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("domain", "northlight.example"),
        ("domain", "evil.com/northlight.myshopify.com"),
        ("domain", "Northlight.myshopify.com"),
        ("create_on", ["orders/updated"]),
        ("create_on", "orders/fulfilled"),
        ("mail_rules", {"match": "x"}),
        ("mail_rules", [{"match": "x"}]),
        ("mail_rules", [{"match": "x", "method": "rocket"}]),
        ("mail_rules", [{"match": 1, "method": "express"}]),
        ("mail_rules", [{"match": "x", "where": "moon", "method": "express"}]),
        ("mail_rules", [{"match": "x", "method": "express", "more": 1}]),
    ],
)
def test_a_store_refuses_what_it_cannot_obey(field, value):
    made = store(northlight())
    setattr(made, field, value)
    with pytest.raises(ValidationError) as refusal:
        made.full_clean()
    assert list(refusal.value.message_dict) == [field]


def test_a_store_is_named_once_for_a_publisher():
    north = northlight()
    store(north)
    with pytest.raises(IntegrityError), transaction.atomic():
        store(north)
    assert Store.objects.count() == 1
