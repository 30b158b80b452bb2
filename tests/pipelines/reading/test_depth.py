"""Images of any channels and depth: read, windowed, made, and written again, exactly."""

import json
import struct
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny import compiled, semantic_batch

from hdsynth_tf.assemble import Level, percentiles, settle_windows, with_windows
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import FeatureEncoder, GlobalGenerator, MultiScaleDiscriminator
from pipelines.checks.validate import validate
from pipelines.checks.values import Frame, Values
from pipelines.conditioning import ImageConditioning, SemanticConditioning
from pipelines.dataset import make_eval, make_train
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.reading.depth import deep_size, file_suffix, read_deep, write_deep
from pipelines.source import Source

numpy = keras.ops.convert_to_numpy
KINDS = [(c, d) for c in (1, 2, 3, 5) for d in ("uint8", "uint16", "float32")]


def draw(rng, channels, dtype, size=(7, 9)):
    if dtype == "float32":
        return rng.uniform(250, 320, (*size, channels)).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max + 1, (*size, channels)).astype(dtype)


@pytest.mark.parametrize("channels, dtype", KINDS)
def test_what_is_written_is_read(rng, tmp_path, channels, dtype):
    image = draw(rng, channels, dtype)
    path = tmp_path / f"x{file_suffix(channels, dtype)}"
    write_deep(image, path)
    read = read_deep(path)
    assert read.dtype == image.dtype and deep_size(path) == (7, 9)
    np.testing.assert_array_equal(read, image)


@pytest.mark.parametrize(
    "array, dtype",
    [
        (np.array([[0, 65535]], "int32"), "float32"),
        (np.array([[0, 65535]], ">u2"), "uint16"),
        (np.array([[1.5, 2.5]], ">f4"), "float32"),
        (np.array([[-4, 65535]], "int32"), "float32"),
        (np.array([[1.5, 2.5]], "float64"), "float32"),
        (np.array([[[1], [2]]], "int64"), "float32"),
    ],
)
def test_arrays_of_other_numbers(tmp_path, array, dtype):
    np.save(tmp_path / "x.npy", array)
    read = read_deep(tmp_path / "x.npy")
    assert read.dtype == dtype and read.dtype.isnative
    np.testing.assert_array_equal(read[..., 0], array.reshape(1, 2))


def test_big_endian_files_arrive_as_they_are(tmp_path, rng):
    """TensorFlow takes the bytes of an array in this machine's order."""
    values = rng.integers(27000, 31000, (6, 8)).astype(">u2")
    np.save(tmp_path / "x.npy", values)
    (inputs,) = make_eval(Folder(source_dir=tmp_path))
    np.testing.assert_array_equal(inputs["source"][0, ..., 0], values.astype("uint16"))


def test_what_pillow_would_make_bytes_of(tmp_path, rng):
    grey_and_alpha = rng.integers(0, 65536, (4, 5, 2)).astype("uint16")
    (tmp_path / "a.png").write_bytes(tf.io.encode_png(grey_and_alpha).numpy())
    np.testing.assert_array_equal(read_deep(tmp_path / "a.png"), grey_and_alpha[..., :1])
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    with pytest.raises(DataError, match=r"a\.png cannot be read"):
        read_deep(tmp_path / "a.png")


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((1, 2, 3, 4)), np.array([["a"]]), np.array([[{}]], object)])
def test_arrays_that_are_no_images(tmp_path, array):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=r"x\.npy"):
        read_deep(tmp_path / "x.npy")
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY nonsense")
    with pytest.raises(DataError, match=r"x\.npy cannot be read"):
        read_deep(tmp_path / "x.npy")


@pytest.fixture
def pages(tmp_path, rng):
    """A TIFF of three pages, and what they hold."""
    values = rng.integers(0, 65536, (3, 5, 6)).astype("uint16")
    first, *others = [Image.fromarray(page) for page in values]
    (tmp_path / "s").mkdir()
    first.save(tmp_path / "s" / "x.tiff", save_all=True, append_images=others)
    return tmp_path / "s", values


