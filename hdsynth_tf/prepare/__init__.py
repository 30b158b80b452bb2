"""Many small files -> a few large ones."""
