"""Which products an unknown SKU may stand for, by likeness. Pure; a suggestion and never more.

A catalogue is looked through by what its names have in common, so that thousands of products cost
little: only those that share a word or the beginning of a SKU are compared letter by letter.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

LIKE_TITLE = 0.7
LIKE_SKU = 0.85
COMPARED = 40
# What so many products have in common tells none of them from the others.
COMMON = 200
_BEGINNINGS = (3, 5, 7)
_MOST_CHARACTERS = 100


@dataclass(frozen=True)
class Entry:
    """A product as it is compared: its id, its title, and its SKUs with its project id."""

    product_id: int
    title: str
    names: tuple[str, ...] = ()


class Likeness:
    """A catalogue in which products like a SKU and its title are looked up."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = {entry.product_id: entry for entry in entries}
        self._holders: dict[str, set[int]] = defaultdict(set)
        for entry in self._entries.values():
            for mark in _marks(entry.title, entry.names):
                self._holders[mark].add(entry.product_id)

    def best(self, sku: str, title: str, *, most: int = 3) -> list[int]:
        """Return the ids of at most ``most`` products that look alike, the likest first."""
        shared: Counter[int] = Counter()
        for mark in _marks(title, (sku,)):
            holders = self._holders.get(mark, ())
            if len(holders) <= COMMON:
                shared.update(holders)
        found = []
        for product_id, _ in shared.most_common(COMPARED):
            entry = self._entries[product_id]
            by_name = max((_ratio(_bare(sku), _bare(name)) for name in entry.names), default=0.0)
            by_title = _ratio(_plain(title), _plain(entry.title))
            if by_name >= LIKE_SKU or by_title >= LIKE_TITLE:
                found.append((-max(by_name, by_title), product_id))
        return [product_id for _, product_id in sorted(found)[:most]]


def _marks(title: str, names: Iterable[str]) -> set[str]:
    words = {f"word {word}" for word in re.findall(r"\w{3,}", _plain(title))}
    bare = [_bare(name) for name in names]
    starts = {f"sku {one[:length]}" for one in bare for length in _BEGINNINGS if one}
    return words | starts


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())[:_MOST_CHARACTERS]


def _bare(text: str) -> str:
    """Return the letters and digits alone: shops write one SKU with and without its dashes."""
    return re.sub(r"[\W_]", "", text.casefold())[:_MOST_CHARACTERS]


def _ratio(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
