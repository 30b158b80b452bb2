"""A model file -> a SavedModel for TensorFlow Serving."""
