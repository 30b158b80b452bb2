"""CycleGAN's and pix2pix's files of the released PyTorch code: read, of the same pictures, written, refused by name."""

import keras
import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="the exchange with PyTorch's files needs PyTorch")
from torch_reference import GlobalGenerator, PatchGAN, UNet, nchw, nhwc, save_networks, with_batch_norm  # noqa: E402

from hdsynth_tf import networks  # noqa: E402
from hdsynth_tf.assemble.models import check_same_weights  # noqa: E402
from hdsynth_tf.config.settings import SettingsError  # noqa: E402
from hdsynth_tf.convert.models import read_model, write_model  # noqa: E402
from hdsynth_tf.files.torch_files import WeightsFileError  # noqa: E402
from hdsynth_tf.model import CycleGAN, Pix2PixHD  # noqa: E402
from pipelines.conditioning import ImageConditioning  # noqa: E402

pytestmark = pytest.mark.torch


def resnet(channels=3, made=3, blocks=2, **options):
    return GlobalGenerator(channels, 4, 2, blocks, made, **options)


def four(a=3, b=3, blocks=2):
    """Networks by the names of their files: G_A makes B of A, and D_A judges B."""
    torch.manual_seed(0)
    return {"G_A": resnet(a, b, blocks), "G_B": resnet(b, a, blocks), "D_A": PatchGAN(b, 4), "D_B": PatchGAN(a, 4, 2)}


def picture(rng, channels=3, height=64, width=80):
    return rng.integers(0, 256, (1, height, width, channels)).astype("uint8")


def made_there(network, source):
    """What a network makes of a picture, as it saves it, but not rounded; and neither black, white nor even."""
    with torch.no_grad():
        made = nhwc(network.eval()(nchw(source, torch.float32) / 127.5 - 1))
    assert made.std() > 0.02
    return made


def assert_same_picture(model, network, source):
    inputs = {"source": keras.ops.convert_to_tensor(source)}
    np.testing.assert_allclose(np.asarray(model(inputs)), made_there(network, source), atol=1e-4)
    assert model.generate({"source": source}).dtype == np.uint8


# === CycleGAN ===


@pytest.mark.parametrize("a, b, blocks", [(3, 3, 9), (1, 3, 1), (1, 1, 1)])
def test_both_directions_and_discriminators(tmp_path, rng, a, b, blocks):
    networks = four(a, b, blocks)
    model, lines = read_model(save_networks(networks, tmp_path))
    assert isinstance(model, CycleGAN)
    assert any(line.startswith("latest_net_G_B.pth") and f"{blocks} residual blocks" in line for line in lines)
    sources = {"ab": picture(rng, a), "ba": picture(rng, b)}
    for direction, name in (("ab", "G_A"), ("ba", "G_B")):
        assert_same_picture(model.direction(direction), networks[name], sources[direction])
    for critic, name, kind in ((model.discriminator_b, "D_A", "ba"), (model.discriminator_a, "D_B", "ab")):
        seen = sources[kind] / np.float32(127.5) - 1
        scores = np.asarray(critic(seen)[-1])
        np.testing.assert_allclose(scores, nhwc(networks[name](nchw(seen))), atol=1e-4)


def test_one_direction(tmp_path, rng):
    networks = {"G_B": four()["G_B"]}
    model, lines = read_model(save_networks(networks, tmp_path))
    assert isinstance(model, Pix2PixHD) and any("ba" in line for line in lines)
    assert_same_picture(model, networks["G_B"], picture(rng))


@pytest.mark.parametrize("dropout", [False, True])
def test_a_generator_that_was_downloaded(tmp_path, rng, dropout):
    """Under the name latest_net_G.pth; dropout takes a place in its blocks, and old files hold unused statistics."""
    network = resnet(blocks=3, dropout=dropout)
    state = network.state_dict()
    place = "module.model.10.conv_block"
    old = {f"module.{name}": tensor for name, tensor in state.items()}
    old |= {f"{place}.2.running_mean": torch.ones(16), f"{place}.2.running_var": torch.ones(16)}
    torch.save(old, tmp_path / "latest_net_G.pth")
    model, _ = read_model(tmp_path)
    assert_same_picture(model, network, picture(rng))


