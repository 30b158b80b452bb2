"""Models of the released PyTorch code as people use them: converted, generating, exported, served, trained on."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

torch = pytest.importorskip("torch", reason="the exchange with PyTorch's files needs PyTorch")
import torch_reference as reference  # noqa: E402
from torch_reference import make_networks, save_networks  # noqa: E402

from hdsynth_tf.convert.clusters import write_clusters  # noqa: E402

pytestmark = pytest.mark.torch

STYLES = {label: np.random.default_rng(label).uniform(-1, 1, (3, 3)).astype("float32") for label in range(4)}


@pytest.fixture
def released(tmp_path):
    """A folder as the released code leaves it, and its networks."""
    folder = tmp_path / "checkpoints" / "label2city"
    folder.mkdir(parents=True)
    networks = make_networks(1)
    write_clusters(save_networks(networks, folder) / "features_clustered_010.npy", STYLES)
    return folder, networks


@pytest.fixture
def converted(released, command, tmp_path):
    code, output, error = command("convert", f"--from_torch={released[0]}", f"--output={tmp_path / 'city.keras'}")
    assert code == 0, error
    return tmp_path / "city.keras", output


def test_convert_says_what_it_found(converted):
    _, output = converted
    for line in ("1 enhancer(s)", "2 scale(s)", "3 features", "4 classes", "12 styles of 4 classes", "city.keras"):
        assert line in output


def test_a_converted_model_makes_the_pictures_of_the_original(converted, released, label_folders):
    """The whole way of the released code, with a photograph's styles: encode, pool, concatenate, generate, to bytes."""
    model = keras.saving.load_model(converted[0])
    label = np.asarray(Image.open(label_folders / "label/s0.png")).astype("int32")
    image = np.random.default_rng(0).integers(0, 256, (*label.shape, 3)).astype("uint8")
    semantic = reference.semantic_input(*(torch.from_numpy(x[None]) for x in (label, label * 1000)), 4, torch.float32)
    real = torch.from_numpy(np.moveaxis(image, -1, 0)[None]).float() / 127.5 - 1
    with torch.no_grad():
        features = released[1]["E"](real, torch.from_numpy(label[None]))
        fake = released[1]["G"](torch.cat([semantic, features], 1))[0].numpy()
    inputs = {"label_map": label, "instance_map": label * 1000}
    picture = model.generate(inputs, style_image=image)
    expected = np.clip((np.moveaxis(fake, 0, -1) + 1) * 127.5, 0, 255)
    assert np.abs(picture - expected).max() <= 0.51  # rounded, where the released code cuts off


def test_generate_and_export_and_serve(converted, command, label_folders, tmp_path):
    folders = [f"--label_dir={label_folders / 'label'}", f"--instance_dir={label_folders / 'inst'}", "--num_classes=4"]
    out = tmp_path / "out"
    code, output, error = command(
        "generate", f"--model={converted[0]}", "--dataset=folder", *folders, f"--output_dir={out}"
    )
    assert code == 0 and "5 pictures made" in output, error
    code, output, error = command("export", f"--model={converted[0]}", f"--output_dir={tmp_path / 'serving/city/1'}")
    assert code == 0 and "TensorFlow Serving" in output, error
    served = tf.saved_model.load(str(tmp_path / "serving/city/1")).signatures["serve_png"]
    files = {
        name: tf.constant([(label_folders / f"{folder}/s2.png").read_bytes()])
        for name, folder in (("label_map", "label"), ("instance_map", "inst"))
    }
    png = served(**files, seed=tf.constant([0]))["png_bytes"][0]
    np.testing.assert_array_equal(tf.io.decode_png(png), np.asarray(Image.open(out / "s2.png")))


def test_export_leaves_other_folders_alone(converted, command, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    for folder, message in ((tmp_path / "photos", "holds other things than a SavedModel"), (".", "should be a folder")):
        code, _, error = command("export", f"--model={converted[0]}", f"--output_dir={folder}")
        assert code and message in error
    assert (tmp_path / "photos" / "a.jpg").exists()


def test_back_to_the_released_code(converted, released, command, tmp_path):
    code, output, error = command("convert", f"--model={converted[0]}", f"--to_torch={tmp_path / 'back'}")
    assert code == 0 and output.count("Written") == 4, error
    for name, network in released[1].items():
        network.load_state_dict(torch.load(tmp_path / "back" / f"latest_net_{name}.pth", weights_only=True))
    styles = np.load(tmp_path / "back" / "features_clustered_010.npy", allow_pickle=True).item()
    assert all(np.array_equal(styles[label], STYLES[label]) for label in STYLES)


def test_training_goes_on_from_a_converted_model(converted, command, label_folders, tmp_path):
    """With the released recipe, from its weights."""
    vgg = reference.VGG19()
    torch.save(vgg.state_dict(), tmp_path / "vgg.pth")
    flags = ["--recipe=released", f"--perceptual_weights={tmp_path / 'vgg.pth'}", f"--init_from={converted[0]}"]
    flags += [
        "--num_filters=8",
        "--num_downsamples=2",
        "--num_residual_blocks=2",
        "--num_enhancers=1",
        "--num_scales=1",
    ]
    flags += ["--num_enhancer_blocks=2", "--encoder_filters=4", "--encoder_downsamples=2", "--discriminator_filters=4"]
    flags += ["--num_scales=1", "--feature_channels=3"]
    data = [f"--label_dir={label_folders / 'label'}", f"--instance_dir={label_folders / 'inst'}"]
    data += [f"--target_dir={label_folders / 'photo'}", "--num_classes=4", "--dataset=folder"]
    data += ["--image_height=64", "--image_width=64", "--max_steps=2", "--epochs=1", "--decay_epochs=0"]
    code, output, error = command("train", *flags, *data, "--enhancer_epochs=0", f"--run_dir={tmp_path / 'run'}")
    assert code == 0, output + error
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["networks"]["upsampling"] == "transposed" and settings["losses"]["relative_matching"] is False
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    before = keras.saving.load_model(converted[0])
    assert {label: len(own) for label, own in model.style_bank.as_dict().items()} == dict.fromkeys(range(4), 3)
    for a, b in zip(model.generator.weights, before.generator.weights, strict=True):
        assert np.abs(a - b).max() < 1e-3  # two steps of 2e-4 from there


@pytest.mark.parametrize(
    "flags, code, message",
    [
        (["--from_torch=nowhere", "--output=m.keras"], 1, "latest_net_G.pth is not there"),
        (["--from_torch=nowhere"], 2, "--output should be the model file"),
        (["--model=m.keras"], 2, "Say where the PyTorch files go"),
        ([], 2, "Say what to convert"),
    ],
)
def test_convert_says_what_is_wrong(command, flags, code, message):
    assert command("convert", *flags)[0] == code
    assert message in command("convert", *flags)[2]


def test_a_bad_file_leaves_the_old_model(released, converted, command):
    before = converted[0].read_bytes()
    (released[0] / "latest_net_G.pth").write_bytes(b"garbage")
    code, _, error = command("convert", f"--from_torch={released[0]}", f"--output={converted[0]}")
    assert code == 1 and "latest_net_G.pth is no PyTorch file" in error
    assert converted[0].read_bytes() == before
