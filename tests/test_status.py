"""The life of an order, written out once more by hand."""

import ast
from itertools import product
from pathlib import Path

import pytest

from orders import status

WORDS = (
    "held ready submitting unclear refused accepted awaiting_payment processing shipped problem "
    "tested cancelled"
)
ALL = WORDS.split()
HOLD_REASONS = "staff policy unknown_sku address quantity preflight collision internal"

ALLOWED = {
    "held": "ready cancelled",
    "ready": "held submitting cancelled",
    "submitting": "accepted refused unclear ready held cancelled",
    "unclear": "accepted awaiting_payment processing shipped problem tested "
    "ready held refused cancelled",
    "refused": "ready held cancelled",
    "accepted": "awaiting_payment processing shipped problem tested cancelled",
    "awaiting_payment": "processing shipped problem tested cancelled",
    "processing": "awaiting_payment shipped problem tested cancelled",
    "shipped": "problem",
    "problem": "awaiting_payment processing shipped tested cancelled",
    "tested": "",
    "cancelled": "",
}

GROUPS = {
    "AT_GATEWAY": "accepted awaiting_payment processing shipped problem tested",
    "IN_DOUBT": "submitting unclear",
    "EDITABLE": "held refused",
    "ASKED": "accepted awaiting_payment processing shipped problem",
    "ASKABLE": "accepted awaiting_payment processing shipped problem unclear",
    "NEEDS_ATTENTION": "held refused problem",
    "FINAL": "tested cancelled",
}


def test_there_are_twelve_statuses_and_each_has_a_meaning():
    assert list(status.MEANING) == ALL
    assert all(meaning.strip() for meaning in status.MEANING.values())
    assert len(set(status.MEANING.values())) == len(ALL)


def test_the_constants_are_the_statuses():
    constants = [
        value for name, value in vars(status).items() if name.isupper() and isinstance(value, str)
    ]
    assert constants == ALL


@pytest.mark.parametrize(("current", "target"), list(product(ALL, ALL)))
def test_a_status_follows_another_only_where_the_table_says_so(current, target):
    assert status.may_move(current, target) is (target in ALLOWED[current].split())


def test_the_map_names_every_status_and_no_other():
    assert set(status.TRANSITIONS) == set(ALL)
    assert set().union(*status.TRANSITIONS.values()) <= set(ALL)


@pytest.mark.parametrize(("name", "members"), list(GROUPS.items()))
def test_a_group_holds_exactly_its_statuses(name, members):
    assert getattr(status, name) == frozenset(members.split())
    assert getattr(status, name) < set(ALL)


def test_every_group_is_listed_here():
    groups = {
        name
        for name, value in vars(status).items()
        if isinstance(value, frozenset) and not name.startswith("_")
    }
    assert groups == set(GROUPS)


def test_a_final_status_has_no_way_out_and_every_other_has_one():
    for name in ALL:
        assert (status.TRANSITIONS[name] == frozenset()) is (name in status.FINAL)


def test_what_may_be_edited_is_neither_at_the_gateway_nor_in_doubt():
    assert not status.EDITABLE & (status.AT_GATEWAY | status.IN_DOUBT)


def test_trepstar_is_asked_only_for_what_it_has_and_what_may_still_change():
    assert status.ASKED == status.AT_GATEWAY - status.FINAL


def test_no_order_comes_back_from_the_gateway_into_the_queue():
    ours = {"held", "ready", "submitting", "unclear", "refused"}
    for name in status.AT_GATEWAY:
        assert not status.TRANSITIONS[name] & ours


def test_only_a_worker_on_its_way_can_leave_the_outcome_open():
    assert [name for name in ALL if status.may_move(name, "unclear")] == ["submitting"]
    assert [name for name in ALL if status.may_move(name, "submitting")] == ["ready"]


def test_every_status_can_be_reached_from_the_two_that_begin():
    reached, new = set(), {"held", "ready"}
    while new:
        reached |= new
        new = set().union(*(status.TRANSITIONS[name] for name in new)) - reached
    assert reached == set(ALL)


def test_choices_are_readable_words():
    assert dict(status.CHOICES)["awaiting_payment"] == "awaiting payment"
    assert [name for name, _ in status.CHOICES] == ALL
    assert not any("_" in label for _, label in status.CHOICES)


def test_an_unknown_status_is_an_error():
    with pytest.raises(KeyError):
        status.may_move("backorder", "ready")


def test_each_hold_reason_is_a_whole_sentence():
    assert list(status.HOLD_REASONS) == HOLD_REASONS.split()
    for sentence in status.HOLD_REASONS.values():
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_it_imports_nothing_of_ours():
    tree = ast.parse(Path(status.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [node.module for node in imports] == ["__future__"]
