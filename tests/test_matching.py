"""Which product a SKU stands for: by alias, by project id, and never "the first one wins"."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from products.matching import Match, match_skus
from products.models import SkuAlias
from products.sku import sku_key
from tests.base import northlight, product, southwind

pytestmark = pytest.mark.django_db


def test_an_alias_matches_in_any_case_and_trimmed():
    north = northlight()
    film = product(north, skus=["VTD234-100"])
    found = match_skus(north, ["VTD234-100", " vtd234-100\t", "VTD234-1000", "VTD234-10"])
    assert found == {
        "VTD234-100": Match(product=film),
        " vtd234-100\t": Match(product=film),
        "VTD234-1000": Match(),
        "VTD234-10": Match(),
    }


def test_a_sku_that_is_the_project_id_matches():
    north = northlight()
    film = product(north, "66750")
    assert match_skus(north, [" 66750 "]) == {" 66750 ": Match(product=film)}


def test_an_alias_that_is_the_products_own_project_id_is_not_ambiguous():
    north = northlight()
    film = product(north, "66750", skus=["66750"])
    assert match_skus(north, ["66750"]) == {"66750": Match(product=film)}


def test_two_meanings_leave_it_unknown_and_name_both():
    north = northlight()
    product(north, "66750")
    product(north, "66751", skus=["66750"])
    match = match_skus(north, ["66750"])["66750"]
    assert match == Match(
        candidates=("Film 66751 (66751) by its alias", "Film 66750 (66750) by its project id")
    )
    assert not match.known


def test_not_ours_by_alias_and_a_product_by_number_are_two_meanings():
    north = northlight()
    product(north, "66750")
    SkuAlias.objects.create(publisher=north, sku="66750")
    assert match_skus(north, ["66750"])["66750"].candidates == (
        "not ours by its alias",
        "Film 66750 (66750) by its project id",
    )


def test_a_product_that_is_switched_off_is_unknown_and_named():
    north = northlight()
    product(north, "66750", skus=["VTD"], active=False)
    assert match_skus(north, ["VTD", "66750"]) == dict.fromkeys(
        ["VTD", "66750"], Match(candidates=("Film 66750 (66750), which is switched off",))
    )


def test_an_alias_without_a_product_is_known_and_not_ours():
    north = northlight()
    SkuAlias.objects.create(publisher=north, sku="MUG")
    match = match_skus(north, ["mug"])["mug"]
    assert match == Match(not_ours=True)
    assert match.known


def test_another_publishers_skus_and_projects_match_nothing():
    north, south = northlight(), southwind()
    product(south, "66750", skus=["VTD234-100"])
    assert match_skus(north, ["VTD234-100", "66750"]) == dict.fromkeys(
        ["VTD234-100", "66750"], Match()
    )


def test_blank_skus_match_nothing_at_all():
    assert match_skus(northlight(), ["", "  "]) == {}


def test_a_variant_is_matched_by_its_key():
    north = northlight()
    film = product(north, skus=["variant:808950810"])
    assert match_skus(north, ["variant:808950810"])["variant:808950810"].product == film


def test_five_hundred_skus_take_one_statement(django_assert_num_queries):
    north = northlight()
    product(north, skus=["S7"])
    with django_assert_num_queries(1):
        assert len(match_skus(north, ["66750", *(f"S{n}" for n in range(500))])) == 501
    with django_assert_num_queries(1):  # none of them could be a project id
        assert len(match_skus(north, [f"S{n}" for n in range(500)])) == 500


def test_an_alias_is_unique_in_any_case_within_its_publisher():
    north, south = northlight(), southwind()
    film = product(north, skus=["VTD"])
    with pytest.raises(IntegrityError), transaction.atomic():
        SkuAlias.objects.create(publisher=north, sku=" vtd ", product=film)
    with pytest.raises(ValidationError, match="This publisher has this SKU already."):
        SkuAlias(publisher=north, sku=" vtd ", product=film).full_clean()
    SkuAlias.objects.create(publisher=south, sku="VTD")
    assert SkuAlias.objects.count() == 2


def test_the_longest_sku_keeps_its_key():
    north = northlight()
    film = product(north, skus=["ΐ" * 255])
    assert match_skus(north, ["ΐ" * 255])["ΐ" * 255].product == film


SKUS = st.text("AaBb1 -", min_size=1, max_size=4).filter(str.strip)


class Maps(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(st.dictionaries(SKUS.map(sku_key), st.integers(0, 2), max_size=6), st.lists(SKUS))
    def test_each_sku_has_exactly_the_product_that_names_it(self, aliases, asked):
        north = northlight()
        films = [product(north, str(900_000 + n)) for n in range(3)]
        for key, index in aliases.items():
            SkuAlias.objects.create(publisher=north, sku=key, product=films[index])
        found = match_skus(north, asked)
        for sku in asked:
            index = aliases.get(sku_key(sku))
            assert found[sku] == (Match() if index is None else Match(product=films[index]))
