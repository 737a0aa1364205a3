"""Connections to PostgreSQL: times are read as Django reads them, and nothing is compiled."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection
from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from hypothesis import given
from hypothesis import strategies as st
from psycopg.pq import Format

from fulfillment.postgresql import TimeLoader

TIMESTAMPTZ_OID = 1184
TIMES = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))


class Theirs(BaseTzLoader):
    timezone = UTC


def written(time: datetime, zone: str = "+00") -> bytes:
    """Return a naive time as PostgreSQL writes it, with as many digits as it needs."""
    text = f"{time.year:04}-{time:%m-%d %H:%M:%S}"
    fraction = f"{time.microsecond:06}".rstrip("0")
    return f"{text}{'.' if fraction else ''}{fraction}{zone}".encode()


@given(time=TIMES, zone=st.sampled_from(["+00", "+01", "-05", "+05:30", "+00:19:32"]))
def test_every_time_is_what_django_reads(time: datetime, zone: str) -> None:
    ours, theirs = TimeLoader(0), Theirs(0)
    data = written(time, zone)
    assert ours.load(data) == theirs.load(data)
    assert ours.load(memoryview(data)) == theirs.load(data)
    assert ours.load(data).tzinfo is UTC
    if zone == "+00":
        assert ours.load(data) == time.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "data", [b"infinity", b"10000-01-01 00:00:00+00", b"0044-03-15 00:00:00+00 BC", b"\xff"]
)
def test_what_python_has_no_time_for_is_refused_as_django_refuses_it(data: bytes) -> None:
    with pytest.raises(psycopg.DataError) as ours:
        TimeLoader(0).load(data)
    with pytest.raises(psycopg.DataError) as theirs:
        Theirs(0).load(data)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_connection_reads_times_so_whatever_its_zone() -> None:
    moment = datetime(2026, 11, 22, 18, 58, 55, 84_300, UTC)
    with connection.cursor() as cursor:
        loader = cursor.connection.adapters.get_loader(TIMESTAMPTZ_OID, Format.TEXT)
        assert loader is TimeLoader
        # A cursor of a connection that reads otherwise than Django wants gets Django's own back.
        assert cursor.cursor.adapters.get_loader(TIMESTAMPTZ_OID, Format.TEXT) is TimeLoader
        cursor.execute("SELECT %s::timestamptz", [moment])
        assert cursor.fetchone() == (moment,)
        cursor.execute("SET LOCAL TimeZone = 'America/New_York'")
        cursor.execute("SELECT %s::timestamptz::text, %s::timestamptz", [moment, moment])
        text, there = cursor.fetchone()
    assert text == "2026-11-22 13:58:55.0843-05"
    assert there == moment


@pytest.mark.postgres
@pytest.mark.django_db
def test_nothing_is_compiled_at_run_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit_above_cost = 0")
        cursor.execute("EXPLAIN ANALYZE SELECT count(*) FROM orders_order")
        assert "JIT" not in str(cursor.fetchall())
        # The control: a server that can would compile it.
        cursor.execute("SET LOCAL jit = on")
        cursor.execute("SELECT pg_jit_available()")
        (can,) = cursor.fetchone()
        cursor.execute("EXPLAIN ANALYZE SELECT count(*) FROM orders_order")
        assert ("JIT" in str(cursor.fetchall())) == can
