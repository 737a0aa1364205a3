"""The pages of the mapping desk: the list, the search, the preview, the mapping, refusals."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import OperationalError, connection
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
    assert said[0].startswith("1 delivery was read again. Their orders: ")
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


# Preview and confirm


def test_the_preview_tells_and_writes_nothing(desk: Desk) -> None:
    desk.came("NEW", id=77)
    desk.came("VTD234-100", "NEW", id=78, name="#1002")
    before = everything()
    response = desk.client.post(PREVIEW, desk.form(("new", desk.film.pk)))
    page = cast.html(response)
    assert everything() == before
    assert "Order NORTH-1001-S77-1 would be made, with 1 piece." in page
    assert "Order NORTH-1002-S78-1 would be completed, with 2 pieces." in page
    assert "stands for Film 66750 (66750)" in page
    assert "Map and replay 2 deliveries" in page
    assert (response.context["found"].made, response.context["found"].released) == (1, 1)


def test_nothing_chosen_is_told(desk: Desk) -> None:
    desk.came("NEW")
    before = everything()
    for form in (desk.form(("new", "")), desk.form(), {"publisher": desk.publisher.pk}):
        response = desk.client.post(PREVIEW, form, follow=True)
        assert cast.said(response) == ["Choose what at least one SKU stands for."]
        assert desk.client.post(CONFIRM, form).status_code == 302
    assert everything() == before


def test_mapping_makes_the_orders_that_waited(desk: Desk) -> None:
    desk.came("NEW", id=77)
    desk.came("VTD234-100", "NEW", id=78, name="#1002")
    told, done = desk.confirm(("new", desk.film.pk))
    assert told == "The SKU NEW stands for Film 66750 (66750) now."
    links = [
        f'<a href="{cast.page(one)}">{one.invoice}</a> ready'
        for one in Order.objects.order_by("pk")
    ]
    assert done == f"2 deliveries were read again. Their orders: {', '.join(links)}."
    assert sorted(orders()) == [("#1001", "ready"), ("#1002", "ready")]
    assert {task.func() for task in OrmQ.objects.all()} == {"orders.tasks.submit_due"}
    assert "Every SKU is mapped" in desk.page()
    (entry,) = LogEntry.objects.all()
    assert (entry.user, entry.object_repr) == (desk.user, "NEW")
    assert entry.get_change_message() == "Stands for Film 66750 (66750)."
    made = Order.objects.get(reference="#1001").events.get()
    assert made.actor_user == desk.user


def test_several_skus_are_mapped_in_one_step(desk: Desk) -> None:
    desk.came("A", "B")
    desk.came("MUG", name="#2")
    told = desk.confirm(("a", desk.film.pk), ("b", desk.film.pk), ("mug", "not_ours"))
    assert told[0] == (
        "The SKU A stands for Film 66750 (66750) now. The SKU B stands for Film 66750 (66750) now. "
        "The SKU MUG is known now and is not ours to make."
    )
    assert orders() == [("#1001", "ready")]
    assert Order.objects.get().pieces() == 2


def test_mapping_only_makes_nothing_yet(desk: Desk) -> None:
    desk.came("NEW")
    told = desk.confirm(("new", desk.film.pk), replay="no")
    assert told[1] == "1 delivery waits for a replay; nothing was made yet."
    assert (orders(), OrmQ.objects.count()) == ([], 0)


def test_what_is_too_much_for_a_request_is_left_to_a_worker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.admin.mapping.AT_ONCE", 2)
    for number in range(5):
        desk.came("NEW", name=f"#{number}")
    told = desk.confirm(("new", desk.film.pk))
    assert told[-1] == "A worker reads the other 3 again; this list shrinks with it."
    assert len(orders()) == 2
    task = OrmQ.objects.order_by("id")[0]
    alias = SkuAlias.objects.get(sku="NEW")
    assert task.func() == "orders.tasks.replay_waiting"
    assert tuple(task.task["args"]) == (desk.publisher.pk, [alias.pk], [], 0)
    from orders import tasks

    tasks.replay_waiting(*task.task["args"])
    assert len(orders()) == 5


def test_the_second_of_two_is_told_and_nothing_is_made_twice(desk: Desk) -> None:
    desk.came("NEW")
    bob = cast.signed_in(in_role("mapper", "bob", desk.publisher))
    desk.confirm(("new", desk.film.pk))
    before = everything()
    for where in (PREVIEW, CONFIRM):
        form = desk.form(("new", "not_ours"), replay="yes")
        assert cast.said(bob.post(where, form, follow=True)) == [
            "Somebody else changed the SKU NEW meanwhile: it stands for Film 66750 (66750) now. "
            "Nothing was changed; look at the list as it is now."
        ]
    assert everything() == before


def test_a_lock_that_is_not_to_be_had_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    desk.came("NEW")
    before = everything()
    monkeypatch.setattr("orders.mapping.apply", busy)
    for where in (PREVIEW, CONFIRM):
        form = desk.form(("new", "not_ours"), replay="yes")
        assert cast.said(desk.client.post(where, form, follow=True)) == [
            "Somebody else works on the same orders at this moment, so nothing was changed. "
            "Try again in a moment."
        ]
    assert everything() == before


def test_an_ambiguous_sku_is_settled(desk: Desk) -> None:
    other = base.product(desk.publisher, "66760")
    SkuAlias.objects.create(publisher=desk.publisher, sku="66760", product=desk.film)
    desk.came("66760")
    told = desk.confirm(("66760", other.pk, str(desk.film.pk)))
    assert told[0] == "The SKU 66760 stands for Film 66760 (66760) now."
    assert Order.objects.get().lines.get().product == other
    assert LogEntry.objects.get().is_change()


# Who may


def test_a_stranger_is_sent_to_the_sign_in(desk: Desk) -> None:
    desk.came("NEW")
    before = everything()
    for where in PAGES:
        for answer in (Client().get(where), Client().post(where, desk.form(("new", "not_ours")))):
            assert (answer.status_code, answer.url) == (302, f"/admin/login/?next={where}")
    assert everything() == before


def test_a_viewer_sees_the_list_and_can_change_nothing(desk: Desk) -> None:
    desk.came("NEW")
    before = everything()
    viewer = cast.signed_in(in_role("viewer", "vi", desk.publisher))
    page = cast.html(viewer.get(LIST))
    assert "<code>NEW</code>" in page
    assert "<select" not in page
    assert PREVIEW not in page
    assert CHOOSE not in page
    assert viewer.get(f"{CHOOSE}?publisher={desk.publisher.pk}&sku=new").status_code == 403
    for where in (PREVIEW, CONFIRM):
        for decision in (("new", "not_ours"), ("new", "keep")):
            answer = viewer.post(where, desk.form(decision, replay="yes"))
            assert answer.status_code == 403, (where, decision)
    assert everything() == before


def test_without_the_right_to_look_there_is_no_page(desk: Desk) -> None:
    nobody = cast.signed_in(cast.colleague("no", desk.publisher, may=()))
    for where in PAGES:
        assert nobody.get(where).status_code == 403
        assert nobody.post(where, desk.form(("new", "not_ours"))).status_code == 403
    assert LIST not in cast.html(nobody.get("/admin/"))


def test_who_may_map_and_not_replay_maps_only(desk: Desk) -> None:
    desk.came("NEW")
    may = ("view_delivery", "add_skualias")
    client = cast.signed_in(cast.colleague("maps", desk.publisher, may=may))
    page = cast.html(client.post(PREVIEW, desk.form(("new", desk.film.pk))))
    assert "Map and replay" not in page
    assert "Map only, make nothing yet" in page
    before = everything()
    refused = client.post(CONFIRM, desk.form(("new", desk.film.pk), replay="yes"))
    assert (refused.status_code, everything()) == (403, before)
    desk.confirm(("new", desk.film.pk), client=client, replay="no")
    assert (SkuAlias.objects.filter(sku="NEW").count(), orders()) == (1, [])


def test_who_may_replay_and_not_map_replays_what_is_mapped(desk: Desk) -> None:
    desk.came("NEW")
    may = ("view_delivery", "replay_delivery")
    client = cast.signed_in(cast.colleague("again", desk.publisher, may=may))
    before = everything()
    for where in (PREVIEW, CONFIRM):
        refused = client.post(where, desk.form(("new", desk.film.pk), replay="yes"))
        assert (refused.status_code, everything()) == (403, before)
    SkuAlias.objects.create(publisher=desk.publisher, sku="NEW", product=desk.film)
    desk.confirm(("new", "keep", str(desk.film.pk)), client=client)
    assert orders() == [("#1001", "ready")]


def test_another_meaning_takes_the_right_to_change_skus(desk: Desk) -> None:
    other = base.product(desk.publisher, "66760")
    SkuAlias.objects.create(publisher=desk.publisher, sku="66760", product=desk.film)
    desk.came("66760")
    may = ("view_delivery", "add_skualias", "replay_delivery")
    client = cast.signed_in(cast.colleague("adds", desk.publisher, may=may))
    before = everything()
    form = desk.form(("66760", other.pk, str(desk.film.pk)), replay="yes")
    for where in (PREVIEW, CONFIRM):
        assert client.post(where, form).status_code == 403
    assert everything() == before


def test_another_publishers_skus_are_not_there(desk: Desk) -> None:
    theirs = cast.theirs()
    before = everything()
    page = desk.page()
    assert "SW-1-NEW" not in page
    assert "Southwind" not in page
    ask = {"publisher": theirs.publisher.pk, "sku": "sw-1-new"}
    assert desk.client.get(f"{LIST}?{urlencode(ask)}").status_code == 404
    assert desk.client.get(f"{CHOOSE}?{urlencode(ask)}").status_code == 404
    form = desk.form(("sw-1-new", "not_ours"), replay="yes")
    for publisher in (theirs.publisher.pk, "", "x", "0", "9" * 30, "\0"):
        for where in (PREVIEW, CONFIRM):
            answer = desk.client.post(where, {**form, "publisher": publisher})
            assert answer.status_code == 404, publisher
    mine = desk.client.post(CONFIRM, form, follow=True)
    assert cast.said(mine)[0].startswith("No delivery waits for the SKU sw-1-new any more.")
    assert everything() == before


def test_a_product_of_another_publisher_cannot_be_chosen(desk: Desk) -> None:
    theirs = cast.theirs()
    desk.came("NEW")
    before = everything()
    told = desk.confirm(("new", theirs.product.pk))
    assert told[0].startswith("The product chosen for the SKU new is not one of Northlight Films.")
    assert everything() == before


def test_each_page_answers_to_its_method_alone(desk: Desk) -> None:
    for where in (LIST, CHOOSE):
        for method in ("post", "put", "delete", "patch"):
            assert getattr(desk.client, method)(where).status_code == 405, (where, method)
    for where in (PREVIEW, CONFIRM):
        for method in ("get", "head", "put", "delete"):
            assert getattr(desk.client, method)(where).status_code == 405, (where, method)


def test_without_its_csrf_token_a_form_is_refused(desk: Desk) -> None:
    desk.came("NEW")
    before = everything()
    client = cast.signed_in(desk.user, enforce_csrf_checks=True)
    for where in (PREVIEW, CONFIRM):
        assert client.post(where, desk.form(("new", "not_ours"))).status_code == 403
    assert everything() == before


def test_hostile_forms_are_answered_and_change_nothing(desk: Desk) -> None:
    desk.came("NEW")
    before = everything()
    odd = ("\0", "x" * 3000, "'; drop table", "\ufffd", "²", "9" * 40)
    for text in odd:
        for form in (
            desk.form((text, "not_ours"), replay="yes"),
            desk.form(("new", text), replay="yes"),
            desk.form(("new", "not_ours", text), replay="yes"),
        ):
            for where in (PREVIEW, CONFIRM):
                assert desk.client.post(where, form).status_code in (200, 302)
    short = {"publisher": desk.publisher.pk, "key": ["new", "b"], "choice": ["not_ours"]}
    assert desk.client.post(CONFIRM, short).status_code == 302
    assert everything() == before
