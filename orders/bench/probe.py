"""A child process on one database, called by name; so two sizes can be measured in turns.

Each request is one line of JSON, ``{"do": "module:function", "args": {…}}``, and so is its answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import django

from fulfillment import bench
from fulfillment.memory import keep_loaded

ROOT = Path(__file__).resolve().parents[2]


class ProbeError(Exception):
    """What was called in a probe raised an error, or the probe has ended."""


def environment(url: str, **more: str) -> dict[str, str]:
    """Return the environment of a process of the bench on the database at ``url``."""
    return {**os.environ, **bench.environment(url), "PYTHONPATH": str(ROOT), **more}


class Probe:
    """Runs functions of ours in a process of its own on the database at ``url``."""

    def __init__(self, url: str, **more: str) -> None:
        self.url = url
        self._process = subprocess.Popen(
            [sys.executable, "-m", "orders.bench.probe"],
            cwd=ROOT,
            env=environment(url, **more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, name: str, **args: Any) -> Any:
        """Call ``module:function`` with arguments that JSON can carry; return its result.

        Raises ``ProbeError`` with the traceback of what was raised there.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"do": name, "args": args}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ProbeError(f"The probe ended while {name} was called.")
        answer = json.loads(line)
        if "error" in answer:
            raise ProbeError(f"{name} failed in the probe:\n{answer['error']}")
        return answer["result"]

    def close(self) -> None:
        if self._process.stdin:
            # A line that a probe which was killed never read cannot be written any more.
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


def serve() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What is printed by what is called must not come between the answers.
    os.dup2(2, 1)
    django.setup()
    keep_loaded()  # as in the processes that it stands for
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    module, _, function = request["do"].partition(":")
    try:
        return {"result": getattr(import_module(module), function)(**request["args"])}
    except Exception:
        return {"error": traceback.format_exc()}


if __name__ == "__main__":
    serve()
