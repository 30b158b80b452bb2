"""An HTML page of pictures side by side, without scripts and without anything from elsewhere."""

import html

from hdsynth_tf.storage import replacing

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1600px; padding: 0 1rem; color: #222; }}
  h1 {{ font-size: 1.3rem; font-weight: 600; }}
  section {{ display: grid; grid-template-columns: repeat({columns}, 1fr); gap: .5rem; margin-bottom: 1.5rem; }}
  h2 {{ grid-column: 1 / -1; font-size: .95rem; font-weight: 500; margin: 0; overflow-wrap: anywhere; }}
  figure {{ margin: 0; }}
  figcaption {{ color: #666; font-size: .85rem; }}
  img {{ width: 100%; height: auto; display: block; background: #eee; }}
  @media (max-width: 600px) {{ section {{ grid-template-columns: 1fr; }} }}
  @media (prefers-color-scheme: dark) {{ body {{ background: #181818; color: #ddd; }} figcaption {{ color: #999; }} }}
</style>
<h1>{title}</h1>
<p>{note}</p>
{sections}
</html>
"""


def write_gallery(path, title, note, captions, rows):
    """Writes the page.

    Args:
        path: `Path` of the HTML file.
        title, note: Strings.
        captions: List of strings, one for each column.
        rows: List of `(name, pictures)`: the pictures' paths relative to the page, with forward slashes.
    """
    sections = []
    for name, pictures in rows:
        figures = "".join(
            f'<figure><a href="{html.escape(picture)}"><img src="{html.escape(picture)}" loading="lazy" '
            f'alt="{html.escape(f"{caption}: {name}")}"></a><figcaption>{html.escape(caption)}</figcaption></figure>'
            for caption, picture in zip(captions, pictures)
        )
        sections.append(f"<section><h2>{html.escape(name)}</h2>{figures}</section>")
    page = PAGE.format(
        title=html.escape(title), note=html.escape(note), columns=len(captions), sections="\n".join(sections)
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
