"""Pages of pictures: everything is escaped, and they are whole or not there."""

import types

import jinja2
import pytest
from markup import Markup

from hdsynth_tf.show.gallery import write_gallery
from hdsynth_tf.show.pages import write_page

HOSTILE = """<script>alert(1)</script> "x" onload='y' & &amp; {{ 7 * 7 }}"""


def test_gallery_escapes_names(tmp_path):
    write_gallery(tmp_path / "index.html", "T", "a < b", ["input"], [("<script>", ["a%20b.png"])])
    page = (tmp_path / "index.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page and "http" not in page.replace("http-equiv", "")


def test_whatever_a_gallery_shows_is_escaped(tmp_path):
    tables = [types.SimpleNamespace(heads=[f"head {HOSTILE}"], rows=[[f"cell {HOSTILE}"]])]
    captions, rows = [f"caption {HOSTILE}"], [(f"name {HOSTILE}", ['a".png'])]
    write_gallery(tmp_path / "x.html", f"title {HOSTILE}", f"note {HOSTILE}", captions, rows, tables=tables)
    page = Markup((tmp_path / "x.html").read_text())
    page.check_harmless()
    for place in ("title", "note", "head", "cell", "caption", "name"):
        assert f"{place} {HOSTILE}" in page.text
    assert page.text.count(f"title {HOSTILE}") == 2  # on the tab, and on the page
    assert page.values("img", "alt") == [f"caption {HOSTILE}: name {HOSTILE}"]
    assert page.values("img", "src") == page.values("a", "href") == ['a".png']


def test_a_gallery_has_its_pictures_in_order_and_loads_them_late(tmp_path):
    rows = [(name, [f"{name}{i}.png" for i in range(4)]) for name in "ab"]
    write_gallery(tmp_path / "x.html", "T", "one\ntwo", list("pqrs"), rows, columns=2)
    text = (tmp_path / "x.html").read_text()
    page = Markup(text)
    pictures = [picture for _, own in rows for picture in own]
    assert page.values("img", "src") == page.values("a", "href") == pictures
    assert page.values("img", "loading") == ["lazy"] * 8 and "repeat(2, 1fr)" in text and "one\ntwo" in text
    assert page.text.endswith("a p q r s b p q r s") and "table" not in page.tags


def test_a_page_that_lacks_a_value_is_not_written(tmp_path):
    (tmp_path / "x.html").write_text("as it was")
    with pytest.raises(jinja2.UndefinedError, match="note"):
        write_page(tmp_path / "x.html", "show/gallery.html", title="T", columns=1, tables=(), rows=())
    assert (tmp_path / "x.html").read_text() == "as it was" and len(list(tmp_path.iterdir())) == 1
