"""What a model makes a picture of: names, shapes and dtypes of its arrays, on any backend."""

STYLE_INPUTS = {  # what a model with an encoder may read beside its maps and a `style_image` -> shape, dtype
    "seed": ((None,), "int32"),
    "chosen_ids": ((None, None), "int32"),
    "chosen_styles": ((None, None), "int32"),
}


def input_arrays(model, style_inputs=(), size=None):
    """Dict of name -> (shape, dtype), `None` for what is free.

    They are what its conditioning reads and, of those named, the `STYLE_INPUTS` and a `style_image` if it has an
    encoder, the seed if it makes many images, a `style_image` if it has a tone. With `size` (height, width) they are
    single pictures of that size.
    """
    formats = model.conditioning.input_formats
    free = (None, None, None) if size is None else (1, *size)
    arrays = {name: ((*free, *channels), dtype) for name, (channels, dtype) in formats.items()}
    read = dict(STYLE_INPUTS) if model.encoder is not None else {}
    if model.reads_seed:
        read["seed"] = STYLE_INPUTS["seed"]
    if model.reads_photo:
        conditioning = model.conditioning
        read["style_image"] = (None, None, None, conditioning.image_channels), conditioning.image_dtype
    return arrays | {name: read[name] for name in style_inputs if name in read}
