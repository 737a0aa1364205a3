"""A text that must never be seen: it prints as stars and refuses to travel. Pure."""

from __future__ import annotations

import hmac
from typing import NoReturn

MASK = "***"


class Secret:
    """Wraps one secret text (a password or a signing key).

    ``reveal()`` is the only way to the text. ``str``, ``repr`` and ``format`` give ``***``;
    pickling, copying to JSON and iterating raise ``TypeError``, so that a secret cannot reach a
    task argument, a log line or an error report by accident.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself. Call it only where the text leaves for its one purpose."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return MASK

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret cannot be pickled or copied; pass the id of its owner instead.")
