"""Which pictures a folder may take up: those of the same maker, whatever its manifest leaves unsaid."""

import json

import pytest

from hdsynth_tf.files.run_folder import RunFolderError
from hdsynth_tf.generate.picture_folder import MANIFEST, check_output


@pytest.mark.parametrize(
    "written, maker, fits",
    [
        ({"model": "1"}, {"model": "1", "style_from": "", "source_video": "", "direction": ""}, True),
        ({"model": "1", "scenes": [1]}, {"model": "1", "scenes": [1]}, True),  # as evaluate writes it
        ({"model": "1", "direction": "ba"}, {"model": "1", "direction": "ba"}, True),
        ({"model": "1", "direction": "ba"}, {"model": "1", "direction": ""}, False),
        ({"model": "1"}, {"model": "1", "direction": "ba"}, False),
        ({"model": "1"}, {"model": "2"}, False),
    ],
)
def test_a_folder_takes_up_what_its_maker_made(tmp_path, written, maker, fits):
    (tmp_path / MANIFEST).write_text(json.dumps(written))
    if fits:
        check_output(tmp_path, maker)
    else:
        with pytest.raises(RunFolderError):
            check_output(tmp_path, maker)
