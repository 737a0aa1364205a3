"""Secrets at rest: no clear text in the database, keys rotate, a wrong key raises, none travels."""

import json
import pickle

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from orders.models import Store
from products.fields import WrongKey, decrypt, encrypt
from products.models import Publisher
from products.secret import Secret
from tests.base import PASSWORD, SECRET, northlight, store

OLD, NEW = "7nYr8SWXcY5l9DCZMXl2mlVv2w9d3f1gB1u7mH3z0uE=", Fernet.generate_key().decode()
WRONG = (
    "A stored secret cannot be read with the present FIELD_KEYS. "
    "Add the key that it was stored with to the end of the list."
)


def raw(column: str, table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_the_database_holds_tokens_and_no_clear_text():
    made = store(northlight(), webhook_secrets=[SECRET, "second-secret"])
    password = raw("login_password", "products_publisher")
    secrets = raw("webhook_secrets", "orders_store")
    assert PASSWORD not in password
    assert SECRET not in secrets
    assert "second-secret" not in secrets
    box = Fernet(OLD)
    assert box.decrypt(password.encode()).decode() == PASSWORD
    assert json.loads(box.decrypt(secrets.encode())) == [SECRET, "second-secret"]
    made.refresh_from_db()
    assert made.webhook_secrets == [Secret(SECRET), Secret("second-secret")]
    assert made.publisher.login_password == Secret(PASSWORD)


@pytest.mark.django_db
def test_the_same_secret_is_stored_differently_each_time():
    publisher = northlight()
    first = raw("login_password", "products_publisher")
    Publisher.objects.filter(pk=publisher.pk).update(login_password=Secret(PASSWORD))
    assert raw("login_password", "products_publisher") != first


@pytest.mark.django_db
def test_blank_secrets_are_stored_blank():
    made = store(northlight(login_password=""), webhook_secrets=[])
    assert raw("login_password", "products_publisher") == ""
    assert raw("webhook_secrets", "orders_store") == ""
    made.refresh_from_db()
    assert made.webhook_secrets == []
    assert Publisher.objects.get().login_password == Secret("")


@pytest.mark.django_db
def test_a_new_first_key_encrypts_and_the_old_one_still_opens(settings):
    publisher = northlight()
    settings.FIELD_KEYS = [NEW, OLD]
    again = Publisher.objects.get()
    assert again.login_password.reveal() == PASSWORD
    again.save()
    assert Fernet(NEW).decrypt(raw("login_password", "products_publisher").encode())
    settings.FIELD_KEYS = [NEW]
    publisher.refresh_from_db()
    assert publisher.login_password.reveal() == PASSWORD


def wrong(function):
    with pytest.raises(WrongKey) as refusal:
        function()
    assert str(refusal.value) == WRONG


@pytest.mark.django_db
def test_a_wrong_key_raises_where_the_secret_is_used_and_changes_nothing(settings):
    store(northlight())
    before = raw("login_password", "products_publisher"), raw("webhook_secrets", "orders_store")
    settings.FIELD_KEYS = [NEW]
    publisher = Publisher.objects.get()
    wrong(publisher.login_password.reveal)
    with transaction.atomic():
        wrong(lambda: Publisher.objects.update(login_password=publisher.login_password))
    wrong(lambda: publisher.set_login(publisher.login_email, Secret("new")))
    wrong(Store.objects.get)
    assert before == (
        raw("login_password", "products_publisher"),
        raw("webhook_secrets", "orders_store"),
    )


def test_without_a_key_secrets_are_neither_stored_nor_read(settings):
    settings.FIELD_KEYS = []
    for function in (encrypt, decrypt):
        with pytest.raises(ImproperlyConfigured) as refusal:
            function("text")
        assert str(refusal.value) == (
            "FIELD_KEYS is not set, so secrets can be neither stored nor read."
        )


def test_a_token_that_was_tampered_with_raises():
    token = encrypt("a password")
    with pytest.raises(WrongKey):
        decrypt(token[:-4] + "AAAA")


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["json", "python", "xml", "jsonl"])
def test_secrets_are_never_serialised(form):
    made = store(northlight())
    for thing in (made, made.publisher):
        with pytest.raises(TypeError, match=r"\ASecrets are not serialised\.\Z"):
            serializers.serialize(form, [thing])


@pytest.mark.django_db
def test_a_model_with_a_secret_cannot_be_pickled_and_prints_none():
    store(northlight())
    publisher, made = Publisher.objects.get(), Store.objects.get()
    for thing in (publisher, made):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(thing)
        assert PASSWORD not in repr(vars(thing))
        assert SECRET not in repr(vars(thing))


@pytest.mark.django_db
def test_a_secret_cannot_be_searched_for():
    northlight()
    assert not Publisher.objects.filter(login_password=PASSWORD).exists()