def test_a_cyclegan_is_written_as_it_was(tmp_path):
    networks = four(1, 3)
    model, _ = read_model(save_networks(networks, tmp_path))
    model.save(tmp_path / "m.keras")
    write_model(keras.saving.load_model(tmp_path / "m.keras"), tmp_path / "back")
    for name, network in networks.items():
        back = torch.load(tmp_path / "back" / f"latest_net_{name}.pth", weights_only=True)
        assert set(back) == set(network.state_dict())
        assert all(torch.equal(back[key], tensor) for key, tensor in network.state_dict().items())


def test_converted_by_the_command_it_generates_both_ways(command, tmp_path, rng):
    folder, pictures = tmp_path / "horse2zebra", tmp_path / "pictures"
    folder.mkdir(), pictures.mkdir()
    networks = four(blocks=1)
    save_networks(networks, folder)
    Image.fromarray(source := picture(rng)[0]).save(pictures / "0.png")
    code, output, error = command("convert", f"--from_torch={folder}", f"--output={tmp_path / 'h.keras'}")
    assert code == 0 and "latest_net_G_A.pth" in output and "--direction" in output, error
    for direction, name in (("ab", "G_A"), ("ba", "G_B")):
        out = tmp_path / direction
        given = [f"--model={tmp_path / 'h.keras'}", f"--direction={direction}", f"--output_dir={out}"]
        code, _, error = command("generate", *given, "--dataset=folder", f"--source_dir={pictures}")
        assert code == 0, error
        expected = (made_there(networks[name], source[None])[0] + 1) * 127.5
        assert np.abs(np.asarray(Image.open(out / "0.png")) - expected).max() < 0.52
    code, output, error = command("convert", f"--model={tmp_path / 'h.keras'}", f"--to_torch={tmp_path / 'back'}")
    assert code == 0 and output.count("Written") == 4, error


@pytest.mark.slow
def test_training_goes_on_from_converted_generators(command, tmp_path, rng):
    """Of which discriminators were not kept."""
    networks = {name: network for name, network in four().items() if name.startswith("G")}
    read_model(save_networks(networks, tmp_path))[0].save(tmp_path / "m.keras")
    for side in "ab":
        (tmp_path / side).mkdir()
        for i in range(4):
            Image.fromarray(picture(rng, 3, 32, 32)[0]).save(tmp_path / side / f"{side}{i}.png")
    places = [f"--source_dir={tmp_path / 'a'}", f"--target_dir={tmp_path / 'b'}", f"--run_dir={tmp_path / 'run'}"]
    small = ["--num_filters=4", "--num_residual_blocks=2", "--discriminator_filters=4", "--crop_height=32"]
    small += ["--crop_width=32", "--epochs=1", "--decay_epochs=0", "--max_steps=2", "--noexport", "--precision=float32"]
    code, _, error = command(
        "train", "--unpaired", "--dataset=folder", *places, *small, f"--init_from={tmp_path / 'm.keras'}"
    )
    assert code == 0, error
    trained = keras.saving.load_model(tmp_path / "run" / "model.keras", compile=False)
    for name, direction in (("G_A", trained.ab), ("G_B", trained.ba)):
        kernel = np.asarray(direction.generator.stem.conv.kernel)
        before = networks[name].model[1].weight.detach().numpy().transpose(2, 3, 1, 0)
        assert 0 < np.abs(kernel - before).max() < 1e-3  # two steps of 2e-4


# === pix2pix ===


@pytest.mark.parametrize("downsamples, channels, made", [(8, 3, 3), (7, 1, 3), (5, 3, 1)])
def test_u_nets(tmp_path, rng, downsamples, channels, made):
    torch.manual_seed(0)
    network, critic = UNet(channels, made, 4, downsamples), PatchGAN(channels + made, 4)
    model, lines = read_model(save_networks({"G": network, "D": critic}, tmp_path))
    assert f"U-Net, {downsamples} halvings, 4 filters" in lines[0]
    size = 2**downsamples
    source, real = picture(rng, channels, size, 2 * size), picture(rng, made, size, 2 * size)
    assert_same_picture(model, network, source)
    seen, real = (x / np.float32(127.5) - 1 for x in (source, real))
    (scale,) = model.discriminator(seen, real)
    theirs = nhwc(critic(torch.cat([nchw(seen), nchw(real)], 1)))
    np.testing.assert_allclose(np.asarray(scale[-1]), theirs, atol=1e-4)


