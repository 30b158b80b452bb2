"""An HTML page of pictures side by side, without scripts and without anything from elsewhere."""

import html

from hdsynth_tf.files.storage import replacing

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
  table {{ border-collapse: collapse; margin: 1rem 0; font-size: .9rem; font-variant-numeric: tabular-nums; }}
  th, td {{ text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #8884; }}
  img {{ width: 100%; height: auto; display: block; background: #eee; }}
  @media (max-width: 600px) {{ section {{ grid-template-columns: 1fr; }} }}
  @media (prefers-color-scheme: dark) {{ body {{ background: #181818; color: #ddd; }} figcaption {{ color: #999; }} }}
</style>
<h1>{title}</h1>
<p>{note}</p>
{tables}
{sections}
</html>
"""


def write_gallery(path, title, note, captions, rows, columns=None, tables=()):
    """Writes the page.

    Args:
        path: `Path` of the HTML file.
        title, note: Strings; the note may have several lines.
        captions: List of strings, one for each picture of a row.
        rows: List of `(name, pictures)`: the pictures' paths relative to the page, with forward slashes.
        columns: Integer, pictures side by side; the others of a row come below. `None`: all.
        tables: Tables above the pictures, each with `heads`, a list of strings, and `rows`, a list of such lists.
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
        title=html.escape(title),
        note=html.escape(note).replace("\n", "<br>\n"),
        columns=columns or len(captions),
        tables="\n".join(_table(table) for table in tables),
        sections="\n".join(sections),
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _table(table):
    heads = "".join(f"<th>{html.escape(cell)}</th>" for cell in table.heads)
    rows = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in table.rows]
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
