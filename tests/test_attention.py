"""What waits for a person: each reason, the order of the queue, its counts and its pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders import attention, desk, lifecycle, news, reasons, status
from orders.attention import Key, Place
from orders.lifecycle import NotNow
from orders.models import Delivery, Order
from orders.models.order_indexes import NOT_KNOWN
from tests import admin_cast as cast
from tests import attention_cast as queue
from tests import base
from tests.attention_cast import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Desk:
    return Desk()


def listed(room: Desk, reason: str = "") -> list[Any]:
    place = Place([room.publisher.pk], reason)
    return attention.page(place, timezone.now(), 100)[0]


def counted(room: Desk) -> dict[str, int]:
    found = attention.counts(room.user, [room.publisher.pk], timezone.now())
    return {slug: count for slug, count in found.items() if count}


def test_there_is_a_reason_for_every_hold_and_every_status_that_needs_attention() -> None:
    assert set(status.HOLD_REASONS) < set(reasons.REASONS)
    assert status.NEEDS_ATTENTION - {status.HELD} < set(reasons.REASONS)
    assert set(reasons.conditions(timezone.now())) | set(reasons.OF_DELIVERIES) == set(
        reasons.REASONS
    )


def test_all_that_waits_stands_in_one_queue_oldest_first(room: Desk) -> None:
    rows = room.one_of_each()
    room.ready()
    cast.put(room.ready(), "shipped", not_found=3)
    base.deliver(base.order_body(name="#2"))
    assert listed(room) == list(rows.values())


def test_each_reason_lists_its_own_rows_and_counts_them(room: Desk) -> None:
    rows = room.one_of_each()
    for reason, row in rows.items():
        assert listed(room, reason) == [row], reason
    assert counted(room) == {"": 15, **dict.fromkeys(rows, 1)}


def test_the_words_and_the_list_agree_on_why_each_row_waits(room: Desk) -> None:
    rows = room.one_of_each()
    now = timezone.now()
    for row in listed(room):
        if isinstance(row, Order):
            (found,) = reasons.reasons_of(row, now)
            assert rows[found.slug] == row


def test_an_order_of_two_reasons_stands_once_and_under_both(room: Desk) -> None:
    order = cast.put(room.ready(), "accepted", not_found=3, flag="Look.")
    assert listed(room) == listed(room, "not_known") == listed(room, "flagged") == [order]
    assert counted(room) == {"": 1, "not_known": 1, "flagged": 1}
    found = reasons.reasons_of(listed(room)[0], timezone.now())
    assert [one.slug for one in found] == ["not_known", "flagged"]


def test_a_hold_that_ends_by_itself_waits_for_nobody_and_is_listed_apart(room: Desk) -> None:
    order = room.later()
    assert listed(room) == []
    assert listed(room, "staff") == []
    assert listed(room, "later") == [order]
    assert counted(room) == {"later": 1}


def test_an_order_is_unclear_for_long_from_the_second_answer_that_is_overdue(room: Desk) -> None:
    order = queue.unclear(room.ready(), minutes=0)
    place = Place([room.publisher.pk])
    overdue = order.unclear_since + timedelta(seconds=settings.ASK_AFTER_SECONDS[1])
    just_before = overdue - timedelta(microseconds=1)
    assert attention.page(place, just_before, 10)[0] == []
    rows = attention.page(place, overdue, 10)[0]
    assert rows == [order]
    assert [one.slug for one in reasons.reasons_of(rows[0], just_before)] == []
    assert [one.slug for one in reasons.reasons_of(rows[0], overdue)] == ["unclear"]


def test_an_order_that_is_unclear_anew_waits_at_once(room: Desk) -> None:
    order = queue.unclear(room.ready(), minutes=0, rounds=2)
    assert listed(room, "unclear") == [order]
    told = reasons.why(order, reasons.REASONS["unclear"])
    assert told == "It was sent again, and it is not known whether it arrived."


def test_trouble_that_was_answered_by_a_new_box_waits_no_longer(room: Desk) -> None:
    trouble = cast.put(room.ready(), "problem", gateway_error_text="Bad address")
    (box,) = desk.reship(trouble.pk, actor=lifecycle.WORKER, reason="Moved.")
    assert listed(room) == [box]
    Order.objects.filter(pk=trouble.pk).update(flag="It came back.")
    rows = listed(room)
    assert rows == [trouble, box]
    assert [one.slug for one in reasons.reasons_of(rows[0], timezone.now())] == ["flagged"]


def test_it_is_told_of_an_unknown_order_as_often_as_the_asking_flags_it(room: Desk) -> None:
    assert news.MISSES_UNTIL_FLAG == 3
    order = cast.put(room.ready(), "processing", not_found=2)
    assert listed(room) == []
    Order.objects.filter(pk=order.pk).update(not_found=3)
    assert listed(room) == [order]


def test_the_database_and_the_order_agree_on_what_trepstar_no_longer_knows(room: Desk) -> None:
    order = room.ready()
    known = []
    for here in status.MEANING:
        for misses in (2, 3):
            values = {"status": here, "not_found": misses, "hold_reason": "staff"}
            Order.objects.filter(pk=order.pk).update(**values)
            order.refresh_from_db()
            assert Order.objects.filter(NOT_KNOWN).exists() == order.not_known, (here, misses)
            known += [here] if order.not_known else []
    assert known == ["accepted", "awaiting_payment", "processing", "problem"]


def test_a_delivery_whose_body_was_erased_waits_no_longer(room: Desk) -> None:
    delivery = queue.unmatched("NEW-1")
    assert listed(room) == [delivery]
    Delivery.objects.update(body=None)
    assert listed(room) == []


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("staff", "Noted for staff."),
        ("address", "The address is missing or incomplete."),
        (
            "refused",
            "TrepStar refused it: 000013 Name was blank. "
            "The recipient has no name. Enter one and release the order.",
        ),
        ("problem", "TrepStar reports: Bad address"),
        ("unclear", "It was sent, and it is not known whether it arrived."),
        ("not_known", "TrepStar accepted it, and did not know it the 3 times it was asked."),
        ("flagged", "The name changed."),
    ],
)
def test_why_it_waits_is_told_in_plain_words(room: Desk, reason: str, text: str) -> None:
    row = room.one_of_each()[reason]
    found = attention.findings_of(row)
    assert reasons.why(row, reasons.REASONS[reason], found) == text


# The order of the queue


def test_pages_follow_one_another_and_leave_nothing_out(room: Desk) -> None:
    rows = list(room.one_of_each().values())
    place = Place([room.publisher.pk])
    seen: list[Any] = []
    more = True
    while more:
        found, more = attention.page(place, timezone.now(), 4)
        seen += found
        place = Place(place.publishers, start=attention.key_of(found[-1]))
    assert seen == rows


def test_rows_of_one_moment_keep_their_order_across_pages(room: Desk) -> None:
    rows = room.one_of_each()
    at = timezone.now()
    Order.objects.update(created_at=at)
    Delivery.objects.update(received_at=at)
    same = sorted(rows.values(), key=lambda row: (isinstance(row, Order), row.pk))
    assert listed(room) == same
    for number, row in enumerate(same):
        row.refresh_from_db()
        start = attention.key_of(row)
        after = Place([room.publisher.pk], start=start)
        assert attention.page(after, at, 100)[0] == same[number + 1 :]
        onwards = Place([room.publisher.pk], start=start, inclusive=True)
        assert attention.page(onwards, at, 100)[0] == same[number:]


def test_a_key_is_read_as_it_was_written(room: Desk) -> None:
    key = attention.key_of(room.ready())
    assert Key.read(str(key)) == key


@pytest.mark.parametrize(
    "text",
    ["", "1", "1-o", "x-o-1", "1-x-1", "1-o-1 ", "²-o-1", "1-o-1-1", "\x00", "9" * 18 + "-o-1",
     "1-o-" + "9" * 19, "\ud800"],
)  # fmt: skip
def test_a_spoilt_key_is_none(text: str) -> None:
    assert Key.read(text) is None


# Counts


def test_a_count_stops_at_a_hundred(room: Desk) -> None:
    template = queue.held(room.publisher, room.film, "staff")
    values = Order.objects.filter(pk=template.pk).values().get()
    del values["id"]
    Order.objects.bulk_create(Order(**{**values, "invoice": f"N-{n}"}) for n in range(105))
    assert counted(room) == {"": 100, "staff": 100}


def test_counts_are_one_statement(room: Desk) -> None:
    room.one_of_each()
    with CaptureQueriesContext(
        connection,
    ) as found:
        attention.counts(room.user, [room.publisher.pk], timezone.now())
    assert len(found) == 1


def test_whoever_has_no_publisher_has_nothing_to_count(room: Desk) -> None:
    room.one_of_each()
    assert set(attention.counts(room.user, [], timezone.now()).values()) == {0}
    assert attention.page(Place([]), timezone.now(), 25) == ([], False)


# Putting away


def test_a_delivery_that_cannot_be_used_is_put_away_with_a_note(room: Desk) -> None:
    delivery = queue.quarantined()
    before = delivery.reason
    attention.put_away(delivery.pk, who="ana", note="Made by hand.")
    delivery.refresh_from_db()
    assert delivery.outcome == "ignored"
    assert delivery.reason == f"Put away by ana: Made by hand. It was set aside with: {before}"
    assert listed(room) == []


def test_without_a_note_it_is_not_put_away_and_nothing_changed(room: Desk) -> None:
    delivery = queue.quarantined()
    with pytest.raises(NotNow, match="Say why the delivery is put away"):
        attention.put_away(delivery.pk, who="ana", note="")
    assert Delivery.objects.get().outcome == "quarantined"


def test_only_what_was_set_aside_is_put_away(room: Desk) -> None:
    delivery = queue.unmatched("NEW-1")
    before = Delivery.objects.values().get()
    with pytest.raises(NotNow, match="The delivery is unmatched by now"):
        attention.put_away(delivery.pk, who="ana", note="Made by hand.")
    assert Delivery.objects.values().get() == before
