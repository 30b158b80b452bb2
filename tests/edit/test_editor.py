"""The editor's server: what the page can ask for, whose scene it gets, and what is not accepted."""

import concurrent.futures
import io
import json
import struct
import threading
import time
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from shared_data import CITYSCAPES, needs_cityscapes
from tiny import image_model, semantic_model, style_model

from hdsynth_tf.assemble import build_scenes
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.edit.__main__ import find_scenes
from hdsynth_tf.edit.scenes import record
from hdsynth_tf.edit.scenes.classes import Facts, class_table
from hdsynth_tf.edit.scenes.history import History
from hdsynth_tf.edit.scenes.library import CutOut
from hdsynth_tf.edit.scenes.scene import Scene
from hdsynth_tf.edit.scenes.survey import load_scene
from hdsynth_tf.edit.server.painter import Painter, encode
from hdsynth_tf.edit.server.worker import EXTRA, FULL, PREVIEW, Superseded, Worker
from hdsynth_tf.networks import StyleBank
from pipelines.conditioning import SemanticConditioning
from pipelines.source import Source

pytest.importorskip("starlette", reason="the extra `ui` is not installed")
pytest.importorskip("httpx2", reason="starlette's test client needs httpx2")
from starlette.testclient import TestClient

from hdsynth_tf.edit.server import files
from hdsynth_tf.edit.server.routes import MAX_BODY, Editor
from hdsynth_tf.edit.server.sessions import Session, Sessions
from hdsynth_tf.web import long_work
from hdsynth_tf.web.errors import Refused

NAMES, COLORS = ("sky", "road", "car", "tree"), ((70, 130, 180), (128, 64, 128), (0, 0, 142), (107, 142, 35))
SKY, ROAD, CAR, TREE = range(4)