def test_pages_need_a_word(pages):
    folder, values = pages
    with pytest.raises(DataError, match=r"x\.tiff has 3 pages.*--source_pages"):
        Folder(source_dir=folder)
    channels = Folder(source_dir=folder, pages="channels")
    np.testing.assert_array_equal(channels.load(0)["source"], np.moveaxis(values, 0, -1))
    frames = Folder(source_dir=folder, pages="frames")
    assert frames.names == ["x_0000", "x_0001", "x_0002"] and frames.file_name(1) == "x_0001"
    for number in range(3):
        np.testing.assert_array_equal(frames.load(number)["source"][..., 0], values[number])
    assert validate(frames, show_progress=False).lines[0].startswith("3 scenes: 3 of 6x5")


# === Windows ===


def test_counts_kelvin_and_bytes_are_one_input(tmp_path):
    """A ramp of 256 steps, in blocks that a JPEG keeps exactly."""
    steps = np.arange(256).reshape(16, 16).repeat(8, 0).repeat(8, 1)
    write_deep((27300 + 10 * steps).astype("uint16")[..., None], tmp_path / "counts.png")
    write_deep((273 + 0.1 * steps).astype("float32")[..., None], tmp_path / "kelvin.tiff")
    Image.fromarray(steps.astype("uint8")).save(tmp_path / "bytes.jpg", quality=100)
    windows = {"counts.png": (27300, 29850), "kelvin.tiff": (273.0, 298.5), "bytes.jpg": (0, 255)}
    inputs = {}
    for name, window in windows.items():
        source = read_deep(tmp_path / name)
        inputs[name] = numpy(ImageConditioning(1, window)({"source": source[None]}))
        assert source.shape == (128, 128, 1)
    assert abs(inputs["counts.png"] - (steps / 127.5 - 1)[None, ..., None]).max() < 1e-5
    for name in windows:
        np.testing.assert_allclose(inputs[name], inputs["counts.png"], atol=1e-3)


class Deep(Source):
    """Scenes of counts, each with an offset of its own; images are the same counts."""

    formats = {"source": ((1,), "uint16"), "image": ((1,), "uint16")}
    names = [str(i) for i in range(4)]
    common_size = (16, 24)

    def load(self, index):
        counts = np.random.default_rng(index).integers(1000 * index, 1000 * index + 900, (16, 24, 1)).astype("uint16")
        return {"source": counts, "image": counts}


