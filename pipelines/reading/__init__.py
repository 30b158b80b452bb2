"""Files of pictures and arrays, read as what they hold: decoding, depth, and what cannot be read."""
