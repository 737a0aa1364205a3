"""The setup on a publisher's page: what is shown to whom, and at what cost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders import setup
from orders.models import Store
from products.models import Product, Publisher
from tests import admin_cast as cast
from tests import base
from tests.test_setup import NOW

pytestmark = pytest.mark.django_db


class Desk:
    def __init__(self) -> None:
        self.publisher = base.northlight()
        self.client = cast.signed_in(cast.colleague("ana", self.publisher))

    def page(self, **headers: Any) -> str:
        return cast.html(self.client.get(cast.page(self.publisher), **headers))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def done() -> None:
    """Take every step."""
    publisher = Publisher.objects.get()
    Publisher.objects.update(login_checked_at=NOW)
    film = base.product(publisher, skus=["VTD234-100"])
    base.store(publisher)
    base.deliver(base.order_body())
    cast.put(base.place(publisher, (film, 1)), "tested", accepted_at=NOW)


def test_the_page_shows_the_steps_and_the_address_to_copy(desk: Desk) -> None:
    page = desk.page()
    assert "Setup: 0 of 6 steps are done" in page
    assert '<details class="desk-story setup" open>' in page
    assert f'href="/admin/orders/store/add/?publisher={desk.publisher.pk}"' in page
    address = "http://testserver/webhooks/shopify/?idpub=66870"
    assert f'<input type="text" readonly value="{address}" spellcheck="false" data-copy>' in page
    secure = desk.page(secure=True)
    assert 'value="https://testserver/webhooks/shopify/?idpub=66870"' in secure
    assert "Copy the address below." in secure


def test_the_address_is_the_one_that_answers(desk: Desk) -> None:
    base.store(desk.publisher)
    path, _, query = setup.webhook_path(desk.publisher).partition("?")
    assert query == "idpub=66870"
    assert base.deliver(base.order_body(), path=path).status_code == 200


def test_the_store_to_add_knows_its_publisher(desk: Desk) -> None:
    page = desk.client.get(f"/admin/orders/store/add/?publisher={desk.publisher.pk}")
    assert f'<option value="{desk.publisher.pk}" selected>' in cast.html(page)


def test_what_is_done_is_folded_away(desk: Desk) -> None:
    done()
    page = desk.page()
    assert "Setup: 6 of 6 steps are done" in page
    assert '<details class="desk-story setup">' in page


def test_a_viewer_sees_the_steps_without_ways_that_are_shut(desk: Desk) -> None:
    may = ("view_publisher", "view_order", "view_delivery")
    client = cast.signed_in(cast.colleague("vi", desk.publisher, may=may))
    page = cast.html(client.get(cast.page(desk.publisher)))
    assert "No shop is connected." in page
    for shut in ("/admin/orders/store/add/", "/admin/products/product/add/", "order/add/"):
        assert shut not in page


def test_the_page_of_another_publisher_is_not_there(desk: Desk) -> None:
    response = desk.client.get(cast.page(base.southwind()), follow=True)
    assert "Setup:" not in cast.html(response)


def test_a_new_publisher_has_no_steps_yet() -> None:
    boss = cast.signed_in(cast.colleague("boss", superuser=True))
    assert "Setup:" not in cast.html(boss.get(cast.page(Publisher, "add")))


def test_the_steps_take_a_fixed_number_of_queries(desk: Desk) -> None:
    def queries() -> int:
        publisher = Publisher.objects.get()
        with CaptureQueriesContext(connection) as caught:
            setup.steps(publisher, secure=True)
        return len(caught)

    assert queries() <= 10
    done()
    few = queries()
    film = Product.objects.get()
    for number in range(20):
        base.store(desk.publisher, domain=f"a{number}.myshopify.com")
        base.deliver(base.order_body(base.line("VTD234-100"), name=f"#{number}"))
        base.place(desk.publisher, (film, 1))
        base.product(desk.publisher, str(70000 + number))
    assert queries() == few <= 10
    assert Store.objects.count() == 21
