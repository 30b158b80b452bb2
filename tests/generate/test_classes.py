"""Label maps of a folder need not be told what the model knows."""

import pytest
from tiny import semantic_batch, semantic_model


@pytest.mark.parametrize("given", [[], ["--num_classes=4"]])
def test_a_model_knows_how_many_classes_label_maps_have(command, label_folders, tmp_path, given):
    model = semantic_model()
    model.generate(semantic_batch()[0])
    model.save(tmp_path / "m.keras")
    folders = [f"--label_dir={label_folders / 'label'}", f"--instance_dir={label_folders / 'inst'}"]
    options = [f"--model={tmp_path / 'm.keras'}", "--dataset=folder", *folders, *given]
    code, output, error = command("generate", *options, f"--output_dir={tmp_path / 'out'}")
    assert code == 0 and "5 pictures made" in output, error
