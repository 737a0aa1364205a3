"""The pages of the mapping desk: the list of what waits, and the search among the products."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from orders.models import Delivery, DeliveryLine, Order, OrderEvent
from products.models import SkuAlias
from tests import admin_cast as cast
from tests import base

pytestmark = pytest.mark.django_db

LIST, CHOOSE = "/admin/mapping/", "/admin/mapping/choose/"
PREVIEW, CONFIRM = "/admin/mapping/preview/", "/admin/mapping/confirm/"
PAGES = (LIST, CHOOSE, PREVIEW, CONFIRM)


class Desk:
    """Northlight with a film and its shop, and a mapper of it."""

    def __init__(self) -> None:
        self.publisher = base.northlight()
        self.film = base.product(self.publisher, skus=["VTD234-100"])
        base.store(self.publisher)
        self.user = in_role("mapper", "ana", self.publisher)
        self.client = cast.signed_in(self.user)

    def came(self, *skus: str, **values: Any) -> Delivery:
        base.deliver(base.order_body(*(base.line(sku) for sku in skus), **values))
        OrmQ.objects.all().delete()
        return Delivery.objects.latest("id")

    def form(
        self, *decisions: tuple[str, Any] | tuple[str, Any, str], **more: Any
    ) -> dict[str, Any]:
        rows = [(*one, "nobody") if len(one) == 2 else one for one in decisions]
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        names = ("key", "choice", "seen")
        form = {name: list(column) for name, column in zip(names, columns, strict=True)}
        return {"publisher": self.publisher.pk, **form, **more}

    def confirm(self, *decisions: Any, client: Client | None = None, **more: Any) -> list[str]:
        form = self.form(*decisions, **{"replay": "yes", **more})
        return cast.said((client or self.client).post(CONFIRM, form, follow=True))

    def page(self, where: str = LIST, **query: Any) -> str:
        response = self.client.get(f"{where}?{urlencode(query)}")
        assert response.status_code == 200
        return cast.html(response)


def in_role(role: str, name: str, *publishers: Any) -> Any:
    user = cast.colleague(name, *publishers, may=())
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def desk() -> Desk:
    return Desk()


def everything() -> list[Any]:
    tables = (Delivery, DeliveryLine, Order, OrderEvent, SkuAlias, OrmQ)
    return [base.counts(), *(str(list(t.objects.order_by("pk").values())) for t in tables)]


def orders() -> list[tuple[str, str]]:
    return list(Order.objects.order_by("pk").values_list("reference", "status"))


# The list


def test_what_waits_is_shown_with_its_figures_and_orders(desk: Desk) -> None:
    first = desk.came("NEW <b>", name="#1")
    desk.came("new <b>", name="#2")
    page = desk.page()
    assert "<code>NEW &lt;b&gt;</code>" in page
    assert "Disc NEW &lt;b&gt;" in page
    assert ">2 orders</a>" in page
    assert "2 units in 2 deliveries" in page
    assert f'<a href="{cast.page(first)}">#1</a>' in page
    assert "1 SKU of Northlight Films waits to be mapped." in page
    assert '<option value="not_ours">Not ours to make</option>' in page
    assert f'<option value="{desk.film.pk}">Film 66750 (66750), DVD case</option>' in page


def test_nothing_waits_is_explained(desk: Desk) -> None:
    assert "Every SKU is mapped" in desk.page()


def test_who_serves_no_publisher_is_told_so(desk: Desk) -> None:
    client = cast.signed_in(in_role("mapper", "new"))
    assert "You serve no publisher" in cast.html(client.get(LIST))


def test_the_bar_of_pages_leads_here(desk: Desk) -> None:
    assert '<a href="/admin/mapping/" aria-current="page">SKU mapping</a>' in desk.page()


def test_lines_without_a_sku_lead_to_their_delivery(desk: Desk) -> None:
    base.deliver(base.order_body(base.line("", variant_id=None, title="A gift")))
    delivery = Delivery.objects.get()
    page = desk.page()
    assert "Lines without a SKU" in page
    assert f'<a href="{cast.page(delivery)}">#1001</a>: 1 × A gift' in page
    assert "press “Not ours”" in page


def test_an_ambiguous_sku_names_both_meanings(desk: Desk) -> None:
    base.product(desk.publisher, "66760")
    SkuAlias.objects.create(publisher=desk.publisher, sku="66760", product=desk.film)
    desk.came("66760")
    told = "It stands for Film 66750 (66750) by its alias and for Film 66760 (66760) by its"
    assert told in desk.page()
    assert told in desk.page(CHOOSE, publisher=desk.publisher.pk, sku="66760")


def test_a_sku_mapped_elsewhere_waits_for_its_replay(desk: Desk) -> None:
    desk.came("NEW")
    SkuAlias.objects.create(publisher=desk.publisher, sku="NEW", product=desk.film)
    assert "It is mapped already: it stands for Film 66750 (66750)." in desk.page()
    said = desk.confirm(("new", "keep", str(desk.film.pk)))
    assert said[0].startswith("1 delivery was read again. The orders: ")
    assert orders() == [("#1001", "ready")]


def test_the_list_goes_on_over_pages(desk: Desk) -> None:
    for number in range(27):
        desk.came(f"NEW-{number:02}", name=f"#{number}")
    first, second = desk.page(), desk.page(page=2)
    assert first.count('class="map-row"') == 25
    assert second.count('class="map-row"') == 2
    assert "Page 1 of 2" in first
    assert desk.page(page=99).count('class="map-row"') == 2
    for odd in ("0", "-1", "x", "²", "9" * 30):
        assert "Page 1 of 2" in desk.page(page=odd) or "Page 2 of 2" in desk.page(page=odd)


def test_the_pages_take_a_fixed_number_of_queries(desk: Desk) -> None:
    def queries(where: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            desk.client.get(where)
        return len(caught)

    choose = f"{CHOOSE}?publisher={desk.publisher.pk}&sku=new-1"
    desk.came("NEW-1")
    few = queries(LIST), queries(choose)
    for number in range(30):
        desk.came(f"NEW-{number}", "VTD234-100", name=f"#{number}")
        base.product(desk.publisher, str(70000 + number), skus=[f"OLD-{number}"])
    assert (queries(LIST), queries(choose)) == few
    assert few[0] <= 32


# The search


def test_products_are_found_by_title_project_and_sku(desk: Desk) -> None:
    base.product(desk.publisher, "66760", title="Harbour Lights", skus=["HL-1", "HL-2"])
    base.product(desk.publisher, "66761", title="Harbour Nights", active=False)
    desk.came("NEW")

    def found(words: str) -> list[str]:
        query = {"publisher": desk.publisher.pk, "sku": "new", "q": words}
        context = desk.client.get(f"{CHOOSE}?{urlencode(query)}").context
        return [one.project_id for one in context["found"]]

    assert found("harbour") == ["66760", "66761"]
    assert found("HARBOUR lights") == ["66760"]
    assert found("66760") == found("hl-2") == ["66760"]
    assert found("nothing like it") == found("harbour\0x") == []
    page = desk.page(CHOOSE, publisher=desk.publisher.pk, sku="new", q="harbour")
    assert "project 66760, DVD case; SKUs" in page
    assert "<code>HL-1</code> <code>HL-2</code>" in page
    assert "switched off" in page
    assert "No product of Northlight Films has all of these words" in desk.page(
        CHOOSE, publisher=desk.publisher.pk, sku="new", q="zzz"
    )


def test_products_that_look_alike_come_first(desk: Desk) -> None:
    other = base.product(desk.publisher, "66760", title="Harbour Lights")
    base.deliver(base.order_body(base.line("NEW", title="Harbour Lights")))
    query = {"publisher": desk.publisher.pk, "sku": "new"}
    context = desk.client.get(f"{CHOOSE}?{urlencode(query)}").context
    assert (context["suggested"], context["found"]) == ([other], [desk.film])


@pytest.mark.parametrize("sku", ["gone", "", "\0", "x" * 2000])
def test_a_sku_that_does_not_wait_leads_back(desk: Desk, sku: str) -> None:
    response = desk.client.get(
        f"{CHOOSE}?{urlencode({'publisher': desk.publisher.pk, 'sku': sku})}", follow=True
    )
    assert response.redirect_chain[0][0] == f"{LIST}?publisher={desk.publisher.pk}"
    assert cast.said(response)[0].endswith("any more.")
