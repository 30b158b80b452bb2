"""Text files as people's programs write them: by Excel, on Windows, in Western Europe."""

import codecs
import csv
import re

from pipelines.errors import DataError
from pipelines.paths import as_path

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
DELIMITERS = ";\t,"  # in the order in which they are looked for in the first line
TOLD = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)  # a first line of Excel's own, which tells the delimiter


def read_text(path, what):
    """The text of a file in UTF-8 or UTF-16, with or without a byte order mark, or else in Windows' Latin letters.

    Args:
        path: Path or string.
        what: String, what it is, for messages.

    Raises:
        DataError: If it cannot be read, or is no text.
    """
    try:
        content = as_path(path).read_bytes()
    except OSError as error:
        raise DataError(f"The {what} {path} cannot be read: {error.strerror}.") from error
    marked = next((encoding for mark, encoding in MARKS.items() if content.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise DataError(f"The {what} {path} is no text. Save it as UTF-8.")


def read_rows(path, what):
    """The rows of a CSV file, separated by commas, semicolons or tabs: list of (number of line, list of cells).

    Blanks around cells, rows without any text and Excel's `sep=;` are left out. Raises `DataError` as `read_text` does,
    or if a line is no row.
    """
    lines = read_text(path, what).splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = next((sign for sign in DELIMITERS if sign in first), ",")
    if told := TOLD.fullmatch(first):
        delimiter = told[1]
        lines[lines.index(first)] = ""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise DataError(f"Line {reader.line_num} of the {what} {path} cannot be read: {error}.") from error
    return [(number, cells) for number, cells in rows if any(cells)]
