"""The API described by itself: OpenAPI 3, with the refusals and an example for every operation."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers

from orders.api import problems
from orders.api.examples import EXAMPLES, WRONG
from orders.api.problems import Problem

PREFIX = "/api/v1/"
_ALWAYS = (400, 401, 403, 405, 406, 429, 500, 503)
_CHANGING = (400, 409, 410, 413, 415, 422)


class WrongShape(serializers.Serializer[Any]):
    """One wrong field. ``field`` is its path, such as ``lines[0].sku``; blank means the whole."""

    field = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    message = serializers.CharField()


class ProblemShape(serializers.Serializer[Any]):
    """Problem details after RFC 9457: every refusal has this shape."""

    type = serializers.ChoiceField(choices=[problems.KIND + kind for kind in problems.TYPES])
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="A whole sentence that says what to do.")
    errors = WrongShape(many=True)  # type: ignore[assignment]


class DeskSchema(AutoSchema):
    """An operation with its headers, its refusals and its examples."""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix(PREFIX).split("/")[0]]

    def get_override_parameters(self) -> list[Any]:
        found = []
        required = getattr(self.view, "if_match", {}).get(self.method)
        if self.method == "POST" or (self.method == "PATCH" and not required):
            found.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
                    OpenApiParameter.HEADER,
                    description="A key of your own, new for every request and the same when you "
                    "repeat one: it is done once, and answered the same for at least 24 hours.",
                )
            )
        if required is not None:
            found.append(
                OpenApiParameter(
                    "If-Match",
                    str,
                    OpenApiParameter.HEADER,
                    required=required,
                    description='The ETag that you last saw, such as `"3"`.',
                )
            )
        return found

    def get_examples(self) -> list[OpenApiExample]:
        given = EXAMPLES.get(self.get_operation_id(), {})
        found = []
        if "request" in given:
            found.append(OpenApiExample("Request", given["request"], request_only=True))
        if "response" in given:
            codes = [str(given.get("status", 200))]
            found.append(
                OpenApiExample(
                    "Response", given["response"], response_only=True, status_codes=codes
                )
            )
        return found

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found: dict[str, Any] = super()._get_response_bodies(direction)
        if direction != "response" or not self.path.startswith(PREFIX):
            return found
        for code in sorted(self._refusals()):
            body = self._get_response_for_code(
                ProblemShape, str(code), media_types=[problems.MEDIA_TYPE]
            )
            body["description"] = problems.title_of(code)
            media = body["content"][problems.MEDIA_TYPE]
            media["examples"] = {one["type"]: {"value": one} for one in _told(code)}
            found[str(code)] = body
        return found

    def _refusals(self) -> set[int]:
        codes = {*_ALWAYS}
        if "{" in self.path:
            codes.add(404)
        if self.method != "GET":
            codes |= {404, *_CHANGING}
        if self.method in getattr(self.view, "if_match", {}):
            codes.add(412)
        if getattr(self.view, "if_match", {}).get(self.method):
            codes.add(428)
        return codes


def _told(code: int) -> list[dict[str, Any]]:
    """Return what is told by an HTTP status: one example of each kind of problem."""
    kinds = [kind for kind, (status, _) in problems.TYPES.items() if status == code]
    found = []
    for kind in kinds:
        wrong = [WRONG] if kind == "invalid" else []
        detail = f"{WRONG['field']}: {WRONG['message']}" if wrong else problems.TYPES[kind][1] + "."
        found.append(Problem(kind, detail, errors=wrong).as_dict())
    return found


class BearerScheme(OpenApiAuthenticationExtension):
    """How the schema speaks of tokens."""

    target_class = "orders.api.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        told = "A token that staff made in the admin. It acts for one publisher, in its scopes."
        return {"type": "http", "scheme": "bearer", "description": told}


class StaffScheme(OpenApiAuthenticationExtension):
    """How the schema speaks of colleagues who are signed in to the admin."""

    target_class = "orders.api.authentication.StaffAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        told = "A session of the admin. Every change carries the CSRF token in X-CSRFToken."
        name = settings.SESSION_COOKIE_NAME
        return {"type": "apiKey", "in": "cookie", "name": name, "description": told}


def only_ours(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Keep the API's own addresses; called before the schema is made."""
    return [one for one in endpoints if one[0].startswith(PREFIX)]


def closed_forms(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Say that requests take no unknown fields; called once the schema is made."""
    schemas = result["components"]["schemas"]
    for name, schema in schemas.items():
        if name.endswith("Request") and schema.get("type") == "object":
            schema["additionalProperties"] = False
    # Any of its fields may be left out, by ``fields=``.
    schemas["OrderShape"].pop("required", None)
    return result
