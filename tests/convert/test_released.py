"""Exchange with the released PyTorch code: forward passes, training steps and files equal to a reference in PyTorch."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from malicious import Malicious
from tiny import semantic_batch

torch = pytest.importorskip("torch", reason="the exchange with PyTorch's files needs PyTorch")
import torch_reference as reference  # noqa: E402
from torch_reference import make_networks, nchw, nhwc, save_networks  # noqa: E402

from hdsynth_tf.convert.clusters import write_clusters  # noqa: E402
from hdsynth_tf.convert.models import foreign_to_released, read_model, write_model  # noqa: E402
from hdsynth_tf.files.torch_files import WeightsFileError, read_tensors  # noqa: E402
from hdsynth_tf.losses import FeatureMatchingLoss, PerceptualLoss  # noqa: E402
from hdsynth_tf.model.optimizers import Adam  # noqa: E402
from hdsynth_tf.model.terms import Term  # noqa: E402
from hdsynth_tf.pretrained.vgg19 import VGG19Features, WeightsError  # noqa: E402

pytestmark = pytest.mark.torch

CLASSES, FEATURES = reference.CLASSES, reference.FEATURES


def largest_difference(a, b):
    """Relative to the largest value, where that is above 1: activations of 5 have fewer digits behind the point."""
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1))


@pytest.mark.parametrize("enhancers", [0, 1, 2])
@pytest.mark.parametrize("scales", [2, 3])
def test_forward_passes_equal(tmp_path, rng, enhancers, scales):
    networks = make_networks(enhancers, scales=scales)
    model, _ = read_model(save_networks(networks, tmp_path))
    semantic = rng.standard_normal((2, 96, 128, CLASSES + 1)).astype("float32")
    features = rng.uniform(-1, 1, (2, 96, 128, FEATURES)).astype("float32")
    image = rng.uniform(-1, 1, (2, 96, 128, 3)).astype("float32")
    ids = rng.integers(0, 5, (2, 96, 128)).astype("int32") * 9000

    both = np.concatenate([semantic, features], -1)
    assert largest_difference(model.generator(both), nhwc(networks["G"](nchw(both)))) < 1e-5
    expected = nhwc(networks["E"](nchw(image), torch.from_numpy(ids)))
    assert largest_difference(model.encoder(image, ids), expected) < 1e-5
    scores = networks["D"](torch.cat([nchw(semantic), nchw(image)], 1))
    for ours, theirs in zip(model.discriminator(semantic, image), scores, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert largest_difference(a, nhwc(b)) < 1e-5


@pytest.mark.long
@pytest.mark.parametrize("enhancers", [0, 1, 2])
def test_forward_passes_equal_at_the_size_of_the_paper(tmp_path, rng, enhancers, record_property):
    """Full widths, 36 and 39 input channels, 1024x512 for G1 and 2048x1024 for the others."""
    torch.manual_seed(0)
    channels, height, width = 39, 512 * (2 if enhancers else 1), 1024 * (2 if enhancers else 1)
    if enhancers:
        generator = reference.LocalEnhancer(channels, 64 // 2**enhancers, enhancers=enhancers)
    else:
        generator = reference.GlobalGenerator(channels)
    networks = {
        "G": generator,
        "D": reference.Discriminator(39, scales=3 if enhancers else 2),
        "E": reference.Encoder(),
    }
    model, lines = read_model(save_networks({k: reference.initialize(v) for k, v in networks.items()}, tmp_path))
    print(*lines, sep="\n")
    labels = np.repeat(np.repeat(rng.integers(0, 35, (1, height // 32, width // 32)), 32, 1), 32, 2).astype("int32")
    image = rng.uniform(-1, 1, (1, height, width, 3)).astype("float32")
    semantic = np.asarray(model.conditioning({"label_map": labels, "instance_map": labels * 1000}))
    with torch.no_grad():
        theirs = reference.semantic_input(*map(torch.from_numpy, (labels, labels * 1000)), 35, torch.float32)
        assert largest_difference(semantic, nhwc(theirs)) == 0
        features = nhwc(networks["E"](nchw(image), torch.from_numpy(labels)))
        differences = {"E": largest_difference(model.encoder(image, labels), features)}
        both = np.concatenate([semantic, features], -1)
        differences["G"] = largest_difference(model.generator(both), nhwc(networks["G"](nchw(both))))
        scores = networks["D"](torch.cat([nchw(semantic), nchw(image)], 1))
    pairs = zip(model.discriminator(semantic, image), scores, strict=True)
    differences["D"] = max(
        largest_difference(a, nhwc(b)) for ours, them in pairs for a, b in zip(ours, them, strict=True)
    )
    print({name: f"{value:.1e}" for name, value in differences.items()})
    assert max(differences.values()) < 1e-4


@pytest.mark.parametrize("enhancers, encoder, matching", [(0, True, True), (1, False, True), (2, True, False)])
def test_round_trip_is_bit_exact(tmp_path, enhancers, encoder, matching):
    networks = make_networks(enhancers, encoder=encoder, matching=matching)
    model, _ = read_model(save_networks(networks, tmp_path))
    model.save(tmp_path / "m.keras")
    write_model(keras.saving.load_model(tmp_path / "m.keras"), tmp_path / "back")
    for name, network in networks.items():
        back = torch.load(tmp_path / "back" / f"latest_net_{name}.pth", weights_only=True)
        if name == "D" and not matching:  # their values under the names that training with feature matching gives
            again = reference.Discriminator(CLASSES + 4, 4, 3, 2)
            again.load_state_dict(back)
            x = torch.rand(1, CLASSES + 4, 32, 32)
            assert all(torch.equal(a[-1], b[-1]) for a, b in zip(again(x), network(x)))
            continue
        original = network.state_dict()
        assert set(back) == set(original)
        assert all(torch.equal(back[key], original[key]) for key in original)
        network.load_state_dict(back)


# === Training ===


def vgg_file(folder):
    """A VGG19 of random weights, scaled so that its features neither vanish nor explode, as a torchvision file."""
    torch.manual_seed(7)
    vgg = reference.VGG19()
    for layer in vgg.features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    torch.save({**vgg.state_dict(), "classifier.0.weight": torch.zeros(2, 2)}, folder / "vgg.pth")
    return vgg, folder / "vgg.pth"


class BothSides:
    """The same networks, training here and in the reference."""

    def __init__(self, folder, enhancers, dtype):
        self.folder, self.dtype = folder, dtype
        networks = make_networks(enhancers)
        self.model, _ = read_model(save_networks(networks, folder))
        vgg, vgg_path = vgg_file(folder)
        self.model.compile(
            Adam(),
            Adam(),
            terms=[
                Term("adversarial", "least_squares"),
                Term("feature_matching", FeatureMatchingLoss(), 10.0),
                Term("perceptual", PerceptualLoss(VGG19Features(vgg_path, raw_input=True), relative=False), 10.0),
            ],
        )
        self.networks = {name: network.to(dtype) for name, network in networks.items()}
        self.reference = reference.Training(*(self.networks[name] for name in "GDE"), vgg.to(dtype))
        self.train_step = tf.function(self.model.train_step)

    def step(self, number):
        """A step of both; returns both sides' losses, weighted."""
        inputs, image = semantic_batch(2, 8, 12, seed=number)
        inputs, image = {key: enlarge(value) for key, value in inputs.items()}, enlarge(image)
        labels, instances = (torch.from_numpy(inputs[name]) for name in ("label_map", "instance_map"))
        semantic = reference.semantic_input(labels, instances, CLASSES, self.dtype)
        theirs = self.reference.step(semantic, (nchw(image, self.dtype) / 255 - 0.5) / 0.5, instances)
        self.model.reset_metrics()
        logs = self.train_step(({key: tf.constant(value) for key, value in inputs.items()}, tf.constant(image)))
        weights = {"feature_matching": 10, "perceptual": 10}
        return {name: float(value) * weights.get(name, 1) for name, value in logs.items()}, theirs

    def weights(self):
        """For every tensor of G, D and E: its name, ours, theirs, and the gradient of the reference."""
        write_model(self.model, self.folder / "after")
        for name, network in self.networks.items():
            ours = read_tensors(self.folder / "after" / f"latest_net_{name}.pth")
            for key, tensor in network.named_parameters():
                yield f"{name} {key}", ours[key], tensor.detach().numpy(), tensor.grad.numpy()


