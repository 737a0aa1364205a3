"""The doors of the mapping desk: roles, other publishers, methods, CSRF, hostile forms."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.test import Client

from products.models import SkuAlias
from tests import admin_cast as cast
from tests import base
from tests.test_mapping_desk import (
    CHOOSE,
    CONFIRM,
    LIST,
    PAGES,
    PREVIEW,
    Desk,
    desk,
    everything,
    in_role,
    orders,
)

__all__ = ["desk"]
pytestmark = pytest.mark.django_db


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
