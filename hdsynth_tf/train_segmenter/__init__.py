"""A small segmenter for `evaluate`."""
