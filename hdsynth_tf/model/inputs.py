"""What a model makes a picture of: names, shapes and dtypes of its arrays, on any backend."""

STYLE_INPUTS = {  # what a model with an encoder may read beside its maps and a `style_image` -> shape, dtype
    "seed": ((None,), "int32"),
    "chosen_ids": ((None, None), "int32"),
    "chosen_styles": ((None, None), "int32"),
}


def input_arrays(model, style_inputs=(), size=None):
    """Dict of name -> (shape, dtype), `None` for what is free.

    They are what its conditioning reads and, of a model with an encoder, the `STYLE_INPUTS` named; of one that makes
    many images, the seed if it is named. With `size` (height, width) they are single pictures of that size.
    """
    formats = model.conditioning.input_formats
    free = (None, None, None) if size is None else (1, *size)
    arrays = {name: ((*free, *channels), dtype) for name, (channels, dtype) in formats.items()}
    if model.encoder is not None:
        conditioning = model.conditioning
        style_image = {"style_image": ((None, None, None, conditioning.image_channels), conditioning.image_dtype)}
        arrays |= {name: {**STYLE_INPUTS, **style_image}[name] for name in style_inputs}
    elif model.reads_seed and "seed" in style_inputs:
        arrays["seed"] = STYLE_INPUTS["seed"]
    return arrays
