"""Serializers that read only what they know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail


class Strict(serializers.Serializer[Any]):
    """A serializer of requests: a field that is not known is an error, not something left out.

    ``always`` names fields that are required here and may be left out in the form inherited from.
    """

    always: ClassVar[tuple[str, ...]] = ()

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for name in self.always:
            fields[name].required = True
        return fields

    def to_internal_value(self, data: Any) -> Any:
        unknown = {}
        if isinstance(data, Mapping):
            names = {name for name, field in self.fields.items() if not field.read_only}
            told = ErrorDetail("This field is not known here.", code="unknown")
            unknown = {str(name): [told] for name in sorted(set(data) - names, key=str)}
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail = error.detail if isinstance(error.detail, dict) else {}
            raise serializers.ValidationError({**detail, **unknown}) from None
        if unknown:
            raise serializers.ValidationError(unknown)
        return found


class NothingMore(Strict):
    """The body of an action that asks for nothing: ``{}``, or none at all."""
