"""What PostgreSQL and SQLite say differently where the large tables are filled. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """How one vendor says what the other says differently; each function takes an expression."""

    before: tuple[str, ...]
    indexes: str
    numbers: Callable[[int], str]
    at: Callable[[str], str]
    json: Callable[[str], str]
    uuid: Callable[[str], str]
    binary: Callable[[str], str]
    after: Callable[[str], str]
    analyze: str


_POSTGRESQL = Dialect(
    before=(
        "SET maintenance_work_mem = '512MB'",
        "SET work_mem = '128MB'",
        "SET synchronous_commit = off",
        # The rows are right by construction: no look-up of each foreign key.
        "SET session_replication_role = replica",
    ),
    indexes="""
        SELECT indexname, indexdef FROM pg_indexes
        WHERE tablename = %s AND schemaname = 'public' AND NOT EXISTS (
            SELECT FROM pg_constraint WHERE conindid = format('%%I', indexname)::regclass)
    """,
    numbers=lambda most: f"n(i) AS (SELECT generate_series(1::bigint, {most}))",
    at=lambda seconds: f"to_timestamp({seconds})",
    json=lambda text: f"CAST({text} AS jsonb)",
    uuid=lambda number: f"lpad(to_hex({number}), 32, '0')::uuid",
    binary=lambda text: f"convert_to({text}, 'UTF8')",
    after=lambda table: (
        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
    ),
    analyze="VACUUM ANALYZE",
)
_SQLITE = Dialect(
    before=(
        "PRAGMA foreign_keys = OFF",
        "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = -500000",
        "PRAGMA temp_store = MEMORY",
    ),
    indexes="""
        SELECT name, sql FROM sqlite_master
        WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = %s
    """,
    numbers=lambda most: f"n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})",  # noqa: S608
    at=lambda seconds: f"datetime({seconds}, 'unixepoch')",
    json=lambda text: text,
    uuid=lambda number: f"printf('%032x', {number})",
    binary=lambda text: f"CAST({text} AS BLOB)",
    after=lambda table: "SELECT 1",
    analyze="ANALYZE",
)


def dialect(vendor: str) -> Dialect:
    return _POSTGRESQL if vendor == "postgresql" else _SQLITE
