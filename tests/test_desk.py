"""What staff and API clients may do with an order, and what is refused with nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from orders import clock, desk, lifecycle, status, submission
from orders.intake import Units
from orders.lifecycle import WORKER, Actor, Changed, NotNow
from orders.models import Order
from orders.trepstar import wire
from products.models import Product, Publisher
from tests import base
from tests.conftest import Clock
from tests.gateway_cast import (
    SILENCE,
    YES,
    Told,
    asked,
    fresh,
    kinds,
    last_event,
    not_found,
    nothing_changes,
    section,
    sent,
    submit_next,
)

pytestmark = pytest.mark.django_db
NAME_BLANK = wire.write_failure("000013")


@pytest.fixture
def film(north: Publisher) -> Product:
    return base.product(north, price=Decimal("19.00"))


@pytest.fixture
def ana() -> Actor:
    return lifecycle.person(get_user_model().objects.create(username="ana"))


def held(order: Order, **values: Any) -> Order:
    return desk.hold(order.pk, actor=WORKER, **values)


ACTS: dict[str, Callable[..., Any]] = {
    "hold": lambda order, **how: desk.hold(order.pk, actor=WORKER, **how),
    "cancel": lambda order, **how: desk.cancel(order.pk, actor=WORKER, **how),
    "release": lambda order, **how: desk.release(order.pk, actor=WORKER, **how),
    "edit": lambda order, **how: desk.edit(order.pk, {"name": "Bo"}, actor=WORKER, **how),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_stale_version_changes_nothing(order: Order, act: str) -> None:
    order = held(order)
    with nothing_changes(), pytest.raises(Changed, match="NORTH-M1 was changed meanwhile"):
        ACTS[act](order, version=order.version - 1)
    ACTS[act](order, version=order.version)
    assert fresh(order).version == order.version + 1


ALLOWED = {
    "hold": {"held", "ready", "refused", "submitting", "unclear"},
    "cancel": {"held", "ready", "refused", "submitting", "unclear"},
    "release": {"held", "refused"},
    "edit": {"held", "refused"},
}


@pytest.mark.parametrize("before", status.MEANING)
@pytest.mark.parametrize("act", ACTS)
def test_in_which_status_what_is_allowed(order: Order, act: str, before: str) -> None:
    Order.objects.filter(pk=order.pk).update(status=before, hold_reason="staff")
    order = fresh(order)
    if before in ALLOWED[act]:
        ACTS[act](order, version=order.version)
        assert fresh(order).version == order.version + 1
        return
    with nothing_changes(), pytest.raises(NotNow) as refused:
        ACTS[act](order, version=order.version)
    assert str(refused.value).startswith(("Order NORTH-M1", "TrepStar has order NORTH-M1"))


class TestHold:
    def test_it_says_who_and_why(self, order: Order, ana: Actor) -> None:
        found = desk.hold(order.pk, actor=ana, note="Wait for the sleeve")
        assert (found.status, found.hold_reason) == (status.HELD, "staff")
        assert (found.hold_note, found.next_attempt_at) == ("Wait for the sleeve", None)
        event = last_event(order)
        assert (event.kind, event.actor_user_id) == ("order.held", ana.user_id)
        assert submission.claim(1) == []

    def test_during_a_call_it_is_asked_for(self, order: Order) -> None:
        submission.claim(1)
        found = held(order, note="Wait")
        assert (found.status, found.stop_request) == (status.SUBMITTING, "hold")
        assert last_event(order).kind == "order.stop_requested"

    def test_a_date_during_a_call_is_kept(self, order: Order) -> None:
        until = clock.now() + timedelta(days=3)
        (claim,) = submission.claim(1)
        held(order, until=until)
        submission.submit(claim, Told(YES))
        assert (fresh(order).status, fresh(order).hold_until) == (status.HELD, until)


class TestHoldUntil:
    def test_it_ends_by_itself(self, order: Order, desk_clock: Clock) -> None:
        held(order, until=clock.now() + timedelta(hours=1))
        assert (desk.release_expired_holds(), submission.claim(1)) == (0, [])
        desk_clock.forward(3601)
        assert desk.release_expired_holds() == 1
        found = fresh(order)
        assert (found.status, found.hold_until, found.hold_reason) == (status.READY, None, "")
        assert len(submission.claim(1)) == 1

    def test_without_a_date_it_never_ends(self, order: Order, desk_clock: Clock) -> None:
        held(order)
        desk_clock.forward(400 * 24 * 3600)
        with nothing_changes():
            assert desk.release_expired_holds() == 0

    def test_an_unfit_order_stays_held_and_says_why(self, order: Order, desk_clock: Clock) -> None:
        held(order, until=clock.now())
        Product.objects.update(active=False)
        desk_clock.forward(1)
        assert desk.release_expired_holds() == 0
        found = fresh(order)
        assert (found.status, found.hold_reason, found.hold_until) == ("held", "preflight", None)
        assert found.hold_note.startswith("Film 66750 (66750) is switched off.")


class TestRelease:
    def test_it_may_be_sent_at_once(self, order: Order) -> None:
        held(order)
        found = desk.release(order.pk, actor=WORKER)
        assert (found.status, found.hold_reason, found.not_sent) == (status.READY, "", 0)
        assert found.next_attempt_at <= clock.now()

    def test_an_unfit_order_stays_as_it_is(self, order: Order) -> None:
        order = held(order)
        Order.objects.filter(pk=order.pk).update(city="")
        with nothing_changes(), pytest.raises(desk.Unfit) as unfit:
            desk.release(order.pk, actor=WORKER)
        assert [finding.code for finding in unfit.value.findings] == ["city_blank"]
        assert str(unfit.value) == "The city is blank. Enter it."

    def test_after_a_clean_refusal_it_is_frozen_anew(self, north: Publisher, film: Product) -> None:
        order = sent(north, (film, 1), answer=NAME_BLANK)
        desk.edit(order.pk, {"name": "Bo Diaz"}, actor=WORKER, version=order.version)
        desk.release(order.pk, actor=WORKER)
        gateway = Told(YES)
        submit_next(gateway)
        assert gateway.calls[0]["name"] == "Bo Diaz"
        assert (gateway.calls[0]["Invoice"], fresh(order).attempts) == (order.invoice, 2)


class TestCancel:
    def test_it_is_final(self, order: Order) -> None:
        desk.cancel(order.pk, actor=WORKER, note="Twice ordered")
        assert (fresh(order).status, last_event(order).data) == (
            status.CANCELLED,
            {"note": "Twice ordered"},
        )
        for act in ACTS.values():
            with nothing_changes(), pytest.raises(NotNow):
                act(order, version=2)

    def test_what_trepstar_no_longer_knows_may_be_closed(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        order = sent(north, (film, 1))
        for _ in range(3):
            with nothing_changes(), pytest.raises(NotNow, match="takes no cancel call"):
                desk.cancel(order.pk, actor=WORKER)
            desk_clock.forward(7 * 3600)
            asked(order, not_found(order))
        assert desk.cancel(order.pk, actor=WORKER).status == status.CANCELLED


class TestEdit:
    def test_only_named_fields_change(self, order: Order) -> None:
        order = held(order)
        new = {"city": "Bangor", "zip": "04401", "name": order.name}
        found = desk.edit(order.pk, new, actor=WORKER, version=order.version)
        assert (found.city, found.zip, found.status) == ("Bangor", "04401", "held")
        assert (found.edited_fields, found.payload) == (["city", "zip"], None)
        assert last_event(order).data == {"fields": ["city", "zip"]}

    def test_the_same_values_again_are_no_edit(self, order: Order) -> None:
        order = held(order)
        with nothing_changes():
            desk.edit(order.pk, {"name": order.name}, actor=WORKER, version=order.version)

    @pytest.mark.parametrize("name", ["status", "invoice", "mode", "version", "publisher"])
    def test_no_other_field_can_be_edited(self, order: Order, name: str) -> None:
        order = held(order)
        with nothing_changes(), pytest.raises(ValueError, match="cannot be edited"):
            desk.edit(order.pk, {name: "x"}, actor=WORKER, version=order.version)

    def test_lines_may_change_before_any_unclear_call(self, order: Order, film: Product) -> None:
        order = held(order)
        units = [Units(film, 3)]
        desk.edit(order.pk, {}, actor=WORKER, version=order.version, units=units)
        assert [(one.product, one.quantity) for one in order.lines.all()] == [(film, 3)]
        assert last_event(order).data == {"fields": [], "lines": ["3 x Film 66750 (66750)"]}

    def test_another_publishers_product_is_refused(self, order: Order) -> None:
        order = held(order)
        units = [Units(base.product(base.southwind(), "44100"), 1)]
        with nothing_changes(), pytest.raises(NotNow, match="its own publisher"):
            desk.edit(order.pk, {"city": "X"}, actor=WORKER, version=order.version, units=units)

    def test_lines_are_locked_for_good_after_an_unclear_call(
        self, north: Publisher, film: Product, desk_clock: Clock
    ) -> None:
        order = sent(north, (film, 1), answer=SILENCE)
        desk.hold(order.pk, actor=WORKER)
        for _ in range(2):
            desk_clock.forward(301)
            order = asked(order, not_found(order))
        for _ in range(2):
            order = fresh(order)
            with nothing_changes(), pytest.raises(NotNow, match="unknown outcome"):
                desk.edit(order.pk, {}, actor=WORKER, version=order.version, units=[Units(film, 2)])
            desk.edit(order.pk, {"city": f"{order.city}!"}, actor=WORKER, version=order.version)
            desk.release(order.pk, actor=WORKER)
            desk.hold(order.pk, actor=WORKER)


class TestReship:
    def shipped(self, north: Publisher, film: Product) -> Order:
        order = sent(north, (film, 2), special_text="Hello", reference="#1001")
        return asked(order, section(order, "SHIPPED", tracking_id="A1"))

    def test_the_same_box_is_made_again_under_numbered_invoices(
        self, north: Publisher, film: Product
    ) -> None:
        order = self.shipped(north, film)
        (first,) = desk.reship(order.pk, actor=WORKER, reason="Lost")
        (second,) = desk.reship(order.pk, actor=WORKER, reason="Lost again")
        assert [first.invoice, second.invoice] == ["NORTH-M1-R1", "NORTH-M1-R2"]
        assert (first.status, first.hold_reason) == (status.HELD, "staff")
        assert first.hold_note == "It is made again for NORTH-M1: Lost"
        assert (first.reship_of, first.pieces(), first.special_text) == (order, 2, "Hello")
        assert (first.name, first.reference, first.tracking_id) == (order.name, "#1001", "")
        assert kinds(order)[-2:] == ["order.reshipped"] * 2

    def test_a_long_invoice_of_somebody_elses_is_shortened(
        self, north: Publisher, film: Product
    ) -> None:
        made = []
        for last in "AB":
            order = base.place(north, (film, 1), invoice="X" * 49 + last)
            Order.objects.filter(pk=order.pk).update(status=status.SHIPPED)
            made += desk.reship(order.pk, actor=WORKER, reason="Lost")
        assert [order.invoice for order in made] == ["X" * 43 + "-R1", "NORTH-M1"]
        assert {order.status for order in made} == {status.HELD}

    def test_a_reship_of_a_reship_counts_on(self, north: Publisher, film: Product) -> None:
        order = self.shipped(north, film)
        (first,) = desk.reship(order.pk, actor=WORKER, reason="Lost")
        desk.release(first.pk, actor=WORKER)
        submit_next(Told(YES))
        asked(first, section(first, "ERROR", status_error_number="10"))
        (second,) = desk.reship(first.pk, actor=WORKER, reason="Returned")
        assert (second.invoice, second.reship_of) == ("NORTH-M1-R2", order)

    @pytest.mark.parametrize(
        "before", sorted(set(status.MEANING) - {status.SHIPPED, status.PROBLEM})
    )
    def test_only_what_was_shipped_or_failed_is_made_again(self, order: Order, before: str) -> None:
        Order.objects.filter(pk=order.pk).update(status=before, hold_reason="staff")
        with nothing_changes(), pytest.raises(NotNow, match="cannot be made again yet"):
            desk.reship(order.pk, actor=WORKER, reason="Lost")

    def test_a_stale_version_makes_no_second_box(self, north: Publisher, film: Product) -> None:
        order = self.shipped(north, film)
        desk.reship(order.pk, actor=WORKER, reason="Lost", version=order.version)
        with nothing_changes(), pytest.raises(Changed):
            desk.reship(order.pk, actor=WORKER, reason="Lost", version=order.version)


def test_a_flag_can_be_noted_once(north: Publisher, film: Product) -> None:
    order = sent(north, (film, 1))
    asked(order, section(order, "ODD"))
    assert desk.clear_flag(order.pk, actor=WORKER).flag == ""
    assert last_event(order).data["note"].startswith("TrepStar says “ODD”")
    with nothing_changes():
        desk.clear_flag(order.pk, actor=WORKER)
