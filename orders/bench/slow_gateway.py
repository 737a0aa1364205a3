"""A gateway that takes 200 ms and next to no CPU for an answer, and remembers what it was sent.

``python -m orders.bench.slow_gateway PORT`` accepts every order. ``GET /log`` tells the invoices
with the seconds at which their calls came in. It has none of TrepStar's rules: those are the
sandbox's, whose own work would be measured with the desk's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from urllib.parse import parse_qs

from orders.trepstar.wire import write_success

SECONDS = 0.2


class SlowGateway:
    """The calls so far, as (seconds, invoice)."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it is closed."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
                body = await reader.readexactly(int(length or 0))
                answer = await self._answer(head, body)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"GET /log"):
            return json.dumps(self.calls).encode()
        fields = {name.lower(): values for name, values in parse_qs(body.decode()).items()}
        self.calls.append((time.time(), fields["invoice"][0]))
        await asyncio.sleep(SECONDS)
        return write_success()


async def main(port: int) -> None:
    """Listen on a port of this machine until the process is ended."""
    server = await asyncio.start_server(SlowGateway().serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
