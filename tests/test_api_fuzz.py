"""Schemathesis over the whole schema: whatever comes, no error of ours, and answers as described.

``API_EXAMPLES`` says how many examples each operation gets; ``make api-fuzz`` takes a hundred.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import admin_cast, api_cast

EXAMPLES = int(os.environ.get("API_EXAMPLES", "20"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
schema.app = get_wsgi_application()
settings = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


class Desk:
    """A publisher with a row of each kind, and a program that may do everything for it."""

    def __init__(self) -> None:
        ours = admin_cast.ours()
        self.token = api_cast.token(ours.publisher)
        self.rows = {
            "invoice": admin_cast.held(ours.publisher, (ours.product, 1)).invoice,
            "products": ours.product.pk,
            "sku-aliases": ours.alias.pk,
            "deliveries": ours.delivery.pk,
            "webhooks": ours.hook.pk,
            "message": ours.hook_message.pk,
        }

    def there(self, operation: Any) -> dict[str, Any]:
        """Return a row that is there for each parameter of the operation's path, by its name.

        Raises ``KeyError`` for an address of which no row is known here.
        """
        kind = operation.path.split("/")[3]
        names = [parameter.name for parameter in operation.path_parameters]
        return {name: self.rows[name if name in self.rows else kind] for name in names}


@pytest.fixture
def desk(db: Any, settings: Any) -> Iterator[Desk]:
    settings.API_RATE = 1_000_000
    furnished = Desk()
    # As Django's own test client does: the test's transaction outlives the request.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield furnished
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@schema.parametrize()
@settings
def test_no_request_is_too_much(case: Any, desk: Desk) -> None:
    rows = desk.there(case.operation)
    # Half of the requests go to rows that are there; the schema's own inventions are but a 404.
    if zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode()) % 2:
        case.path_parameters = {**(case.path_parameters or {}), **rows}
    headers = {"Authorization": f"Bearer {desk.token}"}
    with transaction.atomic():
        response = case.call(headers=headers)
        transaction.set_rollback(True)
    case.validate_response(response, checks=CHECKS)
