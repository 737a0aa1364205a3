"""Model fields that are encrypted at rest with ``FIELD_KEYS``. A wrong key raises, always."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from products.secret import Secret


class WrongKey(ImproperlyConfigured):
    """A stored secret that no key of ``FIELD_KEYS`` opens."""


def _box() -> MultiFernet:
    if not settings.FIELD_KEYS:
        raise ImproperlyConfigured(
            "FIELD_KEYS is not set, so secrets can be neither stored nor read."
        )
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


def encrypt(text: str) -> str:
    """Return ``text`` encrypted with the first key."""
    return _box().encrypt(text.encode()).decode("ascii")


def decrypt(token: str) -> str:
    """Return the text of ``token``. Raises ``WrongKey`` if no key opens it."""
    try:
        return _box().decrypt(token.encode("ascii")).decode()
    except InvalidToken:
        raise WrongKey(
            "A stored secret cannot be read with the present FIELD_KEYS. "
            "Add the key that it was stored with to the end of the list."
        ) from None


if TYPE_CHECKING:
    _Text = models.TextField[Any, Any]
else:
    _Text = models.TextField


class _Sealed(Secret):
    """A secret as it is stored; opened where it is used, so that a wrong key stops only that."""

    __slots__ = ()

    def reveal(self) -> str:
        return decrypt(self._text) if self._text else ""

    __hash__ = None


class _AsSecret(DeferredAttribute):
    """Makes a ``Secret`` of whatever is assigned to the field."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = self.field.to_python(value)


class SecretField(_Text):
    """One secret; in Python a ``Secret``, in the database a Fernet token or blank."""

    descriptor_class = _AsSecret

    def from_db_value(self, value: str | None, *args: Any) -> Secret | None:
        return None if value is None else _Sealed(value)

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, Secret) else Secret(str(value))

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        text = value.reveal() if isinstance(value, Secret) else str(value)
        return encrypt(text) if text else ""

    def value_to_string(self, obj: models.Model) -> str:
        raise TypeError("Secrets are not serialised.")


class SecretListField(_Text):
    """Several secrets in their order; in Python a list of ``Secret``, in the database one token."""

    def from_db_value(self, value: str | None, *args: Any) -> list[Secret]:
        return [Secret(text) for text in json.loads(decrypt(value))] if value else []

    def to_python(self, value: Any) -> list[Secret]:
        return [v if isinstance(v, Secret) else Secret(str(v)) for v in value or []]

    def get_prep_value(self, value: Any) -> Any:
        texts = [secret.reveal() for secret in self.to_python(value)]
        return encrypt(json.dumps(texts)) if texts else ""

    def value_to_string(self, obj: models.Model) -> str:
        raise TypeError("Secrets are not serialised.")
