"""Real data beside the checkout, for tests that want them; those skip where it is absent."""

import pytest
from places import ROOT

DATA = ROOT.resolve().parent / "shared" / "data"
CITYSCAPES = DATA / "cityscapes_sample"
ROADSCENE = DATA / "roadscene" / "train"
needs_cityscapes = pytest.mark.skipif(not CITYSCAPES.is_dir(), reason=f"no Cityscapes sample at {CITYSCAPES}")
needs_roadscene = pytest.mark.skipif(not ROADSCENE.is_dir(), reason=f"no RoadScene pairs at {ROADSCENE}")
