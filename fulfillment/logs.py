"""Log lines that no text can forge: JSON, one object a line, or plain with breaks escaped."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """Gives ``time`` (UTC, ISO 8601), ``level``, ``logger``, ``message`` and any ``trace``."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


class TextFormatter(logging.Formatter):
    """Gives a plain line; breaks and control characters of a message are shown as escapes."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        text = record.message
        record.message = "".join(
            c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
        )
        return super().formatMessage(record)
