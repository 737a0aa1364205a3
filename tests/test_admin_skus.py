"""The SKUs of a product on its page: as TrepStar's text, one by one, pasted, and raced."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.db import IntegrityError

from products.models import SkuAlias
from tests import admin_cast as cast
from tests import base
from tests.test_admin_catalogue import Desk, desk

__all__ = ["desk"]
pytestmark = pytest.mark.django_db


def test_a_product_shows_its_skus_as_trepstars_text_and_one_by_one(desk: Desk) -> None:
    SkuAlias.objects.create(publisher=desk.publisher, sku="B & C", product=desk.film)
    page = cast.html(desk.client.get(cast.page(desk.film)))
    assert 'value="{B &amp; C}{VTD234-100}"' in page
    assert "data-copy" in page
    assert '<script src="/static/desk/copy.js" defer></script>' in page
    assert "<code>B &amp; C</code> <code>VTD234-100</code>" in page
    desk.save(desk.film, id_string="")
    assert "None. The shop’s project id alone" in cast.html(
        desk.client.get(cast.page(desk.film))
    ).replace("&#x27;", "’")


def test_what_the_page_shows_can_be_pasted_back(desk: Desk) -> None:
    for text in ("{A}{B}", " { A } {B}\n", "{B}{A}"):
        desk.save(desk.film, id_string=text)
        assert [one.sku for one in desk.film.aliases.all()] == ["A", "B"]
    shown = desk.client.get(cast.page(desk.film)).context["adminform"].form["id_string"].value()
    assert shown == "{A}{B}"
    desk.save(desk.film, id_string=shown)
    assert [one.sku for one in desk.film.aliases.all()] == ["A", "B"]


def test_a_sku_is_spelled_anew_and_keeps_its_row(desk: Desk) -> None:
    alias = desk.film.aliases.get()
    desk.save(desk.film, id_string="vtd234-100")
    now = desk.film.aliases.get()
    assert (now.pk, now.sku, now.key) == (alias.pk, "vtd234-100", "vtd234-100")


def test_a_sku_with_braces_stays_where_the_grammar_cannot_write_it(desk: Desk) -> None:
    SkuAlias.objects.create(publisher=desk.publisher, sku="A{1}", product=desk.film)
    form = desk.client.get(cast.page(desk.film)).context["adminform"].form
    assert form["id_string"].value() == "VTD234-100"
    desk.save(desk.film, id_string="OTHER")
    assert [one.sku for one in desk.film.aliases.all()] == ["A{1}", "OTHER"]


@pytest.mark.parametrize("text", ["{A}{B", "A}", "{A}{a}", "{}", "x{A}", "{A\0}"])
def test_a_text_that_cannot_be_read_is_refused_and_nothing_changed(desk: Desk, text: str) -> None:
    before = list(SkuAlias.objects.values())
    assert "errorlist" in cast.html(desk.save(desk.film, id_string=text))
    assert list(SkuAlias.objects.values()) == before


@pytest.mark.parametrize("where", ["product", "sku"])
def test_who_saves_a_sku_that_another_saves_at_this_moment_is_told(desk: Desk, where: str) -> None:
    other = base.product(desk.publisher, "66760")
    before = list(SkuAlias.objects.values())
    with patch.object(SkuAlias, "save", side_effect=IntegrityError("sku_alias_key")):
        if where == "product":
            response = desk.save(desk.film, id_string="{VTD234-100}{NEW}")
        else:
            form = {"publisher": desk.publisher.pk, "sku": "NEW", "product": other.pk}
            response = desk.client.post(cast.page(SkuAlias, "add"), form, follow=True)
    assert cast.said(response) == [
        "Somebody else saved one of these SKUs at this moment, so nothing was saved. "
        "Look at what it stands for now, and try again."
    ]
    assert list(SkuAlias.objects.values()) == before