def enlarge(x):
    return x.repeat(8, 1).repeat(8, 2)


@pytest.mark.parametrize("raw_input", [True, False])
def test_vgg_features_of_a_torchvision_file(tmp_path, rng, raw_input):
    """As the released code sees pictures, and as torchvision normalises them."""
    vgg, path = vgg_file(tmp_path)
    image = rng.uniform(-1, 1, (2, 48, 64, 3)).astype("float32")
    seen = image if raw_input else ((image + 1) / 2 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    for ours, theirs in zip(VGG19Features(path, raw_input)(image), vgg(nchw(seen)), strict=True):
        assert largest_difference(ours, nhwc(theirs)) < 1e-4


def test_a_file_that_is_no_vgg(tmp_path):
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "vgg.pth")
    with pytest.raises(WeightsError, match=r"features.0.bias is missing.*--perceptual_weights=none"):
        VGG19Features(tmp_path / "vgg.pth")


@pytest.mark.parametrize("enhancers", [0, 1])
def test_twenty_steps_are_the_same(tmp_path, float64, enhancers):
    """In float64, where rounding plays no part: all losses of each step, all weights of G, D and E after the first.

    In float32 Adam makes full steps of gradients that are rounding noise: those of the biases that instance norm
    cancels (frozen here) and of a few weights whose gradient happens to be next to nothing.
    """
    both = BothSides(tmp_path, enhancers, torch.float64)
    for number in range(20):
        ours, theirs = both.step(number)
        assert set(ours) - {"loss"} == set(theirs)
        for name, value in theirs.items():
            assert ours[name] == pytest.approx(value, rel=1e-10), (number, name)
        if number == 0:
            for name, mine, other, _ in both.weights():
                assert largest_difference(mine, other) < 1e-8, name


