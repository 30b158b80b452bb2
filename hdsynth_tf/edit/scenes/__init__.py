"""Label map, instance map and styles as immutable data, edits as functions, a record. No model, no page."""
