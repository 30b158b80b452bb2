"""Scenes that people change: label map, instance map and styles as immutable data, edits as functions, a record."""
