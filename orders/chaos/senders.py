"""The shops: threads that post the deliveries, and post again as Shopify does until answered."""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from orders.chaos.history import Sent
from orders.chaos.plan import Planned, request_of

ANSWER_SECONDS = 5.0
SENDERS = 6


class Senders:
    """Sends the planned deliveries at an even pace over ``seconds``."""

    def __init__(self, planned: Sequence[Planned], port: int, seconds: float) -> None:
        self.port = port
        self.log: list[Sent] = []
        self.answered, self._lock = 0, threading.Lock()
        self.stop = threading.Event()
        self._left: queue.SimpleQueue[tuple[float, Planned]] = queue.SimpleQueue()
        now = time.time()
        for number, one in enumerate(planned):
            self._left.put((now + seconds * number / max(1, len(planned)), one))
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while not self.stop.is_set():
            try:
                due, one = self._left.get_nowait()
            except queue.Empty:
                return
            self.stop.wait(max(0.0, due - time.time()))
            self._deliver(one)

    def _deliver(self, one: Planned) -> None:
        """Post until there is an answer other than a server's error, as Shopify does."""
        wait = 0.2
        while not self.stop.is_set():
            sent = self._post(one)
            self.log.append(sent)
            if 0 < sent.status < 500:
                with self._lock:
                    self.answered += 1
                return
            self.stop.wait(wait)
            wait = min(3.0, wait * 2)

    def _post(self, one: Planned) -> Sent:
        path, headers = request_of(one)
        at, status, answer = time.time(), 0, {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("POST", path, one.body, headers)
            response = connection.getresponse()
            status, answer = response.status, _json(response.read)
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        return Sent(
            kind=one.kind,
            store=one.shop.domain,
            shop_order_id=one.shop_order_id,
            webhook_id=one.webhook_id,
            body_hash=one.body_hash,
            at=at,
            seconds=time.time() - at,
            status=status,
            outcome=str(answer.get("outcome", "")),
            invoices=tuple(answer.get("orders", ())),
            reason=str(answer.get("reason") or answer.get("error") or ""),
        )


def _json(read: Callable[[], bytes]) -> dict[str, Any]:
    try:
        found = json.loads(read())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
