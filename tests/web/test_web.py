"""The rules of every page's server: who may ask, how much, for what; and what it answers otherwise."""

import contextlib
import io
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile
from places import ROOT

from pipelines.errors import DataError
from pipelines.reading.decode import read_ids, read_image

pytest.importorskip("starlette", reason="the extra `ui` is not installed")
pytest.importorskip("httpx2", reason="starlette's test client needs httpx2")
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from hdsynth_tf.web import errors, long_work, slow_clients
from hdsynth_tf.web.errors import Refused, WebError
from hdsynth_tf.web.incoming import below, checked_upload, decoded
from hdsynth_tf.web.long_work import LongWork
from hdsynth_tf.web.server import address, immutable, listen, make_app, page_routes, read_json

LIMIT = 1000


async def echo(request):
    return PlainTextResponse(str((await read_json(request))["value"]))


async def count(request):
    return PlainTextResponse(str(len(await request.body())))


async def broken(request):
    raise RuntimeError("a secret")


async def no_data(request):
    raise DataError("x.png is no picture.")


async def kept(request):
    return immutable(b"x", "image/png")


ROUTES = [
    Route("/echo", echo, methods=["POST"]),
    Route("/count", count, methods=["PUT"]),
    Route("/broken", broken),
    Route("/no_data", no_data),
    Route("/kept", kept),
]


@pytest.fixture
def client():
    app = make_app([*ROUTES, *page_routes("study")], max_body=LIMIT)
    return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:9", "LOCALHOST", "[::1]:8000", "192.168.1.7:80"])
def test_own_names_are_accepted(client, host):
    assert client.get("/kept", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.", "", "a:b"]
)
def test_foreign_hosts_are_refused(client, host):
    answer = client.get("/kept", headers={"host": host})
    assert answer.status_code == 421 and "not" in answer.json()["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:8000.evil.example"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
    ],
)
def test_other_origins_cannot_write(client, headers, status):
    assert client.post("/echo", json={"value": 1}, headers=headers).status_code == status


def test_other_origins_can_link_but_not_embed(client):
    cross = {"sec-fetch-site": "cross-site"}
    assert client.get("/kept", headers={**cross, "sec-fetch-mode": "navigate"}).status_code == 200
    assert client.get("/kept", headers={**cross, "sec-fetch-mode": "no-cors"}).status_code == 403


def test_only_json_objects_are_read(client):
    assert client.post("/echo", json={"value": "a"}).text == "a"
    for content, kind, status in [
        (b'{"value": 1}', "text/plain", 415),
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b"[" * 900, "application/json", 400),
        (b'"\xff"', "application/json; charset=utf-8", 400),
    ]:
        answer = client.post("/echo", content=content, headers={"content-type": kind})
        assert answer.status_code == status and set(answer.json()) == {"error"}


def test_bodies_are_limited_by_what_they_say_and_by_what_comes(client):
    assert client.put("/count", content=b"x" * LIMIT).text == str(LIMIT)
    announced = client.put("/count", content=b"x" * (LIMIT + 1))
    chunked = client.put("/count", content=iter([b"x" * 600] * 2))
    for answer in (announced, chunked):
        assert answer.status_code == 413 and "0.001 MB" in answer.json()["error"]
    assert client.put("/count", content=b"", headers={"content-length": "-1"}).status_code == 400


def test_every_answer_has_the_headers(client):
    for path, status in {"/kept": 200, "/nothing": 404, "/broken": 500, "/no_data": 400}.items():
        answer = client.get(path)
        assert answer.status_code == status
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
        assert "access-control-allow-origin" not in answer.headers
    assert "immutable" in client.get("/kept").headers["cache-control"]
    assert client.get("/nothing").headers["cache-control"] == "no-store"


def test_errors_are_plain_and_keep_secrets(client):
    assert client.get("/no_data").json() == {"error": "x.png is no picture."}
    assert "secret" not in client.get("/broken").text
    assert client.get("/echo").status_code == 405 and "error" in client.get("/echo").json()


def test_pages_are_the_packages_files_and_nothing_else(client):
    answer = client.get("/shared/base.css")
    assert answer.headers["content-type"] == "text/css; charset=utf-8" and ":root" in answer.text
    for path in ("/shared/../server.py", "/shared/%2e%2e/server.py", "/shared/", "/shared/..%2fserver.py"):
        assert client.get(path).status_code == 404


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "scenes"
    (inside / "a").mkdir(parents=True)
    (inside / "a" / "x.png").write_text("x")
    (tmp_path / "secret.png").write_text("secret")
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    (inside / "up").symlink_to(tmp_path)
    (inside / "circle").symlink_to(inside / "circle")
    return inside


def test_names_below_a_folder(folder):
    assert below(folder, "a/x.png") == folder / "a" / "x.png"
    (folder.parent / "linked").symlink_to(folder)
    assert below(folder.parent / "linked", "a/x.png").read_text() == "x"