def test_a_crop_has_the_window_of_its_picture():
    source, conditioning = Deep(), ImageConditioning(1, percentiles=(5, 95), image_channels=1, image_dtype="uint16")
    whole = {int(i): numpy(conditioning({"source": source.load(i)["source"][None]}))[0] for i in range(4)}
    for inputs, image in make_train(source, 2, crop_size=(8, 8), flip=False, percentiles=(5, 95)).take(6):
        crops = numpy(conditioning(inputs))
        for crop, counts in zip(crops, image.numpy()):
            index = int(counts.max() // 1000)
            scene = source.load(index)["source"]
            places = np.lib.stride_tricks.sliding_window_view(scene[..., 0], (8, 8))
            (row,), (column,) = np.nonzero((places == counts[..., 0]).all((2, 3)))
            np.testing.assert_allclose(crop, whole[index][row : row + 8, column : column + 8], atol=1e-5)
    for number, (inputs, _) in enumerate(make_eval(source)):
        np.testing.assert_allclose(numpy(conditioning(inputs))[0], whole[number], atol=1e-5)


@pytest.mark.parametrize("low, high, shares", [(0, 9, (0.0, 0.0)), (5, 9, (0.5, 0.0)), (2, 6, (0.2, 0.3))])
def test_what_a_window_clips(low, high, shares):
    values = Values([Frame.of(np.arange(10, dtype="uint16").reshape(2, 5, 1))], "uint16")
    assert values.clipped((low, high)) == pytest.approx(shares)


def thermal_values(low=27000, high=31000):
    return Values([Frame.of(np.linspace(low, high, 4096).astype("uint16").reshape(64, 64, 1))], "uint16")


def test_windows_are_found():
    formats = {"source": ((1,), "uint16"), "image": ((3,), "uint8")}
    values = {"source": thermal_values()}
    assert with_windows(DataSettings(), formats, values).source_range == (27000, 31000)
    assert with_windows(DataSettings(), formats, values).target_range == (0, 255)
    assert with_windows(DataSettings(source_window="percentiles"), formats, values).source_range == ()
    fixed = DataSettings(source_range=(26000, 32000), source_window="percentiles")
    assert with_windows(fixed, formats, values).source_range == (26000, 32000)
    assert percentiles(fixed) is None and percentiles(DataSettings()) is None
    assert percentiles(DataSettings(source_window="percentiles", source_percentiles=(2, 98))) == (2, 98)
    photographs = {"source": ((3,), "uint8"), "image": ((3,), "uint8")}
    dark = {"source": Values([Frame.of(np.arange(16, dtype="uint8").reshape(4, 4, 1))], "uint8")}
    assert with_windows(DataSettings(), photographs, dark).source_range == (0, 255)
    assert with_windows(DataSettings(source_window="dataset"), photographs, dark).source_range == (0, 15)
    with pytest.raises(SettingsError, match=r"--source_range=28000,31000 clips 25% .*Give --source_range=27\d*"):
        with_windows(DataSettings(source_range=(28000, 31000)), formats, values)


@pytest.mark.parametrize(
    "data, before, source, image",
    [
        (DataSettings(), {}, (1000, 4000), (0, 8000)),
        (DataSettings(), {"source": [1000, 5000], "image": [0, 9000]}, (1000, 5000), (0, 9000)),
        (DataSettings(source_range=(900, 4100)), {"source": [1000, 5000]}, (900, 4100), (0, 8000)),
        (DataSettings(source_window="percentiles"), {"source": []}, (), (0, 8000)),
    ],
)
def test_flags_win_over_how_a_run_began_and_that_over_the_data(data, before, source, image):
    values = {"source": thermal_values(1000, 4000), "image": thermal_values(0, 8000)}
    levels = [Level(data, None, Deep(), None, None, (16, 24), None, 2)] * 2
    for level in settle_windows(levels, values, before):
        assert (level.data.source_range, level.data.target_range) == (source, image)


# === Frames that are broken ===


@pytest.mark.parametrize("bad, word", [(np.nan, "no numbers"), (np.inf, "no numbers"), (None, "is 300 everywhere")])
def test_broken_frames_are_named(tmp_path, rng, bad, word):
    for folder in ("s", "t"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b", "c"):
        frame = rng.uniform(280, 310, (6, 8, 1)).astype("float32")
        if name == "b":
            frame[...] = 300
            frame[2, 3] = 300 if bad is None else bad
        write_deep(frame, tmp_path / "s" / f"{name}.tiff")
        write_deep(draw(rng, 3, "uint8", (6, 8)), tmp_path / "t" / f"{name}.png")
    source = Folder(source_dir=tmp_path / "s", image_dir=tmp_path / "t")
    with pytest.raises(DataError, match=rf"1 files are no pictures:\n  .*b\.tiff .*{word}"):
        validate(source, show_progress=False)
    alone = Folder(source_dir=tmp_path / "s")
    if bad is None:  # a closed shutter does not stop others from being generated
        assert validate(alone, show_progress=False).values["source"].dtype == "float32"
    else:
        with pytest.raises(DataError, match="no pictures"):
            validate(alone, show_progress=False)


# === The model ===


@pytest.mark.slow
@pytest.mark.parametrize(
    "dtype, window", [("uint16", (27000, 31000)), ("float32", (270.0, 310.0)), ("uint8", (0, 255))]
)
def test_models_make_what_they_were_trained_on(rng, tmp_path, dtype, window):
    """One channel, any depth: trained, made, saved and served."""
    conditioning = ImageConditioning(3, percentiles=(1, 99), image_channels=1, image_dtype=dtype, image_range=window)
    model = compiled(Pix2PixHD(conditioning, GlobalGenerator(4, 1, 1, 1), MultiScaleDiscriminator(1, 4, 1)))
    source = rng.integers(0, 256, (2, 16, 24, 3)).astype("uint8")
    image = rng.uniform(*window, (2, 16, 24, 1)).astype(dtype)
    unit = numpy(conditioning.target({}, image))
    np.testing.assert_allclose(unit, (image.astype("float64") - window[0]) / (window[1] - window[0]) * 2 - 1, atol=1e-3)
    np.testing.assert_allclose(numpy(conditioning.values(unit)), image, rtol=1e-6)
    model.fit({"source": source}, image, batch_size=2, verbose=0)
    made = model.generate({"source": source})
    assert made.dtype == dtype and made.shape == image.shape and window[0] <= made.min() <= made.max() <= window[1]
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "m.keras").generate({"source": source}), made)
    model.save(tmp_path / "1")
    signatures = tf.saved_model.load(str(tmp_path / "1")).signatures
    served = signatures["serving_default"](source=tf.constant(source, tf.float32))["image"].numpy()
    assert served.dtype == dtype
    np.testing.assert_allclose(served.astype("float64"), made, rtol=1e-5)
    assert ("serve_png" in signatures) == (dtype != "float32")


