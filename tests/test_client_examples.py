"""The examples of docs/examples, each run against a desk that answers on a socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from orders import outgoing
from orders.models import Order
from products.models import Publisher
from products.secret import Secret
from tests import api_cast, base

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
SECRET = "whsec_" + "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="


def php() -> list[str]:
    """The program that runs PHP, if it is here with its curl."""
    found = shutil.which("php")
    if not found:
        pytest.skip("php is not installed")
    modules = subprocess.run([found, "-m"], capture_output=True, text=True, check=True).stdout
    if "curl" not in modules.split():
        pytest.skip("php has no curl")
    return [found]


def shell() -> list[str]:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    return ["sh"]


RUN_BY: dict[str, Any] = {".py": lambda: [sys.executable], ".sh": shell, ".php": php}


def run(name: str, **values: str) -> subprocess.CompletedProcess[str]:
    command = [*RUN_BY[Path(name).suffix](), str(EXAMPLES / name)]
    return subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], **values},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def north(transactional_db: Any) -> Publisher:
    publisher = base.northlight()
    base.product(publisher, "66750", skus=["VTD234-100"])
    return publisher


@pytest.mark.parametrize("name", ["rest.py", "rest.sh", "rest.php"])
def test_rest_makes_one_order_however_often_it_is_run(
    north: Publisher, live_server: Any, name: str
) -> None:
    values = {"DESK": live_server.url, "TOKEN": api_cast.token(north), "SKU": "VTD234-100"}
    for _ in range(2):
        done = run(name, **values)
        assert (done.returncode, done.stderr) == (0, "")
        order = Order.objects.get()
        assert (order.source, order.reference, order.name) == ("api", "A-1001", "Ana Smith")
        assert order.invoice in done.stdout
        assert order.status in done.stdout


@pytest.mark.parametrize("name", ["rest.py", "rest.sh", "rest.php"])
def test_rest_tells_a_refusal_and_makes_nothing(
    north: Publisher, live_server: Any, name: str
) -> None:
    done = run(name, DESK=live_server.url, TOKEN=api_cast.token(north), SKU="NONE-1")
    assert done.returncode != 0
    assert "This SKU is not known" in done.stdout + done.stderr
    assert Order.objects.count() == 0


@pytest.mark.parametrize("name", ["dropin.py", "dropin.sh", "dropin.php"])
@pytest.mark.parametrize("by_token", [False, True])
def test_dropin_orders_and_asks(
    north: Publisher, live_server: Any, name: str, by_token: bool
) -> None:
    password = api_cast.token(north) if by_token else base.PASSWORD
    values = {"LOGIN": north.login_email, "PASSWORD": password, "PRODUCT": "66750"}
    done = run(name, DESK=live_server.url, **values)
    assert (done.returncode, done.stderr) == (0, "")
    order = Order.objects.get()
    assert (order.source, order.caller_invoice) == ("gateway", "A-1001")
    assert "[SUCCESS]" in done.stdout
    assert "A-1001" in done.stdout.rpartition("[SUCCESS]")[2]


def test_the_receiver_knows_what_the_desk_signed() -> None:
    scope: dict[str, Any] = {}
    exec((EXAMPLES / "receive.py").read_text(), scope)
    genuine, now = scope["is_genuine"], int(time.time())
    headers = outgoing.signed(Secret(SECRET), "msg_order_1", now, b"{}")
    assert genuine(SECRET, headers, b"{}")
    assert not genuine(SECRET, headers, b"{ }")
    assert not genuine(SECRET, {**headers, "webhook-id": "msg_order_2"}, b"{}")
    assert not genuine(SECRET, {}, b"{}")
    old = outgoing.signed(Secret(SECRET), "msg_order_1", now - 600, b"{}")
    assert not genuine(SECRET, old, b"{}")
