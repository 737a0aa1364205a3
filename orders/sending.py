"""Several orders on their way at once: one thread claims, the others send what it claimed.

Where every thread claimed for itself, all of them would wait for the same publisher's row.
"""

from __future__ import annotations

import queue
import threading
import time

from django.db import connection

from orders import clock, submission
from orders.submission import Claim
from orders.trepstar.client import Gateway

LOOK_AGAIN_SECONDS = 0.02
MOST_REST_SECONDS = 0.5


class Sender:
    """Keeps up to ``places`` orders in flight. Use it with ``with``; its threads end then."""

    def __init__(self, gateway: Gateway, places: int) -> None:
        self.gateway, self.places = gateway, places
        self.in_flight = 0
        self._todo: queue.SimpleQueue[Claim | None] = queue.SimpleQueue()
        self._landed: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work) for _ in range(places)]

    def __enter__(self) -> Sender:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()

    def send_until(self, stop_at: float) -> None:
        """Send until nothing is due or ``stop_at`` by the monotonic clock; raises what a call did.

        What is on its way then is waited for by leaving the ``with``.
        """
        rest = LOOK_AGAIN_SECONDS
        while time.monotonic() < stop_at:
            free = self.places - self.in_flight
            claims = submission.claim(free) if free else []
            for claim in claims:
                self._todo.put(claim)
            self.in_flight += len(claims)
            if claims:
                rest = LOOK_AGAIN_SECONDS
                continue
            if not self.in_flight and not submission.due(clock.now()).exists():
                return
            # Others hold the publisher's row or all its slots this moment: look again.
            landed = self._wait(rest if free else None)
            rest = LOOK_AGAIN_SECONDS if landed else min(2 * rest, MOST_REST_SECONDS)

    def _wait(self, seconds: float | None) -> bool:
        """Wait until an order has landed, or so long; say whether one has."""
        try:
            problem = self._landed.get(timeout=seconds)
        except queue.Empty:
            return False
        self.in_flight -= 1
        if problem is not None:
            raise problem
        return True

    def _work(self) -> None:
        try:
            while (claim := self._todo.get()) is not None:
                self._landed.put(self._send(claim))
        finally:
            connection.close()

    def _send(self, claim: Claim) -> BaseException | None:
        try:
            submission.submit(claim, self.gateway)
        except Exception as error:
            return error
        return None
