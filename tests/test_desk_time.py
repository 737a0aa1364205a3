"""Moments in the reader's words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from products import moments
from products.moments import ago, in_words

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (5 * 3600, "5 hours ago"),
        (6 * 3600, "today 08:30"),
        (14 * 3600, "today 00:30"),
        (15 * 3600, "yesterday 23:30"),
        (2 * 86400, "2 days ago"),
        (6 * 86400, "6 days ago"),
        (7 * 86400, "13 Nov 14:30"),
        (400 * 86400, "16 Oct 2025 14:30"),
        (-1, "in a moment"),
        (-60, "in 1 minute"),
        (-2 * 3600, "in 2 hours"),
        (-7 * 3600, "today 21:30"),
        (-12 * 3600, "tomorrow 02:30"),
        (-3 * 86400, "in 3 days"),
        (-30 * 86400, "20 Dec 14:30"),
        (-60 * 86400, "19 Jan 2027 14:30"),
    ],
)
def test_a_moment_is_told_from_now(seconds: int, told: str) -> None:
    assert in_words(NOW - timedelta(seconds=seconds), NOW) == told


@override_settings(TIME_ZONE="America/New_York")
def test_days_are_those_of_the_desk() -> None:
    with timezone.override("America/New_York"):
        # 03:00 UTC is 22:00 of the day before in New York.
        assert in_words(datetime(2026, 11, 20, 3, 0, tzinfo=UTC), NOW) == "yesterday 22:00"


def test_the_exact_time_is_on_hover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments.timezone, "now", lambda: NOW)
    assert ago(NOW - timedelta(hours=3)) == (
        '<time datetime="2026-11-20T11:30:00+00:00" title="2026-11-20 11:30:00 UTC">'
        "3 hours ago</time>"
    )


def test_a_day_has_no_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments.timezone, "localdate", lambda: NOW.date())
    day = '<time datetime="{0}" title="{0}">{1}</time>'
    for one, told in {
        date(2026, 11, 20): "today",
        date(2026, 11, 19): "yesterday",
        date(2026, 11, 16): "4 days ago",
        date(2026, 10, 1): "1 Oct",
        date(2025, 10, 1): "1 Oct 2025",
    }.items():
        assert ago(one) == day.format(one.isoformat(), told)


def test_no_moment_is_blank() -> None:
    assert (ago(None), ago("")) == ("", "")  # type: ignore[arg-type]
