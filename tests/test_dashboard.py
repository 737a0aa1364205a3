"""The dashboard counts what it says, and every number leads to exactly the rows behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from orders import clock
from orders.models import Delivery, Gateway, Heartbeat, Order
from products.models import Publisher
from tests import admin_cast as cast
from tests import base
from tests import dashboard_cast as day
from tests.dashboard_cast import World, board, numbers, rows_behind

pytestmark = pytest.mark.django_db

TILES = {
    "new orders today": 6, "deliveries today": 5, "to be sent": 3, "being sent": 1, "unclear": 3,
    "awaiting payment": 2, "in production": 5, "accepted": 4, "shipped today": 6,
}  # fmt: skip
ATTENTION = [
    (1, "Held by staff"),
    (1, "Waits for a release"),
    (1, "Unknown SKU"),
    (1, "Address"),
    (1, "Quantity"),
    (1, "Not fit to send"),
    (1, "Invoice collision"),
    (2, "The desk failed"),
    (1, "Refused"),
    (1, "Trouble at TrepStar"),
    (1, "Unclear for long"),
    (6, "Note"),
    (4, "Unmatched delivery"),
    (1, "Delivery set aside"),
]


@pytest.fixture
def world() -> World:
    return World()


def tiles(shown: Any) -> dict[str, int]:
    figures = [figure for tile in shown.tiles for figure in (tile.main, *tile.notes)]
    return {figure.label: figure.count for figure in figures}


def attention(shown: Any) -> list[tuple[int, str]]:
    return [(one.count, one.label) for one in shown.attention]


def numbers_of_attention(client: Client, wanted: object = "") -> dict[str, str]:
    """Return the dashboard's numbers of what needs attention, as they are read there."""
    shown = board(client, wanted)
    return {"All": shown.in_attention.told, **{one.label: one.told for one in shown.attention}}


def numbers_of_the_queue(client: Client, wanted: object = "") -> dict[str, str]:
    """Return the numbers of the queue's tabs."""
    page = client.get("/admin/attention/", {"publisher": wanted} if wanted else {})
    return {tab["label"]: tab["count"] for tab in page.context["tabs"]}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_each_number_counts_the_publishers_own_rows(world: World) -> None:
    shown = board(world.client)
    assert tiles(shown) == TILES
    assert attention(shown) == ATTENTION
    # 9 held, 3 refused, in trouble and unclear, 5 that have a note only, and 5 deliveries.
    assert (shown.in_attention.count, shown.in_attention.label) == (
        22, "orders and deliveries wait for a person"
    )  # fmt: skip
    assert [(one.name, one.figure.count) for one in shown.skus] == [
        ("MUG-1", 2), ("MUG-2", 1), ("POSTER", 1)
    ]  # fmt: skip
    assert shown.skus_in_all.count == 3
    assert [(one.publisher.name, one.calls, one.calls_limit) for one in shown.accounts] == [
        ("Northlight Films", 2, 950)
    ]
    assert [one.domain for one in shown.shops] == ["northlight.myshopify.com"]


@pytest.mark.parametrize("who", ["client", "boss"])
@pytest.mark.parametrize("switched", [False, True])
def test_every_number_leads_to_exactly_that_many_rows(
    world: World, who: str, switched: bool
) -> None:
    client = getattr(world, who)
    found = numbers(client, world.ours.pk if switched else "")
    labels = {label for label, _, _ in found}
    assert set(TILES) <= labels
    assert {label for _, label in ATTENTION} <= labels
    for label, number, address in found:
        if label == "SKUs are not known here":
            # They lead to the deliveries that wait for them.
            assert rows_behind(client, address) == (4 if who == "client" or switched else 12)
        else:
            assert rows_behind(client, address) == number, (label, address)
    addresses = {address.split("?")[1] for _, _, address in found if "/attention/?" in address}
    of = f"&publisher={world.ours.pk}" if switched and who == "boss" else ""
    assert {f"reason=address{of}", f"reason=quarantined{of}"} <= addresses
    # Also those of the chart's table and of the status calls, which have no label of their own.
    assert len([1 for label, _, _ in found if not label]) >= 9


def test_the_oldest_waiting_order_is_named_and_linked(world: World) -> None:
    waits = Order.objects.filter(publisher=world.ours, hold_reason="internal").order_by("pk")[0]
    day.orders(world.ours, 1, "processing", made=timedelta(days=90))
    shown = board(world.client).waiting
    assert (shown.order.pk, shown.link) == (waits.pk, cast.page(waits))
    assert shown.since == waits.created_at
    Order.objects.filter(publisher=world.ours).update(status="shipped")
    assert board(world.client).waiting is None
    assert "Every order is with TrepStar." in cast.html(world.client.get("/admin/"))


