"""A command line, with flag files, recipes and the defaults of a run, becomes settings; the help."""

import dataclasses

import pytest

from hdsynth_tf.assemble import find_source
from hdsynth_tf.config import flags
from hdsynth_tf.config.groups import DataSettings, LossSettings, NetworkSettings, TrainingSettings
from hdsynth_tf.config.recipes import CHOICES, RECIPES
from hdsynth_tf.config.settings import SettingsError

GROUPS = (DataSettings, TrainingSettings)


def parse(*arguments, defaults=None):
    return flags.parse(["train", *arguments], GROUPS, "usage", defaults)


def test_flags_become_settings():
    data, training = parse(
        "--dataset=folder", "--source_dir=x", "--dont_care=255,-1", "--noflip", "--learning_rate=1e-3"
    )
    assert data == DataSettings(dataset="folder", source_dir="x", dont_care=(255, -1), flip=False)
    assert training.learning_rate == 1e-3
    assert parse("--source_range=0.5,2")[0].source_range == (0.5, 2)


def test_flag_files_nest_and_later_flags_win(tmp_path):
    (tmp_path / "inner.flags").write_text("# a comment\n--epochs=5\n--batch_size=3\n")
    (tmp_path / "outer.flags").write_text("--flagfile=inner.flags\n\n--epochs=7\n")
    training = parse(f"--flagfile={tmp_path / 'outer.flags'}", "--batch_size=4")[1]
    assert (training.epochs, training.batch_size) == (7, 4)


def test_flag_files_of_experiments_are_found_from_anywhere(tmp_path, monkeypatch):
    def folder(name):
        given = ["train", f"--flagfile=experiments/{name}.flags", "--source_dir=x"]
        return flags.parse(given, (*GROUPS, NetworkSettings, LossSettings), "usage")[0]

    monkeypatch.chdir(tmp_path)
    assert folder("folder").dataset == "folder"
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "folder.flags").write_text("--dataset=cityscapes\n--data_dir=mine\n")
    assert folder("folder").data_dir == "mine"  # what lies here comes first
    with pytest.raises(SettingsError) as error:
        folder("none")
    assert "experiments/none.flags" in str(error.value) and "experiments/quickstart.flags" in str(error.value)


def test_a_recipe_gives_defaults_that_flags_win_over():
    groups = (NetworkSettings, LossSettings, TrainingSettings)
    fields = {field.name for group in groups for field in dataclasses.fields(group)}
    assert all(set(defaults) <= fields for sets in CHOICES.values() for defaults in sets.values())
    networks, losses, _ = flags.parse(["train", "--recipe=released", "--padding=reflect"], groups, "usage")
    assert networks.padding == "reflect" and networks.upsampling == "transposed" and losses.pixel_weight == 0
    assert flags.parse(["train", "--recipe=better"], groups, "usage") == [group() for group in groups]


def test_a_discriminator_that_knows_the_classes_matches_no_features_by_default():
    groups = (NetworkSettings, LossSettings, TrainingSettings)
    for recipe in RECIPES:
        chosen = ["train", f"--recipe={recipe}", "--discriminator=segmentation"]
        assert flags.parse(chosen, groups, "usage")[1].feature_matching_weight == 0
        assert flags.parse([*chosen, "--feature_matching_weight=3"], groups, "usage")[1].feature_matching_weight == 3
        assert flags.parse(chosen[:2], groups, "usage")[1].feature_matching_weight == 10


def test_defaults_of_a_run_can_be_overruled():
    defaults = {"dataset": "cityscapes", "data_dir": "/data", "image_height": 512, "image_width": 1024}
    assert parse(defaults=defaults)[0].image_height == 512
    assert parse("--image_height=0", "--image_width=0", defaults=defaults)[0].image_height == 0


def test_help_names_every_flag(capsys):
    with pytest.raises(SystemExit) as stop:
        parse("--help")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for group in GROUPS:
        for field in dataclasses.fields(group):
            assert f"--{field.name}=" in text


def test_unknown_flags_are_named():
    with pytest.raises(SettingsError, match="Unknown command line flag 'colour'"):
        parse("--colour=red")


def test_what_a_flag_can_be_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    text = capsys.readouterr().out
    for flag, limits in (("batch_size", "[1 or more, at most 65536]"), ("beta_1", "[0 or more, below 1]"),
                         ("source_pages", "[channels | frames | first]"), ("learning_rate", "[above 0]")):  # fmt: skip
        assert text.partition(f"--{flag}=")[2].splitlines()[1].endswith(limits)


@pytest.mark.parametrize("argument", ["--epochs=", "--batch_size=1.5", "--dont_care=1.5", "--zoom=a,b"])
def test_lists_of_other_things_than_numbers_are_refused(argument):
    name, _, value = argument.partition("=")
    with pytest.raises(SettingsError, match=f"{name} should be .*numbers.*Received: {value}"):
        parse(argument)


