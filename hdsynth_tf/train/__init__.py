"""From paired files to a trained, saved and served model."""