def maps(index=0, height=32, width=48):
    """A street with two cars, elsewhere in every scene."""
    label_map = np.full((height, width), SKY, "int32")
    label_map[height // 2 :] = ROAD
    label_map[8:16, 30:40] = TREE
    instance_map = label_map.copy()
    for number, left in enumerate((4 + index, 20 + index)):
        box = np.s_[height // 2 - 4 : height // 2 + 6, left : left + 9]
        label_map[box], instance_map[box] = CAR, CAR * 1000 + number
    return label_map, instance_map


class Streets(Source):
    """A few scenes in memory."""

    names = [f"street {index}" for index in range(8)]
    formats = {"label_map": ((), "int32"), "instance_map": ((), "int32")}
    num_classes, class_names, class_colors = 4, NAMES, COLORS

    def load(self, index):
        return dict(zip(self.formats, maps(index)))


class FakePainter(Painter):
    """Paints classes in their colours, as slowly as it is told, or when its gate opens; remembers what it painted."""

    suffix = ".png"

    def __init__(self, delay=0.0, has_preview=True, gate=None):
        self.delay, self.has_preview, self.painted, self.gate = delay, has_preview, [], gate
        self.style_bank = StyleBank(4, 1, 4)
        self.style_bank.fill({label: np.zeros((count, 1)) for label, count in ((0, 2), (1, 3), (2, 4))})

    def preview_size(self, size):
        return (size[0] // 2, size[1] // 2) if self.has_preview else None

    def picture(self, scene):
        time.sleep(self.delay)
        if self.gate:
            self.gate.wait()
        self.painted.append(scene.digest)
        picture = np.array(COLORS, "uint8")[scene.label_map]
        for thing, style in zip(scene.objects, self.styles_of(scene)):
            if style:
                picture[scene.instance_map == thing.instance] += np.uint8(20 * style)
        return picture

    def preview(self, scene):
        return self.picture(scene)[::2, ::2]

    def show(self, picture):
        return picture


def make_editor(painter=None):
    source, painter = Streets(), painter or FakePainter()
    facts = [Facts.of(Scene.of_maps(*maps(index))) for index in range(8)]
    classes = class_table(NAMES, COLORS, facts, {255}, painter.style_counts)
    cut_outs = [CutOut(CAR, np.ones((10, 9), bool), (0.5, 0.7), 32, "street 0")]
    return Editor(source, classes, cut_outs, painter, Worker(), {"name": "tiny", "fingerprint": "f" * 64})


def client_of(editor):
    return TestClient(editor.app(), base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


@pytest.fixture
def client():
    with client_of(make_editor()) as client:
        yield client


def unpack(answer):
    """The head and the numbers of a packet."""
    assert answer.status_code == 200, answer.text
    (length,) = struct.unpack_from("<I", answer.content)
    return json.loads(answer.content[4 : 4 + length]), np.frombuffer(answer.content[4 + length :], "<u2")


def packet(head, *parts):
    text = json.dumps(head).encode()
    return struct.pack("<I", len(text)) + text + b"".join(parts)


def png(array, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


class Page:
    """What the page does: keeps its own map up to date from what the server sends."""

    def __init__(self, client, scene=0, **opening):
        self.client = client
        self.head, numbers = unpack(client.post("/api/sessions", json=opening or {"scene": scene}))
        self.map = numbers.reshape(self.head["size"]).copy()

    @property
    def path(self):
        return f"/api/sessions/{self.head['session']}"

    def edit(self, **edit):
        answer = self.client.post(f"{self.path}/edits", json={"edit": edit, "from": self.head["digest"]})
        self.head, numbers = unpack(answer)
        left, top, width, height = self.head["part"]
        self.map[top : top + height, left : left + width] = numbers.reshape(height, width)
        return self.head

    def number(self, name):
        return [row[4] for row in self.head["objects"]].index(name)

    def label_map(self):
        return np.array([row[0] for row in self.head["objects"]])[self.map]

    def photo(self, kind="full"):
        return self.client.get(f"{self.path}/photos/{self.head['digest']}/{kind}.jpg")


# === One person ===


def test_the_page_learns_what_there_is(client):
    found = client.get("/api/editor").json()
    assert [entry["name"] for entry in found["classes"]] == list(NAMES)
    assert [entry["counted"] for entry in found["classes"]] == [False, False, True, False]
    assert found["has_styles"] and found["scenes"] == Streets.names and len(found["library"]) == 1
    picture = Image.open(io.BytesIO(client.get("/api/scenes/1.png").content))
    assert picture.size == (48, 32)
    shape = np.asarray(Image.open(io.BytesIO(client.get("/api/library/0.png").content)))
    assert shape.shape == (10, 9, 4) and (shape == (0, 0, 142, 255)).all()
    for missing in ("/api/scenes/8.png", "/api/library/1.png", "/api/nothing"):
        assert client.get(missing).status_code == 404
    page = client.get("/")
    assert page.status_code == 200 and "Scene editor" in page.text
    assert client.get("/edit/main.js").headers["content-type"].startswith("text/javascript")


def test_models_without_styles_say_so():
    painter = FakePainter()
    painter.style_bank = None
    with client_of(make_editor(painter)) as client:
        assert client.get("/api/editor").json()["has_styles"] is False
        page = Page(client)
        assert {row[2] for row in page.head["objects"]} == {None} and page.photo().status_code == 200


def test_the_page_has_the_maps_that_the_server_has_after_every_edit(client):
    page = Page(client)
    label_map, _ = maps(0)
    assert np.array_equal(page.label_map(), label_map)
    car = page.number("car 1")
    commands = [
        {"do": "move", "object": car, "by": [3, 2]},
        {"do": "restyle", "object": car, "style": 2},
        {"do": "duplicate", "object": car, "by": [10, 0]},
        {"do": "paste", "cutout": 0, "to": [24, 28]},
        {"do": "paint", "points": [[2, 2], [40, 9]], "radius": 2, "label": TREE},
        {"do": "fill", "at": [1, 31], "label": SKY},
        {"do": "mirror", "object": car},
        {"do": "change_class", "object": page.number("tree"), "label": CAR},
        {"do": "reseed", "seed": 7},
        {"do": "remove", "object": car},
        *[{"do": "undo"}] * 4, *[{"do": "redo"}] * 2, {"do": "go_to", "position": 0}, {"do": "go_to", "position": 9},
    ]  # fmt: skip
    for command in commands:
        page.edit(**command)
        whole, numbers = unpack(client.get(page.path))
        assert np.array_equal(page.map.ravel(), numbers), command
        assert whole["digest"] == page.head["digest"]
    assert page.head["seed"] == 7 and len(page.head["steps"]) == 10 and page.head["position"] == 9


def test_removing_says_what_came_there(client):
    page = Page(client)
    page.edit(do="remove", object=page.number("car 1"))
    assert page.head["said"].startswith("car 1 removed, filled with ") and "road" in page.head["said"]
    assert page.head["steps"][0]["title"] == "car 1 removed"
    page.edit(do="undo")
    assert page.head["said"] == "car 1 removed: undone"


def test_a_duplicate_has_the_style_of_the_first(client):
    page = Page(client)
    car = page.number("car 2")
    style = page.head["objects"][car][2]
    page.edit(do="duplicate", object=car, by=[-8, 8])
    assert page.head["objects"][-1][2:4] == [style, True]


def test_an_edit_that_cannot_be_made_changes_nothing(client):
    page = Page(client)
    for edit, message in (
        ({"do": "remove", "object": 99}, "whole number"),
        ({"do": "fly"}, "An edit is one of"),
        ({"do": "go_to", "position": "x"}, "whole number"),
        ({"do": "paste", "cutout": 5, "to": [0, 0]}, "no such object"),
        ({"do": "restyle", "object": page.number("tree"), "style": 0}, "no styles"),
        (None, "An edit is one of"),
    ):
        answer = client.post(f"{page.path}/edits", json={"edit": edit, "from": ""})
        assert answer.status_code == 400 and message in answer.json()["error"], answer.text
    assert unpack(client.get(page.path))[0]["digest"] == page.head["digest"]


def test_photographs_are_of_the_scene_and_may_be_kept(client):
    page = Page(client)
    full, small = page.photo(), page.photo("preview")
    assert Image.open(io.BytesIO(full.content)).size == (48, 32)
    assert Image.open(io.BytesIO(small.content)).size == (24, 16)
    assert "immutable" in full.headers["cache-control"] and full.headers["content-type"] == "image/jpeg"
    first = page.head["digest"]
    page.edit(do="remove", object=page.number("car 1"))
    assert page.photo().content != full.content
    assert client.get(f"{page.path}/photos/{first}/full.jpg").content == full.content  # of an earlier step
    assert client.get(f"{page.path}/photos/{'0' * 32}/full.jpg").status_code == 409
    assert client.get(f"{page.path}/photos/{first}/huge.jpg").status_code == 404


def test_thumbnails_show_the_object_in_each_style(client):
    page = Page(client)
    car = page.number("car 1")
    path = f"{page.path}/styles/{page.head['digest']}/{car}"
    shown = [client.get(f"{path}/{style}.jpg") for style in range(4)]
    assert len({answer.content for answer in shown}) == 4
    assert client.get(f"{path}/4.jpg").status_code == 400
    page.edit(do="reseed", seed=3)
    assert client.get(f"{path}/0.jpg").status_code == 409


def test_files_are_exact(client):
    page = Page(client)
    page.edit(do="duplicate", object=page.number("car 1"), by=[0, 9])
    labels = client.get(f"{page.path}/files/labels")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(labels.content))), page.label_map())
    ids = np.asarray(Image.open(io.BytesIO(client.get(f"{page.path}/files/instances").content)))
    assert np.array_equal(ids, np.array([row[1] for row in page.head["objects"]])[page.map])
    photo = client.get(f"{page.path}/files/photo")
    assert Image.open(io.BytesIO(photo.content)).format == "PNG" and "photo.png" in photo.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(client.get(f"{page.path}/files/all.zip").content)) as archive:
        assert set(archive.namelist()) == {"photo.png", "labels.png", "instances.png", "record.json"}
        assert archive.read("labels.png") == labels.content
    for name in ("..%2f..%2fsetup.py", "secrets", "photo.png"):
        assert client.get(f"{page.path}/files/{name}").status_code == 404


@pytest.mark.parametrize("ids", [[0, 255], [0, 65535], [3, 65536], [-1, 2**31 - 1]])
def test_maps_keep_every_id(ids):
    suffix, content = files.map_file(np.array([ids], "int32"))
    assert suffix == (".png" if min(ids) >= 0 and max(ids) < 2**16 else ".tiff")
    assert np.asarray(Image.open(io.BytesIO(content))).astype("int64").tolist() == [ids]


def test_a_record_of_work_without_end_is_refused(client, monkeypatch):
    monkeypatch.setattr(long_work, "LONGEST_S", 0.5)
    page = Page(client)
    kept = json.loads(client.get(f"{page.path}/files/record.json").text)
    strokes = [{"do": "paint", "points": [[5, 5]], "radius": 2, "label": (n + 1) % 2} for n in range(20_000)]
    answer = client.post("/api/sessions", json={"record": {**kept, "edits": strokes}})
    assert answer.status_code == 413, answer.text


def test_a_record_brings_everything_back(client):
    page = Page(client, 3)
    page.edit(do="paste", cutout=0, to=[24, 28])
    page.edit(do="restyle", object=page.number("car 2"), style=1)
    page.edit(do="reseed", seed=5, keep_styles=True)
    text = client.get(f"{page.path}/files/record.json").text
    kept = json.loads(text)
    assert kept["model"] == "f" * 64 and [edit["do"] for edit in kept["edits"]] == ["paste", "restyle", "reseed"]
    again = Page(client, record=kept)
    assert again.head["digest"] == page.head["digest"] and np.array_equal(again.map, page.map)
    assert again.head["session"] != page.head["session"] and again.head["steps"] == page.head["steps"]
    assert again.photo().content == page.photo().content
    assert client.get(f"{again.path}/files/record.json").text == text
    assert "another model" not in again.head["said"]
    assert "made with another model" in Page(client, record={**kept, "model": "0" * 64}).head["said"]


def test_own_maps_are_opened(client):
    label_map, instance_map = maps(5, 20, 60)
    labels, ids = png(label_map.astype("uint8")), png(instance_map.astype("uint16"))
    parts = [("label_map", "a.png", labels), ("instance_map", "a_inst.png", ids)]
    head = {"files": [{"role": role, "name": name, "length": len(data)} for role, name, data in parts]}
    opened, numbers = unpack(client.put("/api/sessions", content=packet(head, labels, ids)))
    assert opened["scene"] == "a.png" and opened["size"] == [20, 60]
    table = np.array([row[:2] for row in opened["objects"]])
    assert np.array_equal(table[numbers.reshape(20, 60)], np.stack([label_map, instance_map], -1))
    alone = {"files": head["files"][:1]}
    assert unpack(client.put("/api/sessions", content=packet(alone, labels)))[0]["size"] == [20, 60]


# === Not accepted ===


def png_header(width, height):
    """A PNG file that says it is so large, and holds next to nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def described(*lengths, role="label_map", name="x.png"):
    return {"files": [{"role": role, "name": name, "length": length} for length in lengths]}


@pytest.mark.parametrize(
    "body, status, message",
    [
        (packet(described(9), b"no image."), 400, "x.png is no picture that can be read here"),
        (packet(described(200), png_header(30_000, 30_000)), 400, "pixels"),
        (packet(described(200), png_header(5000, 5000)), 400, "5000 x 5000 pixels; at most 16,777,216"),
        (packet(described(80), png(np.zeros((400, 500), "uint8"))), 400, "x.png"),
        (packet(described(10**6), png(np.zeros((4, 4, 3), "uint8"))), 400, "one number a pixel"),
        (packet(described(10**6), png(np.zeros((4, 4), "uint8"), "JPEG")), 400, "read here: PNG or TIFF"),
        (packet(described(10**6), png(np.full((4, 4), 17, "uint8"))), 400, "0 to 3. The label map also has 17"),
        (packet(described(10**6, role="instance_map"), png(np.ones((4, 4), "uint8"))), 400, "needs a label map"),
        (packet({"files": "all"}), 400, "Send a label map"),
        (packet(described(-5)), 400, "Send a label map"),
        (b"nothing", 400, "cannot be read"),
        (b"", 400, "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_map_is_not_accepted(client, body, status, message):
    answer = client.put("/api/sessions", content=body)
    assert answer.status_code == status and message in answer.json()["error"], answer.text


def test_maps_of_two_sizes_are_not_accepted(client):
    parts = png(np.zeros((4, 4), "uint8")), png(np.zeros((5, 4), "uint8"))
    head = {"files": [{"role": role, "name": role, "length": len(data)} for role, data in zip(files.MAPS, parts)]}
    answer = client.put("/api/sessions", content=packet(head, *parts))
    assert answer.status_code == 400 and "4x4 and 4x5" in answer.json()["error"]


def test_a_hundred_megabytes_are_not_accepted(client):
    for content in (b"\0" * 100_000_000, (b"\0" * 1_000_000 for _ in range(100))):
        answer = client.put("/api/sessions", content=content)
        assert answer.status_code == 413 and f"at most {MAX_BODY // 10**6} MB" in answer.json()["error"]


def test_other_scenes_origins_and_sessions_are_not_accepted(client):
    for scene in (8, -1, "../../setup.py", None, True, 1.0):
        assert client.post("/api/sessions", json={"scene": scene}).status_code == 404
    for scene in ("..%2f..%2fsetup.py", "0.png/../../x"):
        assert client.get(f"/api/scenes/{scene}").status_code == 404
    page = Page(client)
    edit = {"edit": {"do": "reseed", "seed": 1}, "from": ""}
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "http://127.0.0.1:8000.evil.example"}):
        assert client.post(f"{page.path}/edits", json=edit, headers=headers).status_code == 403
        assert client.put("/api/sessions", content=b"", headers=headers).status_code == 403
    assert client.get("/api/editor", headers={"Host": "evil.example"}).status_code == 421
    assert client.post("/api/sessions/nobody/edits", json=edit).status_code == 404
    assert "ended" in client.get("/api/sessions/nobody").json()["error"]
    broken = {**json.loads(client.get(f"{page.path}/files/record.json").text), "edits": [{"do": "fly"}]}
    for kept in (broken, {}, [], "x", None):
        assert client.post("/api/sessions", json={"record": kept}).status_code == 400


# === Many people, and slow pictures ===


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def gated():
    """An editor whose pictures are made when the gate opens: the gate, the painter, what was asked for, a client."""
    gate, asked = threading.Event(), []
    painter = FakePainter(has_preview=False, gate=gate)
    editor = make_editor(painter)
    ask = editor.worker.ask
    editor.worker.ask = lambda *arguments, **options: (ask(*arguments, **options), asked.append(arguments))[0]
    with client_of(editor) as client:
        yield gate, painter, asked, client
        gate.set()


def test_a_file_that_was_asked_for_comes_whatever_is_edited_meanwhile(gated):
    gate, _, requests, client = gated
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        page = Page(client)
        shown = threads.submit(page.photo)  # busies the worker
        wait_until(lambda: len(requests) == 1)
        asked = [threads.submit(client.get, f"{page.path}/files/{name}") for name in ("photo", "all.zip")]
        wait_until(lambda: len(requests) == 3)
        expected = np.array(COLORS)[page.label_map()].shape
        page.edit(do="reseed", seed=4)
        gate.set()
        first, second = (future.result() for future in asked)
        assert first.status_code == second.status_code == 200 and shown.result().status_code == 200
        assert np.asarray(Image.open(io.BytesIO(first.content))).shape == expected
        with zipfile.ZipFile(io.BytesIO(second.content)) as archive:
            assert archive.read("photo.png") == first.content
        assert client.get(f"{page.path}/files/photo").content != first.content


def test_the_newest_edit_wins(gated):
    """Ten quick edits while a picture takes long: the last one's is made, most of the others are not."""
    gate, painter, requests, client = gated
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        page = Page(client)
        waiting = []
        for seed in range(1, 11):
            page.edit(do="reseed", seed=seed)
            path = f"{page.path}/photos/{page.head['digest']}/full.jpg"
            waiting.append((page.head["digest"], threads.submit(client.get, path)))
            wait_until(lambda seed=seed: len(requests) == seed)
        gate.set()
        answers = [(digest, future.result()) for digest, future in waiting]
    statuses = [answer.status_code for _, answer in answers]
    assert statuses[-1] == 200 and set(statuses) == {200, 409} and statuses.count(409) >= 5
    assert "newer" in answers[statuses.index(409)][1].json()["error"]
    assert painter.painted[-1] == answers[-1][0] and len(painter.painted) == statuses.count(200)


def test_previews_go_before_whole_pictures_and_thumbnails():
    gate, order = threading.Event(), []
    worker = Worker()
    worker.ask("x", FULL, "first", lambda: gate.wait() and b"")

    def make(name):
        return lambda: order.append(name) or b"x"

    futures = [
        worker.ask("a", EXTRA, "a style", make("a style"), slot=0),
        worker.ask("a", FULL, "a full", make("a full")),
        worker.ask("b", FULL, "b full", make("b full")),
        worker.ask("a", PREVIEW, "a preview", make("a preview")),
        worker.ask("b", PREVIEW, "b preview old", make("b preview old")),
        worker.ask("b", PREVIEW, "b preview", make("b preview")),
        worker.ask("c", FULL, "c full", make("c full")),
    ]
    worker.withdraw("c")
    gate.set()
    for place, future in enumerate(futures):
        if place in (4, 6):
            with pytest.raises(Superseded):
                future.result(5)
        else:
            assert future.result(5) == b"x"
    assert order == ["a preview", "b preview", "a full", "b full", "a style"]
    assert worker.ask("d", PREVIEW, "a full", make("again")).result(0) == b"x" and "again" not in order
    worker.close()


def test_the_worker_outlives_errors_and_keeps_a_bounded_number_of_bytes():
    worker = Worker(keep_bytes=1000)
    with pytest.raises(ZeroDivisionError):
        worker.ask("a", FULL, "broken", lambda: 1 / 0).result(5)
    for number in range(50):
        assert worker.ask("a", FULL, number, lambda: b"x" * 100).result(5)
    assert worker.kept_bytes == sum(map(len, worker.kept.values())) <= 1000
    worker.close()
    with pytest.raises(Superseded):
        worker.ask("a", FULL, "late", bytes)


@pytest.mark.slow
def test_twenty_people_do_not_see_each_others_scenes():
    """Every answer is compared with what the same edits give to one alone."""
    editor = make_editor(FakePainter(delay=0.001))
    with client_of(editor) as client, concurrent.futures.ThreadPoolExecutor(20) as threads:
        wrong = list(threads.map(lambda person: work(client, person, 4, editor.classes), range(20)))
    assert wrong == [[]] * 20
    assert len(editor.sessions) == 20


def work(client, person, edits, classes):
    """One person's edits; what was not as it should be."""
    page, wrong = Page(client, person % 8), []
    own = Scene.of_maps(*maps(person % 8))
    painter = FakePainter()
    rng = np.random.default_rng(person)
    for _ in range(edits):
        edit = {"do": "paint", "points": [[int(x) for x in rng.integers(0, 30, 2)]], "radius": int(rng.integers(1, 6)),
                "label": int(rng.integers(0, 4))}  # fmt: skip
        try:
            own = record.apply(own, edit, classes)
        except ValueError:
            continue
        page.edit(**edit)
        photo = page.photo()
        if page.head["digest"] != own.digest or not np.array_equal(page.map, own.object_map):
            wrong.append((person, "map"))
        if photo.status_code != 200 or photo.content != encode(painter.picture(own)):
            wrong.append((person, "photo", photo.status_code))
    return wrong


def test_sessions_are_bounded_and_end():
    sessions = Sessions(most=3)
    kept = [sessions.add(Session(History(Scene.of_maps(*maps())), "x")) for _ in range(3)]
    assert sessions.find(kept[0].name) is kept[0]
    sessions.add(Session(History(Scene.of_maps(*maps())), "x"))
    assert len(sessions) == 3 and sessions.find(kept[0].name)
    with pytest.raises(Refused, match="ended"):
        sessions.find(kept[1].name)
    assert len({session.name for session in kept}) == 3 and all(len(session.name) >= 22 for session in kept)
    idle = Sessions(idle_s=-1)
    idle.used["old"] = kept[0], time.monotonic() - 10
    idle.idle_s = 5
    idle.add(kept[1])
    assert list(idle.used) == [kept[1].name]


def test_large_sessions_are_fewer():
    sessions = Sessions(most_bytes=3 * 2 * 32 * 48)  # three maps of uint16
    kept = [sessions.add(Session(History(Scene.of_maps(*maps())), "x")) for _ in range(4)]
    assert list(sessions.used) == [session.name for session in kept[1:]]
    number = kept[3].scene.objects.index(next(thing for thing in kept[3].scene.objects if thing.label == CAR))
    kept[3].edit({"do": "remove", "object": number}, make_editor().classes)
    assert kept[3].num_bytes > 2 * 32 * 48  # steps count, too
    sessions.add(kept[0])
    assert list(sessions.used) == [kept[3].name, kept[0].name]


@needs_cityscapes
def test_real_cityscapes_maps_are_opened_and_edited(monkeypatch):
    """At full size, exact to the last id, the answer of an edit much smaller than the maps."""
    source = build_scenes(CITYSCAPES, 35)
    classes = class_table(source.class_names, source.class_colors, [Facts.of(load_scene(source, 0))])
    painter = FakePainter()
    painter.style_bank = None
    monkeypatch.setattr(painter, "picture", lambda scene: np.zeros((*scene.size, 3), "uint8"))
    editor = Editor(source, classes, [], painter, Worker(), {"name": "city", "fingerprint": ""})
    with client_of(editor) as client:
        page, arrays = Page(client), source.load(0)
        table = np.array([row[:2] for row in page.head["objects"]])
        assert page.head["size"] == [1024, 2048] and np.array_equal(page.label_map(), arrays["label_map"])
        assert np.array_equal(table[:, 1][page.map], arrays["instance_map"])
        areas = np.bincount(page.map.ravel(), minlength=len(table))
        car = max(np.flatnonzero(table[:, 0] == 26), key=lambda number: areas[number])
        page.edit(do="remove", object=int(car))
        assert not (page.map == car).any() and np.prod(page.head["part"][2:]) < 2 * areas[car]
        assert np.array_equal(page.map.ravel(), unpack(client.get(page.path))[1])
        assert Image.open(io.BytesIO(page.photo().content)).size == (2048, 1024)


# === With a model ===


def test_painter_makes_what_the_model_generates(rng):
    model = style_model(ema_momentum=0.9, norm="instance")
    model.style_bank.fill({SKY: rng.normal(size=(2, 2)), CAR: rng.normal(size=(3, 2))})
    painter, scene = Painter(model), Scene.of_maps(*maps(), seed=5)
    styles = painter.styles_of(scene)
    assert painter.style_counts == (2, 0, 3, 0)
    assert [style is None for style in styles] == [thing.label in (ROAD, TREE) for thing in scene.objects]
    inputs = {"label_map": scene.label_map, "instance_map": scene.instance_map}
    expected = model.generate(inputs, seed=5)
    assert np.array_equal(painter.picture(scene), expected)
    chosen = {thing.instance: style for thing, style in zip(scene.objects, styles) if style is not None}
    assert np.array_equal(model.generate(inputs, seed=99, styles=chosen), expected)  # they are the ones in use
    assert painter.preview_size(scene.size) is None and np.array_equal(painter.preview(scene), expected)
    assert painter.thumbnail(scene, 2).ndim == 3


def test_previews_are_the_same_networks_at_a_smaller_size(monkeypatch):
    monkeypatch.setattr("hdsynth_tf.edit.server.painter.PREVIEW_PIXELS", 16 * 24)
    model = semantic_model(image_size=(32, 48))
    painter, scene = Painter(model), Scene.of_maps(*maps(0, 64, 96))
    preview = painter.preview(scene)
    assert painter.preview_size(scene.size) == (16, 24) and preview.shape == (16, 24, 3)
    assert painter.picture(scene).shape == (64, 96, 3) and painter.style_counts == ()
    assert painter.styles_of(scene) == [None] * len(scene.objects)
    smaller = model.with_parts(conditioning=SemanticConditioning(4, image_size=(16, 24)))
    small = smaller.generate({"label_map": scene.label_map[2::4, 2::4], "instance_map": scene.instance_map[2::4, 2::4]})
    assert np.array_equal(preview, small)


def test_commands_say_what_is_missing(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hdsynth_tf.files.presets.BUILT_IN", tmp_path)
    code, _, error = command("edit")
    assert (
        code == 1
        and "toy_street_256" in error
        and "runs/quickstart" in error
        and "make quickstart" in error
        and "--model=" in error
    )
    image_model().save(tmp_path / "thermal.keras")
    code, _, error = command("edit", "--model=thermal.keras")
    assert code == 2 and "for models that read label maps" in error
    semantic_model().save(tmp_path / "labels.keras")
    (tmp_path / "empty").mkdir()
    code, _, error = command("edit", "--model=labels.keras", "--scenes=empty")
    assert code == 1 and "no label maps" in error


def test_a_model_knows_how_many_classes_scenes_have(label_folders):
    maps = {f"{kind}_dir": str(label_folders / name) for kind, name in (("label", "label"), ("instance", "inst"))}
    folders = DataSettings(dataset="folder", split="train", val_share=0.0, **maps)
    scenes = find_scenes("", folders, semantic_model().conditioning)
    assert scenes.num_classes == 4 and len(scenes) == 5