@pytest.mark.parametrize(
    "name",
    ["", ".", "a", "y.png", "../secret.png", "a/../../secret.png", "a/../a/x.png", "/etc/passwd", "a\\x.png", "C:x.png",
     "link.png", "up/secret.png", "circle", "a/x.png\0", "a/x.png/", "a/x.png/y", "x" * 5000],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_not_found(folder, name):
    if name == "a/x.png/":
        assert below(folder, name) == folder / "a" / "x.png"
        return
    with pytest.raises(Refused) as refusal:
        below(folder, name)
    assert refusal.value.status == 404


def encode(picture, format, **options):
    data = io.BytesIO()
    picture.save(data, format, **options)
    return data.getvalue()


def png_header(width, height):
    """A PNG whose header claims a size, and little else."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_uploads_are_read_exactly(rng):
    ids = rng.integers(0, 60000, (5, 7)).astype("uint16")
    for format in ("PNG", "TIFF"):
        upload = checked_upload("ids", encode(Image.fromarray(ids), format))
        np.testing.assert_array_equal(read_ids(upload), ids)
    photo = checked_upload("photo.jpg", encode(Image.new("RGB", (8, 4), "red"), "JPEG"))
    assert read_image(photo).shape == (4, 8, 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        (encode(Image.new("P", (4, 4)), "GIF"), "no picture"),
        (png_header(30000, 30000), "pixels"),
        (png_header(9000, 9000), "9000 x 9000 pixels"),
        (png_header(2**31 - 1, 2**31 - 1), "pixels"),
        (
            encode(Image.new("L", (4, 4)), "TIFF", save_all=True, append_images=[Image.new("L", (4, 4))]),
            "2 pages",
        ),
    ],
)
def test_uploads_that_are_refused(data, message):
    with pytest.raises(DataError, match=message) as error:
        checked_upload("mine", data)
    assert "mine" in str(error.value)


def test_an_upload_that_is_cut_short_is_told_by_its_reader(rng):
    whole = encode(Image.fromarray(rng.integers(0, 255, (64, 64, 3)).astype("uint8")), "PNG")
    with pytest.raises(DataError, match="mine cannot be read as a picture"):
        read_image(checked_upload("mine", whole[: len(whole) // 2]))


def test_a_port_that_is_taken_is_told():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert port > 0
        with pytest.raises(WebError, match=f"Port {port} of 127.0.0.1 cannot be had.*--port=0"):
            listen("127.0.0.1", port)
    for host, port in [("no.such.host.invalid", 80), ("127.0.0.1", 99999), ("203.0.113.9", 0)]:
        with pytest.raises(WebError):
            listen(host, port)


def test_addresses():
    assert address("127.0.0.1", 80) == "http://127.0.0.1:80/" and address("::1", 80) == "http://[::1]:80/"
    assert address("0.0.0.0", 80) == f"http://{socket.gethostname()}:80/"


def test_missing_packages_are_told(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WebError, match=r"pip install -e \.\[ui\]"):
        errors.check_installed()


SERVER = """
from hdsynth_tf.web.server import make_app, page_routes, serve
from starlette.responses import PlainTextResponse
from starlette.routing import Route
async def count(request):
    return PlainTextResponse(str(len(await request.body())))
app = make_app([Route("/count", count, methods=["PUT"]), *page_routes("study")], max_body=10**6)
serve(app, "127.0.0.1", 0, "Test page")
"""


@pytest.mark.slow
def test_a_real_server_starts_refuses_100_megabytes_and_stops_on_ctrl_c():
    server = subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, server.kill)
    watchdog.start()
    try:
        line = server.stdout.readline()
        assert line.startswith("Test page: http://127.0.0.1:")
        url = line.split()[2]
        assert b":root" in urllib.request.urlopen(f"{url}shared/base.css").read()
        big = urllib.request.Request(f"{url}count", data=bytes(10**8), method="PUT")
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(big)
        chunked = urllib.request.Request(f"{url}count", data=iter([bytes(10**6)] * 100), method="PUT")
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(chunked)
        server.send_signal(2)
        assert server.wait(30) == 0
        assert server.stdout.read().strip().endswith("Stopped.")
    finally:
        watchdog.cancel()
        server.kill()


# === Slow clients ===


def ends(sent, port, seconds=30):
    """What the server says to a request that stays as it is, and after how many seconds it hangs up."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as one:
        one.sendall(sent)
        said = b"".join(iter(lambda: one.recv(4096), b""))
    return said, time.monotonic() - begun


HEAD = b"PUT /count HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n"


@pytest.fixture
def impatient(monkeypatch):
    """The port of a server with short limits."""
    from browser import serving

    for name in ("HEADERS_S", "PAUSE_S"):
        monkeypatch.setattr(slow_clients, name, 1.0)
    monkeypatch.setattr(slow_clients, "BODY_S", 3.0)
    with serving(make_app(ROUTES, max_body=LIMIT)) as url:
        yield int(url.rstrip("/").rpartition(":")[2])


@pytest.mark.parametrize(
    "sent", [b"", b"PU", HEAD, HEAD + b"\r\n0123456789" + HEAD], ids=["nothing", "a word", "half", "a second"]
)
def test_headers_that_do_not_come_are_not_waited_for(impatient, sent):
    said, seconds = ends(sent, impatient)
    assert seconds < 25 and said.count(b"HTTP/1.1 200") == sent.count(b"0123456789")


def test_a_body_that_does_not_come_is_answered_with_408(impatient):
    said, seconds = ends(HEAD + b"\r\n01234", impatient)
    assert b"HTTP/1.1 408" in said and seconds < 25


def test_what_trickles_in_has_an_end(impatient):
    """Headers and bodies of which a byte comes often enough."""
    for begin in (b"PUT /count HTTP/1.1\r\nX-Slow: ", HEAD.replace(b"10", b"1000") + b"\r\n"):
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", impatient)) as one, pytest.raises(OSError):
            one.sendall(begin)
            while time.monotonic() - begun < 15:
                one.sendall(b"1")
                time.sleep(0.1)
        assert time.monotonic() - begun < 14


def test_requests_in_time_and_connections_kept_are_answered(impatient):
    with socket.create_connection(("127.0.0.1", impatient), timeout=10) as one:
        for wait in (0, 1.2):  # longer than headers may take: nothing has begun
            time.sleep(wait)
            one.sendall(HEAD + b"\r\n01234")
            time.sleep(0.2)
            one.sendall(b"56789")
            said = b""
            while not said.endswith(b"\r\n\r\n10"):  # what is counted; it may come in two pieces
                piece = one.recv(4096)
                assert piece, said
                said += piece
            assert said.startswith(b"HTTP/1.1 200")


# === Malformed files, and work without end ===


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.*")
def test_malformed_uploads_are_refused_and_nothing_else(rng):
    """A thousand files with some bytes changed, many of them in the tags of a TIFF."""
    for kind, shape, dtype in (
        ("TIFF", (6, 9), "uint8"),
        ("TIFF", (6, 9), "uint16"),
        ("TIFF", (6, 9), "int32"),
        ("PNG", (6, 9), "uint8"),
    ):
        whole = bytearray(encode(Image.fromarray(rng.integers(0, 200, shape).astype(dtype)), kind))
        for _ in range(250):
            changed = bytearray(whole)
            for place in rng.integers(4, len(whole), rng.integers(1, 6)):
                changed[place] = rng.integers(0, 256)
            with contextlib.suppress(DataError):
                assert decoded(read_ids, checked_upload("mine", bytes(changed), 10**6)).ndim == 2


def test_pages_of_a_tiff_are_not_counted(monkeypatch):
    pages = [Image.new("L", (1, 1))] * 300
    data, sought, seek = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:]), [], TiffImageFile.seek
    monkeypatch.setattr(TiffImageFile, "seek", lambda file, page: (sought.append(page), seek(file, page)))
    with pytest.raises(DataError, match="pages"):
        checked_upload("mine", data)
    assert max(sought, default=0) <= 1


