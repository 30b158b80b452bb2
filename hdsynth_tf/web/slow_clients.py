"""Clients that send too slowly, or never end: they are left, so that there is room for others."""

import asyncio
import time

from uvicorn.protocols.http.h11_impl import H11Protocol

from hdsynth_tf.web.errors import Refused

MOST_CONNECTIONS = 512  # at once; most systems let a process have 1024 files
HEADERS_S = 10  # seconds until a request's headers are there
PAUSE_S, BODY_S = 15, 180  # seconds between two parts of a body, and until all of it is there


class ImpatientProtocol(H11Protocol):
    """Closes connections on which a request was begun, or none was, and its headers do not come."""

    headers_timer = None

    def connection_made(self, transport):
        super().connection_made(transport)
        self._wait_for_headers()

    def data_received(self, data):
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for_headers()
        else:
            self._stop_waiting()

    def on_response_complete(self):
        self._stop_waiting()  # from now on uvicorn has its own limit, until something comes
        super().on_response_complete()

    def connection_lost(self, exc):
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_headers(self):
        """Until the first limit: what trickles in does not prolong it."""
        if self.headers_timer is None:
            self.headers_timer = self.loop.call_later(HEADERS_S, self.transport.close)

    def _stop_waiting(self):
        if self.headers_timer is not None:
            self.headers_timer.cancel()
            self.headers_timer = None


def limited(receive):
    """`receive` of a request's body that raises `Refused` when the client pauses, or takes too long in all."""
    begun, is_whole = time.monotonic(), False

    async def receive_some():
        nonlocal is_whole
        if is_whole:  # then it is told when the client leaves, whenever that is
            return await receive()
        left = min(PAUSE_S, begun + BODY_S - time.monotonic())
        try:
            message = await asyncio.wait_for(receive(), max(left, 0))
        except TimeoutError:
            raise Refused(408, "The request came too slowly. Send it again.") from None
        is_whole = not message.get("more_body", False)
        return message

    return receive_some