@pytest.mark.parametrize("enhancers", [0, 1])
def test_one_step_in_float32(tmp_path, enhancers):
    """Losses to 1e-5. Weights to 1e-5 but for those whose gradient is rounding noise: of them Adam makes full steps."""
    both = BothSides(tmp_path, enhancers, torch.float32)
    ours, theirs = both.step(0)
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, rel=1e-5), name
    differing = total = 0
    for name, mine, other, gradient in both.weights():
        wrong = np.abs(mine - other) > 1e-5
        if np.abs(gradient).max() < 1e-5:
            continue  # the biases that instance norm cancels
        total, differing = total + wrong.size, differing + wrong.sum()
        assert not wrong.any() or np.abs(gradient[wrong]).max() < 0.03 * np.abs(gradient).mean(), name
    print(f"{differing} of {total} weights differ by more than 1e-5")
    assert differing < 1e-3 * total


def test_a_step_of_adam():
    """Against PyTorch's, for gradients of all sizes, with and without momentum."""
    for beta_1 in (0.5, 0.0):
        variable = keras.Variable(np.zeros(5, "float32"))
        theirs = torch.zeros(5, dtype=torch.float64, requires_grad=True)
        ours, other = Adam(1e-3, beta_1), torch.optim.Adam([theirs], 1e-3, betas=(beta_1, 0.999))
        for step in range(5):
            gradient = np.array([1e-9, 1e-8, 1e-6, -0.1, 100]) * (1 + step)
            ours.apply([tf.constant(gradient, "float32")], [variable])
            theirs.grad = torch.from_numpy(gradient)
            other.step()
            np.testing.assert_allclose(variable.numpy(), theirs.detach().numpy(), rtol=2e-6)


# === Files ===


@pytest.fixture
def released_folder(tmp_path):
    folder = tmp_path / "released"
    folder.mkdir()
    return save_networks(make_networks(), folder)


def change(path, edit):
    state = torch.load(path, weights_only=True)
    edit(state)
    torch.save(state, path)


def test_what_was_found_is_said(tmp_path):
    write_clusters(
        save_networks(make_networks(1, scales=3), tmp_path) / "features_clustered_010.npy", {2: np.zeros((4, 3))}
    )
    _, lines = read_model(tmp_path, image_size=(64, 128))
    assert lines[0].startswith(
        "latest_net_G.pth: global generator (2 halvings, 2 residual blocks, 8 filters) and 1 enhanc"
    )
    assert lines[1] == "latest_net_D.pth: 3 scale(s), 3 strided groups, 4 filters, 8 input channels"
    assert lines[2] == "latest_net_E.pth: 2 halvings, 4 filters, 3 features"
    assert lines[3].startswith("input: 4 classes and a boundary map")
    assert lines[4] == "features_clustered_010.npy: 4 styles of 1 classes"


def test_thirty_five_classes_are_those_of_cityscapes(tmp_path):
    model, _ = read_model(save_networks(make_networks(classes=35), tmp_path))
    assert model.conditioning.class_names[26] == "car"


