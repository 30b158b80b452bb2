"""Makes a page's application of its routes, and serves it."""

import importlib.resources
import json
import mimetypes
import signal
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from hdsynth_tf.stopping import patient
from hdsynth_tf.web.errors import Refused, WebError
from hdsynth_tf.web.guard import Guard, refuse
from hdsynth_tf.web.slow_clients import MOST_CONNECTIONS, ImpatientProtocol
from pipelines.errors import DataError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TYPES = {".js": "text/javascript", ".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml"}


def make_app(routes, host="127.0.0.1", max_body=10**6, lifespan=None):
    """An ASGI application under the rules of `guard`, whose errors are all JSON, `{"error": message}`.

    A route may raise `Refused` with a status, or `DataError`, which is answered with status 400.

    Args:
        routes: List of Starlette's routes, such as `page_routes` and `Route(path, endpoint, methods=["PUT"])`.
        host: String, the address that will be listened at.
        max_body: Integer, bytes of a request's body, at most.
        lifespan: Async context manager of the application: what is done before the first and after the last request.
    """
    app = Starlette(
        routes=routes,
        exception_handlers={
            Refused: lambda request, error: refuse(error),
            DataError: lambda request, error: refuse(Refused(400, str(error))),
            HTTPException: lambda request, error: refuse(Refused(error.status_code, f"{error.detail}.")),
            Exception: lambda request, error: refuse(
                Refused(500, "Something went wrong in the server; its log says what.")
            ),
        },
        lifespan=lifespan,
    )
    return Guard(app, host, max_body)


def page_routes(verb):
    """Routes for the files of a verb's page, and of what all pages share, read once, now.

    Args:
        verb: String, a package of `hdsynth_tf` with a folder `page`, whose `index.html` is at `/`. Its files are at
            `/VERB/NAME`, those of `web/shared` at `/shared/NAME`.
    """
    package = importlib.resources.files("hdsynth_tf")
    folders = {verb: package / verb / "page", "shared": package / "web" / "shared"}
    routes = []
    for place, folder in folders.items():
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            respond = _static(file.read_bytes(), media_type(file.name))
            routes.append(Route(f"/{place}/{file.name}", respond))
            if place == verb and file.name == "index.html":
                routes.append(Route("/", respond))
    return routes


def _static(content, kind):
    async def respond(request):
        return Response(content, media_type=kind)

    return respond


def media_type(name):
    """The media type of a file by its suffix; not the machine's table where it may be wrong."""
    suffix = f".{name.rpartition('.')[2]}"
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def immutable(content, kind):
    """An answer that the browser may keep for ever: of an address whose content never changes."""
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(content, media_type=kind, headers=headers)


async def read_json(request):
    """The JSON object that is a request's body: dict. Raises `Refused` if it is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, f"The request should be application/json. Received: {kind or 'no content type'}")
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The request is no JSON.") from error
    if not isinstance(content, dict):
        raise Refused(400, "The request should be a JSON object.")
    return content


def serve(app, host, port, name):
    """Serves an application until Ctrl-C or SIGTERM.

    Args:
        app: What `make_app` returned.
        host: String, a name or address of this machine.
        port: Integer; 0 takes a free one.
        name: String, what the page is, for the line that tells its address.

    Raises:
        WebError: If the address cannot be listened at.
    """
    listening = listen(host, port)
    port = listening.getsockname()[1]
    print(f"{name}: {address(host, port)}    Ctrl-C ends it.", flush=True)
    if host not in LOOPBACK:
        print(f"Everyone who reaches {host} can open it, and nothing is encrypted.", flush=True)
    try:
        with listening, patient():
            uvicorn.Server(configuration(app)).run(sockets=[listening])
    except KeyboardInterrupt as stop:  # how a page is ended; SIGTERM is told to whoever sent it
        if getattr(stop, "number", signal.SIGINT) == signal.SIGTERM:
            raise
    print("\nStopped.", flush=True)


def configuration(app):
    """uvicorn's, for an application that `make_app` returned."""
    return uvicorn.Config(
        app,
        http=ImpatientProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=3,  # seconds for answers under way
    )


def listen(host, port):
    """A socket that listens. Raises `WebError` as `serve` does."""
    if not 0 <= port <= 65535:
        raise WebError(f"--port should be from 0 to 65535. Received: {port}")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise WebError(f"--host={host} --port={port} is no address of this machine: {error}.") from error
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(place)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise WebError(
            f"Port {port} of {host} cannot be had: {error.strerror}. Choose another --port; --port=0 takes a free one."
        ) from error
    return listening


def address(host, port):
    """The URL to open."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"
