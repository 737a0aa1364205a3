"""Answers as JSON."""

from __future__ import annotations

from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer


class FastJSONRenderer(JSONRenderer):
    """The framework's JSON, written several times as fast."""

    def render(
        self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None
    ) -> Any:
        """Return ``data`` as bytes; indented where the ``Accept`` header asks for that."""
        if data is None or self.get_indent(accepted_media_type or "", renderer_context or {}):
            return super().render(data, accepted_media_type, renderer_context)
        # Moments are written as the framework writes them: in ISO 8601, with a Z for UTC.
        return orjson.dumps(data, default=self.encoder_class().default, option=orjson.OPT_UTC_Z)
