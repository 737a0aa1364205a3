"""The databases of the bench: generated once for each size, kept, and copied for every use.

The kept ones are templates that nobody connects to. They stand in ``$BENCH_FOLDER`` (by default
``desk-bench`` among the temporary files); deleting it makes the next run generate them anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from orders.bench.probe import ROOT, Probe
from tests import postgres

VENDORS = ("postgresql", "sqlite")
# As in production: what is measured waits for the disk.
DURABLE = "-c fsync=on -c synchronous_commit=on -c max_connections=200 -c max_wal_size=8GB"
_copies = itertools.count(1)


def folder() -> Path:
    """Return the folder of what is kept, made where it is missing."""
    found = Path(os.environ.get("BENCH_FOLDER") or Path(tempfile.gettempdir()) / "desk-bench")
    found.mkdir(mode=0o711, parents=True, exist_ok=True)
    return found


@contextmanager
def locked(name: str, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a lock that the other runs on this machine respect; ``BlockingIOError`` if it is taken
    and ``how`` does not wait."""
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, how)
        yield


@contextmanager
def server() -> Iterator[None]:
    """Have the kept PostgreSQL running meanwhile; the last of several runs stops it."""
    data = folder() / "postgresql"
    try:
        with locked("users", fcntl.LOCK_SH):
            with locked("databases"):
                _start(data)
            yield
    finally:
        _stop_if_last(data)


def _start(data: Path) -> None:
    if not data.exists():
        postgres.initialise(data)
    if not _alive(data):
        postgres.start(data, options=DURABLE)
        _drop_left_copies()


def _stop_if_last(data: Path) -> None:
    try:
        with locked("users", fcntl.LOCK_EX | fcntl.LOCK_NB), locked("databases"):
            postgres.stop(data, mode="fast")
    except BlockingIOError:
        pass


def _drop_left_copies() -> None:
    """Drop the copies of runs that were killed."""
    with psycopg.connect(_address(folder() / "postgresql"), autocommit=True) as admin:
        found = admin.execute("SELECT datname FROM pg_database WHERE datname LIKE 'scratch%'")
        for (name,) in found.fetchall():
            admin.execute(f'DROP DATABASE "{name}"')


def _alive(data: Path) -> bool:
    try:
        with psycopg.connect(_address(data)):
            return True
    except (OSError, IndexError, psycopg.OperationalError):
        return False


def _address(data: Path, name: str = "postgres") -> str:
    """Return the URL of a database; the port is in the fourth line of PostgreSQL's own file."""
    port = (data / "postmaster.pid").read_text().splitlines()[3]
    return f"postgresql://postgres@127.0.0.1:{port}/{name}"


def ready(vendor: str, orders: int) -> str:
    """Return the URL of the kept database with so many orders, generated where it is missing.

    It is for copying: whoever connects to it keeps others from doing so.
    """
    name = f"bench_{orders}_{_version()}"
    if vendor == "sqlite":
        return _ready_sqlite(name, orders)
    return _ready_postgresql(name, orders)


def _version() -> str:
    """Return what changes with the tables and with what they are filled with."""
    sources = [*ROOT.glob("*/migrations/0*.py"), *(ROOT / "orders" / "bench").glob("data*.py")]
    texts = b"".join(path.read_bytes() for path in sorted(sources))
    return hashlib.sha256(texts).hexdigest()[:8]


def _ready_postgresql(name: str, orders: int) -> str:
    data = folder() / "postgresql"
    url = _address(data, name)
    with psycopg.connect(_address(data), autocommit=True) as admin:
        found = admin.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench%'")
        names = {row[0] for row in found}
        if name in names and _took("postgresql", name).exists():
            return url
        for old in names:
            if old.startswith(f"bench_{orders}_"):
                admin.execute(f'DROP DATABASE "{old}"')
        admin.execute(f'CREATE DATABASE "{name}_making"')
        _fill(f"{url}_making", orders, _took("postgresql", name))
        admin.execute(f'ALTER DATABASE "{name}_making" RENAME TO "{name}"')
    return url


def _ready_sqlite(name: str, orders: int) -> str:
    path = folder() / f"{name}.sqlite3"
    if not (path.exists() and _took("sqlite", name).exists()):
        for old in folder().glob(f"bench_{orders}_*"):
            old.unlink()
        making = folder() / f"{name}.making"
        _fill(f"sqlite:///{making}", orders, _took("sqlite", name))
        with sqlite3.connect(making) as done:
            done.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        done.close()
        making.rename(path)
    return f"sqlite:///{path}"


def _fill(url: str, orders: int, took: Path) -> None:
    with Probe(url) as probe:
        seconds = probe.call("orders.bench.data:fill", orders=orders)
    took.write_text(f"{seconds:.1f}\n", encoding="ascii")


def _took(vendor: str, name: str) -> Path:
    """Return the file that keeps the seconds of a database's generation."""
    return folder() / f"{vendor}_{name}.seconds"


def made(vendor: str, orders: int) -> tuple[float, int]:
    """Return the seconds that generating a kept database took, and its size in bytes."""
    with locked("databases"):
        name = ready(vendor, orders).rpartition("/")[2]
    seconds = float(_took(vendor, name.removesuffix(".sqlite3")).read_text(encoding="ascii"))
    if vendor == "sqlite":
        return seconds, (folder() / name).stat().st_size
    with psycopg.connect(_address(folder() / "postgresql")) as admin:
        row = admin.execute("SELECT pg_database_size(%s)", [name]).fetchone()
    return seconds, int(row[0]) if row else 0


@contextmanager
def scratch(vendor: str, orders: int) -> Iterator[str]:
    """Give the URL of a copy of the kept database, which is dropped afterwards."""
    copy = f"scratch_{os.getpid()}_{next(_copies)}"
    with locked("databases"):
        url = ready(vendor, orders)
        kept = url.rpartition("/")[2]
        if vendor == "sqlite":
            copy += ".sqlite3"
            shutil.copyfile(folder() / kept, folder() / copy)
        else:
            how = f'CREATE DATABASE "{copy}" TEMPLATE "{kept}" STRATEGY file_copy'
            _administer(how)
    try:
        yield f"{url.removesuffix(kept)}{copy}"
    finally:
        if vendor == "sqlite":
            for path in folder().glob(f"{copy}*"):
                path.unlink()
        else:
            _administer(f'DROP DATABASE "{copy}" WITH (FORCE)')


def _administer(statement: str) -> None:
    with psycopg.connect(_address(folder() / "postgresql"), autocommit=True) as admin:
        admin.execute(statement)


def version(vendor: str) -> str:
    """Return the version of a database server or library."""
    if vendor == "sqlite":
        return sqlite3.sqlite_version
    with psycopg.connect(_address(folder() / "postgresql")) as admin:
        row = admin.execute("SHOW server_version").fetchone()
    return str(row[0]) if row else ""