def test_quirks_of_old_files(released_folder):
    """Statistics that old PyTorch saved of instance norms, and DataParallel's prefix, make no difference."""
    expected, _ = read_model(released_folder)

    def age(state):
        old = {f"module.{name}": tensor for name, tensor in state.items()}
        old |= {"module.model.2.running_mean": torch.zeros(4), "module.model.2.running_var": torch.ones(4)}
        state.clear()
        state.update(old)

    change(released_folder / "latest_net_G.pth", age)
    model, _ = read_model(released_folder)
    for a, b in zip(model.generator.weights, expected.generator.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def drop(state):
    del state["model.4.weight"]


def add(state):
    state["model.99.bias"] = torch.zeros(3)


def reshape(state):
    state["model.4.weight"] = torch.zeros(8, 4, 5, 5)


def normalize(state):
    state["model.2.weight"] = torch.ones(4)


@pytest.mark.parametrize(
    "edit, message",
    [
        (drop, "model.4.weight is missing"),
        (add, "model.99.bias belongs to no layer"),
        (reshape, r"model.4.weight has shape \(8, 4, 5, 5\), not \(8, 4, 3, 3\)"),
        (normalize, "batch norm .*model.2.weight is its scale"),
        (lambda state: state.clear(), "no dict of named tensors"),
        (lambda state: state.update(epoch=3), "named tensors only.*'epoch'"),
        (lambda state: state["model.1.bias"].fill_(np.nan), r"model\.1\.bias holds values that are no numbers"),
        (lambda state: state.update({"model.1.bias": torch.zeros(4, dtype=torch.int64)}), "no plain tensor of floats"),
        (lambda state: state.update({"model.1.bias": torch.zeros(1).expand(10**9)}), "larger than what is stored"),
        (lambda state: state.update({"model900000000_1.1.weight": torch.zeros(1, 1, 1, 1)}), "cannot be halved"),
        (
            lambda state: state.update({"model.90000.conv_block.1.weight": torch.zeros(1, 1, 1, 1)}),
            "has 1 filters where",
        ),
    ],
)
def test_files_that_are_not_as_they_should_be(released_folder, edit, message):
    change(released_folder / "latest_net_G.pth", edit)
    with pytest.raises(WeightsFileError, match=message) as error:
        read_model(released_folder)
    assert "latest_net_G.pth" in str(error.value)


def test_the_old_encoder_layout_is_named(released_folder):
    def age(state):
        for kind in ("weight", "bias"):
            state[f"model.16.{kind}"] = state.pop(f"model.17.{kind}")

    change(released_folder / "latest_net_E.pth", age)
    with pytest.raises(WeightsFileError, match=r"latest_net_E\.pth is of the old encoder layout"):
        read_model(released_folder)


def test_names_alone_do_not_make_a_network_large(released_folder):
    """A few bytes could ask for an encoder of a hundred thousand halvings, or of a billion scales."""
    change(
        released_folder / "latest_net_E.pth",
        lambda state: state.update({"model.600005.weight": torch.zeros(3, 4, 7, 7)}),
    )
    with pytest.raises(WeightsFileError, match=r"latest_net_E\.pth does not hold"):
        read_model(released_folder)


def test_ambiguous_inputs(tmp_path):
    save_networks(make_networks(classes=2), tmp_path)
    with pytest.raises(WeightsFileError, match="Say how many classes there are"):
        read_model(tmp_path)
    model, _ = read_model(tmp_path, num_classes=2)
    assert model.conditioning.num_classes == 2 and model.conditioning.boundary
    with pytest.raises(WeightsFileError, match="3 channels of maps, which are not 7 classes"):
        read_model(tmp_path, num_classes=7)


def test_other_models_files_are_not_mixed_in(tmp_path, released_folder):
    model, _ = read_model(save_networks(make_networks(encoder=False), tmp_path))
    with pytest.raises(WeightsFileError, match=r"holds latest_net_E\.pth of another model"):
        write_model(model, released_folder)


def test_files_that_do_not_belong_together(released_folder):
    save_networks({"D": reference.Discriminator(9)}, released_folder)
    with pytest.raises(WeightsFileError, match=r"latest_net_D\.pth reads 9 channels; it should be 8"):
        read_model(released_folder)


@pytest.mark.parametrize("content", ["malicious", "text", "empty", "missing"])
@pytest.mark.parametrize("name", ["latest_net_G.pth", "latest_net_E.pth"])
def test_files_of_anything_else_run_nothing(released_folder, name, content):
    path, touched = released_folder / name, released_folder / "touched"
    path.unlink()
    if content == "malicious":
        torch.save({"model.1.weight": Malicious(touched)}, path)
    elif content != "missing":
        path.write_bytes(b"<html>404</html>" if content == "text" else b"")
    if content == "missing" and "E" in name:
        with pytest.raises(WeightsFileError, match=r"reads 3 channels more .*copy the one of the 512p stage"):
            read_model(released_folder)
        return
    with pytest.raises(WeightsFileError, match=name):
        read_model(released_folder)
    assert not touched.exists()


def test_what_the_released_code_has_not_is_not_written(tmp_path):
    from tiny import semantic_model

    assert foreign_to_released(semantic_model()) == ""
    assert foreign_to_released(semantic_model(norm="spectral")).startswith("a discriminator without instance norm")
    model = semantic_model(row_channel=True)
    with pytest.raises(WeightsFileError, match="no such network: a row channel"):
        write_model(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()
