"""Measuring: ways interleaved round by round, medians of paired ratios, statements, memory."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from django.db import connection
from django.test.utils import CaptureQueriesContext

TICKS = os.sysconf("SC_CLK_TCK")


def interleaved(rounds: int, **ways: Callable[[], object]) -> dict[str, list[float]]:
    """Call every way once a round, forwards and backwards in turn; return the seconds of each.

    A way that returns a ``float`` has measured its seconds itself. Each is called once before, so
    that no first call is measured.
    """
    for do in ways.values():
        do()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        names = list(ways) if number % 2 == 0 else list(reversed(ways))
        for name in names:
            seconds[name].append(timed(ways[name]))
    return seconds


def timed(do: Callable[[], object]) -> float:
    """Return the seconds that a call took, or those that it measured itself."""
    began = time.perf_counter()
    result = do()
    took = time.perf_counter() - began
    return result if isinstance(result, float) else took


def ratio(seconds: Mapping[str, Sequence[float]], of: str, to: str) -> float:
    """Return the median of the per-round ratios of two ways: noise that hits a round hits both."""
    return median(a / b for a, b in zip(seconds[of], seconds[to], strict=True))


def statements(do: Callable[[], object]) -> int:
    """Return how many SQL statements a call makes, BEGIN, COMMIT and savepoints among them."""
    with CaptureQueriesContext(connection) as captured:
        do()
    return len(captured)


def peak_rss_mb() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its PostgreSQL backend so far.

    They are far steadier than elapsed time on a machine that does something else as well.
    """
    if connection.vendor != "postgresql":
        return time.process_time()
    connection.ensure_connection()
    return time.process_time() + cpu_seconds_of(connection.connection.info.backend_pid)


def cpu_seconds_of(pid: int) -> float:
    """Return the CPU seconds of another process of one thread: to the nanosecond where the kernel
    tells that, else in its ticks of 10 ms."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
