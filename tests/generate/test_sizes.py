"""Inputs that are too small for a model are named before any picture is made."""

import numpy as np
from tiny import image_model


def test_inputs_not_larger_than_the_generator_pads_to(command, save, tmp_path):
    image_model().save(tmp_path / "model.keras")
    save("a/x.png", np.arange(12, dtype="uint8").reshape(4, 3))
    run = ["--dataset=folder", f"--model={tmp_path / 'model.keras'}", f"--source_dir={tmp_path / 'a'}"]
    code, _, errors = command("generate", *run, f"--output_dir={tmp_path / 'out'}")
    assert code == 1 and "3 pixels" in errors and "more than 4" in errors and "--image_height" in errors
    sizes = ["--image_height=16", "--image_width=16"]
    code, output, errors = command("generate", *run, f"--output_dir={tmp_path / 'out'}", *sizes)
    assert code == 0 and "1 pictures made" in output, errors
