"""Moments in the reader's words: "3 hours ago", "today 14:05"; the exact time on hover."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

MINUTE, HOUR = 60, 3600
HOURS_THAT_ARE_COUNTED = 6
DAYS_THAT_ARE_COUNTED = 6


def ago(moment: date | datetime | None) -> SafeString | str:
    """Return a moment or a day as ``<time>``, told from now; blank for none."""
    if moment is None or moment == "":
        return ""
    if isinstance(moment, datetime):
        exact = timezone.localtime(moment)
        told = in_words(moment, timezone.now())
        return _time(exact.isoformat(), f"{exact:%Y-%m-%d %H:%M:%S %Z}", told)
    return _time(moment.isoformat(), moment.isoformat(), _day(moment, timezone.localdate()))


def _time(iso: str, exact: str, told: str) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, exact, told)


def in_words(moment: datetime, now: datetime) -> str:
    """Return when ``moment`` is, seen from ``now``: past and future alike."""
    seconds = (now - moment).total_seconds()
    far, past = abs(seconds), seconds >= 0
    if far < MINUTE:
        return "just now" if past else "in a moment"
    if far < HOUR:
        return _counted(int(far // MINUTE), "minute", past)
    if far < HOURS_THAT_ARE_COUNTED * HOUR:
        return _counted(int(far // HOUR), "hour", past)
    here = timezone.localtime(moment)
    day = _day(here.date(), timezone.localtime(now).date())
    return day if day.endswith("ago") or day.startswith("in ") else f"{day} {here:%H:%M}"


def _counted(count: int, unit: str, past: bool) -> str:
    told = f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{told} ago" if past else f"in {told}"


def _day(day: date, today: date) -> str:
    apart = (today - day) // timedelta(days=1)
    near = {0: "today", 1: "yesterday", -1: "tomorrow"}
    if apart in near:
        return near[apart]
    if abs(apart) <= DAYS_THAT_ARE_COUNTED:
        return _counted(abs(apart), "day", apart > 0)
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b %Y}"
