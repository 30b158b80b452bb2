"""Work that a request may ask for without end: it has a limit of time, few threads, and ends when its client leaves."""

import asyncio
import contextlib
import threading
import time

import anyio

from hdsynth_tf.web.errors import Refused

LONGEST_S = 20  # seconds of work for one request
THREADS = 2  # others stay free for everyone else
LOOK_S = 0.25  # seconds between two looks whether the client is there


class LongWork:
    """Runs functions in a few threads of its own."""

    def __init__(self):
        self.limiter = None  # made where there is an event loop

    async def run(self, request, function, *arguments):
        """`function(*arguments, go_on)` in a thread; it calls `go_on` often, which ends it.

        Args:
            request: Starlette's request, whose body has been read.

        Raises:
            Refused: If it takes longer than `LONGEST_S`, or the client has left.
        """
        self.limiter = self.limiter or anyio.CapacityLimiter(THREADS)
        left = threading.Event()

        def work():
            end = time.monotonic() + LONGEST_S

            def go_on():
                if left.is_set():
                    raise Refused(408, "The client has left.")
                if time.monotonic() > end:
                    raise Refused(413, f"That takes longer than {LONGEST_S:g} s, and was ended. Send less of it.")

            return function(*arguments, go_on)

        looking = asyncio.create_task(_look(request, left))
        try:
            return await anyio.to_thread.run_sync(work, limiter=self.limiter)
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking


async def _look(request, left):
    while not await request.is_disconnected():
        await asyncio.sleep(LOOK_S)
    left.set()
