"""Files that earlier commits wrote are read, and go on."""

import json

import keras
import numpy as np
import pytest
from places import TESTS
from tiny import semantic_batch

import hdsynth_tf  # noqa: F401

FORMER = TESTS / "data" / "former"  # model.keras by the commit 64eb565, before the house was rebuilt
OTHERS = {  # the model of a finished run of two steps, by commits that changed what a file holds -> what is new in it
    "tone": "4d86c98",  # thermal input; the tone has layers of its own
    "styles": "a91642e",  # terms; an encoder and its style bank
}


@pytest.fixture(scope="module")
def model():
    return keras.saving.load_model(FORMER / "model.keras")


def test_the_same_pictures(model):
    inputs, _ = semantic_batch()
    pictures = model.generate(inputs, seed=3)
    np.testing.assert_allclose(pictures, np.load(FORMER / "pictures.npy", allow_pickle=False), atol=1)


def test_terms_and_optimizers_are_where_they_were(model):
    assert [(term.name, term.weight) for term in model.terms] == [
        ("adversarial", 1.0),
        ("feature_matching", 10.0),
        ("pixel", 10.0),
    ]
    assert int(model.generator_optimizer.iterations) == 1 and int(model.discriminator_optimizer.iterations) == 1
    assert model.discriminator_weight == 0.5 and not model.rematerialize


def test_training_goes_on_and_the_file_is_written_anew(model, tmp_path):
    logs = model.train_on_batch(*semantic_batch(), return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert json.dumps(again.get_compile_config()) == json.dumps(model.get_compile_config())
    inputs, _ = semantic_batch()
    np.testing.assert_array_equal(again.generate(inputs, seed=3), model.generate(inputs, seed=3))


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_other_formats_make_the_same_pictures(name):
    """Each with its inputs and the picture that the commit's own code made."""
    model = keras.saving.load_model(FORMER / f"{name}.keras")
    with np.load(FORMER / f"{name}.npz", allow_pickle=False) as stored:
        inputs = {key: stored[key] for key in stored.files}
    picture = inputs.pop("picture")
    np.testing.assert_allclose(model.generate(inputs, seed=3), picture, atol=1)
