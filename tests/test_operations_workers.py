"""Real workers that are stopped in a call, or started under another key: nothing is lost.

The sandbox runs in the test's own process; its log is the second witness.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django_q.models import OrmQ

from orders import status
from orders.chaos.processes import descendants
from orders.models import Order
from orders.trepstar.sandbox import Sandbox
from orders.trepstar.sandbox_server import SandboxServer
from products.models import Product, Publisher
from tests import base
from tests.gateway_cast import NORTH, TrepStar, fresh

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.cluster, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def north(transactional_db: None) -> Publisher:
    return base.northlight()


@pytest.fixture
def trepstar() -> Iterator[TrepStar]:
    sandbox = Sandbox([NORTH], pace=3600)
    with SandboxServer(sandbox) as server:
        yield TrepStar(sandbox, server)
    sandbox.close()


def environment(trepstar: TrepStar, **more: str) -> dict[str, str]:
    """Return the environment of a worker: this test's database and gateway, and short waits."""
    found = connection.settings_dict
    address = f"sqlite:///{Path(found['NAME']).resolve()}"
    if connection.vendor == "postgresql":
        host = f"{found['USER']}@{found['HOST']}:{found['PORT']}"
        address = f"postgresql://{host}/{found['NAME']}"
    return {
        **{k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"},
        "DATABASE_URL": address,
        "TREPSTAR_URL": trepstar.url,
        "TREPSTAR_TIMEOUT": "5",
        "LEASE_SECONDS": "6",
        "SWEEP_SECONDS": "0.5",
        "ASK_AFTER_SECONDS": "1,2",
        "Q_WORKERS": "1",
        "WORKER_NICE": "0",
        **more,
    }


@pytest.fixture
def start(trepstar: TrepStar, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start ``manage.py qworker``, with other settings where they are given."""
    running = []

    def start(**more: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "log").open("ab") as log:
            running.append(
                subprocess.Popen(
                    [sys.executable, "manage.py", "qworker"],
                    cwd=ROOT,
                    env=environment(trepstar, **more),
                    stdout=log,
                    stderr=log,
                )
            )
        return running[-1]

    yield start
    for process in running:
        process.terminate()
        process.wait(40)


def until(true: Callable[[], Any], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.1)


def test_a_worker_that_is_stopped_in_the_middle_of_a_call_finishes_it(
    north: Publisher, film: Product, trepstar: TrepStar, start: Any
) -> None:
    order = base.place(north, (film, 1))
    trepstar.sandbox.latency = 2.0
    worker = start()
    until(lambda: fresh(order).status == status.SUBMITTING and fresh(order).attempts)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert (fresh(order).status, fresh(order).attempts) == (status.ACCEPTED, 1)
    assert trepstar.accepted(order.invoice) == 1


def test_orders_whose_tasks_were_signed_with_an_old_secret_key_go_out_by_the_sweep(
    north: Publisher, film: Product, trepstar: TrepStar, start: Any
) -> None:
    base.store(north)
    base.product(north, "66760", skus=["VTD234-100"])
    for _ in range(3):
        assert base.deliver(base.order_body()).json()["outcome"] == "created"
    assert OrmQ.objects.count() == 3
    start(SECRET_KEY="another-key-" * 5)
    until(lambda: not Order.objects.exclude(status__in=status.AT_GATEWAY).exists())
    invoices = Order.objects.values_list("invoice", flat=True)
    assert [trepstar.accepted(invoice) for invoice in invoices] == [1, 1, 1]


def test_clusters_stand_back_behind_the_web_server(start: Any) -> None:
    watchdog = start(WORKER_NICE="7")
    until(lambda: len(list(descendants(watchdog.pid))) >= 4)
    own = os.getpriority(os.PRIO_PROCESS, watchdog.pid)
    ranks = {os.getpriority(os.PRIO_PROCESS, pid) for pid in descendants(watchdog.pid)}
    assert ranks == {min(own + 7, 19)}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_a_watchdog_that_is_killed_leaves_no_worker_behind(
    north: Publisher, film: Product, start: Any
) -> None:
    order = base.place(north, (film, 1))
    watchdog = start()
    until(lambda: fresh(order).status == status.ACCEPTED)
    family = list(descendants(watchdog.pid))
    assert len(family) >= 4  # the cluster, its sentinel, its worker and its monitor at least
    watchdog.kill()
    until(lambda: not any(is_running(pid) for pid in family), seconds=10)


def is_running(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"
