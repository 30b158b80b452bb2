"""Pairs that a table names."""

import unicodedata

import numpy as np
import pytest

from hdsynth_tf.assemble import build_source
from hdsynth_tf.config.groups import DataSettings
from pipelines.errors import DataError
from pipelines.pairing.table import read_pairs


@pytest.fixture
def pictures(save, tmp_path):
    for i in range(3):
        save(f"ir/{i}.png", np.full((2, 3), i, "uint8")), save(f"rgb/photo {i + 5}.jpg", np.zeros((2, 3, 3), "uint8"))
    return tmp_path


def write(folder, text, name="pairs.csv"):
    (folder / name).write_text(text)
    return folder / name


LINES = "".join(f"ir/{i}.png,rgb/photo {i + 5}.jpg\n" for i in range(3))


@pytest.mark.parametrize(
    "text",
    [LINES, "source,target\n" + LINES, LINES.replace("/", "\\"), "Source;Target;weather\n" + LINES.replace(",", ";")],
)
def test_tables_pair_whatever_names_files_have(pictures, text):
    found = read_pairs(write(pictures, text))
    assert list(found["source"]) == list(found["image"]) == ["ir/0", "ir/1", "ir/2"]
    assert found["image"]["ir/2"] == pictures / "rgb" / "photo 7.jpg"
    other = pictures / "elsewhere"
    other.mkdir()
    assert read_pairs(write(other, text), pictures) == found


@pytest.mark.parametrize("on_disk, written", [("NFC", "NFD"), ("NFD", "NFC")])
def test_composed_and_decomposed_names_are_one(save, tmp_path, on_disk, written):
    name, picture = "Z\u00fcrich/\u00e9", np.zeros((2, 3), "uint8")
    source, target = save(unicodedata.normalize(on_disk, f"{name}.png"), picture), save("b.png", picture)
    found = read_pairs(write(tmp_path, unicodedata.normalize(written, f"source,target\n{name}.png,b.png\n")))
    assert found == {"source": {name: source}, "image": {name: target}}


def test_commands_take_tables(pictures, command, tmp_path):
    data = DataSettings(dataset="folder", pairs=str(write(pictures, LINES)), val_share=0.34)
    assert len(build_source(data, "train")) == 2 and len(build_source(data, "val")) == 1
    assert list(build_source(data, "test", images=False).formats) == ["source"]
    labels = write(pictures, "label,target\n" + LINES, "labels.csv")
    code, output, errors = command(
        "prepare", "--dataset=folder", f"--pairs={labels}", "--num_classes=3", f"--output_dir={tmp_path / 'o'}"
    )
    assert code == 0 and "2 scenes" in output, errors
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "train",
        "val",
    ]  # what is named has no test split


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "source,target"),
        ("a,b\nc,d\n", "first line is: a,b"),
        ("target\nir/0.png\n", "source,target"),
        ("source,image,target\nir/0.png,ir/0.png,ir/0.png\n", "source,target"),
        ("source,target\nir/0.png\n", "Line 2"),
        ("source,target\nir/0.png,rgb/9.jpg\n", r"1 files.*\n.*9\.jpg, line 2"),
        ("source,target\n" + LINES + LINES, "line 5"),
        ("sep=;\n" + ("source,target\n" + LINES + LINES).replace(",", ";"), "line 6"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(pictures, text, message):
    with pytest.raises(DataError, match=message):
        read_pairs(write(pictures, text))