def test_an_unknown_recipe_is_refused_with_those_there_are():
    with pytest.raises(SettingsError, match=r"--recipe should be better \| released.*'best'"):
        parse("--recipe=best")


def test_a_flag_file_may_follow_a_space(tmp_path):
    (tmp_path / "inner.flags").write_text("--epochs\n5\n--batch_size=3\n")
    (tmp_path / "outer.flags").write_text("--flagfile\ninner.flags\n")
    training = parse("--seed", "2", "--flagfile", f"{tmp_path / 'outer.flags'}", "--batch_size", "4")[1]
    assert (training.seed, training.epochs, training.batch_size) == (2, 5, 4)


def test_a_flag_file_may_be_named_twice(tmp_path):
    """By two others that do not name each other."""
    (tmp_path / "base.flags").write_text("--epochs=5\n")
    for name in ("a", "b"):
        (tmp_path / f"{name}.flags").write_text(
            f"--flagfile=base.flags\n--{'seed' if name == 'a' else 'max_steps'}=3\n"
        )
    training = parse(*(f"--flagfile={tmp_path / name}.flags" for name in "ab"))[1]
    assert (training.epochs, training.seed, training.max_steps) == (5, 3, 3)


@pytest.mark.parametrize("names", ["a", "ab", "abc"])
def test_a_flag_file_that_leads_back_to_itself_is_named_with_the_way(tmp_path, names):
    for name, following in zip(names, names[1:] + names[0]):
        (tmp_path / f"{name}.flags").write_text(f"--epochs=5\n--flagfile={following}.flags\n")
    with pytest.raises(SettingsError) as error:
        parse(f"--flagfile={tmp_path / 'a.flags'}")
    assert str(error.value).endswith(" -> ".join(str(tmp_path / f"{name}.flags") for name in [*names, "a"]))


def test_a_flag_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "binary.flags").write_bytes(b"--epochs=5\n\xff\xfe")
    (tmp_path / "lost.flags").write_text("--flagfile=nowhere.flags\n")
    for name, named in (("binary.flags",) * 2, (".", str(tmp_path)), ("lost.flags", "nowhere.flags")):
        for arguments in ([f"--flagfile={tmp_path / name}"], ["--flagfile", f"{tmp_path / name}"]):
            with pytest.raises(SettingsError) as error:
                parse(*arguments)
            assert named in str(error.value) and len(str(error.value).splitlines()) == 1
    for arguments in (["--flagfile="], ["--flagfile"]):
        with pytest.raises(SettingsError, match="--flagfile should name a file"):
            parse(*arguments)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--noflip=false"], "noflip"),
        (
            ["--dataset=folder", "--pairs=t.csv", "--source_dir=a"],
            "--pairs names the files itself: give no --source_dir",
        ),
        (["--dataset=folder", "--pairs=t.csv", "--in_order"], "--in_order is for folders: give no --pairs"),
        (
            ["--dataset=folder", "--unpaired", "--source_dir=a", "--target_dir=b", "--in_order"],
            "--in_order is for pairs",
        ),
        (["--dataset=folder", "--side_by_side=AtoB", "--source_dir=a", "--target_dir=b"], "give no --target_dir"),
        (["--dataset=folder", "--unpaired", "--source_dir=a", "--target_dir=a"], "are the same folder"),
    ],
)
def test_what_would_be_ignored_is_refused(arguments, said):
    with pytest.raises(SettingsError) as error:
        parse(*arguments)
    assert said in str(error.value)


def test_another_data_dir_is_looked_into():
    """What a run names from the root on does not lie there; what it names below it does."""
    run = {"dataset": "folder", "data_dir": "old", "source_dir": "/old/thermal", "target_dir": "visible"}
    data = parse("--data_dir=new", defaults=run)[0]
    assert (data.data_dir, data.source_dir, data.target_dir) == ("new", "", "visible")
    assert parse(defaults=run)[0].source_dir == "/old/thermal"


def test_a_run_that_pairs_in_order_does_not_say_how_other_files_pair():
    run = {"dataset": "folder", "source_dir": "/a", "target_dir": "/b", "in_order": True}
    assert DataSettings.fitting(run, {"val_share": 0.1}) == run
    for given in ({"source_dir": "/c"}, {"pairs": "t.csv"}, {"side_by_side": "AtoB"}, {"dataset": "cityscapes"}):
        assert "in_order" not in DataSettings.fitting(run, given)
    with pytest.raises(SettingsError, match="does not read --in_order=True"):
        find_source(DataSettings(in_order=True), "train")
