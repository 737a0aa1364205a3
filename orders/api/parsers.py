"""The one form in which requests come: strict JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from orders.api.problems import Problem
from orders.shopify.strict_json import Unusable, read_json

MAX_BYTES = 2 * 1024 * 1024


class StrictJSONParser(BaseParser):
    """A JSON object: nothing twice, nothing too deep, no NUL and no half characters in it."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise Problem("too-large", f"The body has more than {MAX_BYTES} bytes. Send less.")
        try:
            return read_json(raw, names_once=True)
        except Unusable as error:
            raise Problem("malformed", str(error)) from None


def check_query(names: Mapping[str, list[str]], known: frozenset[str]) -> None:
    """Refuse a query string with a name that is not known, or named twice, or with a NUL in it."""
    wrong = []
    for name, values in names.items():
        shown = name.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()[:100]
        if name not in known:
            wrong.append(_wrong(shown, "unknown", "This parameter is not known here."))
        elif len(values) > 1:
            wrong.append(_wrong(shown, "twice", "Name this parameter once."))
        elif "\x00" in values[0] or any("\ud800" <= c <= "\udfff" for c in values[0]):
            wrong.append(_wrong(shown, "characters", "The value holds a NUL or half a character."))
    if wrong:
        told = " ".join(f"{one['field']}: {one['message']}" for one in wrong)
        raise Problem("invalid", told[:1000], errors=wrong)


def _wrong(field: str, code: str, message: str) -> dict[str, str]:
    return {"field": field, "code": code, "message": message}
