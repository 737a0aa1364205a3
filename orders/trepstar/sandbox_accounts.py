"""Reads the sandbox's accounts from the file that ``provision`` reads. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orders.trepstar.order_rules import Account
from products.secret import Secret

DEFAULT_PACKAGE = "dvd_case"
DEFAULT_PASSWORD = "sandbox"  # noqa: S105 - printed at the start; it opens nothing else
DEFAULT_ACCOUNT = Account(
    publisher_id="66870",
    email="desk@example.com",
    password=Secret(DEFAULT_PASSWORD),
    products={"66750": "dvd_case", "66760": "cd_sleeve", "66770": "usb_ecomailer"},
)


class AccountsError(ValueError):
    """An accounts file that cannot be used; its text is one sentence."""


def read_accounts(text: str, environ: Mapping[str, str]) -> tuple[Account, ...]:
    """Return the accounts of a provision file; keys that the sandbox does not need are ignored.

    A password may be ``{"env": "NAME"}``, looked up in ``environ``. Raises ``AccountsError``.
    """
    try:
        data = json.loads(text)
    except ValueError:
        raise AccountsError("The accounts file is not JSON.") from None
    publishers = data.get("publishers") if isinstance(data, dict) else None
    if not isinstance(publishers, list) or not publishers:
        raise AccountsError("The accounts file holds no list of publishers.")
    accounts = tuple(_account(publisher, environ) for publisher in publishers)
    if len({account.publisher_id for account in accounts}) < len(accounts):
        raise AccountsError("Two publishers of the accounts file have the same publisher_id.")
    if len({account.email.lower() for account in accounts}) < len(accounts):
        raise AccountsError("Two publishers of the accounts file have the same login_email.")
    return accounts


def _account(publisher: Any, environ: Mapping[str, str]) -> Account:
    if not isinstance(publisher, dict):
        raise AccountsError("A publisher of the accounts file is not an object.")
    publisher_id = _text(publisher, "publisher_id", "A publisher")
    owner = f"Publisher {publisher_id}"
    products = publisher.get("products", [])
    if not isinstance(products, list) or not all(isinstance(p, dict) for p in products):
        raise AccountsError(f"{owner} has products that are not a list of objects.")
    return Account(
        publisher_id=publisher_id,
        email=_text(publisher, "login_email", owner),
        password=_password(publisher.get("login_password"), owner, environ),
        products={
            _text(p, "project_id", f"A product of {owner}"): str(p.get("package", DEFAULT_PACKAGE))
            for p in products
        },
    )


def _text(values: Mapping[str, Any], name: str, owner: str) -> str:
    value = str(values.get(name) or "").strip()
    if not value:
        raise AccountsError(f"{owner} of the accounts file has no {name}.")
    return value


def _password(value: Any, owner: str, environ: Mapping[str, str]) -> Secret:
    if isinstance(value, dict):
        name = str(value.get("env", ""))
        value = environ.get(name)
        if not value:
            raise AccountsError(f"{owner} takes its password from {name}, which is not set.")
    if not isinstance(value, str) or not value:
        raise AccountsError(f"{owner} of the accounts file has no login_password.")
    return Secret(value)
