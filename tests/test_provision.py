"""The catalogue as code: every key, all or nothing, and one line for each thing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orders.models import Store
from orders.provision import provision
from products.models import Product, Publisher, SkuAlias
from products.secret import Secret

pytestmark = pytest.mark.django_db

FILM = {
    "project_id": "66750",
    "title": "Harbour Lights (DVD)",
    "package": "dvd_case",
    "ecommerce_id_string": "{VTD234-100}{VTD333-200}",
}
SHOP = {
    "domain": "northlight.myshopify.com",
    "webhook_secrets": ["signing"],
    "create_on": ["orders/fulfilled"],
}
NORTH: dict[str, Any] = {
    "publisher_id": "66870",
    "name": "Northlight Films",
    "login_email": "desk@example.com",
    "login_password": "pass",
    "mode": "prod",
    "auto_submit": True,
    "mail_method": "standard",
    "products": [FILM],
    "stores": [SHOP],
}


def publishers(*entries: Any) -> dict[str, Any]:
    return {"publishers": list(entries or [NORTH])}


def north(**changes: Any) -> dict[str, Any]:
    return publishers({**NORTH, **changes})


def everything() -> list[Any]:
    found = []
    for model in (Publisher, Product, SkuAlias, Store):
        for row in model.objects.order_by("pk").values():
            found.append({name: _open(value) for name, value in row.items()})
    return found


def _open(value: Any) -> Any:
    if isinstance(value, list):
        return [_open(one) for one in value]
    return value.reveal() if isinstance(value, Secret) else value


def skus(project_id: str | None = "66750") -> list[str]:
    where = {"product__project_id": project_id} if project_id else {"product": None}
    return sorted(SkuAlias.objects.filter(**where).values_list("sku", flat=True))


def test_the_contracts_own_document_makes_everything_and_says_so() -> None:
    assert provision(publishers()) == [
        "made publisher 66870",
        "made product 66750",
        "made SKU VTD234-100 of product 66750",
        "made SKU VTD333-200 of product 66750",
        "made store northlight.myshopify.com",
    ]
    publisher, product, store = Publisher.objects.get(), Product.objects.get(), Store.objects.get()
    assert (publisher.name, publisher.login_email) == ("Northlight Films", "desk@example.com")
    assert (publisher.mode, publisher.auto_submit, publisher.mail_method) == (
        "prod",
        True,
        "standard",
    )
    assert publisher.login_password.reveal() == "pass"
    assert publisher.invoice_prefix == "66870"
    assert (product.title, product.package) == ("Harbour Lights (DVD)", "dvd_case")
    assert (_open(store.webhook_secrets), store.create_on) == (["signing"], ["orders/fulfilled"])
    assert skus() == ["VTD234-100", "VTD333-200"]


def test_a_second_time_changes_nothing_and_says_so() -> None:
    provision(publishers())
    before = everything()
    assert provision(publishers()) == [
        "unchanged publisher 66870",
        "unchanged product 66750",
        "unchanged store northlight.myshopify.com",
    ]
    assert everything() == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "Renamed"),
        ("mode", "test"),
        ("auto_submit", False),
        ("mail_method", "express"),
        ("invoice_prefix", "NORTH"),
        ("partial_orders", "send"),
        ("notify_customer", True),
        ("price_on_customs", True),
        ("charset", "windows-1252"),
        ("status_calls_per_day", 50),
        ("login_email", "new@example.com"),
    ],
)
def test_each_key_of_a_publisher(key: str, value: Any) -> None:
    provision(publishers())
    entry = {"publisher_id": "66870", key: value}
    assert provision(publishers(entry)) == ["changed publisher 66870"]
    assert getattr(Publisher.objects.get(), key) == value
    assert provision(publishers(entry)) == ["unchanged publisher 66870"]


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("title", "Ferry", "Ferry"),
        ("package", "sleeve", "sleeve"),
        ("price", "19.00", Decimal("19.00")),
        ("price", 19, Decimal("19.00")),
        ("price", 19.5, Decimal("19.50")),
        ("special_text", "Enjoy it", "Enjoy it"),
        ("active", False, False),
    ],
)
def test_each_key_of_a_product(key: str, value: Any, stored: Any) -> None:
    provision(publishers())
    entry = {"publisher_id": "66870", "products": [{"project_id": "66750", key: value}]}
    assert "changed product 66750" in provision(publishers(entry))
    assert getattr(Product.objects.get(), key) == stored
    assert "unchanged product 66750" in provision(publishers(entry))
    assert skus() == ["VTD234-100", "VTD333-200"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("create_on", ["orders/fulfilled", "orders/partially_fulfilled"]),
        ("mail_rules", [{"match": "Express*", "where": "any", "method": "express"}]),
        ("webhook_secrets", ["new", "signing"]),
    ],
)
def test_each_key_of_a_store(key: str, value: Any) -> None:
    provision(publishers())
    store = {"domain": "Northlight.myshopify.com ", key: value}
    entry = {"publisher_id": "66870", "stores": [store]}
    assert provision(publishers(entry))[1].startswith("changed store")
    assert _open(getattr(Store.objects.get(), key)) == value
    assert provision(publishers(entry))[1].startswith("unchanged store")


def test_a_changed_login_reopens_a_refused_account() -> None:
    provision(publishers())
    Publisher.objects.update(login_refused_at="2026-11-20T10:00:00Z")
    provision(north(name="Renamed"))
    assert Publisher.objects.get().login_refused_at is not None
    provision(north(login_password="new"))
    publisher = Publisher.objects.get()
    assert (publisher.login_refused_at, publisher.credential_version) == (None, 3)


def test_what_workers_write_stays() -> None:
    provision(publishers())
    Publisher.objects.update(last_serial=7)
    provision(north(name="Renamed"))
    assert Publisher.objects.get().last_serial == 7


def test_a_list_that_is_given_replaces_and_absence_deletes_nothing() -> None:
    provision(north(not_ours=["TSHIRT", "MUG"]))
    assert skus(None) == ["MUG", "TSHIRT"]
    lines = provision(
        north(
            not_ours=["MUG"],
            products=[{**FILM, "ecommerce_id_string": "VTD333-200"}],
            stores=[{**SHOP, "webhook_secrets": ["other"]}],
        )
    )
    assert "removed SKU TSHIRT of not_ours of publisher 66870" in lines
    assert "removed SKU VTD234-100 of product 66750" in lines
    assert (skus(), skus(None)) == (["VTD333-200"], ["MUG"])
    assert _open(Store.objects.get().webhook_secrets) == ["other"]
    before = everything()
    provision(publishers({"publisher_id": "66870"}))
    provision({"publishers": []})
    assert everything() == before


def test_a_sku_moves_between_products_and_not_ours_in_one_document() -> None:
    provision(publishers())
    other = {"project_id": "66760", "title": "CD", "ecommerce_id_string": "VTD333-200"}
    provision(north(products=[{**FILM, "ecommerce_id_string": "VTD234-100"}, other]))
    assert (skus("66750"), skus("66760")) == (["VTD234-100"], ["VTD333-200"])


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTH_PASSWORD", "from env")
    monkeypatch.setenv("NORTH_SIGNING", "key from env")
    provision(
        north(
            login_password={"env": "NORTH_PASSWORD"},
            stores=[{**SHOP, "webhook_secrets": [{"env": "NORTH_SIGNING"}, "plain"]}],
        )
    )
    assert Publisher.objects.get().login_password.reveal() == "from env"
    assert _open(Store.objects.get().webhook_secrets) == ["key from env", "plain"]