def test_styles_of_deep_images(rng):
    """Label maps -> thermal pictures in styles: the encoder reads what the model makes."""
    conditioning = SemanticConditioning(4, image_channels=1, image_dtype="uint16", image_range=(27000, 31000))
    model = Pix2PixHD(conditioning, GlobalGenerator(4, 2, 1, 1), encoder=FeatureEncoder(2, 4, 2))
    inputs, _ = semantic_batch()
    image = rng.integers(27000, 31000, (2, 16, 24, 1)).astype("uint16")
    assert model.generate(inputs, style_image=image).dtype == "uint16"
    with pytest.raises(ValueError, match="`style_image` should be uint16"):
        model.generate(inputs, style_image=image.astype("uint8"))
    assert compiled(model, adversarial=False).evaluate(inputs, image, verbose=0)[0] > 0


@pytest.mark.slow
def test_commands_make_deep_images_of_photographs(command, tmp_path, rng):
    """RGB -> 16-bit thermal, as a user does it."""
    for folder in ("rgb", "thermal"):
        (tmp_path / folder).mkdir()
    for number in range(4):
        photo = draw(rng, 3, "uint8", (32, 40))
        write_deep(photo, tmp_path / "rgb" / f"{number}.png")
        counts = 28000 + 4 * photo.mean(-1, keepdims=True)
        write_deep(counts.astype("uint16"), tmp_path / "thermal" / f"{number}.png")
    run = tmp_path / "run"
    options = ["--dataset=folder", f"--source_dir={tmp_path / 'rgb'}", f"--target_dir={tmp_path / 'thermal'}"]
    options += ["--num_filters=4", "--num_downsamples=1", "--num_residual_blocks=1", "--discriminator_filters=4"]
    options += ["--discriminator_layers=1", "--num_scales=1", "--epochs=1", "--decay_epochs=0", "--steps_per_epoch=2"]
    options += ["--val_share=0.25", "--noexport", f"--run_dir={run}"]
    code, output, error = command("train", *options)
    assert code == 0 and "Values of images: uint16" in output, error
    assert np.asarray(Image.open(run / "values_image.png")).std() > 10
    before = json.loads((run / "windows.json").read_text())
    assert before["image"] == list(keras.saving.load_model(run / "model.keras").conditioning.image_range)
    for path in (tmp_path / "thermal").iterdir():
        write_deep(read_deep(path) + np.uint16(9), path)
    (run / "scores.json").unlink()
    code, output, error = command("train", *options)  # goes on, with the window it began with
    assert code == 0 and "{:g} and {:g}".format(*before["image"]) in output, error
    out = tmp_path / "out"
    code, output, error = command(
        "generate", f"--model={run}", f"--output_dir={out}", f"--source_dir={tmp_path / 'rgb'}"
    )
    assert code == 0, error
    made = read_deep(out / "2.png")
    assert made.dtype == "uint16" and made.shape == (32, 40, 1) and 27900 < made.mean() < 29100
    assert np.asarray(Image.open(out / "gallery" / "2_made.webp")).dtype == np.uint8
    assert "gallery/2_made.webp" in (out / "index.html").read_text()