@pytest.mark.parametrize("downsamples", [8, 7])
def test_batch_norm_of_a_u_net_becomes_a_part_of_its_convolutions(tmp_path, rng, downsamples):
    """As the released code has it with --eval. The discriminator, which would train with it, is left out."""
    torch.manual_seed(0)
    network = with_batch_norm(UNet(3, 3, 4, downsamples, dropout=False), 3, 2**downsamples)
    critic = with_batch_norm(PatchGAN(6, 4), 6)
    assert "model.model.1.model.1.bias" not in network.state_dict()
    model, lines = read_model(save_networks({"G": network, "D": critic}, tmp_path))
    assert "--eval" in lines[0] and "latest_net_D.pth" in lines[1] and model.discriminator is None
    assert_same_picture(model, network, picture(rng, 3, 256, 256))


@pytest.mark.parametrize("dropout", [False, True])
def test_batch_norm_of_residual_generators(tmp_path, rng, dropout):
    torch.manual_seed(0)
    network = with_batch_norm(resnet(blocks=3, dropout=dropout), 3)
    assert "model.1.bias" not in network.state_dict() and "model.26.bias" not in network.state_dict()
    model, _ = read_model(save_networks({"G": network}, tmp_path))
    assert_same_picture(model, network, picture(rng))


def test_models_without_norms_are_not_trained_on(tmp_path):
    """A network of the same shapes would take their weights, and make something else of them."""
    converted, _ = read_model(save_networks({"G": with_batch_norm(resnet(), 3)}, tmp_path))
    model = Pix2PixHD(ImageConditioning(3), networks.GlobalGenerator(4, 2, 2))
    with pytest.raises(SettingsError, match=r"--init_from.*batch norm"):
        check_same_weights(model, converted, ("generator",))


# === What is not as it should be ===


def test_what_cyclegans_code_has_not_is_not_written(tmp_path):
    from tiny import cycle_model

    for name, network, said in (
        ("u", UNet(3, 3, 4, 5), "UNetGenerator"),
        ("b", with_batch_norm(resnet(), 3), "batch norm"),
    ):
        (tmp_path / name).mkdir()
        model, _ = read_model(save_networks({"G": network}, tmp_path / name))
        with pytest.raises(WeightsFileError, match=said):
            write_model(model, tmp_path / "out")
    with pytest.raises(WeightsFileError, match="--discriminator_norm=instance"):
        write_model(cycle_model(norm="spectral"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_channels_that_do_not_fit(tmp_path):
    networks = {**four(), "G_B": resnet(1, 3)}
    with pytest.raises(WeightsFileError, match=r"1 by latest_net_G_B\.pth"):
        read_model(save_networks(networks, tmp_path))


@pytest.mark.parametrize(
    "name, edit, said",
    [
        ("D_A", lambda state: {"net.0.weight": torch.zeros(4, 3, 1, 1)}, "latest_net_D_A.pth"),
        ("G_A", lambda state: {"model.2.weight": torch.ones(4), **state}, "model.2.bias is missing"),
        ("G", lambda state: {k: v for k, v in state.items() if "running_var" not in k}, "running_var is missing"),
        ("G", lambda state: {**state, "model.model.1.model.2.weight": torch.ones(9)}, "model.model.1.model.2"),
        ("G", lambda state: {k: v for k, v in state.items() if k != "model.model.3.weight"}, "model.model.3.weight"),
    ],
)
def test_files_that_are_not_as_they_should_be(tmp_path, name, edit, said):
    network = four()[name] if name != "G" else with_batch_norm(UNet(3, 3, 4, 5), 3)
    torch.save(edit(network.state_dict()), tmp_path / f"latest_net_{name}.pth")
    if name == "D_A":
        save_networks({"G_A": resnet()}, tmp_path)
    with pytest.raises(WeightsFileError, match=said):
        read_model(tmp_path)
