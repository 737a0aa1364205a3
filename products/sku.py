"""The ``eCommerceIDString`` grammar and the normal form of a SKU. Pure; knows no database.

Follows "Method 1" of TrepStar's Shopify page: one SKU stands alone (``VTD234-100``), several stand
in braces (``{VTD234-100}{VTD333-200}``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MAX_SKU_LENGTH = 255


class SkuSyntaxError(ValueError):
    """An ``eCommerceIDString`` that cannot be read. ``position`` counts characters from 1."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position})")
        self.position = position


def sku_key(sku: str) -> str:
    """Return the form in which SKUs are compared: trimmed and case-folded."""
    return sku.strip().casefold()


def parse_id_string(text: str) -> list[str]:
    """Return the SKUs of an ``eCommerceIDString``, trimmed, in their order; ``[]`` for blank text.

    Raises ``SkuSyntaxError`` for unbalanced braces, an empty ``{}``, text beside the braces, a SKU
    named twice (after trimming and case-folding), or one of more than 255 characters.
    """
    if not text.strip():
        return []
    if "{" not in text and "}" not in text:
        start = len(text) - len(text.lstrip()) + 1
        found = [(text.strip(), start)]
    else:
        found = list(_braced(text))
    seen: set[str] = set()
    for sku, position in found:
        if len(sku) > MAX_SKU_LENGTH:
            raise SkuSyntaxError(f"A SKU may have at most {MAX_SKU_LENGTH} characters", position)
        if sku_key(sku) in seen:
            raise SkuSyntaxError(f"The SKU {sku} is named twice", position)
        seen.add(sku_key(sku))
    return [sku for sku, _ in found]


def _braced(text: str) -> Iterable[tuple[str, int]]:
    opened: int | None = None
    for index, character in enumerate(text):
        if character == "{":
            if opened is not None:
                raise SkuSyntaxError("A brace is opened inside another one", index + 1)
            opened = index
        elif character == "}":
            if opened is None:
                raise SkuSyntaxError("A brace is closed that was never opened", index + 1)
            sku = text[opened + 1 : index].strip()
            if not sku:
                raise SkuSyntaxError("There is no SKU between the braces", opened + 1)
            yield sku, opened + 2
            opened = None
        elif opened is None and not character.isspace():
            raise SkuSyntaxError("Text stands outside the braces", index + 1)
    if opened is not None:
        raise SkuSyntaxError("A brace is opened and never closed", opened + 1)


def format_id_string(skus: Sequence[str]) -> str:
    """Return the ``eCommerceIDString`` for these SKUs; one SKU stands without braces."""
    if len(skus) == 1:
        return skus[0]
    return "".join(f"{{{sku}}}" for sku in skus)


def can_be_written(sku: str) -> bool:
    """Say whether a SKU can stand in an ``eCommerceIDString``: braces have no escape there."""
    return "{" not in sku and "}" not in sku
