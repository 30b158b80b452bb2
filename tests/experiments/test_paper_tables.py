"""The rows of the paper's tables: in its order, of flags that exist, and only those that can be trained."""

import pytest
from places import ROOT, loaded

from hdsynth_tf.config import flags
from hdsynth_tf.pretrained import lpips_files
from hdsynth_tf.train.__main__ import GROUPS


@pytest.fixture(scope="module")
def tables():
    return loaded("experiments/paper_tables.py")


def installed(monkeypatch, there):
    kind = type(lpips_files.FILES["VGG16_0"])
    monkeypatch.setattr(kind, "is_installed", property(lambda file: there))


def test_the_first_table_is_in_the_papers_order(tables):
    assert tables.TABLES["Table 1: methods"] == ["pix2pix", "CRN", "pix2pixHD", tables.ORACLE]


def test_every_row_is_of_flags_that_go_together(tables, monkeypatch):
    monkeypatch.chdir(ROOT)
    for name, own in tables.chosen_variants("vgg19.h5").items():
        given = [*own, *tables.data_flags(name, ROOT), *tables.QUIET]
        data, networks, losses, training, run = flags.parse(["train", *given], GROUPS.values(), "usage")
        assert data.unpaired == (name == "CycleGAN") and not run.time_limit
        assert training.epochs + training.decay_epochs + training.warm_start_epochs == tables.STAGES, name
        if name == "CRN":
            assert not losses.adversarial_weight and losses.perceptual_source == "vgg19.h5"
            smallest = 2 ** (len(networks.refinement_filters) - 1)
            assert (data.image_height // smallest, data.image_width // smallest) == (4, 8)


def test_crn_learns_by_what_is_installed_or_is_left_out(tables, monkeypatch, capsys):
    installed(monkeypatch, True)
    assert "--perceptual=vgg16" in tables.chosen_variants("none")["CRN"]
    installed(monkeypatch, False)
    assert "CRN" not in tables.chosen_variants("none") and "CRN" in capsys.readouterr().err
    assert "CRN" in tables.chosen_variants("vgg19.h5")
