"""A page of pictures side by side."""

from hdsynth_tf.show.pages import write_page


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
    write_page(
        path,
        "show/gallery.html",
        title=title,
        note=note,
        columns=columns or len(captions),
        tables=tables,
        rows=[(name, list(zip(captions, pictures))) for name, pictures in rows],
    )
