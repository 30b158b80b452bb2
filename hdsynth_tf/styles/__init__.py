"""The styles of each class, found and stored in the model."""