@pytest.mark.parametrize("who", ["client", "boss"])
@pytest.mark.parametrize("switched", [False, True])
def test_what_needs_attention_has_the_numbers_of_the_queue(
    world: World, who: str, switched: bool
) -> None:
    """Also of a hold that ends by itself, trouble that was answered, and an erased delivery."""
    client, wanted = getattr(world, who), world.ours.pk if switched else ""
    before = numbers_of_attention(client, wanted)
    assert before == numbers_of_the_queue(client, wanted)
    until = timezone.now() + timedelta(days=3)
    Order.objects.filter(publisher=world.ours, hold_reason="staff").update(hold_until=until)
    trouble = Order.objects.get(publisher=world.ours, status="problem")
    trouble.events.create(kind="order.reshipped", actor_kind="worker")
    Order.objects.filter(pk=trouble.pk).update(flag="")
    Delivery.objects.filter(store=world.our_store, outcome="quarantined").update(body=None)
    after = numbers_of_attention(client, wanted)
    assert after == numbers_of_the_queue(client, wanted)
    gone = {label: int(before[label]) - int(after.get(label, "0")) for label in before}
    assert {label: count for label, count in gone.items() if count} == {
        "All": 3, "Held by staff": 1, "Trouble at TrepStar": 1, "Note": 1, "Delivery set aside": 1
    }  # fmt: skip
    assert after["Held until a date"] == "1"


def test_above_99_the_dashboard_says_what_the_queue_says(world: World) -> None:
    day.orders(world.ours, 99 - 1, "held", hold_reason="staff")
    assert numbers_of_attention(world.client)["Held by staff"] == "99"
    day.orders(world.ours, 1, "held", hold_reason="staff")
    found = numbers_of_attention(world.client)
    assert (found["All"], found["Held by staff"], found["Address"]) == ("99+", "99+", "1")
    assert found == numbers_of_the_queue(world.client)
    text = cast.html(world.client.get("/admin/"))
    address = "/admin/attention/?reason=staff"
    figure = f'href="{address}"><b>99+</b> <span>Held by staff</span></a>'
    assert figure in text
    assert rows_behind(world.client, address) == 100


def test_a_person_of_one_publisher_never_sees_anothers_numbers(world: World) -> None:
    both = board(world.boss)
    assert tiles(both) == {label: 3 * count for label, count in TILES.items()}
    assert attention(both) == [(3 * count, label) for count, label in ATTENTION]
    assert [one.name for one in both.scope.mine] == ["Northlight Films", "Southwind Records"]
    assert [(one.name, one.publisher, one.figure.count) for one in both.skus] == [
        ("MUG-1", "Southwind Records", 4),
        ("MUG-1", "Northlight Films", 2),
        ("MUG-2", "Southwind Records", 2),
        ("POSTER", "Southwind Records", 2),
        ("MUG-2", "Northlight Films", 1),
    ]
    assert both.skus_in_all.count == 6
    text = cast.html(world.client.get("/admin/"))
    for mark in ("Southwind", "southwind", "SOUTH", "70001"):
        assert mark not in text


def test_the_switch_shows_one_publisher_and_a_foreign_one_is_not_there(world: World) -> None:
    theirs = board(world.boss, world.theirs.pk)
    assert tiles(theirs) == {label: 2 * count for label, count in TILES.items()}
    assert [(one.label, one.chosen) for one in theirs.switch] == [
        ("All", False), ("Northlight Films", False), ("Southwind Records", True)
    ]  # fmt: skip
    ours = world.client.get("/admin/", {"publisher": world.ours.pk})
    assert tiles(ours.context["board"]) == TILES
    assert ours.context["board"].switch == []
    for wanted in (world.theirs.pk, 10**30, "0", "x", "\0", "\ud800".encode("utf-8", "replace")):
        assert world.client.get("/admin/", {"publisher": wanted}).status_code == 404


def test_many_publishers_are_chosen_from_a_list(world: World) -> None:
    for number in range(9):
        Publisher.objects.create(
            publisher_id=f"8{number}", name=f"P{number}", login_email=f"p{number}@x.example"
        )
    text = cast.html(world.boss.get("/admin/", {"publisher": world.ours.pk}))
    assert f'<option value="{world.ours.pk}" selected>Northlight Films</option>' in text
    assert '<option value="">All</option>' in text


def test_strangers_are_sent_to_the_door_and_nothing_is_posted(world: World) -> None:
    answer = Client().get("/admin/")
    assert (answer.status_code, answer.url) == (302, "/admin/login/?next=/admin/")
    outsider = User.objects.create_user("olga", password=cast.PASSWORD)
    assert cast.signed_in(outsider).get("/admin/").status_code == 302
    before = cast.state()
    for method in ("post", "put", "delete", "patch"):
        assert getattr(world.client, method)("/admin/").status_code == 405, method
    assert cast.state() == before


def test_looking_changes_nothing(world: World) -> None:
    before = cast.state(), list(Delivery.objects.order_by("pk").values())
    board(world.boss)
    assert (cast.state(), list(Delivery.objects.order_by("pk").values())) == before


