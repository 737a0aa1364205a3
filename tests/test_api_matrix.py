"""Every route of the API, found by walking them, for everybody who should not come in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from tests import admin_cast, api_cast
from tests.admin_cast import Belongings
from tests.api_cast import Program, problem
from tests.test_admin_tenants import everything

pytestmark = pytest.mark.django_db

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
BODIES = {"reship": {"reason": "x"}, "note": {"text": "x"}, "bulk": {"orders": [{}]}}


def routes() -> Iterator[tuple[str, Any]]:
    """Yield every route below ``/api/v1/`` with its view."""
    (api,) = [one for one in get_resolver().url_patterns if str(one.pattern) == "api/v1/"]
    for pattern in api.url_patterns:
        yield str(pattern.pattern), pattern.callback.cls


ROUTES = dict(routes())
CALLS = [(route, method) for route, view in ROUTES.items() for method in view.needs]
READS = [(route, method) for route, method in CALLS if method == "GET"]
WRITES = [(route, method) for route, method in CALLS if method != "GET"]
OF_ROWS = [(route, method) for route, method in CALLS if "<" in route]


@pytest.fixture
def ours() -> Belongings:
    return admin_cast.ours()


@pytest.fixture
def theirs() -> Belongings:
    return admin_cast.theirs()


def path(route: str, rows: Belongings) -> str:
    """Return a route's address for the rows of a publisher."""
    row = {"products": rows.product, "sku-aliases": rows.alias, "deliveries": rows.delivery}
    row |= {"webhooks": rows.hook}
    route = route.replace("<row:message>", str(rows.hook_message.pk))
    pk = getattr(row.get(route.partition("/")[0]), "pk", 0)
    return route.replace("<invoice:invoice>", rows.order.invoice).replace("<row:pk>", str(pk))


def body(route: str, method: str) -> Any:
    if method in ("GET", "DELETE"):
        return None
    return BODIES.get(route.rstrip("/").rpartition("/")[2], {})


def call(program: Program, route: str, method: str, rows: Belongings) -> Any:
    return program.send(method, path(route, rows), body(route, method), if_match="*")


def test_every_route_is_known() -> None:
    assert len(ROUTES) == 23
    assert len(CALLS) == 33


@pytest.mark.parametrize(("route", "method"), CALLS)
def test_the_anonymous_are_401(ours: Belongings, route: str, method: str) -> None:
    before = everything()
    answer = call(Program(), route, method, ours)
    assert problem(answer) == (401, "unauthorized", [])
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert everything() == before


@pytest.mark.parametrize(("route", "method"), OF_ROWS)
def test_the_rows_of_another_publisher_are_404(
    ours: Belongings, theirs: Belongings, route: str, method: str
) -> None:
    program = api_cast.program(theirs.publisher)
    program.get("status/")
    before = everything()
    assert problem(call(program, route, method, ours)) == (404, "not-found", [])
    assert [one for one in everything() if "'owner': 'token" not in one] == [
        one for one in before if "'owner': 'token" not in one
    ]


@pytest.mark.parametrize(("route", "method"), READS)
def test_lists_of_another_publisher_name_nothing_of_ours(
    ours: Belongings, theirs: Belongings, route: str, method: str
) -> None:
    answer = api_cast.program(theirs.publisher).get(path(route, theirs))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert [one for one in ("northlight", "66870", "NORTH-", "VTD234") if one in text] == []


@pytest.mark.parametrize(("route", "method"), CALLS)
def test_a_token_that_only_reads_changes_nothing(ours: Belongings, route: str, method: str) -> None:
    program = api_cast.program(ours.publisher, *api_cast.READING)
    program.get("status/")
    before = [one for one in everything() if "'owner': 'token" not in one]
    answer = call(program, route, method, ours)
    if method == "GET":
        assert answer.status_code == 200
    else:
        assert problem(answer) == (403, "forbidden", [])
    assert [one for one in everything() if "'owner': 'token" not in one] == before


@pytest.mark.parametrize(("route", "method"), CALLS)
def test_a_token_of_the_other_kind_of_scope_is_403(
    ours: Belongings, route: str, method: str
) -> None:
    needed = ROUTES[route].needs[method].scope
    others = [scope for scope in api_cast.SCOPES if scope != needed]
    assert problem(call(api_cast.program(ours.publisher, *others), route, method, ours))[0] == 403


@pytest.mark.parametrize(("route", "method"), WRITES)
def test_a_viewer_changes_nothing(ours: Belongings, route: str, method: str) -> None:
    client = admin_cast.signed_in(admin_cast.colleague("vera", ours.publisher, may="view"))
    client.get("/api/v1/status/")
    before = [one for one in everything() if "'owner': 'user" not in one]
    program = Program()
    program.client = client
    assert problem(call(program, route, method, ours)) == (403, "forbidden", [])
    assert [one for one in everything() if "'owner': 'user" not in one] == before


@pytest.mark.parametrize("route", ROUTES)
def test_other_methods_are_405_and_change_nothing(ours: Belongings, route: str) -> None:
    program = api_cast.program(ours.publisher)
    program.get("status/")
    before = [one for one in everything() if "'owner': 'token" not in one]
    for method in METHODS:
        if method in ROUTES[route].needs:
            continue
        answer = program.send(method, path(route, ours), {})
        assert problem(answer) == (405, "method-not-allowed", []), method
        allowed = set(answer.headers["Allow"].replace(" ", "").split(",")) - {"HEAD"}
        assert allowed == set(ROUTES[route].needs), method
    assert [one for one in everything() if "'owner': 'token" not in one] == before


@pytest.mark.parametrize(("route", "method"), READS)
def test_reading_changes_nothing(ours: Belongings, route: str, method: str) -> None:
    program = api_cast.program(ours.publisher)
    program.get("status/")
    before = [one for one in everything() if "'owner': 'token" not in one]
    assert call(program, route, method, ours).status_code == 200
    head = program.send("HEAD", path(route, ours))
    assert (head.status_code, head.content) == (200, b"")
    assert [one for one in everything() if "'owner': 'token" not in one] == before


@pytest.mark.parametrize("route", [route for route, method in WRITES if method == "POST"])
def test_a_session_without_csrf_token_changes_nothing(ours: Belongings, route: str) -> None:
    user = admin_cast.colleague("ana", ours.publisher)
    client = admin_cast.signed_in(user, enforce_csrf_checks=True)
    before = everything()
    answer = client.post(f"/api/v1/{path(route, ours)}", {}, content_type="application/json")
    assert problem(answer) == (403, "forbidden", [])
    assert everything() == before


@pytest.mark.parametrize("where", ["/api/", "/api/v1/", "/api/v2/orders/", "/api/v1/orders/x/y/"])
def test_other_addresses_are_404(where: str) -> None:
    for method in ("get", "post", "delete"):
        assert problem(getattr(Client(), method)(where)) == (404, "not-found", [])
