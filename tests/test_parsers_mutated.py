"""Fifteen thousand spoilt answers a run: read at most once, as what they say, for whom they say it.

Beside the properties of ``test_wire_properties`` and ``test_status_xml_properties``: other kinds of
damage, the exact verdict, and the desk's own client around the readers. ``PARSER_SEED`` chooses
another run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest

from orders.trepstar import wire
from orders.trepstar.client import Login
from orders.trepstar.errors import Refused, Unclear
from orders.trepstar.status_xml import by_invoice, read_sections
from products.secret import Secret
from tests import test_status_xml_properties as properties
from tests.gateway_cast import Told
from tests.test_status_xml_properties import ANSWERS, ASKED, TEXTS, assert_each_is_its_own
from tests.test_wire_properties import MARKERS, PAGES, check, verdict

SEED = int(os.environ.get("PARSER_SEED", "20261122"))
RUNS = 5
SUBMITS = 10_000
STATUSES = 5_000
THROUGH_CLIENT = 250
LOGIN = Login("desk@northlight.example", Secret("canary-password-91c7"))

Mutation = Callable[[random.Random, bytes], bytes]


def span(chance: random.Random, text: bytes, longest: int) -> tuple[int, int]:
    start = chance.randrange(len(text) + 1)
    return start, min(len(text), start + chance.randrange(longest + 1))


def flipped_bits(chance: random.Random, text: bytes) -> bytes:
    spoilt = bytearray(text)
    for _ in range(chance.randrange(1, 6) if text else 0):
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def cut_short(chance: random.Random, text: bytes) -> bytes:
    return text[: chance.randrange(len(text) + 1)]


def without_a_piece(chance: random.Random, text: bytes) -> bytes:
    start, end = span(chance, text, len(text) // 2)
    return text[:start] + text[end:]


def zeroed_piece(chance: random.Random, text: bytes) -> bytes:
    start, end = span(chance, text, 40)
    return text[:start] + bytes(end - start) + text[end:]


def other_case(chance: random.Random, text: bytes) -> bytes:
    start, end = span(chance, text, 60)
    return text[:start] + text[start:end].swapcase() + text[end:]


def split_by_blanks(chance: random.Random, text: bytes) -> bytes:
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(text) + 1)
        text = text[:place] + chance.choice([b" ", b"\r\n", b"\x00", b"\x0b"]) + text[place:]
    return text


def as_utf_8_of_windows(chance: random.Random, text: bytes) -> bytes:
    return text.decode("cp1252", "replace").encode(chance.choice(["utf-8", "utf-8-sig"]))


def with_a_marker(chance: random.Random, text: bytes) -> bytes:
    place = chance.randrange(len(text) + 1)
    return text[:place] + chance.choice(MARKERS) + text[place:]


def with_another_page(chance: random.Random, text: bytes) -> bytes:
    return cut_short(chance, text) + chance.choice(PAGES)


def with_a_piece_twice(chance: random.Random, text: bytes) -> bytes:
    start, end = span(chance, text, 80)
    return text[:end] + text[start:end] + text[end:]


DAMAGE: list[Mutation] = [
    flipped_bits,
    cut_short,
    without_a_piece,
    zeroed_piece,
    other_case,
    split_by_blanks,
    as_utf_8_of_windows,
]
PAGE_DAMAGE: list[Mutation] = [*DAMAGE, with_a_marker, with_another_page, with_a_piece_twice]


def mutated(chance: random.Random, text: bytes, kinds: list[Mutation]) -> bytes:
    for mutation in chance.choices(kinds, k=chance.choice([1, 1, 1, 2, 3])):
        text = mutation(chance, text)
    return text


def pages(run: int, count: int) -> list[tuple[int, bytes]]:
    chance = random.Random(SEED + run)
    statuses = [200] * 8 + [302, 500]
    return [
        (chance.choice(statuses), mutated(chance, chance.choice(PAGES), PAGE_DAMAGE))
        for _ in range(count)
    ]


def says_yes(http_status: int, page: bytes) -> bool:
    words = {word: page.count(word.encode()) for word in (wire.SUCCESS, wire.FAILURE)}
    half = any(word.encode() in page for word in (wire.ERROR_BEGIN, wire.ERROR_END))
    return http_status == 200 and words == {wire.SUCCESS: 1, wire.FAILURE: 0} and not half


@pytest.mark.parametrize("run", range(RUNS))
def test_a_spoilt_page_is_accepted_if_and_only_if_it_says_yes_once(run: int) -> None:
    seen = set()
    for http_status, page in pages(run, SUBMITS // RUNS):
        said = verdict(http_status, page)
        check(http_status, page)
        assert (said == "accepted") == says_yes(http_status, page), page
        seen.add(said.split()[0])
    assert seen == {"accepted", "refused", "unclear"}


@pytest.mark.parametrize("run", range(2))
def test_the_client_says_of_a_spoilt_page_what_its_reader_says(run: int) -> None:
    for http_status, page in pages(100 + run, THROUGH_CLIENT):
        said = "accepted"
        try:
            Told((http_status, page)).submit({"Invoice": "NORTH-1"}, LOGIN)
        except Refused as refusal:
            said = f"refused {refusal.code}"
        except Unclear:
            said = "unclear"
        assert said == verdict(http_status, page)


@pytest.mark.parametrize("run", range(RUNS))
def test_a_spoilt_status_answer_gives_no_section_to_another_invoice(run: int) -> None:
    chance, found = random.Random(SEED + run), 0
    for _ in range(STATUSES // RUNS):
        body = mutated(chance, chance.choice(TEXTS), DAMAGE)
        assert_each_is_its_own(body)
        found += len(by_invoice(read_sections(body), ASKED))
    # Most of the damage spoils one section only, so most sections must still be read.
    assert found > STATUSES // RUNS


@pytest.mark.parametrize("run", range(2))
def test_a_spoilt_recording_is_sections_or_unclear_and_nothing_else(run: int) -> None:
    chance = random.Random(SEED + 200 + run)
    for _ in range(THROUGH_CLIENT):
        body = mutated(chance, chance.choice(ANSWERS), PAGE_DAMAGE)
        told = []
        with suppress(Unclear):
            told = Told(body).statuses(ASKED, LOGIN)[1]
        assert told == read_sections(body)


def test_control_a_reader_that_looks_for_success_alone_accepts_what_it_must_not() -> None:
    def naive(http_status: int, body: bytes) -> None:
        if wire.SUCCESS not in wire.readable(body):
            raise Unclear("No.")

    def check_all() -> None:
        for one in pages(0, SUBMITS // RUNS):
            check(*one)

    with patch.object(wire, "read_submit_reply", naive), pytest.raises(AssertionError):
        check_all()


def test_control_sections_taken_by_their_place_go_to_another_invoice() -> None:
    chance = random.Random(SEED)

    def naive(sections: list[Any], asked: list[str]) -> dict[str, Any]:
        return dict(zip(asked, sections, strict=False))

    bodies = [mutated(chance, chance.choice(TEXTS), DAMAGE) for _ in range(STATUSES // RUNS)]

    def check_all() -> None:
        for body in bodies:
            assert_each_is_its_own(body)

    with patch.object(properties, "by_invoice", naive), pytest.raises(AssertionError):
        check_all()
