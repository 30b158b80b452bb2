"""The editor with a model that has learnt streets: what edits do to the photograph. And twenty people for a minute."""

import concurrent.futures
import gzip
import json
import os
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import browser
import keras
import numpy as np
import pytest
from test_edit_page import Editor

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from pipelines.toy_street import ToyStreet
from pipelines.toy_street.scene import CAR, CLASS_NAMES, VEGETATION

pytestmark = [browser.needs_browser, pytest.mark.long]
PEOPLE, SECONDS = 20, int(os.environ.get("HDSYNTH_CROWD_SECONDS", 60))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a short recipe with styles; or one that is there, to save the four minutes: HDSYNTH_STYLES_RUN."""
    if "HDSYNTH_STYLES_RUN" in os.environ:
        return Path(os.environ["HDSYNTH_STYLES_RUN"])
    path = tmp_path_factory.mktemp("runs") / "streets"
    short = ["--warm_start_epochs=12", "--epochs=2", "--decay_epochs=3", "--sample_epochs=17"]
    shell("train", "--flagfile=experiments/toy_street_styles.flags", *short, f"--run_dir={path}")
    shell("styles", f"--model={path}")
    return path


def shell(name, *arguments):
    """Runs a command in a process of its own."""
    command = [sys.executable, "-m", f"hdsynth_tf.{name}", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(browser.ROOT)}
    done = subprocess.run(command, cwd=browser.ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def segmenter():
    """A small network that has learnt, from real pictures alone, which class each pixel is."""
    keras.utils.set_random_seed(0)
    source = ToyStreet(200, 128, 256, "train")
    scenes = [source.load(index) for index in range(200)]
    images = np.stack([scene["image"] for scene in scenes]).astype("float32") / 255
    labels = np.stack([scene["label_map"] for scene in scenes])
    frequency = np.bincount(labels.ravel(), minlength=len(CLASS_NAMES))
    weights = (frequency.mean() / frequency) ** 0.5  # else cars, a sixtieth of the pixels, are never learnt

    x = inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(24, 4, strides=2, padding="same", activation="relu")(x)
    for rate in (1, 2, 4, 8, 1):
        x = keras.layers.Conv2D(32, 3, dilation_rate=rate, padding="same", activation="relu")(x)
    x = keras.layers.UpSampling2D(2, interpolation="bilinear")(keras.layers.Conv2D(len(CLASS_NAMES), 1)(x))
    model = keras.Model(inputs, x)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.fit(images, labels, batch_size=4, epochs=10, verbose=0, sample_weight=weights[labels])
    return lambda picture: model.predict(picture[None].astype("float32") / 255, verbose=0)[0].argmax(-1)


@pytest.fixture(scope="module")
def server(run):
    with browser.Server("edit", f"--model={run}", "--survey_scenes=30") as server:
        yield server


@pytest.fixture(scope="module")
def page(server):
    with browser.chromium(viewport={"width": 1280, "height": 720}) as context:
        editor = Editor(browser.open_page(context, server.url))
        editor.settle()
        yield editor
        assert editor.page.problems == []


def large_cars(page, scenes, least=250):
    """Opens scenes; gives the largest car of each, if it is large enough."""
    for index in scenes:
        page.open_scene(index)
        if any(row[0] == CAR for row in page.head()["objects"]):
            car = page.largest(CAR)
            if page.mask(car).sum() >= least:
                yield car


def test_a_segmenter_sees_no_car_where_one_was_removed(page, segmenter):
    before, after = [], []
    for car in large_cars(page, range(12)):
        where = page.mask(car)
        before.append((segmenter(page.photo())[where] == CAR).mean())
        page.select(car)
        page.after(lambda: page.press("Delete"))
        assert not page.mask(car).any() and not (page.labels()[where] == CAR).any()
        after.append((segmenter(page.photo())[where] == CAR).mean())
    print(f"{len(before)} cars: seen in {np.mean(before):.3f} of their pixels before, {np.mean(after):.3f} after")
    assert len(before) >= 3 and np.mean(before) > 0.5 and np.mean(after) < 0.05


def style_colors(model, scenes):
    """Mean colour of the largest car of each scene in each style, averaged over the scenes: (styles, 3)."""
    source, colors = ToyStreet(4000, 128, 256, "test"), []
    for index in scenes:
        maps = {key: source.load(index)[key] for key in ("label_map", "instance_map")}
        ids, counts = np.unique(maps["instance_map"][maps["label_map"] == CAR], return_counts=True)
        if len(ids) and counts.max() >= 250:
            car = int(ids[counts.argmax()])
            where = maps["instance_map"] == car
            colors.append([model.generate(maps, styles={car: s})[where].mean(axis=0) for s in range(10)])
    return np.mean(colors, axis=0)


def test_a_style_moves_the_colour_towards_the_styles(page, run):
    """The style's colour is that of other scenes' cars in it; the style chosen is the one that is most unlike."""
    model = keras.saving.load_model(run / "model.keras", compile=False)
    colors, distances = style_colors(model, range(20, 40)), []
    for car in large_cars(page, range(12)):
        mask, before = page.mask(car), page.photo()
        color = before[mask].mean(axis=0)
        style = int(np.argmax(np.linalg.norm(colors - color, axis=1)))
        page.select(car)
        page.until("document.querySelectorAll('#styles .style').length === 10")
        page.after(page.page.locator(".style").nth(style).click)
        after = page.photo()
        distances.append([np.linalg.norm(picture[mask].mean(axis=0) - colors[style]) for picture in (before, after)])
        assert np.abs(after[~mask].astype(int) - before[~mask]).mean() < 5
    print("distance to the style's colour before and after:", np.round(distances).astype(int).tolist())
    assert len(distances) >= 3 and all(after < 0.5 * before for before, after in distances)


def test_the_photograph_follows_the_brush(page, segmenter):
    """A tree is painted before the houses. (Sky on a road would stay a road: the row tells the network, too.)"""
    page.open_scene(0)
    page.press("b")
    page.choose("#paint-class", VEGETATION)
    page.page.fill("#paint-size", "14")
    box = np.s_[34:54, 205:235]
    assert (segmenter(page.photo())[box] == VEGETATION).mean() < 0.1
    page.after(lambda: page.drag((200, 44), (240, 44)))
    page.press("v")
    assert (page.labels()[box] == VEGETATION).all() and (segmenter(page.photo())[box] == VEGETATION).mean() > 0.5


# === A crowd ===


class Person:
    """A page without a browser: edits, waits for its photograph, and checks that both are its own."""

    def __init__(self, url, number):
        self.url, self.number = url.rstrip("/"), number
        self.head, self.map = None, None
        self.take(self.ask("/api/sessions", {"scene": number}))

    def ask(self, path, content=None):
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            data = answer.read()
        return gzip.decompress(data) if answer.headers["Content-Encoding"] == "gzip" else data

    def take(self, body):
        (length,) = struct.unpack_from("<I", body)
        self.head = json.loads(body[4 : 4 + length])
        left, top, width, height = self.head["part"]
        numbers = np.frombuffer(body[4 + length :], "<u2").reshape(height, width)
        if self.map is None:
            self.map = numbers.copy()
        self.map[top : top + height, left : left + width] = numbers

    def live(self, end):
        """Edits until the time is over; gives seconds to the map and to the photograph of each edit."""
        rng, times = np.random.default_rng(self.number), []
        path = f"/api/sessions/{self.head['session']}"
        while time.monotonic() < end:
            edit = {"do": "paint", "points": rng.integers(0, 128, (2, 2)).tolist(), "radius": int(rng.integers(2, 9)),
                    "label": int(rng.integers(0, 10))}  # fmt: skip
            began = time.monotonic()
            try:
                self.take(self.ask(f"{path}/edits", {"edit": edit, "from": self.head["digest"]}))
            except urllib.error.HTTPError as error:
                assert error.code == 400, error.read()  # "that is sky already"
                continue
            seen = time.monotonic() - began
            picture = self.ask(f"{path}/photos/{self.head['digest']}/full.jpg")
            assert picture[:2] == b"\xff\xd8"
            times.append((seen, time.monotonic() - began))
            assert self.head["scene"] == f"street_{self.number:06d}"
            time.sleep(0.3)
        head = json.loads(self.ask(f"{path}/files/record.json"))
        assert len(head["edits"]) == len(self.head["steps"])
        whole = self.ask(path)
        (length,) = struct.unpack_from("<I", whole)
        assert np.array_equal(np.frombuffer(whole[4 + length :], "<u2"), self.map.ravel())
        return times


def resident_megabytes(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def test_twenty_people_for_a_minute(server):
    people = [Person(server.url, number) for number in range(PEOPLE)]
    assert len({person.head["session"] for person in people}) == PEOPLE
    memory, end = [], time.monotonic() + SECONDS
    with concurrent.futures.ThreadPoolExecutor(PEOPLE) as threads:
        running = [threads.submit(person.live, end) for person in people]
        while time.monotonic() < end:
            memory.append(resident_megabytes(server.process.pid))
            time.sleep(SECONDS / 20)
        times = np.array([pair for future in running for pair in future.result()])
    to_map, to_photo = np.median(times, axis=0)
    print(
        f"{len(times)} edits of {PEOPLE} people in {SECONDS} s; median to the map {to_map:.3f} s, to the photograph "
        f"{to_photo:.3f} s (95 %: {np.percentile(times[:, 1], 95):.3f} s); "
        f"memory {memory[1]:.0f} to {max(memory):.0f} MB"
    )
    assert len(times) >= PEOPLE * 3 and max(memory) < memory[len(memory) // 4] + 150
