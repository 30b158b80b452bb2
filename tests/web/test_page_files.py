"""The files of the pages fit together: whatever one asks for is served."""

import re
from urllib.parse import urljoin

import pytest
from places import ROOT

pytest.importorskip("starlette", reason="the extra `ui` is not installed")
from hdsynth_tf.web.server import page_routes

VERBS = sorted(path.parent.parent.name for path in (ROOT / "hdsynth_tf").glob("*/page/index.html"))
IMPORT, LINK = r'^import .*? from "(.+?)";', r'(?:src|href)="([^"#]+)"'


@pytest.mark.parametrize("verb", VERBS)
def test_what_a_page_asks_for_is_served(verb):
    served = {route.path for route in page_routes(verb)}
    asked = set()
    for folder, place in [(f"{verb}/page", verb), ("web/shared", "shared")]:
        for file in (ROOT / "hdsynth_tf" / folder).iterdir():
            pattern = {".js": IMPORT, ".html": LINK}.get(file.suffix)
            found = re.findall(pattern, file.read_text(), re.MULTILINE) if pattern else []
            asked |= {urljoin(f"/{place}/{file.name}", address) for address in found}
    assert asked <= served and len(asked) >= 5, asked - served
    assert "/shared/net.js" in asked
    unused = {path for path in served if path.startswith(f"/{verb}/")} - asked - {f"/{verb}/index.html"}
    assert not unused
