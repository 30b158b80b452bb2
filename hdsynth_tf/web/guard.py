"""The rules of every request and every answer, as ASGI middleware.

A server on 127.0.0.1 is open to every web page that its user visits: the browser sends what that page asks for. So:
a foreign `Host` is refused (a name that its owner points to 127.0.0.1: DNS rebinding), and so is what another origin's
page asks for. No other origin may show, embed or read anything of ours.
"""

import ipaddress
import re
import socket

from starlette.requests import Request
from starlette.responses import JSONResponse

from hdsynth_tf.web.errors import Refused
from hdsynth_tf.web.slow_clients import limited

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",  # with the next, the page's clock is exact to 5 us instead of 100
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
DEFAULTS = {"Cache-Control": "no-store"}  # of answers that do not say it themselves


class Guard:
    """Wraps an ASGI application.

    Args:
        app: ASGI application.
        host: String, the address that the server listens at. Its name is accepted in `Host`, and so are the names of
            this machine, and plain addresses, which cannot be rebound.
        max_body: Integer, bytes of a request's body, at most. They are counted as they come: a body without a
            `Content-Length` is cut off there, too.
    """

    def __init__(self, app, host, max_body):
        self.app, self.max_body = app, max_body
        machine = socket.gethostname().lower()
        self.names = {"localhost", host.lower(), machine, f"{machine}.local"}

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self.check(Request(scope))
        except Refused as refusal:
            await refuse(refusal)(scope, receive, with_headers(send))
            return
        await self.app(scope, counted(limited(receive), self.max_body), with_headers(send))

    def check(self, request):
        """Raises `Refused` if the request is for another host, from another origin, or too large."""
        host = request.headers.get("host", "")
        if not self.is_ours(host):
            raise Refused(421, f"This server is not {host or 'without a name'!r}. Open the address that it printed.")
        origin = request.headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            raise Refused(403, "Requests of other pages are not accepted.")
        is_visit = request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"
        if request.headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_visit:
            raise Refused(403, "Requests of other pages are not accepted.")
        length = request.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise Refused(400, "The request's length is no number.")
        if int(length) > self.max_body:
            raise too_large(self.max_body)

    def is_ours(self, host):
        """Whether `Host` names this server. The port is not looked at: it may be another one through a tunnel."""
        name = re.sub(":[0-9]+$", "", host.lower())
        if name in self.names:
            return True
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True


def too_large(limit):
    return Refused(413, f"That is too large: at most {limit / 1e6:g} MB can be sent.")


def refuse(refusal):
    """The answer to a request that is not accepted. All errors have this shape."""
    return JSONResponse({"error": refusal.message}, refusal.status)


def counted(receive, limit):
    """`receive` of a request's body that raises `Refused` when more than `limit` bytes have come."""
    total = 0

    async def receive_some():
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise too_large(limit)
        return message

    return receive_some


def with_headers(send):
    """`send` that adds the headers of all answers."""

    async def send_guarded(message):
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            missing = {name: value for name, value in DEFAULTS.items() if name.lower().encode() not in given}
            message["headers"] = [
                *message["headers"],
                *((name.lower().encode(), value.encode()) for name, value in {**HEADERS, **missing}.items()),
            ]
        await send(message)

    return send_guarded
