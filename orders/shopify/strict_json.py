"""JSON that is safe to keep: nothing in it breaks the parser, the database or the log. Pure."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 50


class Unusable(ValueError):
    """An authentic body that cannot be read; the message is a whole sentence."""


def read_json(raw: bytes, *, names_once: bool = False) -> dict[str, Any]:
    """Return the object in ``raw``. Raises ``Unusable`` for anything that must not be stored.

    Refused are: no JSON, no object, more than 50 levels, NaN and infinities, integers of more than
    30 digits, NUL and lone surrogates; with ``names_once`` also a name that an object has twice.
    """
    pairs = _once if names_once else None
    try:
        body = json.loads(
            raw,
            parse_constant=_no_constant,
            parse_int=_int,
            parse_float=_float,
            object_pairs_hook=pairs,
        )
    except RecursionError:
        raise Unusable("The body is nested too deeply.") from None
    except Unusable:
        raise
    except ValueError as error:
        raise Unusable(f"The body is not JSON ({error}).") from None
    if not isinstance(body, dict):
        raise Unusable("The body is not a JSON object.")
    _check_texts(body)
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Unusable(f"The body names {name[:100]!a} twice in one object.")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise Unusable(f"The body holds {name}, which is no JSON number.")


def _int(text: str) -> int:
    if len(text) > 30:
        raise Unusable("The body holds a number with more than 30 digits.")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Unusable("The body holds a number that is too large.")
    return value


def _check_texts(body: dict[str, Any]) -> None:
    stack: list[tuple[Any, int]] = [(body, 1)]
    while stack:
        value, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise Unusable(f"The body is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(value, dict):
            stack += [(key, depth) for key in value]
            stack += [(child, depth + 1) for child in value.values()]
        elif isinstance(value, list):
            stack += [(child, depth + 1) for child in value]
        elif isinstance(value, str):
            if "\x00" in value:
                raise Unusable("The body holds a NUL character.")
            if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
                raise Unusable("The body holds half a character (a lone surrogate).")
