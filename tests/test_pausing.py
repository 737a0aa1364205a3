"""The brakes: nothing new is sent while sending is paused; the rest of the desk goes on."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django_q.models import OrmQ

from orders import banners, breaker, pausing, submission, tasks, tracking
from orders.models import Gateway, Order
from products.models import Product, Publisher
from tests import admin_cast as cast
from tests import base
from tests.gateway_cast import YES, Elsewhere, Told, asked, fresh, run_before, section, sent

pytestmark = pytest.mark.django_db


def test_a_paused_publishers_orders_stay_ready_and_others_go(
    north: Publisher, order: Order
) -> None:
    south = base.southwind()
    other = base.place(south, (base.product(south, "44100"), 1))
    pausing.pause(north.pk, "Wrong disc art.")
    (claim,) = submission.claim(4)
    assert claim.order_id == other.pk
    assert submission.claim(4) == []
    assert fresh(order).status == "ready"
    pausing.resume(north.pk)
    assert [one.order_id for one in submission.claim(4)] == [order.pk]


def test_a_pause_for_all_holds_everybody_and_says_why(north: Publisher, order: Order) -> None:
    pausing.pause_all("Stocktaking")
    assert submission.claim(4) == []
    assert pausing.sentence(north).startswith("All sending is paused since 20")
    assert pausing.sentence(north).endswith(" UTC: Stocktaking.")
    pausing.resume_all()
    assert pausing.sentence(north) == ""
    assert len(submission.claim(4)) == 1


def test_resuming_all_leaves_a_paused_publisher_paused(north: Publisher, order: Order) -> None:
    pausing.pause(north.pk)
    pausing.pause_all()
    pausing.resume_all()
    assert submission.claim(4) == []


def test_pausing_again_keeps_the_time_and_takes_the_new_note(north: Publisher) -> None:
    pausing.pause(north.pk, "one")
    first = Publisher.objects.get().paused_at
    pausing.pause(north.pk, "x" * 300)
    again = Publisher.objects.get()
    assert (again.paused_at, again.paused_note) == (first, "x" * 200)


def test_the_workers_task_sends_nothing_while_paused(north: Publisher, order: Order) -> None:
    pausing.pause(north.pk)
    with patch.object(tasks, "configured_gateway", lambda: Told(YES)):
        tasks.submit_due()
        tasks.sweep()
    assert (fresh(order).status, order.attempt_set.count()) == ("ready", 0)


def test_intake_and_asking_go_on(north: Publisher, film: Product) -> None:
    made = sent(north, (film, 1))
    base.store(north)
    base.product(north, "66751", skus=["VTD234-100"])
    pausing.pause(north.pk)
    pausing.pause_all()
    assert base.deliver(base.order_body()).json()["outcome"] == "created"
    assert asked(made, section(made, "SHIPPED")).status == "shipped"
    Order.objects.filter(pk=made.pk).update(next_ask_at=north.paused_at)
    assert tracking.due_publishers() == []


def test_banners_tell_of_it_those_whom_it_concerns(north: Publisher) -> None:
    ana, bo = cast.colleague("ana", north), cast.colleague("bo", base.southwind())
    pausing.pause(north.pk, "Wrong disc art")
    told = banners.banners(ana)
    assert [one.split(" since ")[0] for one in told] == ["Northlight Films: Sending is paused"]
    assert told[0].endswith("UTC: Wrong disc art.")
    assert banners.banners(bo) == []
    pausing.pause_all("Stocktaking")
    for user in (ana, bo):
        (one,) = banners.banners(user)
        assert one.endswith("UTC: Stocktaking. Orders wait, and none is lost.")


class TestPages:
    @pytest.fixture
    def room(self) -> cast.Room:
        return cast.Room()

    def test_pause_and_send_again_on_the_publishers_page(self, room: cast.Room) -> None:
        order = room.ready()
        row = room.publisher
        shown = cast.html(room.client.get(cast.page(row)))
        assert "Pause sending" in shown
        assert "Send again" not in shown
        response = cast.press(room.client, row, "pause", note="Wrong\x00 disc\nart")
        assert cast.said(response) == [
            "Sending is paused for Northlight Films. What TrepStar was being sent is finished."
        ]
        shown = cast.html(response)
        assert "Sending is paused since" in shown
        assert "Wrong disc art" in shown
        assert "Send again" in shown
        page = cast.html(room.client.get(cast.page(order)))
        assert "It goes out once sending goes on." in page
        assert "It goes out at" not in page
        OrmQ.objects.all().delete()
        response = cast.press(room.client, row, "resume")
        assert cast.said(response) == ["The orders of Northlight Films go out again."]
        assert OrmQ.objects.count() == 1
        assert "It goes out " in cast.html(room.client.get(cast.page(order)))

    @pytest.mark.parametrize("name", ["pause", "resume"])
    def test_without_the_permission_there_is_no_button_and_no_pause(
        self, room: cast.Room, name: str
    ) -> None:
        may = ["view_publisher", "change_publisher"]
        clerk = cast.signed_in(cast.colleague("clerk", room.publisher, may=may))
        assert "Pause sending" not in cast.html(clerk.get(cast.page(room.publisher)))
        assert clerk.post(cast.button(room.publisher, name)).status_code == 403
        assert clerk.get(cast.button(room.publisher, name)).status_code == 405
        assert Publisher.objects.get().paused_at is None

    def test_all_sending_is_for_those_who_may_change_the_gateway(self, room: cast.Room) -> None:
        cast.installation()
        gateway = Gateway.objects.get()
        boss = cast.signed_in(cast.colleague("boss", superuser=True))
        may = ["view_gateway", "pause_publisher"]
        clerk = cast.signed_in(cast.colleague("clerk", room.publisher, may=may))
        for name in ("pause", "send_again"):
            assert clerk.post(cast.button(gateway, name)).status_code == 403
        assert breaker.state().paused_at is None
        response = cast.press(boss, gateway, "pause", note="Stocktaking")
        assert cast.said(response)[0].startswith("All sending is paused.")
        assert breaker.state().paused_note == "Stocktaking"
        assert "Send again" in cast.html(response)
        cast.press(boss, gateway, "send_again")
        assert breaker.state().paused_at is None


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestPauseAgainstClaim:
    """Once a pause was acknowledged no new claim is made, whichever came first."""

    def pause_during_a_claim(self, pause: Any) -> tuple[Elsewhere, list[submission.Claim]]:
        """Pause while a worker has chosen the publisher and is about to lease its order."""
        other: list[Elsewhere] = []
        with run_before(submission, "_lease", lambda: other.append(Elsewhere(pause))):
            claims = submission.claim(1)
        return other[0], claims

    @pytest.mark.parametrize("all_of_them", [False, True])
    def test_a_pause_waits_for_the_claim_that_is_under_way(
        self, north: Publisher, film: Product, all_of_them: bool
    ) -> None:
        for _ in range(3):
            base.place(north, (film, 1))
        acknowledged: list[bool] = []

        def pause() -> None:
            if all_of_them:
                pausing.pause_all()
            else:
                pausing.pause(north.pk)
            acknowledged.append(True)

        seen: list[int] = []
        with run_before(submission.lifecycle, "move_many", lambda: seen.append(len(acknowledged))):
            other, claims = self.pause_during_a_claim(pause)
        other.end()
        assert (len(claims), seen, acknowledged) == (1, [0], [True])
        assert submission.claim(2) == []
        assert Order.objects.filter(status="submitting").count() == 1

    @pytest.mark.parametrize("all_of_them", [False, True])
    def test_a_claim_that_chose_before_the_pause_leases_nothing_after_it(
        self, north: Publisher, order: Order, all_of_them: bool
    ) -> None:
        """The pause comes between the claim's first look and its lock of the publisher."""
        pause = pausing.pause_all if all_of_them else lambda: pausing.pause(north.pk)
        with run_before(submission, "_next_publisher", lambda: Elsewhere(pause).end()):
            assert submission.claim(1) == []
        assert fresh(order).status == "ready"

    def test_control_a_pause_that_locks_no_publisher_is_followed_by_a_claim(
        self, north: Publisher, order: Order
    ) -> None:
        def careless() -> None:
            breaker.note(paused_at=breaker.clock.now())

        acknowledged: list[bool] = []
        other: list[Elsewhere] = []

        def during() -> None:
            other.append(Elsewhere(careless))
            acknowledged.append(not other[0].waits)

        with run_before(submission, "_lease", during):
            claims = submission.claim(1)
        other[0].end()
        assert acknowledged == [True]  # it was over before the lease, and did not stop it
        assert len(claims) == 1
