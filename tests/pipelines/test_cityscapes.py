"""Cityscapes as people have it: other endings, no instance maps, archives unpacked side by side."""

import re

import numpy as np
import pytest

from pipelines.cityscapes import Cityscapes
from pipelines.errors import DataError

SCENE = "aachen/aachen_000000_000019"


@pytest.fixture
def place(save, tmp_path):
    """A function that puts an image and label maps, by their endings, into the official tree; gives its folder."""

    def put(image, *maps, photos="leftImg8bit", labels="gtFine"):
        save(f"city/{photos}/train/{SCENE}{image}.png", np.zeros((4, 6, 3), "uint8"))
        for ending in maps:
            save(f"city/{labels}/train/{SCENE}{ending}.png", np.full((4, 6), 7, "uint8"))
        return tmp_path / "city"

    return put


def test_without_instance_maps_the_flag_is_named(place):
    root = place("_leftImg8bit", "_gtFine_labelIds")
    with pytest.raises(DataError, match=r"instanceIds.*--nouse_instance_map"):
        Cityscapes(root)
    assert Cityscapes(root, instance_maps=False).names == [SCENE]


@pytest.mark.parametrize(
    "image, label, classes",
    [
        ("_leftImg8bit", "_gtFine_labelTrainIds", "19"),
        ("_leftImg8bit_foggy_beta_0.01", "_gtFine_labelIds", "35"),
    ],
)
def test_of_other_endings_the_flags_are_named(place, command, tmp_path, image, label, classes):
    root = place(image, label, "_gtFine_instanceIds")
    with pytest.raises(DataError, match="There are files that end in _") as error:
        Cityscapes(root)
    flags = [flag.replace("'", "") for flag in re.findall(r"--\S+", str(error.value))]
    assert f"--num_classes={classes}" in flags
    code, output, errors = command("prepare", *flags, f"--output_dir={tmp_path / 'out'}", "--val_share=0")
    assert code == 0 and "train: 1 scenes" in output, errors


def test_archives_unpacked_side_by_side(place):
    root = place(
        "_leftImg8bit", "_gtFine_labelIds", "_gtFine_instanceIds",
        photos="leftImg8bit_trainvaltest/leftImg8bit", labels="gtFine_trainvaltest/gtFine",
    )  # fmt: skip
    assert Cityscapes(root).names == [SCENE]
