"""The files of the containers, without Docker: what they copy is there, what they install fits; and the client."""

import base64
import json
import re
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import tensorflow as tf
from packaging.requirements import Requirement
from places import ROOT
from tiny import semantic_batch, semantic_model

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
DOCKER = ROOT / "docker"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
KNOWN = {"FROM", "ARG", "COPY", "RUN", "USER", "ENV", "WORKDIR", "EXPOSE", "ENTRYPOINT", "CMD"}


def instructions(name):
    """Of a Dockerfile: list of (instruction, its arguments)."""
    lines = [line for line in (DOCKER / name).read_text().splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


@pytest.mark.parametrize("name", ["train.Dockerfile", "serve.Dockerfile"])
def test_dockerfiles_can_be_read(name):
    found = instructions(name)
    assert {instruction for instruction, _ in found} <= KNOWN and found[0][0] == "FROM"
    bases = [arguments.split()[0] for instruction, arguments in found if instruction == "FROM"]
    assert all(re.fullmatch(r"[\w/]+:[\w.-]+", base) and not base.endswith(":latest") for base in bases)
    for instruction, arguments in found:
        if instruction in ("ENTRYPOINT", "CMD"):
            assert all(isinstance(word, str) for word in json.loads(arguments))


def test_what_the_training_image_copies_is_there():
    copied = [
        arguments.split()[:-1] for instruction, arguments in instructions("train.Dockerfile") if instruction == "COPY"
    ]
    sources = [source for group in copied if not group[0].startswith("--from") for source in group]
    assert len(sources) > 5 and all((ROOT / source).exists() for source in sources)
    needed = {"setup.py", "pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], "hdsynth_tf", "pipelines"}
    assert needed | {"experiments"} <= set(sources)


def test_the_training_image_runs_the_command():
    found = dict(instructions("train.Dockerfile"))
    (command,) = json.loads(found["ENTRYPOINT"])
    assert command in PROJECT["scripts"] and found["USER"] != "root"


def test_constraints_fit_the_package():
    lines = (DOCKER / "constraints.txt").read_text().splitlines()
    locked = dict(line.lower().split("==") for line in lines if line and not line.startswith("#"))
    for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["ui"]]:
        needed = Requirement(line)
        assert needed.specifier.contains(locked[needed.name.lower()]), line


def test_compose_builds_both_images():
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    for name, service in services.items():
        context = (DOCKER / service["build"]["context"]).resolve()
        assert context == ROOT and (context / service["build"]["dockerfile"]).is_file(), name
    flags = [word for word in services["train"]["command"] if word.startswith("--flagfile=")]
    assert (ROOT / flags[0].partition("=")[2]).is_file()
    assert "UID" not in re.findall(r"\$\{(\w+)", services["train"]["user"])  # which bash keeps to itself
    assert all(port.startswith("127.0.0.1:") for port in services["serve"]["ports"])  # a server without a password


@pytest.fixture(scope="module")
def model():
    return semantic_model()


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    """Answers as TensorFlow Serving does, by the model's SavedModel; `.old`: its output has the name of old exports."""
    path = tmp_path_factory.mktemp("served") / "1"
    model.save(path)
    serve = tf.saved_model.load(path).signatures

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            decoded = {name: [base64.b64decode(one["b64"]) for one in value] for name, value in asked["inputs"].items()}
            try:
                made = serve[asked["signature_name"]](**{name: tf.constant(value) for name, value in decoded.items()})
                ((name, (png,)),) = [("png" if self.server.old else name, x.numpy()) for name, x in made.items()]
                shown = json.dumps(png.decode("latin-1"), ensure_ascii=False).encode("latin-1")
                encoded = json.dumps({"b64": base64.b64encode(png).decode()}).encode()
                code, body = 200, b'{"outputs": [' + (encoded if name.endswith("_bytes") else shown) + b"]}"
            except tf.errors.InvalidArgumentError as error:
                code, body = 400, json.dumps({"error": error.message}).encode()
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def client(server, *arguments):
    command = [
        sys.executable,
        str(DOCKER / "client.py"),
        f"--url=http://127.0.0.1:{server.server_port}/v1/models/hdsynth",
    ]
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("old", [True, False])
def test_the_client_gets_the_models_picture(server, model, save, tmp_path, old):
    server.old = old
    inputs = {name: array[0] for name, array in semantic_batch()[0].items()}
    files = [f"--{name}={save(f'{name}.png', array.astype('uint16'))}" for name, array in inputs.items()]
    done = client(server, *files, f"--output={tmp_path / 'photograph.png'}")
    assert done.returncode == 0, done.stderr
    picture = tf.io.decode_png((tmp_path / "photograph.png").read_bytes()).numpy()
    np.testing.assert_array_equal(picture, model.generate(inputs))


def test_the_client_says_what_the_server_says(server, save, tmp_path):
    colour = save("colour.png", np.zeros((16, 24, 3), "uint8"))
    done = client(server, f"--label_map={colour}", f"--instance_map={colour}", f"--output={tmp_path / 'none.png'}")
    assert done.returncode == 1 and "grey PNG" in done.stderr and not (tmp_path / "none.png").exists()


def test_the_client_needs_a_picture(server, tmp_path):
    done = client(server, f"--output={tmp_path / 'none.png'}")
    assert done.returncode == 2 and "--label_map" in done.stderr
