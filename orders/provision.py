"""Publishers, products, SKUs and stores as code: one JSON document, applied all or nothing.

Unknown keys are refused; what is left out keeps its value; a list that is given replaces; nothing
is deleted by absence.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from orders.models import Store
from products.models import Product, Publisher, SkuAlias
from products.secret import Secret
from products.sku import SkuSyntaxError, parse_id_string, sku_key

PUBLISHER_FIELDS = {
    "name",
    "mode",
    "auto_submit",
    "mail_method",
    "invoice_prefix",
    "partial_orders",
    "notify_customer",
    "price_on_customs",
    "charset",
    "script_access",
    "status_calls_per_day",
}
PUBLISHER_KEYS = PUBLISHER_FIELDS | {
    "publisher_id",
    "login_email",
    "login_password",
    "products",
    "stores",
    "not_ours",
}
PRODUCT_FIELDS = {"title", "package", "price", "special_text", "active"}
PRODUCT_KEYS = PRODUCT_FIELDS | {"project_id", "ecommerce_id_string"}
STORE_KEYS = {"domain", "webhook_secrets", "create_on", "mail_rules"}


class ProvisionError(Exception):
    """A document that cannot be applied; the message says where, and what to do."""


def provision(document: Any) -> list[str]:
    """Apply a document and return one line for each thing made, changed or left unchanged.

    Raises ``ProvisionError``, and then nothing has changed.
    """
    _keys(document, {"publishers"}, "the document")
    lines: list[str] = []
    with transaction.atomic():
        for entry in _list(document, "publishers", "the document"):
            lines += _publisher(entry)
    return lines


def _publisher(entry: Any) -> list[str]:
    where = f"publisher {entry.get('publisher_id') if isinstance(entry, dict) else entry}"
    _keys(entry, PUBLISHER_KEYS, where)
    publisher_id = _text(entry, "publisher_id", where)
    found = Publisher.objects.filter(publisher_id=publisher_id).first()
    publisher = found or Publisher(publisher_id=publisher_id)
    values = {key: entry[key] for key in PUBLISHER_FIELDS & set(entry)}
    email = publisher.login_email
    if "login_email" in entry:
        email = _text(entry, "login_email", where)
    given = entry.get("login_password")
    password = publisher.login_password if given is None else _secret(given, where)
    new_login = publisher.set_login(email, password)
    lines = [_save(publisher, values, where, made=found is None, new_login=new_login)]
    for product in _list(entry, "products", where):
        lines += _product(publisher, product)
    if "not_ours" in entry:
        lines += _not_ours(publisher, _list(entry, "not_ours", where), where)
    for store in _list(entry, "stores", where):
        lines.append(_store(publisher, store))
    return lines


def _product(publisher: Publisher, entry: Any) -> list[str]:
    where = f"product {entry.get('project_id') if isinstance(entry, dict) else entry}"
    _keys(entry, PRODUCT_KEYS, where)
    project_id = _text(entry, "project_id", where)
    found = Product.objects.filter(publisher=publisher, project_id=project_id).first()
    product = found or Product(publisher=publisher, project_id=project_id)
    values = {key: entry[key] for key in PRODUCT_FIELDS & set(entry)}
    if "price" in values:
        values["price"] = _price(values["price"], where)
    lines = [_save(product, values, where, made=found is None)]
    if "ecommerce_id_string" in entry:
        try:
            skus = parse_id_string(_text(entry, "ecommerce_id_string", where))
        except SkuSyntaxError as error:
            raise ProvisionError(f"In {where}, ecommerce_id_string: {error}.") from None
        lines += set_aliases(publisher, product, skus, where)
    return lines


def set_aliases(
    publisher: Publisher, product: Product | None, skus: Sequence[str], where: str
) -> list[str]:
    """Make ``skus`` the SKUs of a product (or, without one, the SKUs that are not ours).

    Raises ``ProvisionError`` for a SKU that stands for something else.
    """
    wanted = {sku_key(sku): sku for sku in skus}
    present = {alias.key: alias for alias in SkuAlias.objects.filter(publisher=publisher)}
    lines = []
    for key, sku in wanted.items():
        alias = present.get(key)
        if alias is None:
            SkuAlias.objects.create(publisher=publisher, product=product, sku=sku)
            lines.append(f"made SKU {sku} of {where}")
        elif alias.product_id != (product.pk if product else None):
            owner = alias.product or "the SKUs that are not ours"
            raise ProvisionError(f"In {where}, SKU {sku} already belongs to {owner}.")
    for key, alias in present.items():
        mine = alias.product_id == (product.pk if product else None)
        if mine and key not in wanted:
            alias.delete()
            lines.append(f"removed SKU {alias.sku} of {where}")
    return lines


def _not_ours(publisher: Publisher, skus: Sequence[Any], where: str) -> list[str]:
    if not all(isinstance(sku, str) and sku.strip() for sku in skus):
        raise ProvisionError(f"In {where}, not_ours must be a list of SKUs.")
    return set_aliases(publisher, None, skus, f"not_ours of {where}")


def _store(publisher: Publisher, entry: Any) -> str:
    where = f"store {entry.get('domain') if isinstance(entry, dict) else entry}"
    _keys(entry, STORE_KEYS, where)
    domain = _text(entry, "domain", where).strip().lower()
    found = Store.objects.filter(publisher=publisher, domain=domain).first()
    store = found or Store(publisher=publisher, domain=domain)
    values = {key: entry[key] for key in ("create_on", "mail_rules") if key in entry}
    if "webhook_secrets" in entry:
        secrets = _list(entry, "webhook_secrets", where)
        values["webhook_secrets"] = [_secret(secret, where) for secret in secrets]
        if found is not None and values["webhook_secrets"] != store.webhook_secrets:
            values["secrets_changed_at"] = timezone.now()
    return _save(store, values, where, made=found is None)


def _save(
    row: models.Model, values: Mapping[str, Any], where: str, *, made: bool, new_login: bool = False
) -> str:
    """Validate and save a row if it is new or differs; return the line that says so."""
    names = {"login_email", "login_password", "credential_version", "login_refused_at"}
    fields = names if new_login else set()
    for key, value in values.items():
        if getattr(row, key) != value:
            setattr(row, key, value)
            fields.add(key)
    if not made and not fields:
        return f"unchanged {where}"
    try:
        row.full_clean()
    except ValidationError as error:
        problems = "; ".join(
            f"{key}: {' '.join(texts)}" for key, texts in error.message_dict.items()
        )
        raise ProvisionError(f"In {where}: {problems}") from None
    # Only what changed: workers write to other columns of the same rows.
    row.save(update_fields=None if made else fields)
    return f"{'made' if made else 'changed'} {where}"


def _keys(entry: Any, known: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise ProvisionError(f"{where.capitalize()} must be an object.")
    unknown = set(entry) - known
    if unknown:
        names = ", ".join(sorted(unknown))
        raise ProvisionError(f"In {where}, these keys are not known: {names}.")


def _list(entry: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = entry.get(key, [])
    if not isinstance(value, list):
        raise ProvisionError(f"In {where}, {key} must be a list.")
    return value


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise ProvisionError(f"In {where}, {key} must be given as text.")
    return value


def _price(value: Any, where: str) -> Decimal:
    try:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise ProvisionError(f"In {where}, the price must be an amount such as 19.00.") from None


def _secret(
    value: Any, where: str, environ: Callable[[str], str | None] = os.environ.get
) -> Secret:
    """Return a secret given as text or as ``{"env": "NAME"}``."""
    if isinstance(value, str) and value:
        return Secret(value)
    if isinstance(value, dict) and set(value) == {"env"} and isinstance(value["env"], str):
        found = environ(value["env"])
        if found:
            return Secret(found)
        raise ProvisionError(f"In {where}, the environment has no {value['env']}.")
    raise ProvisionError(f'In {where}, a secret must be a text or {{"env": "NAME"}}.')
