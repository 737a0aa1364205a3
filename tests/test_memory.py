"""What long-running processes keep is not looked through again and again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COUNT = "import gc; print(gc.get_freeze_count())"


def frozen(code: str, **more: str) -> int:
    """Return how many objects a process of ours has taken out of garbage collection."""
    run = subprocess.run(
        [sys.executable, "-c", f"{code}; {COUNT}"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "fulfillment.settings", **more},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(run.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("import fulfillment.wsgi", {}),
        ("import django; django.setup()", {"CLUSTER_NAME": "a-cluster"}),
    ],
    ids=["web", "worker"],
)
def test_what_was_loaded_is_kept(code: str, more: dict[str, str]) -> None:
    assert frozen(code, **more) > 50_000


def test_control_another_process_keeps_nothing_so() -> None:
    assert frozen("import django; django.setup()") == 0