@pytest.mark.parametrize("value", [-9999, -32768, np.finfo("float32").min, np.finfo("float32").max, -1])
def test_what_means_no_value_is_named_before_it_is_in_a_window(rng, value):
    kelvin = rng.uniform(270, 310, (40, 50, 1)).astype("float32")
    kelvin[:5, :5] = value
    values = {"source": Values([Frame.of(kelvin), Frame.of(rng.uniform(270, 310, (40, 50, 1)))], "float32")}
    assert values["source"].nodata == np.float32(value)
    with pytest.raises(
        SettingsError, match=rf"{np.float32(value):g} .*source.*--source_range=2[67]\d.*,3[01]".replace("+", r"\+")
    ):
        with_windows(DataSettings(), {"source": ((1,), "float32")}, values)
    asked = DataSettings(source_range=(270, 310))
    assert with_windows(asked, {"source": ((1,), "float32")}, values).source_range == (270, 310)


@pytest.mark.parametrize("value, dtype", [(65535, "uint16"), (1e30, "float32")])
def test_a_highest_value_may_mean_no_value_too(rng, value, dtype):
    counts = rng.integers(20000, 21000, (40, 50, 1)).astype(dtype)
    counts[:5, :5] = value
    assert Values([Frame.of(counts)], dtype).nodata == np.dtype(dtype).type(value)


@pytest.mark.parametrize("low", [-20, 0, 200])
def test_values_that_are_spread_mean_what_they_are(rng, low):
    assert Values([Frame.of(rng.normal(low, 30, (40, 50, 1)))], "float32").nodata is None
    hot = rng.uniform(270, 300, (40, 50, 1))
    hot[3, 3] = 900  # a lamp
    assert Values([Frame.of(hot)], "float32").nodata is None
    assert Values([Frame.of(np.tile([[[0.0], [1.0]]], (20, 20, 1)))], "float32").nodata is None


# === Files made to fill the memory ===


def test_a_16_bit_png_has_no_more_pixels_than_a_picture_may(tmp_path):
    """TensorFlow reads it, and Pillow's limit holds."""
    path = tmp_path / "x.png"
    header = struct.pack(">IIBBBBB", 25_000, 25_000, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(10**6))), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(DataError, match=r"x\.png is too large.*--max_pixels=625000000"):
        read_deep(path)


@pytest.mark.parametrize("shape", ["(1000000, 1000000, 3)", "(-1, 5)", "(2, 2, 10000000000000)"])
def test_an_array_that_claims_more_than_it_holds_gets_no_memory(tmp_path, shape):
    path = tmp_path / "x.npy"
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(DataError, match=r"x\.npy.*Is it whole"):
        read_deep(path)


def test_arrays_are_read_in_any_order_and_version(tmp_path, rng):
    values = rng.integers(0, 99, (5, 7, 3)).astype("uint16")
    for version in ((1, 0), (2, 0), (3, 0)):
        for array in (values, np.asfortranarray(values), values.astype(">u2")):
            with (tmp_path / "x.npy").open("wb") as file:
                np.lib.format.write_array(file, array, version)
            np.testing.assert_array_equal(read_deep(tmp_path / "x.npy"), values)