@pytest.fixture
def endless(monkeypatch):
    """A client of a server whose only work ends when it is told to, and a list of what ended it."""
    ended, work = [], LongWork()

    def never_ready(go_on):
        try:
            while True:
                go_on()
                time.sleep(0.01)
        except Refused as refusal:
            ended.append(refusal.status)
            raise

    async def begin(request):
        await request.body()
        return PlainTextResponse(await work.run(request, never_ready))

    monkeypatch.setattr(long_work, "LONGEST_S", 1.0)
    from browser import serving

    with serving(make_app([Route("/begin", begin, methods=["POST"]), Route("/kept", kept)], max_body=LIMIT)) as url:
        yield url, ended


def test_work_without_end_has_one(endless):
    url, ended = endless
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(urllib.request.Request(f"{url}begin", b"", method="POST"), timeout=20)
    assert answer.value.code == 413 and ended == [413]


def test_a_client_that_leaves_ends_its_work(endless, monkeypatch):
    monkeypatch.setattr(long_work, "LONGEST_S", 60.0)
    url, ended = endless
    ends_at, port = time.monotonic() + 60, int(url.rstrip("/").rpartition(":")[2])
    for _ in range(50):  # more than there are threads
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall(b"POST /begin HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
    with urllib.request.urlopen(f"{url}kept", timeout=30) as answer:
        assert answer.status == 200
    while len(ended) < 50 and time.monotonic() < ends_at:
        time.sleep(0.1)
    assert ended == [408] * 50
