"""The notebook runs from its first cell to its last, and its last cells find what they should."""

import nbclient
import nbformat
import pytest
from places import ROOT

NOTEBOOK = ROOT / "experiments" / "quickstart.ipynb"
SHORT = "EPOCHS_WARM = EPOCHS = 1\nSTEPS = 2"


def cells():
    return [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]


def test_what_the_notebook_imports_is_there():
    lines = [line for cell in cells() for line in cell.source.splitlines() if line.startswith(("import", "from"))]
    assert len(lines) > 5
    exec("\n".join(lines), {})


@pytest.mark.slow
def test_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    settings = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert "STEPS" in settings.source
    settings.source = SHORT
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = [output["data"].get("text/plain", "") for output in outputs if output.output_type == "execute_result"]
    assert "True" in texts  # the loaded model makes the same picture
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 4  # two of the preset, two of the model built here
    assert (tmp_path / "street.keras").is_file() and (tmp_path / "serving/street/1/saved_model.pb").is_file()


def test_notebook_is_stored_without_outputs():
    if any(cell.outputs for cell in cells()):
        pytest.fail("Clear the notebook's outputs before committing it.")
