"""Several orders on their way at once: one thread claims, the others send what it claimed.

Where every thread claimed for itself, all of them would wait for the same publisher's row.
"""

from __future__ import annotations

import queue
import threading
import time

from django.db import connection

from orders import clock, settlement, submission
from orders.submission import Claim
from orders.trepstar.client import Gateway

AHEAD_SHARE = 2
LOOK_AGAIN_SECONDS = 0.02
MOST_REST_SECONDS = 0.5


class Sender:
    """Keeps up to ``places`` orders in flight. Use it with ``with``; its threads end then.

    A few more are claimed ahead, as many at once, so that no place is empty while the next orders
    are claimed and what came back is written down. Those whose call has not begun when the time is
    over are given back.
    """

    def __init__(self, gateway: Gateway, places: int) -> None:
        self.gateway, ahead = gateway, places // AHEAD_SHARE
        self.most, self.batch = places + ahead, max(1, ahead)
        self.claimed = 0
        self.stop_at = float("inf")
        self._todo: queue.SimpleQueue[Claim | None] = queue.SimpleQueue()
        self._landed: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._places = threading.Semaphore(places)
        self._threads = [threading.Thread(target=self._work) for _ in range(self.most)]

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
        self.stop_at, rest = stop_at, LOOK_AGAIN_SECONDS
        while time.monotonic() < stop_at:
            free = self.most - self.claimed
            claims = submission.claim(free) if free >= self.batch else []
            for claim in claims:
                self._todo.put(claim)
            self.claimed += len(claims)
            if claims:
                rest = LOOK_AGAIN_SECONDS
                continue
            if not self.claimed and not submission.due(clock.now()).exists():
                return
            # Others hold the publisher's row or all its slots this moment: look again.
            landed = self._wait(rest if free >= self.batch else None)
            rest = LOOK_AGAIN_SECONDS if landed else min(2 * rest, MOST_REST_SECONDS)

    def _wait(self, seconds: float | None) -> bool:
        """Wait until an order has landed, or so long; say whether one has."""
        try:
            problem = self._landed.get(timeout=seconds)
        except queue.Empty:
            return False
        self.claimed -= 1
        if problem is not None:
            raise problem
        return True

    def _work(self) -> None:
        _keep_statements()
        try:
            while (claim := self._todo.get()) is not None:
                self._landed.put(self._send(claim))
        finally:
            connection.close()

    def _send(self, claim: Claim) -> BaseException | None:
        try:
            with self._places:
                if time.monotonic() >= self.stop_at:
                    # A call that begins now could outlast the task, which is then killed.
                    settlement.let_go(claim.order_id, claim.token)
                    return None
                sent = submission.send(claim, self.gateway)
            if sent:
                submission.write_down(sent)
        except Exception as error:
            return error
        return None


def _keep_statements() -> None:
    """Have PostgreSQL keep the statements of this thread's connection, which is not open yet.

    They are few and small and the same for every order; read and planned each time, they take more
    of the processor than what they do.
    """
    if connection.vendor == "postgresql" and connection.connection is None:
        kept = {"server_side_binding": True, "prepare_threshold": 5}
        options = {**connection.settings_dict["OPTIONS"], **kept}
        connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}
