"""A model and inputs -> pictures of the same names and sizes."""
