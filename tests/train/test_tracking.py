"""`--log_to`: what a service is sent, that a training which goes on is the same run there, and what is refused."""

import contextlib
import json
import sys
import types

import pytest
from places import ROOT

from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.files.run_folder import RunFolder
from hdsynth_tf.train.__main__ import main
from hdsynth_tf.train.settings import RunSettings
from hdsynth_tf.train.tracking import SERVICES, Tracker, TrackingError, check_installed, tracking

TINY = [
    f"--flagfile={ROOT / 'experiments' / 'quickstart.flags'}", "--num_scenes=4", "--image_height=16",
    "--image_width=32",
    "--num_filters=2", "--num_downsamples=1", "--num_residual_blocks=1", "--num_enhancers=0", "--warm_start_epochs=0",
    "--discriminator_filters=2", "--discriminator_layers=1", "--num_scales=1", "--noexport", "--epochs=2",
    "--decay_epochs=0", "--steps_per_epoch=1", "--num_samples=1", "--precision=float32",
]  # fmt: skip


@pytest.fixture
def sent(monkeypatch):
    """Modules of the services' names that note what they are asked for: dict of lists."""
    noted = {"opened": [], "sent": [], "closed": []}

    def init(**arguments):
        noted["opened"].append(arguments)
        return types.SimpleNamespace(
            log=lambda values, step: noted["sent"].append((step, values)),
            finish=lambda: noted["closed"].append("wandb"),
        )

    def start_run(run_id=None, run_name=None):
        noted["opened"].append({"id": run_id, "name": run_name})
        return types.SimpleNamespace(info=types.SimpleNamespace(run_id=run_id or "number-1"))

    def put(name, **functions):
        module = types.ModuleType(name)
        module.__spec__ = types.SimpleNamespace(name=name)
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, name, module)

    put("wandb", init=init)
    put(
        "mlflow",
        set_experiment=lambda name: noted.update(experiment=name),
        start_run=start_run,
        log_params=lambda settings: noted.setdefault("settings", []).append(settings),
        log_metrics=lambda values, step: noted["sent"].append((step, values)),
        end_run=lambda: noted["closed"].append("mlflow"),
    )
    return noted


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "streets").mkdir()
    return RunFolder(tmp_path / "streets")


@pytest.mark.parametrize("service", SERVICES)
def test_a_training_that_goes_on_is_the_same_run(sent, folder, service):
    for epoch in range(2):
        with tracking(service, folder, {"run": RunSettings(run_dir="streets")}) as (tracker,):
            tracker.on_epoch_end(epoch, {"pixel": 0.5})
    numbers = [opened["id"] for opened in sent["opened"]]
    assert numbers[1] == json.loads(folder.tracking.read_text())[service]
    assert numbers[0] in (None, numbers[1]) and sent["opened"][0]["name"] == "streets"
    assert [(step, values["pixel"]) for step, values in sent["sent"]] == [(0, 0.5), (1, 0.5)]
    assert sent["closed"] == [service] * 2
    configs = sent.get("settings", [opened.get("config") for opened in sent["opened"]])
    assert all(config["run_dir"] == "streets" for config in configs)


@pytest.mark.parametrize("service", SERVICES)
def test_a_run_is_closed_when_training_ends_with_an_error(sent, folder, service):
    with contextlib.suppress(ZeroDivisionError), tracking(service, folder, {}):
        raise ZeroDivisionError
    assert sent["closed"] == [service]


def test_a_service_that_falls_silent_ends_no_training(capsys):
    def send(values, epoch):
        raise ConnectionError("no route")

    tracker = Tracker(send)
    for epoch in range(3):
        tracker.on_epoch_end(epoch, {"pixel": 1.0})
    assert capsys.readouterr().out.count("no route") == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_cannot_be_reached_is_named(sent, folder, monkeypatch, service):
    def refuse(*arguments, **named):
        raise ConnectionError("no route")

    monkeypatch.setattr(sys.modules[service], {"wandb": "init", "mlflow": "start_run"}[service], refuse)
    with pytest.raises(TrackingError, match=f"{service}.*no route"), tracking(service, folder, {}):
        pass
    assert not folder.tracking.exists()


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_not_installed_is_refused_before_anything_is_done(monkeypatch, tmp_path, service):
    monkeypatch.setitem(sys.modules, service, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TrackingError, match=rf"{service}.*\[{service}\]"):
        main(["train", f"--log_to={service}", f"--run_dir={tmp_path / 'run'}"])
    assert not (tmp_path / "run").exists()
    check_installed("")


def test_others_are_refused():
    with pytest.raises(SettingsError, match=r"wandb \| mlflow"):
        RunSettings(log_to="comet")


@pytest.mark.parametrize("service", [pytest.param("wandb", marks=pytest.mark.slow), "mlflow"])
def test_a_training_sends_every_epoch(sent, command, tmp_path, service):
    code, _, error = command("train", *TINY, f"--run_dir={tmp_path / 'run'}", f"--log_to={service}")
    assert code == 0, error
    *epochs, (last, final) = sent["sent"]
    assert [step for step, _ in epochs] == [0, 1] and last == 1 and sent["closed"] == [service]
    assert all({"generator_learning_rate", "pixel"} <= set(values) for _, values in epochs)
    assert {"final_psnr", "final_ssim"} <= set(final)