@pytest.mark.parametrize("model", ["order", "delivery", "store", "call", "publisher", "gateway"])
def test_what_one_may_not_view_is_not_there(world: World, model: str) -> None:
    user = cast.colleague("nina", world.ours, may="view")
    user.user_permissions.remove(user.user_permissions.get(codename=f"view_{model}"))
    client = cast.signed_in(user)
    text = cast.html(client.get("/admin/"))
    title = {
        "order": "board-attention-title",
        "delivery": "Unknown SKUs",
        "store": "board-shops-title",
        "call": "Status calls in 24 hours",
        "publisher": "Publishers at TrepStar",
        "gateway": "<dt>TrepStar</dt>",
    }[model]
    assert title in cast.html(world.client.get("/admin/"))
    assert title not in text
    for _, number, address in numbers(client):
        if "unknown_sku=any" not in address:
            assert rows_behind(client, address) == number
    for address in {href.split("?")[0] for _, _, href in numbers(client)}:
        assert f"/{model}/" not in address


def test_a_colleague_without_a_role_is_told_so(world: World) -> None:
    text = cast.html(cast.signed_in(cast.colleague("noel", world.ours, may=[])).get("/admin/"))
    assert "You may not view or change anything yet." in text
    assert "board-figure" not in text
    assert "NORTH" not in text


@pytest.mark.parametrize(
    ("zone", "now", "first", "end"),
    [
        # In New York it is the evening before.
        ("America/New_York", "2026-07-10 00:30", "2026-07-09 04:00", "2026-07-10 04:00"),
        # The day on which summer time ends has 25 hours.
        ("Europe/Oslo", "2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00"),
        ("UTC", "2026-07-10 12:00", "2026-07-10 00:00", "2026-07-11 00:00"),
    ],
)
def test_today_is_the_day_of_the_desks_time_zone(
    settings: Any, monkeypatch: pytest.MonkeyPatch, zone: str, now: str, first: str, end: str
) -> None:
    settings.TIME_ZONE = zone
    monkeypatch.setattr(clock, "now", lambda: utc(now))
    second = timedelta(seconds=1)
    publisher = base.northlight()
    store = base.store(publisher)
    for at in (utc(first) - second, utc(first), utc(end) - second):
        day.orders(publisher, 1, "shipped", made=at, shipped_at=at)
        day.deliveries(store, at)
    client = cast.signed_in(cast.colleague("vera", publisher, may="view"))
    found = tiles(board(client))
    assert found["new orders today"] == 2
    assert found["deliveries today"] == 2
    assert found["shipped today"] == 2
    assert [bar.count for bar in board(client).chart.bars][-2:] == [1, 2]
    for label, number, address in numbers(client):
        assert rows_behind(client, address) == number, label


def test_the_chart_has_thirty_days_drawn_and_written(world: World) -> None:
    response = world.client.get("/admin/")
    shown = response.context["board"].chart
    today = timezone.localdate()
    assert [bar.day for bar in shown.bars] == [
        today - timedelta(days=ago) for ago in reversed(range(30))
    ]
    counts = {(today - bar.day).days: bar.count for bar in shown.bars if bar.count}
    assert counts == {0: 6, 1: 6, 2: 2, 3: 6, 5: 1, 6: 5, 9: 2, 20: 6}
    assert (shown.total, shown.most) == (34, 6)
    assert [bar.height for bar in shown.bars if bar.count == 6] == [100] * 4
    text = cast.html(response)
    assert text.count('<rect class="bar') == 30
    assert (
        '<svg viewBox="0 0 596 100" preserveAspectRatio="none" role="img" aria-label="34 ' in text
    )
    assert "style=" not in text
    for bar in shown.bars:
        assert f'<th scope="row">{bar.day:%a}, {bar.day.day} {bar.day:%b %Y}</th>' in text


def test_the_state_of_the_account_the_gateway_and_the_workers_is_told(world: World) -> None:
    ago = timezone.now() - timedelta(hours=3, minutes=5)
    text = cast.html(world.client.get("/admin/"))
    assert '<span class="badge badge-ready">not checked yet</span>' in text
    assert '<span class="badge badge-shipped">answers</span>' in text
    assert '<span class="badge badge-shipped">running</span>' in text
    assert "paused" not in text
    Publisher.objects.filter(pk=world.ours.pk).update(
        login_refused_at=ago, paused_at=ago, paused_note="Stock-taking."
    )
    Gateway.objects.update(open_since=ago, paused_at=ago)
    Heartbeat.objects.update(beat_at=ago)
    shown = board(world.client)
    account, rest = shown.accounts[0], shown.machinery
    assert (account.login, account.login_since) == ("refused", ago)
    assert (account.paused, rest.paused) == (ago, ago)
    assert (rest.gateway, rest.gateway_since) == ("does not answer", ago)
    assert (rest.beat, rest.beat_late) == (ago, True)
    text = cast.html(world.client.get("/admin/"))
    assert text.count(">3 hours ago</time>") == 5
    for told in ("Stock-taking.", "paused for all", ">silent</span>"):
        assert told in text
    Heartbeat.objects.all().delete()
    assert "never seen</span>" in cast.html(world.client.get("/admin/"))
