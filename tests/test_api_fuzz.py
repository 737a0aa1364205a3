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

from orders.models import HookMessage
from products.models import Publisher
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


@pytest.fixture
def program(db: Any, settings: Any) -> Iterator[api_cast.Program]:
    settings.API_RATE = 1_000_000
    ours = admin_cast.ours()
    admin_cast.held(ours.publisher, (ours.product, 1))
    # As Django's own test client does: the test's transaction outlives the request.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield api_cast.program(ours.publisher)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def known(case: Any) -> None:
    """Put a row that is there where one of the schema's own invention would only be a 404."""
    for publisher in Publisher.objects.all():
        rows = {
            "invoice": publisher.orders.order_by("-id").first().invoice,
            "products": publisher.products.first().pk,
            "sku-aliases": getattr(publisher.aliases.first(), "pk", 1),
            "deliveries": publisher.stores.first().deliveries.first().pk,
            "webhooks": getattr(publisher.hooks.first(), "pk", 1),
            "message": getattr(
                HookMessage.objects.filter(subscription__publisher=publisher).first(), "pk", 1
            ),
        }
        for name in case.path_parameters or {}:
            kind = case.operation.path.split("/")[3]
            case.path_parameters[name] = rows[name if name in ("invoice", "message") else kind]


@schema.parametrize()
@settings
def test_no_request_is_too_much(case: Any, program: api_cast.Program) -> None:
    # Half of the requests go to rows that are there.
    if zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode()) % 2:
        known(case)
    headers = {"Authorization": f"Bearer {program.token}"}
    with transaction.atomic():
        response = case.call(headers=headers)
        transaction.set_rollback(True)
    case.validate_response(response, checks=CHECKS)
