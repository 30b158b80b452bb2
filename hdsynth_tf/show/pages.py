"""HTML pages that are written as files: one frame for all, without scripts and without anything from elsewhere."""

import jinja2

from hdsynth_tf.files.storage import replacing

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("hdsynth_tf", "."),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_page(path, template, **values):
    """Writes a page, whole or not at all. Every value is escaped, unless the template says `safe`.

    Args:
        path: `Path` of the HTML file.
        template: String, the template's path within `hdsynth_tf`, such as `show/gallery.html`.
        **values: What the template shows. `show/base.html` shows `title`.
    """
    page = TEMPLATES.get_template(template).render(values)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
