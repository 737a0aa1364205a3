"""Suggestions for unknown SKUs: what is alike is found, what is not is left out."""

import pytest

from products.similar import Entry, Likeness

CATALOGUE = Likeness(
    [
        Entry(1, "Harbour Lights", ("VTD234-100", "66750")),
        Entry(2, "Ferry to the Isles", ("VTD333-200", "66751")),
        Entry(3, "A Winter of Birds", ("BIRD-1", "66752")),
        Entry(4, "Harbor Lights, director's cut", ("66753",)),
    ]
)


@pytest.mark.parametrize(
    ("sku", "title", "expected"),
    [
        ("vtd234100", "Something else", [1]),
        ("VTD234-101", "", [1]),
        ("66753", "", [4]),
        ("NEW", "Harbour Lights", [1]),
        ("NEW", "harbour  lights - DVD", [1]),
        ("NEW", "Ferry to the isles (Blu-ray)", [2]),
        ("MUG-1", "A mug with birds", []),
        ("", "", []),
        ("{}", "???", []),
    ],
)
def test_products_that_look_alike_are_named_likest_first(sku, title, expected):
    assert CATALOGUE.best(sku, title) == expected


def test_no_more_are_named_than_asked_for():
    many = Likeness(Entry(n, "Harbour Lights", (f"X{n}",)) for n in range(1, 100))
    assert many.best("NEW", "Harbour Lights", most=2) == [1, 2]
    assert len(many.best("NEW", "Harbour Lights")) == 3


def test_an_empty_catalogue_suggests_nothing():
    assert Likeness([]).best("A", "B") == []


def test_hostile_texts_cost_no_more_than_others():
    long = Likeness([Entry(1, "a " * 5000, ("b" * 5000,))])
    assert long.best("b" * 5000, "a " * 5000) == [1]


def test_what_all_have_in_common_tells_none_apart():
    titles = [f"A film of the harbour, part {n}" for n in range(1000)]
    many = Likeness(Entry(n, title, (f"VTD{n:04}-100",)) for n, title in enumerate(titles))
    assert many.best("VTD-0417-100", "")[0] == 417
    assert many.best("NEW", "A film of the harbour") == []
