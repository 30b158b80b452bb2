"""Arrays -> pictures for people: coloured label maps, grids with captions."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL_WIDTH = 512  # pixels, at most, of one picture in a grid
GAP = 4
CAPTION_HEIGHT = 22


def color_labels(label_map, colors, instance_map=None):
    """Label map (height, width) -> RGB uint8 in the colours of its classes; borders of objects are drawn dark.

    Args:
        label_map: Integers; ids without a colour become black.
        colors: RGB triples, one for each class.
        instance_map: Integers (height, width), or `None`: no borders.
    """
    table = np.array([*colors, (0, 0, 0)], "uint8")
    known = (label_map >= 0) & (label_map < len(colors))
    rgb = table[np.where(known, label_map, len(colors))]
    if instance_map is not None:
        border = np.zeros(label_map.shape, bool)
        border[:, 1:] |= instance_map[:, 1:] != instance_map[:, :-1]
        border[1:] |= instance_map[1:] != instance_map[:-1]
        rgb[border] //= 2
    return rgb


def show_source(source, value_range):
    """Input image (height, width, channels) of any depth -> RGB uint8; `value_range` becomes black to white."""
    low, high = value_range
    grey = np.clip((source.astype("float32") - low) / (high - low), 0, 1)
    grey = grey[..., :3] if grey.shape[-1] >= 3 else np.repeat(grey[..., :1], 3, -1)
    return (grey * 255 + 0.5).astype("uint8")


def show_inputs(inputs, conditioning):
    """The dict of one scene's inputs as a picture: its label map in colours, or its source image."""
    if "label_map" in inputs:
        return color_labels(inputs["label_map"], conditioning.class_colors, inputs.get("instance_map"))
    return show_source(inputs["source"], conditioning.value_range)


def grid(rows, captions):
    """Pictures in rows and columns under captions.

    Args:
        rows: List of rows, each a list of RGB uint8 arrays; a row's pictures are shown at one size.
        captions: List of strings, one for each column.

    Returns:
        RGB uint8 array.
    """
    rows = [[_fit(picture, row[0].shape) for picture in row] for row in rows]
    widths = [max(row[column].width for row in rows) for column in range(len(captions))]
    heights = [max(picture.height for picture in row) for row in rows]
    sheet = Image.new(
        "RGB",
        (sum(widths) + GAP * (len(widths) + 1), CAPTION_HEIGHT + sum(heights) + GAP * (len(heights) + 1)),
        "white",
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    left = GAP
    for column, caption in enumerate(captions):
        draw.text((left + 2, 3), caption, fill=(40, 40, 40), font=font)
        top = CAPTION_HEIGHT + GAP
        for row, height in zip(rows, heights):
            sheet.paste(row[column], (left, top))
            top += height + GAP
        left += widths[column] + GAP
    return np.asarray(sheet)


def _fit(picture, shape):
    """`picture` at the size of `shape`, or as large as a cell of the grid may be; small ones are enlarged twice."""
    height, width = shape[:2]
    scale = min(CELL_WIDTH / width, 2 if width <= CELL_WIDTH // 2 else 1)
    if scale > 1:
        scale = int(scale)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return Image.fromarray(picture).resize(size, Image.NEAREST if scale >= 1 else Image.LANCZOS)
