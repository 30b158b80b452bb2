"""Real data beside the checkout, for tests that want them; those skip where it is absent."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CITYSCAPES = DATA / "cityscapes_sample"
ROADSCENE = DATA / "roadscene" / "train"
needs_cityscapes = pytest.mark.skipif(not CITYSCAPES.is_dir(), reason=f"no Cityscapes sample at {CITYSCAPES}")
needs_roadscene = pytest.mark.skipif(not ROADSCENE.is_dir(), reason=f"no RoadScene pairs at {ROADSCENE}")
