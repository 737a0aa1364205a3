"""The API describes itself: valid, complete, with examples that hold, and readable offline."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from orders.api import problems
from orders.api.examples import EXAMPLES
from tests.test_api_matrix import CALLS


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: {**operation, "method": method, "path": path}
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }


def json_schema(node: Any) -> Any:
    """Return an OpenAPI 3.0 schema as JSON Schema: ``nullable`` becomes a type of its own."""
    if isinstance(node, list):
        return [json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: json_schema(value) for name, value in node.items()}
    if found.pop("nullable", False) is True:
        return {"anyOf": [found, {"type": "null"}]}
    return found


def check(schema: dict[str, Any], shape: Any, value: Any) -> None:
    components = json_schema({"components": schema["components"]})
    whole = {**json_schema(shape), **components}
    jsonschema.validate(value, whole, jsonschema.Draft202012Validator)


def test_the_schema_is_valid_and_made_without_a_warning(schema: Any, capsys: Any) -> None:
    validate_schema(schema)
    call_command("spectacular", validate=True, fail_on_warn=True)


def test_every_route_and_method_is_in_it(schema: Any) -> None:
    described = {
        (one["path"].removeprefix("/api/v1/"), one["method"].upper())
        for one in operations(schema).values()
    }
    walked = {
        (
            route.replace("<invoice:invoice>", "{invoice}")
            .replace("<row:pk>", "{id}")
            .replace("<row:message>", "{message}"),
            method,
        )
        for route, method in CALLS
    }
    assert described == walked
    assert set(operations(schema)) == set(EXAMPLES)


def test_every_operation_has_examples_that_fit_its_schema(schema: Any) -> None:
    checked = 0
    for name, operation in operations(schema).items():
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        bodies += [answer for answer in operation["responses"].values() if "content" in answer]
        for body in bodies:
            for media in body["content"].values():
                assert media.get("examples"), name
                for example in media["examples"].values():
                    check(schema, media["schema"], example["value"])
                    checked += 1
    assert checked > 300


def test_every_operation_is_told_in_words_and_tells_its_refusals(schema: Any) -> None:
    for name, operation in operations(schema).items():
        assert operation["description"], name
        assert {"400", "401", "403", "406", "429", "503"} <= set(operation["responses"]), name
        headers = [one["name"] for one in operation.get("parameters", []) if one["in"] == "header"]
        assert ("Idempotency-Key" in headers) == (operation["method"] == "post") or (
            operation["method"] == "patch"
        ), name


def test_requests_are_closed(schema: Any) -> None:
    forms = {name: one for name, one in schema["components"]["schemas"].items()
             if name.endswith("Request")}  # fmt: skip
    assert len(forms) > 10
    assert [name for name, one in forms.items() if one["additionalProperties"] is not False] == []


def test_every_kind_of_problem_is_named(schema: Any) -> None:
    kinds = schema["components"]["schemas"]["TypeEnum"]["enum"]
    assert kinds == [problems.KIND + kind for kind in problems.TYPES]


@pytest.mark.django_db
def test_the_document_is_served_to_everybody_and_holds_no_data() -> None:
    answer = Client().get("/api/schema/")
    assert answer.status_code == 200
    assert answer.json()["openapi"] == "3.0.3"
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = Client().get("/api/docs/")
    script = Client().get("/api/docs/?script=")
    assert (page.status_code, script.status_code) == (200, 200)
    text = page.content.decode()
    assert "http://" not in text
    assert "https://" not in text
    assert "<style" not in text
    assert "'unsafe" not in page.headers["Content-Security-Policy"]
    assert script.headers["Content-Type"] == "application/javascript"


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["/api/schema/", "/api/docs/"])
def test_the_description_is_only_read(where: str) -> None:
    for method in ("post", "put", "patch", "delete"):
        assert getattr(Client(), method)(where).status_code == 405
